package terminal

import (
	"unbrick/delta"
	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

// files are the update files of a restoration: while one is applied, the next one comes. They lie at the two ends of the
// workspace in turn, each with the decoder's memory on its inner side.
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

// there returns how many bytes from the start have come.
func (n *numbered) there() uint32 {
	next, _ := n.blocks.State()
	return uint32(min(uint64(next)*uint64(n.block), uint64(n.size)))
}

// is reports whether n is the file of this announcement.
func (n *numbered) is(m *smp.FileRequest) bool {
	return n.size > 0 && n.number == m.Number && n.size == m.Size && n.sha == m.SHA
}

// blocksOf returns how many blocks of block bytes a file of size bytes has.
func blocksOf(size, block uint32) uint32 { return (size-1)/block + 1 }

// takeFile announces a file that is applied when it is whole.
func (h *restoration) takeFile(q *smp.Header, body []byte) error {
	var m smp.FileRequest
	if m.DecodeBody(body) != nil || m.Block < frame.MinBlock || m.Block > frame.MaxBlock || m.Block&(m.Block-1) != 0 {
		return h.deny(q, smp.FaultMalformed)
	}
	if _, most := h.line.ahead(h.attentive()); h.line.guard.On() && m.Block > most {
		return h.deny(q, smp.FaultMalformed)
	}
	switch h.phase {
	case smp.PhaseReady, smp.PhaseProving, smp.PhaseRewriting:
	default:
		return h.deny(q, smp.FaultPhase)
	}
	due := h.applied + 1
	if h.files.cur.size > 0 {
		due++
	}
	in := &h.files.in
	switch {
	case m.Number == 0 || m.Number > due+1:
		return h.deny(q, smp.FaultRange)
	case m.Number < due:
		return h.answer(q, &smp.Offset{Offset: m.Size}) // asked again after it was whole
	case m.Number > due:
		return h.deny(q, smp.FaultBusy) // one is coming, and another one before it is not done
	case m.Size == 0 || blocksOf(m.Size, m.Block) > frame.MaxBlocks:
		return h.deny(q, smp.FaultSize)
	case in.is(&m):
		if in.block != m.Block { // goes on in blocks of another size
			kept := in.there() / m.Block
			in.block = m.Block
			in.blocks.Begin(blocksOf(m.Size, m.Block), kept)
		}
		in.last = m.Last
		return h.answer(q, &smp.Offset{Offset: in.there()})
	}
	room := uint64(len(h.rewrite.room))
	cur := &h.files.cur
	if cur.size > 0 {
		room -= min(room, uint64(cur.size)+uint64(h.files.memory))
	}
	if uint64(m.Size) > room || m.Workspace > h.ram.size() {
		return h.deny(q, smp.FaultWorkspace)
	}
	*in = numbered{number: m.Number, size: m.Size, sha: m.SHA, block: m.Block, high: cur.size > 0 && !cur.high, last: m.Last}
	in.blocks.Begin(blocksOf(m.Size, m.Block), 0)
	if h.phase == smp.PhaseReady {
		h.fault, h.addr = smp.FaultNone, 0
	}
	return h.answer(q, &smp.Offset{})
}

// takeData takes whole blocks of the file that comes, in the console framing.
func (h *restoration) takeData(q *smp.Header, body []byte) error {
	var m smp.DataRequest
	if m.DecodeBody(body) != nil {
		return h.deny(q, smp.FaultMalformed)
	}
	in := &h.files.in
	switch {
	case in.size > 0 && m.Number == in.number:
	case m.Number > 0 && m.Number <= max(h.applied, h.files.cur.number):
		return h.answer(q, &smp.Offset{Offset: m.Offset + uint32(len(m.Data))}) // sent again after the file was whole
	default:
		return h.deny(q, smp.FaultPhase)
	}
	if m.Offset%in.block != 0 || uint64(m.Offset)+uint64(len(m.Data)) > uint64(in.size) {
		return h.deny(q, smp.FaultRange)
	}
	end := m.Offset
	for at := uint32(0); at < uint32(len(m.Data)); at += in.block {
		n := min(in.block, uint32(len(m.Data))-at)
		h.store(in, (m.Offset+at)/in.block, m.Data[at:at+n])
		end = m.Offset + at + n
	}
	wanted := in.there()
	if h.turnIfWhole() {
		wanted = end
	}
	return h.answer(q, &smp.Offset{Offset: wanted})
}

// takeBlock implements lineUser: it stores a block of the file that comes (S19).
func (h *restoration) takeBlock(file uint8, block uint32, p []byte) {
	if in := &h.files.in; in.size > 0 && file == uint8(in.number) {
		h.store(in, block, p)
		h.turnIfWhole()
	}
}

// store keeps a block, if it is one that is missing and as long as it should be.
func (h *restoration) store(in *numbered, block uint32, p []byte) {
	at := uint64(block) * uint64(in.block)
	if at >= uint64(in.size) || uint64(len(p)) != min(uint64(in.block), uint64(in.size)-at) || !in.blocks.Take(block) {
		return
	}
	file, _ := in.place(h.rewrite.room)
	copy(file[at:], p)
	h.note(19, 120, EventReceiving, in.there(), in.size)
}

// turnIfWhole begins with the file that comes if it is whole and none is being applied.
func (h *restoration) turnIfWhole() bool {
	if h.phase != smp.PhaseReady || !h.files.in.blocks.Whole() {
		return false
	}
	h.turn()
	return true
}

// turn makes the file that is whole the one that is applied, so that the next one may come.
func (h *restoration) turn() {
	h.phase = smp.PhaseProving
	f := &h.files
	f.cur, f.in, f.memory = f.in, numbered{}, 0
	file, _ := f.cur.place(h.rewrite.room)
	if head, err := delta.ParseHeader(file); err == nil {
		f.memory = head.Memory()
	}
}

// applyFiles applies the file that is whole, and then the one that became whole meanwhile. Behind the last one it gives the
// verdict.
func (h *restoration) applyFiles() {
	f := &h.files
	for h.phase == smp.PhaseProving {
		h.fault, h.addr = smp.FaultNone, 0
		h.rewrite.done, h.rewrite.total = 0, 0
		file, rest := f.cur.place(h.rewrite.room)
		h.apply(file, rest, f.cur.sha, f.cur.high)
		f.cur.size = 0
		switch {
		case h.phase != smp.PhaseReady || h.fault != smp.FaultNone:
			f.in = numbered{} // it was made for what this one did not do
		case f.cur.last:
			f.in = numbered{}
			h.phase = smp.PhaseFinishing
			h.acknowledge()
			h.conclude()
		case f.in.blocks.Whole():
			h.turn()
			h.acknowledge()
		}
	}
}

// acknowledge implements lineUser: it says which blocks are there and where the work stands.
func (h *restoration) acknowledge() {
	about := &h.files.in
	if about.size == 0 {
		about = &h.files.cur
	}
	m := frame.Ack{File: uint8(about.number), Applied: uint16(h.applied), Phase: uint8(h.phase), Fault: uint8(h.fault)}
	m.Next, m.Have = about.blocks.State()
	h.line.sendAck(&m)
}
