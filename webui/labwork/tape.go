package labwork

import (
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"time"

	"unbrick/emulator"
	"unbrick/release"
	"unbrick/terminal"
	"unbrick/webui/state"
)

// tape records the run of the Lab's device from the beginning of an update on, so that it can be played
// again. The device's goroutine and Run's both write to it.
type tape struct {
	board *emulator.Board
	seed  maphash.Seed

	mu      sync.Mutex
	on      bool
	stopped bool     // what is there is kept, and nothing is added
	start   []uint64 // fingerprints of the sectors at the beginning
	soft    []bool
	entries []Entry
	last    int // index of the operation whose outcome nobody has looked at, or -1
	cut     uint64
	from    release.Digest // image in the flash at the beginning
}

// begin throws away what is there and records from now on. from is the image in the flash.
func (t *tape) begin(from release.Digest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seed, t.on, t.stopped, t.last, t.from, t.cut = maphash.MakeSeed(), true, false, -1, from, 0
	t.start, t.soft, t.entries = nil, nil, nil
	for i := 0; ; i++ {
		print, soft, ok := t.look(i)
		if !ok {
			return
		}
		t.start, t.soft = append(t.start, print), append(t.soft, soft)
	}
}

// stop ends the recording: the run that was to be seen is over.
func (t *tape) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settle(-1)
	t.stopped = true
}

// look tells what a sector holds; ok is false behind the last.
func (t *tape) look(i int) (print uint64, soft, ok bool) {
	g := t.board.Flash().Geometry()
	if i >= g.Sectors() {
		return 0, false, false
	}
	addr, n := g.Sector(i)
	p := make([]byte, n)
	unsure := t.board.Peek(addr, p) != nil || !t.board.Firm(i)
	return maphash.Bytes(t.seed, p), unsure, true
}

// add adds an entry. A run that is too long is not kept at all: half of one would be wrong. With mu held.
func (t *tape) add(e Entry) {
	if t.stopped {
		return
	}
	if len(t.entries) == MaxEntries {
		t.on, t.start, t.soft, t.entries, t.cut = false, nil, nil, nil, 0
	}
	if t.on {
		t.entries = append(t.entries, e)
	}
}

// settle looks at what the last operation has left, before anything else touches its sector.
func (t *tape) settle(next int) {
	if t.last < 0 || !t.on || t.stopped {
		return
	}
	i := t.entries[t.last].Sector
	if i == next {
		return // a sector is looked at when it is left
	}
	t.last = -1
	if print, soft, ok := t.look(i); ok {
		t.add(Entry{Kind: EntryCell, Sector: i, print: print, soft: soft, At: t.board.Clock().Now()})
	}
}

func (t *tape) operation(op emulator.Operation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.board.Flash().Geometry().SectorAt(op.Addr)
	if t.stopped {
		return
	}
	t.settle(i)
	t.add(Entry{Kind: EntryOperation, At: op.Start, Erase: op.Kind == emulator.OpErase, Addr: op.Addr, Size: op.Size, Sector: i})
	t.last = len(t.entries) - 1
}

// tell adds what somebody tells.
func (t *tape) tell(e Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(e)
}

// power notes that power comes or goes; cut is the flash operation that it went in, 0 for none.
func (t *tape) power(on bool, cut uint64, tear state.Tear, at time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if on {
		t.add(Entry{Kind: EntryOn, At: at})
		return
	}
	if t.on && !t.stopped && cut > 0 && t.last >= 0 {
		t.entries[t.last].Cut, t.entries[t.last].Tear = true, tear
		if t.cut == 0 {
			t.cut = cut
		}
	}
	t.settle(-1)
	t.add(Entry{Kind: EntryOff, At: at})
}

// wasCut says whether there is a cut to be seen again.
func (t *tape) wasCut() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.on && t.cut > 0
}

// film makes a film of what is on the tape, compared with the images that the rig knows.
func (r *rig) film() *film {
	t := r.tape
	t.mu.Lock()
	entries, start, soft := slices.Clone(t.entries), t.start, t.soft
	t.mu.Unlock()
	old := r.known[t.from].Image
	var new []byte
	for i := range entries {
		if e := &entries[i].Event; e.Code == terminal.EventIntent && e.Digest != t.from {
			new = r.known[e.Digest].Image
			break
		}
	}
	layout := &r.model.Layout
	g, first, base, software := &layout.Geometry, layout.SoftwareFirst(), layout.SoftwareBase(), layout.Software()
	blank := picture{layout: layout, old: old, new: new, active: -1}
	cells := blank.cells(r.device.Board().View) // what is no software stays what it is
	print := func(i int, image []byte) (uint64, bool) {
		addr, n := g.Sector(i)
		off := addr - base
		p := make([]byte, n)
		for k := range p {
			p[k] = g.Erased
		}
		if off < uint32(len(image)) {
			copy(p, image[off:])
		}
		return maphash.Bytes(t.seed, p), off < uint32(len(image))
	}
	is := func(i int, have uint64, soft bool) state.Sector {
		switch cells[i] {
		case state.SectorBoot, state.SectorRecord:
			return cells[i]
		}
		if i < first || i >= first+software.Sectors() {
			return state.SectorUnused
		}
		was, inOld := print(i, old)
		will, inNew := print(i, new)
		none, _ := print(i, nil)
		if !inOld && !inNew {
			return state.SectorUnused
		}
		return SectorOf(inOld && have == was, inNew && have == will, have == none, soft)
	}
	f := &film{model: r.model, known: r.known, names: maps.Clone(r.names), entries: entries}
	for i := range start {
		f.start = append(f.start, is(i, start[i], soft[i]))
	}
	for i := range f.entries {
		if e := &f.entries[i]; e.Kind == EntryCell {
			e.Cell = is(e.Sector, e.print, e.soft)
		}
	}
	return f
}
