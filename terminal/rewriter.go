package terminal

import (
	"fmt"

	"unbrick/delta"
	"unbrick/flash"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/terminal/image"
)

// rewriter brings one update file into the flash (117). Proof before erase: it decodes the whole file against the flash,
// writing nothing, and compares what comes out with the signed manifest; then it decodes it again and writes.
//
//	lay out  ->  open  ->  prove  ->  (intent record)  ->  write
//
// The workspace is divided so, resident code behind it:
//
//	update file, decoder | leaf digests, 32 bytes each | in a restoration one bit a leaf
type rewriter struct {
	*device
	dec     delta.Decoder
	m       release.Manifest
	room    []byte         // for update file and decoder
	leaves  release.Leaves // of the image on the way
	have    []byte         // one bit a leaf: it is known
	planned sectors        // that the file builds
	total   uint32         // sectors in the plan
	done    uint32
	full    bool   // sectors that hold what they should are among them
	built   []byte // of the room: the image that a classic patch built, whole sectors
	source  source
	leaf    [release.MaxLeaf]byte
	between between // is given its turn after each sector, while the flash is idle; may be nil
}

// between is who wants to act between two sectors.
type between interface{ poll() }

// source is the software area as the decoder may read it: doubtful sectors cannot be read, because what they say in the
// proof need not be what they say in the rewrite.
type source struct{ *device }

// Read implements flash.Reader.
func (s source) Read(addr uint32, p []byte) error {
	if len(p) == 0 {
		return nil
	}
	area := &s.area
	if uint64(addr)+uint64(len(p)) > uint64(area.Software.Size()) {
		return fmt.Errorf("read %d bytes of software at 0x%x: %w", len(p), addr, flash.ErrBounds)
	}
	last := area.Software.SectorAt(addr + uint32(len(p)) - 1)
	for i := area.Software.SectorAt(addr); i <= last; i++ {
		if s.records.Doubtful(i) {
			return fmt.Errorf("read sector %d: %w", area.First+i, image.ErrDoubtful)
		}
	}
	return area.Read(area.Base+addr, p)
}

func (r *rewriter) begin(d *device) {
	r.device, r.source = d, source{d}
}

// layOut divides the workspace for an image, with so many bytes for r.have.
func (r *rewriter) layOut(m *release.Manifest, bits uint32) error {
	mem := r.ram.room()
	n := uint64(m.Leaves())
	digests := n * uint64(release.LeafBytes)
	if digests+uint64(bits) > uint64(len(mem)) {
		return fmt.Errorf("%w: %d bytes for %d leaves", delta.ErrMemory, len(mem), n)
	}
	r.m = *m
	at := uint64(len(mem)) - digests - uint64(bits)
	r.room, r.leaves, r.have = mem[:at:at], release.Leaves(mem[at:at+digests:at+digests]), mem[at+digests:]
	clear(r.have)
	return nil
}

// open opens an update file of the room with memory from rest, at its end if it is the upper part of the room.
func (r *rewriter) open(file, rest []byte, atEnd bool) error {
	h, err := delta.ParseHeader(file)
	if err != nil {
		return err
	}
	n := h.Memory()
	if uint64(n) > uint64(len(rest)) {
		return fmt.Errorf("%w: %d bytes of %d", delta.ErrMemory, len(rest), n)
	}
	mem := rest[:n:n]
	if atEnd {
		mem = rest[uint32(len(rest))-n:]
	}
	r.full = h.Kind == delta.KindFull
	return r.dec.Open(file, &r.area.Software, r.source, mem)
}

// prove decodes the open file without writing anything and fails unless it leads to the signed image. With given, the leaves
// are known and only what the file builds is compared; without, those that r.have names are known already.
func (r *rewriter) prove(given bool) error {
	start := r.clock.Now()
	if err := delta.Prove(&r.dec, &r.m, r.source, r.leaves, r.have, given, r.planned[:]); err != nil {
		return err
	}
	r.total, r.done = 0, 0
	for s := range r.area.Software.Sectors() {
		if r.planned.has(s) {
			r.total++
		}
	}
	if s := r.behind(); s >= 0 {
		return fmt.Errorf("%w: sector %d is behind the image", delta.ErrMismatch, s)
	}
	r.note(r.step, 117, EventProof, r.total, micros(r.clock.Now()-start))
	return nil
}

// behind returns a sector behind the image that the plan names, or -1: those are nobody's and stay.
func (r *rewriter) behind() int {
	for s := r.area.Sectors(r.m.Size); s < r.area.Software.Sectors(); s++ {
		if r.planned.has(s) {
			return s
		}
	}
	return -1
}

// write writes what prove has proven.
func (r *rewriter) write() error { return delta.Rewrite(&r.dec, &r.m, r.leaves, r) }

// Put implements delta.Putter: it takes a built sector, which was compared with its leaves just now.
func (r *rewriter) Put(s int, data []byte) error {
	if !r.full || !r.holds(s, data) {
		if err := r.touch(s, data); err != nil {
			return err
		}
	}
	r.wrote(s)
	if r.between != nil {
		r.between.poll()
	}
	return nil
}

// wrote tells that sector s is what it should be.
func (r *rewriter) wrote(s int) {
	r.done++
	r.emit(Event{Step: r.step, Element: 117, Code: EventSector, Sector: int32(r.area.First + s), A: r.done, B: r.total})
}

// proveUpdate proves the update file of size bytes that the workspace begins with.
func (r *rewriter) proveUpdate(kind protocol.Kind, size uint32, m *release.Manifest) error {
	if err := r.layOut(m, 0); err != nil {
		return err
	}
	if uint64(size) > uint64(len(r.room)) {
		return fmt.Errorf("%w: %d bytes of %d", delta.ErrMemory, len(r.room), size)
	}
	file, rest := r.room[:size:size], r.room[size:]
	if kind == protocol.KindBsdiff {
		return r.proveClassic(file, rest)
	}
	if err := r.open(file, rest, false); err != nil {
		return err
	}
	return r.prove(false)
}

// writeUpdate writes what proveUpdate has proven.
func (r *rewriter) writeUpdate(kind protocol.Kind) error {
	if kind == protocol.KindBsdiff {
		return r.writeClassic()
	}
	return r.write()
}

// know notes that leaf i is known, knows reports it.
func (r *rewriter) know(i uint32)       { r.have[i/8] |= 1 << (i % 8) }
func (r *rewriter) knows(i uint32) bool { return r.have[i/8]>>(i%8)&1 != 0 }

// readLeaf makes leaf i that of the flash, without noting it as known. It fails for one in a doubtful sector.
func (r *rewriter) readLeaf(i uint32) error {
	addr, n := r.m.LeafRange(i)
	if err := r.source.Read(addr, r.leaf[:n]); err != nil {
		return err
	}
	r.leaves.Set(i, release.Leaf(i, r.leaf[:n]))
	return nil
}
