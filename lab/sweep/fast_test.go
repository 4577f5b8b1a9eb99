package sweep

import (
	"math/bits"
	"slices"
	"sync"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/protocol/frame"
	"unbrick/restore"
)

// flying is a port that knows which blocks of update files the host has sent and not seen acknowledged.
type flying struct {
	restore.Port
	mu      sync.Mutex
	out, in frame.Decoder
	sent    map[uint8]map[uint16]bool // by file
	there   map[uint8]int             // acknowledged, by file
}

func newFlying(p restore.Port) *flying {
	f := &flying{Port: p, sent: map[uint8]map[uint16]bool{}, there: map[uint8]int{}}
	f.out.Reset(make([]byte, frame.DecoderSize(4096)))
	f.in.Reset(make([]byte, frame.DecoderSize(4096)))
	return f
}

// each calls do with the frames that end in b.
func (f *flying) each(d *frame.Decoder, b []byte, do func(content []byte)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(b) > 0 {
		content, used, _ := d.Next(b)
		if b = b[used:]; content != nil {
			do(content)
		}
	}
}

// Write implements restore.Port.
func (f *flying) Write(b []byte) error {
	f.each(&f.out, b, func(content []byte) {
		if m, ok := frame.ParseData(content); ok && frame.Kind(content[0]) == frame.KindData {
			if f.sent[m.File] == nil {
				f.sent[m.File] = map[uint16]bool{}
			}
			f.sent[m.File][m.Block] = true
		}
	})
	return f.Port.Write(b)
}

// Read implements restore.Port.
func (f *flying) Read(b []byte, wait time.Duration) (int, error) {
	n, err := f.Port.Read(b, wait)
	f.each(&f.in, b[:n], func(content []byte) {
		if m, ok := frame.ParseAck(content); ok && frame.Kind(content[0]) == frame.KindAck {
			f.there[m.File] = max(f.there[m.File], int(m.Next)+bits.OnesCount64(uint64(m.Have)))
		}
	})
	return n, err
}

// Break implements restore.Breaker.
func (f *flying) Break(d time.Duration) error { return f.Port.(restore.Breaker).Break(d) }

// now returns how many blocks are on their way.
func (f *flying) now() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for file, blocks := range f.sent {
		n += max(0, len(blocks)-f.there[file])
	}
	return n
}

// TestEngineRoadIsCut: the road that users take is cut like the others. Frames are on their way while the device erases and
// programs, several at a time; and what the fork of an operation leads to is what a cut armed at it leads to, so that
// every id of this road can be replayed.
func TestEngineRoadIsCut(t *testing.T) {
	s := subject(t, Shape{Runs: runs(4096, 12), Unit: 8, Page: 256, Erased: 0xFF}, 32<<10)
	for start := range starts {
		j, err := newJudge(s, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.from(start); err != nil {
			t.Fatal(err)
		}
		var port *flying
		var forks []*emulator.Fork
		most, during := 0, 0
		h := j.restored(s.begin(start), New)
		j.board.OnOperation(func(o emulator.Operation) {
			forks = append(forks, j.board.Fork())
			if n := port.now(); o.Addr >= s.layout.SoftwareBase() && n > 0 {
				most, during = max(most, n), during+1
			}
		})
		err = j.engine(New, start == StartOld, func(p restore.Port) restore.Port { port = newFlying(p); return port })
		j.board.OnOperation(nil)
		if err != nil || len(forks) < 40 {
			t.Fatalf("start %v: %d operations, %v", start, len(forks), err)
		}
		t.Logf("start %v: %d operations, %d of them with frames on their way, at most %d", start, len(forks), during, most)
		if start == StartBlank && (most < 2 || during < 10) { // one small file is there before it is applied
			t.Errorf("start %v: hardly a frame was on its way", start)
		}
		all := s.moments(Restoring(RoadEngine, New), forks, h, never)
		again, err := newJudge(s, false)
		if err != nil {
			t.Fatal(err)
		}
		x := &executor{judge: again}
		for i := 0; i < len(all); i += len(all)/12 + 1 {
			m := &all[i]
			state := j.tear(m)
			if err := again.from(start); err != nil {
				t.Fatal(err)
			}
			if _, err := x.cutOnce(&Run{Start: start, Cuts: []Cut{m.cut}}, 0, history{touch: slices.Clone(h.touch), floor: h.floor}); err != nil {
				t.Fatalf("%v: %v", m.cut, err)
			}
			if got := max(again.board.State(), 1); got != state {
				t.Errorf("%v: the states differ", m.cut)
			}
		}
	}
}
