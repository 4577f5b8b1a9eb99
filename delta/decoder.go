package delta

import (
	"fmt"
	"io"

	"unbrick/delta/internal/coding"
	"unbrick/flash"
)

// Decoder builds the sectors of one file. Its zero value is ready for Open. It is used by one
// goroutine at a time, and allocates nothing.
type Decoder struct {
	head Header
	file []byte
	area *flash.Geometry
	old  flash.Reader

	// Parts of the caller's memory.
	controlMem []byte
	counterMem []byte
	moveMem    []byte
	modelMem   []byte
	given      []byte // one bit a sector: built before, or being built in a scan
	keepMem    []byte
	stashMem   []byte
	edgeMem    []byte
	recent     []byte
	buffer     []byte

	plan     control
	in       coding.Reader
	table    coding.Counters
	data     coding.Data
	moves    coding.Map
	model    coding.Predictor
	stash    stash
	edges    edges
	filled   uint32   // bytes of history there are
	tail     uint32   // where in recent the next byte goes
	reach    uint32   // how far back into the history was looked
	shortest uint32   // run in the map
	bytes    uint32   // most bytes in the stash at a time
	keeps    uint32   // most entries
	step     uint32   // sectors built
	read     uint64   // old bytes that were read of the flash, and what asking for them takes
	kept     uint64   // steps that old bytes of stash and edges took
	scanned  uint64   // steps that Open has taken
	before   uint64   // these, and those of state that has begun anew since
	building uint32   // bytes of the new image that the file builds
	afford   Work     // what the caller can
	budget   Work     // what there is
	digest   [16]byte // of the file, for checkpoints
	digested bool
	err      error // sticky
}

// Open prepares to decode file, for the software area with the given geometry, over the old bytes
// that old reads at addresses relative to that area. mem must be at least Header.Memory() bytes;
// file, area, old and mem belong to the decoder until its last use. Open reads the whole plan but
// no old bytes: what it accepts can still fail in Next.
func (d *Decoder) Open(file []byte, area *flash.Geometry, old flash.Reader, mem []byte) error {
	return d.OpenWithin(file, area, old, mem, unlimited)
}

// OpenWithin is Open for a caller who can afford no more work than that for one decoding: a file that announces more is refused.
func (d *Decoder) OpenWithin(file []byte, area *flash.Geometry, old flash.Reader, mem []byte, afford Work) error {
	*d = Decoder{} // by itself: with fields it would be made on the stack first
	d.file, d.area, d.old, d.afford = file, area, old, afford
	if d.err = d.open(mem); d.err != nil {
		d.given = nil // a plan that was refused is not to be decoded: Rewind refuses, too
	}
	return d.err
}

func (d *Decoder) open(mem []byte) error {
	h := &d.head
	if err := h.parse(d.file); err != nil {
		return err
	}
	if !h.fits(d.area) {
		return ErrGeometry
	}
	if uint64(len(mem)) < uint64(h.Memory()) {
		return fmt.Errorf("%w: %d bytes of %d", ErrMemory, len(mem), h.Memory())
	}
	carve := func(n uint32) []byte {
		part := mem[:n:n]
		mem = mem[n:]
		return part
	}
	d.counterMem = carve(coding.CounterBytes(h.Units))
	d.controlMem = carve(coding.CounterBytes(coding.ControlUnits))
	d.given = carve((uint32(d.area.Sectors()) + 7) >> 3)
	d.moveMem = carve(h.MapRanges * coding.EntryBytes)
	d.modelMem = carve(h.Setup.Bytes())
	d.keepMem = carve(h.Keeps * keepTableBytes)
	d.stashMem = carve(h.StashBytes)
	d.edgeMem = carve(2 * h.Edge)
	d.recent = carve(h.History)
	d.buffer = carve(h.Buffer)
	d.budget = d.affordable(h.Budget(h.ToSize)) // it builds no more than all
	if err := d.scan(); err != nil {
		return err
	}
	announced := h.Budget(d.building)
	if d.budget = d.affordable(announced); d.budget != announced {
		return fmt.Errorf("%w: it announces %d steps and %d old bytes, there are %d and %d",
			ErrWork, announced.Steps, announced.Reads, d.afford.Steps, d.afford.Reads)
	}
	if d.over() {
		return d.errOver()
	}
	d.scanned = d.steps()
	return d.restart()
}

