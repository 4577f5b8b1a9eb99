package terminal

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

// quietCable takes everything and brings nothing.
type quietCable struct{ wrote int }

func (c *quietCable) Read([]byte, time.Duration) (int, error) { return 0, nil }
func (c *quietCable) Write(p []byte) error                    { c.wrote += len(p); return nil }
func (c *quietCable) Break() bool                             { return false }
func (c *quietCable) Depth() int                              { return 512 }

type stoppedClock struct{}

func (stoppedClock) Now() time.Duration { return 0 }

// framed is a terminal that speaks frames and awaits the first file of a restoration, without a flash.
func framed(cable Cable) *restoration {
	t := &Terminal{}
	h := &t.restoration
	h.device, h.rewrite = &t.device, &t.rewriter
	h.hw = Hardware{Cable: cable, Clock: stoppedClock{}, RAM: plainRAM{make([]byte, 32<<10)}}
	h.trace.clock, h.ram.ram = stoppedClock{}, h.hw.RAM
	h.line.begin(&h.hw, h)
	h.rewrite.room = make([]byte, 16<<10)
	h.phase = smp.PhaseReady
	h.line.toFrames(0)
	for range frame.Probes {
		h.line.guard.Probed()
	}
	h.files.in = numbered{number: 1, size: 8000, block: 1024}
	h.files.in.blocks.Begin(8, 0)
	return h
}

// feed has the terminal look at what came over the line.
func (h *restoration) feed(wire []byte) {
	l := &h.line
	for len(wire) > 0 {
		l.at, l.have = 0, copy(l.rx[:], wire)
		wire = wire[l.have:]
		for packet := l.next(); packet != nil; packet = l.next() {
			if h.handle(packet) != nil {
				panic("quietCable fails")
			}
		}
	}
}

