package terminal

import (
	"unbrick/delta"
	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

// files are the update files of a restoration in frames: while one is applied, the next one comes. They lie
// at the two ends of the workspace in turn, each with the decoder's memory on its inner side.
type files struct {
	in     numbered // is coming, or is whole and waits; size 0: none
	cur    numbered // is being applied, or was last; size 0: none is
	memory uint32   // of the decoder for cur
}

// numbered is one file.
type numbered struct {
	number uint32 // since begin, from 1
	size   uint32
	sha    [32]byte
	block  uint32
	blocks frame.Receiver
	high   bool // it ends where the room ends
	last   bool // the verdict comes behind it
}

// place returns the file's bytes in room, and what is left of the room beside it.
func (n *numbered) place(room []byte) (file, rest []byte) {
	if n.high {
		at := len(room) - int(n.size)
		return room[at:len(room):len(room)], room[:at:at]
	}
	return room[:n.size:n.size], room[n.size:]
}

// takeNext announces a file that is applied when it is whole.
func (t *Terminal) takeNext(q *smp.Header, body []byte) error {
	h := &t.host
	in := &h.files.in
	var m smp.NextRequest
	if m.DecodeBody(body) != nil || m.Block < frame.MinBlock || m.Block&(m.Block-1) != 0 {
		return t.deny(q, smp.FaultMalformed)
	}
	if _, most := t.ahead(); m.Block > most {
		return t.deny(q, smp.FaultMalformed)
	}
	switch h.phase {
	case smp.PhaseReady, smp.PhaseProving, smp.PhaseRewriting:
	case smp.PhaseIdle, smp.PhasePreparing, smp.PhaseFinishing, smp.PhaseDone, smp.PhaseFailed, smp.PhaseErasing:
		return t.deny(q, smp.FaultPhase)
	}
	if h.phase != smp.PhaseReady && h.files.cur.size == 0 {
		return t.deny(q, smp.FaultBusy) // a file of the console framing is applied where this one would lie
	}
	due := h.applied + 1
	if h.files.cur.size > 0 {
		due++
	}
	switch {
	case m.Number == 0 || m.Number > due+1:
		return t.deny(q, smp.FaultRange)
	case m.Number < due:
		return t.answer(q, &smp.Offset{Offset: m.Size}) // asked again after it was whole
	case m.Number > due:
		return t.deny(q, smp.FaultBusy) // one is coming, and another one before it is not done
	case in.number == m.Number && in.size == m.Size && in.sha == m.SHA && in.block == m.Block:
		return t.answer(q, &smp.Offset{Offset: in.there()})
	}
	if m.Size == 0 || (m.Size-1)/m.Block >= frame.MaxBlocks {
		return t.deny(q, smp.FaultSize)
	}
	room := uint64(len(t.rewrite.room))
	if c := &h.files.cur; c.size > 0 {
		room -= min(room, uint64(c.size)+uint64(h.files.memory))
	}
	if uint64(m.Size) > room || m.Workspace > t.workspace() {
		return t.deny(q, smp.FaultWorkspace)
	}
	h.whole = false // a file of the console framing lies in the same room
	*in = numbered{number: m.Number, size: m.Size, sha: m.SHA, block: m.Block, high: h.files.cur.size > 0 && !h.files.cur.high, last: m.Last}
	in.blocks.Begin((m.Size + m.Block - 1) / m.Block)
	if h.phase == smp.PhaseReady {
		h.fault, h.addr = smp.FaultNone, 0
	}
	return t.answer(q, &smp.Offset{})
}

// there returns how many bytes from the start have come.
func (n *numbered) there() uint32 {
	next, _ := n.blocks.State()
	return uint32(min(uint64(next)*uint64(n.block), uint64(n.size)))
}

// takeBlock stores a block of the file that comes (S19).
func (t *Terminal) takeBlock(m *frame.Data) {
	h := &t.host
	in := &h.files.in
	h.framing.owed = true // also what is not wanted: the answer says what is
	if in.size == 0 || m.File != uint8(in.number) {
		return
	}
	at := uint64(m.Block) * uint64(in.block)
	if at >= uint64(in.size) || uint64(len(m.Bytes)) != min(uint64(in.block), uint64(in.size)-at) || !in.blocks.Take(uint32(m.Block)) {
		return
	}
	file, _ := in.place(t.rewrite.room)
	copy(file[at:], m.Bytes)
	t.note(19, 120, EventReceiving, in.there(), in.size)
	if in.blocks.Whole() && h.phase == smp.PhaseReady {
		h.phase, h.job = smp.PhaseProving, jobNext
		t.turn()
	}
}

// turn makes the file that is whole the one that is applied, so that the next one may come.
func (t *Terminal) turn() {
	f := &t.host.files
	f.cur, f.in, f.memory = f.in, numbered{}, 0
	file, _ := f.cur.place(t.rewrite.room)
	if head, err := delta.ParseHeader(file); err == nil {
		f.memory = head.Memory()
	}
}

// applyNext applies the file that is whole, and then the one that became whole meanwhile. Behind the last one
// it gives the verdict.
func (t *Terminal) applyNext() {
	h := &t.host
	f := &h.files
	for h.phase == smp.PhaseProving {
		h.fault, h.addr = smp.FaultNone, 0
		t.rewrite.done, t.rewrite.total = 0, 0
		file, rest := f.cur.place(t.rewrite.room)
		t.applyFile(file, rest, f.cur.sha)
		f.cur.size = 0
		switch {
		case h.phase != smp.PhaseReady || h.fault != smp.FaultNone:
			f.in = numbered{} // it was made for what this one did not do
		case f.cur.last:
			f.in = numbered{}
			h.phase = smp.PhaseFinishing
			t.acknowledge()
			t.conclude()
		case f.in.blocks.Whole():
			h.phase = smp.PhaseProving
			t.turn()
			t.acknowledge()
		}
	}
}

// openFile opens an update file with memory from rest, at the file's side of it.
func (t *Terminal) openFile(file, rest []byte) error {
	r := &t.rewrite
	head, err := delta.ParseHeader(file)
	if err != nil {
		return err
	}
	n := head.Memory()
	if uint64(n) > uint64(len(rest)) {
		return delta.ErrMemory
	}
	if t.host.files.cur.high {
		rest = rest[len(rest)-int(n):]
	}
	r.full = head.Kind == delta.KindFull
	return r.dec.Open(file, &t.software, r.source, rest[:n:n])
}