// Rewind starts again with the first sector, after any number of sectors or errors.
func (d *Decoder) Rewind() error {
	if d.given == nil {
		return d.err // never opened
	}
	d.err = d.restart()
	return d.err
}

func (d *Decoder) restart() error {
	h := &d.head
	clear(d.given)
	control, data := h.Streams(d.file)
	d.plan, d.in = makeControl(control, d.controlMem, h.Batches != 0), coding.MakeReader(data)
	d.stash = stash{table: d.keepMem, bytes: d.stashMem}
	d.edges = edges{low: d.edgeMem[:h.Edge], high: d.edgeMem[h.Edge:]}
	d.reach, d.bytes, d.keeps, d.step, d.read, d.kept, d.moves.Steps = 0, 0, 0, 0, 0, 0, 0
	d.model.Steps = 0
	d.renew()
	d.before = d.scanned
	return nil
}

// renew makes what the bits of the data stream have taught so far begin anew, as it does with each batch.
func (d *Decoder) renew() {
	h := &d.head
	d.before += d.model.Steps
	d.table = coding.MakeCounters(d.counterMem, h.Units)
	d.data = coding.MakeData(h.Setup.ISA)
	d.model = coding.MakePredictor(&h.Setup, &d.moves, h.FromSize, d.modelMem)
	d.filled, d.tail = 0, 0
}

// Next builds the next sector of the plan and returns its number and its whole content, the tail
// behind the image erased. data is valid until the next call, and from then on the sector's old
// content counts as gone. After the last sector Next returns io.EOF. Errors are final until Rewind.
func (d *Decoder) Next() (sector int, data []byte, err error) {
	if d.err != nil {
		return 0, nil, d.err
	}
	if d.given == nil {
		return 0, nil, fmt.Errorf("%w: not open", ErrFormat)
	}
	n, data, err := d.build()
	if err != nil {
		d.err = err
		return 0, nil, err
	}
	return int(n), data, nil
}

func (d *Decoder) build() (uint32, []byte, error) {
	if d.step == d.head.Changed {
		if !d.plan.done() || !d.in.Done() {
			return 0, nil, fmt.Errorf("%w: bytes behind the last sector", ErrFormat)
		}
		if d.reach != d.head.History {
			return 0, nil, fmt.Errorf("%w: history of %d bytes, announced %d", ErrFormat, d.reach, d.head.History)
		}
		if d.edges.reach != d.head.Edge {
			return 0, nil, fmt.Errorf("%w: edges of %d bytes, announced %d", ErrFormat, d.edges.reach, d.head.Edge)
		}
		if d.over() {
			return 0, nil, d.errOver()
		}
		return 0, nil, io.EOF
	}
	sector, addr, size, err := d.place()
	if err != nil {
		return 0, nil, err
	}
	if d.plan.opens && d.step > 0 {
		d.renew()
	}
	image := min(size, d.head.ToSize-addr)
	for at := uint32(0); at < image; {
		n, copied, err := d.plan.piece(image - at)
		if err != nil {
			return 0, nil, err
		}
		if copied {
			err = d.copy(addr, at, n)
		} else {
			err = d.literals(addr, at, n)
		}
		if err != nil {
			return 0, nil, fmt.Errorf("sector %d, byte %d: %w", sector, at, err)
		}
		at += n
	}
	if d.in.Truncated() {
		return 0, nil, fmt.Errorf("%w: data stream ends in sector %d", ErrFormat, sector)
	}
	for i := image; i < size; i++ {
		d.buffer[i] = d.head.Erased
	}
	if err := d.keep(addr, size, true); err != nil {
		return 0, nil, err
	}
	d.remember(d.buffer[:image])
	d.given[sector>>3] |= 1 << (sector & 7)
	d.step++
	return sector, d.buffer[:size], nil
}

