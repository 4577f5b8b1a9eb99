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

// framed returns a terminal that speaks frames and waits for a file of 8 blocks.
func framed() (*Terminal, *quietCable) {
	c := &quietCable{}
	t := &Terminal{hw: Hardware{Cable: c, Clock: stoppedClock{}}}
	h := &t.host
	h.begin()
	t.rewrite.room = make([]byte, 16<<10)
	h.phase = smp.PhaseReady
	h.framing.dec.Reset(h.framing.buf)
	h.framing.guard.Begin(frame.DeviceSilence)
	for range frame.Probes {
		h.framing.guard.Probed()
	}
	h.files.in = numbered{number: 1, size: 8000, block: 1024}
	h.files.in.blocks.Begin(8)
	return t, c
}

// feed gives the terminal what came, in pieces as a driver does.
func (t *Terminal) feed(wire []byte) {
	h := &t.host
	for len(wire) > 0 {
		h.at, h.have = 0, copy(h.rx[:], wire)
		wire = wire[h.have:]
		for packet := t.parse(); packet != nil; packet = t.parse() {
			if t.handle(packet) != nil {
				panic("quietCable fails")
			}
		}
		if h.framing.owed {
			t.acknowledge()
		}
	}
}

// TestFramesWithoutAllocation: what comes in frames is taken, stored and answered without a heap.
func TestFramesWithoutAllocation(t *testing.T) {
	term, cable := framed()
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
		term.host.files.in.blocks.Begin(8)
		term.feed(wire)
		if got := term.host.files.in.there(); got != 7*1024 {
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
	term, _ := framed()
	for _, m := range []frame.Data{
		{File: 2, Block: 0, Bytes: make([]byte, 1024)},
		{File: 1, Block: 0, Bytes: make([]byte, 1023)},
		{File: 1, Block: 7, Bytes: make([]byte, 1024)}, // the last one has 832
		{File: 1, Block: 8, Bytes: make([]byte, 1024)},
		{File: 1, Block: 65535, Bytes: make([]byte, 1)},
	} {
		term.feed(frame.AppendData(nil, &m))
		if next, have := term.host.files.in.blocks.State(); next != 0 || have != 0 {
			t.Errorf("block %d of file %d with %d bytes was taken", m.Block, m.File, len(m.Bytes))
		}
	}
	term.feed(frame.AppendData(nil, &frame.Data{File: 1, Block: 7, Bytes: make([]byte, 832)}))
	if _, have := term.host.files.in.blocks.State(); have != 1<<6 {
		t.Errorf("the last block: %b", have)
	}
}

// TestNextBesideAConsoleFile: while a file that came by `file` and `data` is applied, none is announced in
// frames: it would lie in the same place.
func TestNextBesideAConsoleFile(t *testing.T) {
	term, _ := framed()
	h := &term.host
	h.files = files{}
	term.hw.RAM = plainRAM{}
	for _, phase := range []smp.Phase{smp.PhaseProving, smp.PhaseRewriting} {
		h.phase = phase
		q := smp.NextRequest{Number: 1, Size: 4096, Block: frame.MinBlock}
		packet, err := smp.AppendPacket(nil, q.Head(), &q)
		if err != nil {
			t.Fatal(err)
		}
		term.feed(frame.AppendPacket(nil, packet))
		term.feed(frame.AppendData(nil, &frame.Data{File: 1, Block: 0, Bytes: bytes.Repeat([]byte{1}, frame.MinBlock)}))
		if h.files.in.size != 0 || term.rewrite.room[0] != 0 {
			t.Errorf("in phase %v: a file of %d bytes is taken", phase, h.files.in.size)
		}
	}
	h.phase = smp.PhaseReady
	q := smp.NextRequest{Number: 1, Size: 4096, Block: frame.MinBlock}
	packet, err := smp.AppendPacket(nil, q.Head(), &q)
	if err != nil {
		t.Fatal(err)
	}
	if term.feed(frame.AppendPacket(nil, packet)); h.files.in.size != 4096 {
		t.Error("in phase ready: it is not taken")
	}
}

// TestFinishDropsWhatComes: a file that was announced and is not whole when the verdict is asked for must be
// announced again, since its last block would meet a device that does not wait for it.
func TestFinishDropsWhatComes(t *testing.T) {
	term, _ := framed()
	term.hw.RAM = plainRAM{}
	q := smp.FinishRequest{}
	packet, err := smp.AppendPacket(nil, q.Head(), &q)
	if err != nil {
		t.Fatal(err)
	}
	term.feed(frame.AppendPacket(nil, packet))
	if h := &term.host; h.phase != smp.PhaseFinishing || h.files.in.size != 0 {
		t.Errorf("in phase %v, a file of %d bytes is still awaited", h.phase, h.files.in.size)
	}
}

// pickyCable has one speed, whatever is asked.
type pickyCable struct{ quietCable }

func (c *pickyCable) SetSpeed(baud uint32) error {
	if baud != 0 {
		return errors.New("no such divisor")
	}
	return nil
}

// TestSpeedThatCannotBeSet: a cable that refuses a speed stays in the console framing, and is not given up.
func TestSpeedThatCannotBeSet(t *testing.T) {
	term, _ := framed()
	cable := &pickyCable{}
	term.hw.Cable, term.hw.MaxSpeed, term.speeder = cable, 1<<20, cable
	q := smp.FramesRequest{Speed: 1}
	packet, err := smp.AppendPacket(nil, q.Head(), &q)
	if err != nil {
		t.Fatal(err)
	}
	if err := term.handle(packet); err != nil {
		t.Errorf("got %v, want no error of the cable", err)
	}
	if term.host.framing.guard.On() {
		t.Error("it speaks frames at a speed that it does not have")
	}
}

// FuzzFrames: whatever arrives in frames, the terminal stays within its workspace and answers or does not.
func FuzzFrames(f *testing.F) {
	f.Add(frame.AppendData(nil, &frame.Data{File: 1, Block: 7, Bytes: make([]byte, 832)}))
	f.Add(frame.AppendPacket(nil, []byte{10, 0, 0, 1, 0, 64, 1, 17, 0xa0}))
	f.Fuzz(func(t *testing.T, wire []byte) {
		term, _ := framed()
		term.host.phase = smp.PhaseRewriting // busy: nothing here needs a flash
		term.feed(wire)
	})
}