// packetOf returns a request as it goes over the line.
func packetOf(t *testing.T, q smp.Request) []byte {
	t.Helper()
	packet, err := smp.AppendPacket(nil, q.Head(), q)
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

// TestFramesWithoutAllocation: what comes in frames is taken, stored and answered without a heap.
func TestFramesWithoutAllocation(t *testing.T) {
	cable := &quietCable{}
	h := framed(cable)
	q := smp.EchoRequest{Text: []byte("hello")}
	packet, err := smp.AppendPacket(nil, q.Head(), &q)
	if err != nil {
		t.Fatal(err)
	}
	wire := frame.AppendPacket(nil, packet)
	for n := range uint16(7) {
		wire = frame.AppendData(wire, &frame.Data{File: 1, Block: n, Bytes: make([]byte, 1024)})
	}
	wire = frame.AppendPattern(wire, frame.KindProbe, make([]byte, frame.PatternSize))
	if n := testing.AllocsPerRun(5, func() {
		h.files.in.blocks.Begin(8, 0)
		h.feed(wire)
		if got := h.files.in.there(); got != 7*1024 {
			t.Fatalf("%d bytes are there", got)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if cable.wrote == 0 {
		t.Error("nothing was answered")
	}
}

// TestBlocksOutside: blocks of another file, of another length, or behind the file change nothing.
func TestBlocksOutside(t *testing.T) {
	h := framed(&quietCable{})
	for _, m := range []frame.Data{
		{File: 2, Block: 0, Bytes: make([]byte, 1024)},
		{File: 1, Block: 0, Bytes: make([]byte, 1023)},
		{File: 1, Block: 7, Bytes: make([]byte, 1024)}, // the last one has 832
		{File: 1, Block: 8, Bytes: make([]byte, 1024)},
		{File: 1, Block: 65535, Bytes: make([]byte, 1)},
	} {
		h.feed(frame.AppendData(nil, &m))
		if next, have := h.files.in.blocks.State(); next != 0 || have != 0 {
			t.Errorf("block %d of file %d with %d bytes was taken", m.Block, m.File, len(m.Bytes))
		}
	}
	h.feed(frame.AppendData(nil, &frame.Data{File: 1, Block: 7, Bytes: make([]byte, 832)}))
	if _, have := h.files.in.blocks.State(); have != 1<<6 {
		t.Errorf("the last block: %b", have)
	}
}

// TestDataInTheConsole takes whole blocks where they belong, and answers with what is wanted next.
func TestDataInTheConsole(t *testing.T) {
	h := framed(&quietCable{})
	h.files.in.block = 512
	h.files.in.blocks.Begin(16, 0)
	for _, tt := range []struct {
		name string
		q    smp.DataRequest
		want uint32 // bytes that are there afterwards
	}{
		{"two blocks", smp.DataRequest{Number: 1, Data: make([]byte, 1024)}, 1024},
		{"the same again", smp.DataRequest{Number: 1, Data: make([]byte, 1024)}, 1024},
		{"of another file", smp.DataRequest{Number: 2, Offset: 1024, Data: make([]byte, 512)}, 1024},
		{"beside the blocks", smp.DataRequest{Number: 1, Offset: 1000, Data: make([]byte, 512)}, 1024},
		{"beside the next block", smp.DataRequest{Number: 1, Offset: 1025, Data: make([]byte, 512)}, 1024},
		{"a piece of a block", smp.DataRequest{Number: 1, Offset: 1024, Data: make([]byte, 500)}, 1024},
		{"beyond the end", smp.DataRequest{Number: 1, Offset: 7680, Data: make([]byte, 512)}, 1024},
		{"far beyond it", smp.DataRequest{Number: 1, Offset: 1<<32 - 512, Data: make([]byte, 512)}, 1024},
		{"nothing", smp.DataRequest{Number: 1, Offset: 1024}, 1024},
		{"the next one", smp.DataRequest{Number: 1, Offset: 1024, Data: make([]byte, 512)}, 1536},
	} {
		if h.feed(frame.AppendPacket(nil, packetOf(t, &tt.q))); h.files.in.there() != tt.want {
			t.Errorf("%s: %d bytes are there, want %d", tt.name, h.files.in.there(), tt.want)
		}
	}
}

// TestOtherBlocks goes on with a file that is announced in blocks of another size.
func TestOtherBlocks(t *testing.T) {
	h := framed(&quietCable{})
	h.feed(frame.AppendData(nil, &frame.Data{File: 1, Bytes: bytes.Repeat([]byte{7}, 1024)}))
	q := smp.FileRequest{Number: 1, Size: 8000, Block: 128, Last: true}
	if h.feed(frame.AppendPacket(nil, packetOf(t, &q))); h.files.in.there() != 1024 || h.files.in.block != 128 || !h.files.in.last {
		t.Fatalf("%d bytes are there, in blocks of %d", h.files.in.there(), h.files.in.block)
	}
	h.feed(frame.AppendData(nil, &frame.Data{File: 1, Block: 8, Bytes: bytes.Repeat([]byte{8}, 128)}))
	if got := h.rewrite.room[1023:1025]; h.files.in.there() != 1152 || got[0] != 7 || got[1] != 8 {
		t.Errorf("%d bytes are there, %v", h.files.in.there(), got)
	}
}

// TestFinishDropsWhatComes: a file that is on its way when the verdict is asked for is not awaited any more.
func TestFinishDropsWhatComes(t *testing.T) {
	h := framed(&quietCable{})
	h.feed(frame.AppendPacket(nil, packetOf(t, &smp.FinishRequest{})))
	if h.phase != smp.PhaseFinishing || h.files.in.size != 0 {
		t.Errorf("in phase %v, a file of %d bytes is still awaited", h.phase, h.files.in.size)
	}
}

// pickyCable has only one speed that it can be set to.
type pickyCable struct{ quietCable }

func (c *pickyCable) SetSpeed(baud uint32) error {
	if baud != 0 {
		return errors.New("no such divisor")
	}
	return nil
}

// TestSpeedThatCannotBeSet stays in the console framing.
func TestSpeedThatCannotBeSet(t *testing.T) {
	h := framed(&pickyCable{})
	h.hw.MaxSpeed = 1 << 20
	if err := h.handle(packetOf(t, &smp.FramesRequest{Speed: 1})); err != nil {
		t.Errorf("got %v, want no error of the cable", err)
	}
	if h.line.guard.On() {
		t.Error("it speaks frames at a speed that it does not have")
	}
}

// FuzzFrames feeds a device that works by itself with anything: it must not panic.
func FuzzFrames(f *testing.F) {
	f.Add(frame.AppendData(nil, &frame.Data{File: 1, Block: 7, Bytes: make([]byte, 832)}))
	f.Add(frame.AppendPacket(nil, []byte{10, 0, 0, 1, 0x55, 0x42, 1, 12, 0xa0}))
	f.Fuzz(func(t *testing.T, wire []byte) {
		h := framed(&quietCable{})
		h.phase = smp.PhaseRewriting // busy: nothing here needs a flash
		h.feed(wire)
	})
}