// place reads and checks which sector is built now.
func (d *Decoder) place() (sector, addr, size uint32, err error) {
	if sector, err = d.plan.sector(d.head.Changed - d.step - 1); err != nil {
		return
	}
	if sector >= uint32(d.area.Sectors()) {
		return 0, 0, 0, fmt.Errorf("%w: no sector %d", ErrFormat, sector)
	}
	addr, size = d.area.Sector(int(sector))
	if d.given[sector>>3]>>(sector&7)&1 != 0 || addr >= d.head.ToSize || size > uint32(len(d.buffer)) {
		return 0, 0, 0, fmt.Errorf("%w: sector %d is not to be built", ErrFormat, sector)
	}
	return sector, addr, size, nil
}

// keep keeps what later sectors need of the old content of the sector just built: its edges, and after what
// that sector was the last to need is freed, in the stash what the plan says. A scan only checks: read is false.
func (d *Decoder) keep(addr, size uint32, read bool) error {
	if d.head.Edge != 0 {
		if err := d.keepEdges(addr, size, read); err != nil {
			return err
		}
	}
	if d.head.Keeps == 0 {
		return nil
	}
	d.stash.free(d.step)
	count, err := d.plan.keeps()
	if err != nil {
		return err
	}
	if !d.stash.begin(addr, count) {
		return fmt.Errorf("%w: stash overflows", ErrFormat)
	}
	end := addr + min(size, d.head.FromSize-min(addr, d.head.FromSize))
	for range count {
		gap, n, life, err := d.plan.keep()
		if err != nil {
			return err
		}
		if uint64(addr)+uint64(gap)+uint64(n) > uint64(end) || uint64(d.step)+uint64(life) >= uint64(d.head.Changed) {
			return fmt.Errorf("%w: stash entry", ErrFormat)
		}
		room := d.stash.keep(addr+gap, n, d.step+life)
		if room == nil {
			return fmt.Errorf("%w: stash overflows", ErrFormat)
		}
		if read {
			d.read += askWork + uint64(n)
			if err := d.old.Read(addr+gap, room); err != nil {
				return fmt.Errorf("stash: %w", err)
			}
		}
		addr += gap + n
		if d.over() {
			return d.errOver()
		}
	}
	d.bytes, d.keeps = max(d.bytes, d.stash.used), max(d.keeps, d.stash.n)
	return nil
}

// keepEdges keeps the edges of the sector just built, if the plan says that it can be read.
func (d *Decoder) keepEdges(addr, size uint32, read bool) error {
	d.edges.n = 0
	if d.plan.edges() == 0 || addr >= d.head.FromSize {
		return nil
	}
	low, high := d.edges.keep(addr, min(size, d.head.FromSize-addr))
	if !read {
		return nil
	}
	for _, edge := range [...]struct {
		addr uint32
		p    []byte
	}{{d.edges.from, low}, {d.edges.to, high}} {
		d.read += askWork + uint64(len(edge.p))
		if err := d.old.Read(edge.addr, edge.p); err != nil {
			return fmt.Errorf("edge: %w", err)
		}
	}
	return nil
}

// remember puts built bytes into the history.
func (d *Decoder) remember(b []byte) {
	size := uint32(len(d.recent))
	if uint32(len(b)) > size {
		b = b[uint32(len(b))-size:]
	}
	d.filled = min(size, d.filled+uint32(len(b)))
	for len(b) > 0 {
		n := uint32(copy(d.recent[d.tail:], b))
		b = b[n:]
		if d.tail += n; d.tail == size {
			d.tail = 0
		}
	}
}
