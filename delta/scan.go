package delta

import (
	"fmt"

	"unbrick/delta/internal/coding"
)

// scan reads the whole control stream without building anything: it checks the plan and draws the
// relocation map.
func (d *Decoder) scan() error {
	d.moves, d.shortest = coding.MakeMap(d.moveMem), MaxImage
	if err := d.pass(d.head.Changed, d.head.MapRanges != 0, nil); err != nil || d.head.MapRanges == 0 {
		return err
	}
	if err := d.stay(); err != nil {
		return err
	}
	if uint32(d.moves.Most()) != d.head.MapRanges || d.shortest != d.head.MapLeast {
		return fmt.Errorf("%w: map of %d ranges from %d bytes on, announced %d from %d on",
			ErrFormat, d.moves.Most(), d.shortest, d.head.MapRanges, d.head.MapLeast)
	}
	return nil
}

// measures are what the sectors of a plan take: the largest, the bytes of the new image in all, the batches, the bytes of the
// current one and of the largest.
type measures struct{ largest, built, batches, batch, longest uint32 }

func (m *measures) add(size, image uint32, opens bool) {
	m.largest = max(m.largest, size)
	m.built += image
	if opens {
		m.batches++
		m.batch = 0
	}
	m.batch += size
	m.longest = max(m.longest, m.batch)
}

// pass reads the control stream once, for so many sectors, draws the copies into the map if asked, and calls visit, which may
// be nil, for each sector. If these are all, it checks that the plan is what the header announces.
func (d *Decoder) pass(sectors uint32, draw bool, visit func(sector int)) error {
	if err := d.restart(); err != nil {
		return err
	}
	var run coding.Run
	var m measures
	if d.head.Changed == 0 {
		_, m.largest = d.area.Sector(0) // a proof reads leaves through the buffer
	}
	for d.step = 0; d.step < sectors; d.step++ {
		sector, addr, size, err := d.place()
		if err != nil {
			return err
		}
		if visit != nil {
			visit(int(sector))
		}
		d.given[sector>>3] |= 1 << (sector & 7)
		image := min(size, d.head.ToSize-addr)
		m.add(size, image, d.plan.opens)
		for at := uint32(0); at < image; {
			n, copied, err := d.plan.piece(image - at)
			if err != nil {
				return err
			}
			if src := int64(addr) + int64(at) + int64(d.plan.shift); copied && (src < 0 || src+int64(n) > int64(d.head.FromSize)) {
				return fmt.Errorf("%w: copy from outside the base", ErrFormat)
			}
			if copied && draw && !run.Extend(addr+at, n, uint32(d.plan.shift)) {
				if err := d.enter(run); err != nil {
					return err
				}
				run = coding.Run{To: addr + at, N: n, Shift: uint32(d.plan.shift)}
			}
			if d.over() {
				return d.errOver()
			}
			at += n
		}
		if err := d.keep(addr, size, false); err != nil {
			return err
		}
	}
	if sectors < d.head.Changed {
		return nil
	}
	if draw {
		if err := d.enter(run); err != nil {
			return err
		}
	}
	return d.checkPlan(&m)
}

// checkPlan checks, behind the last sector, that the plan ends and is what the header announces.
func (d *Decoder) checkPlan(m *measures) error {
	h := &d.head
	if !d.plan.done() {
		return fmt.Errorf("%w: plan goes on behind the last sector", ErrFormat)
	}
	if m.largest != h.Buffer || d.bytes != h.StashBytes || d.keeps != h.Keeps {
		return fmt.Errorf("%w: plan needs other memory than announced", ErrFormat)
	}
	if h.Batches != 0 && (m.batches != h.Batches || m.longest != h.Batch) {
		return fmt.Errorf("%w: %d batches of at most %d bytes, announced %d of %d", ErrFormat, m.batches, m.longest, h.Batches, h.Batch)
	}
	d.building = m.built
	return nil
}

// enter puts a run of copied bytes into the map if it is long enough.
func (d *Decoder) enter(run coding.Run) error {
	if run.N == 0 || run.N < d.head.MapLeast {
		return nil
	}
	d.shortest = min(d.shortest, run.N)
	return d.note(run)
}

// note puts a run into the map.
func (d *Decoder) note(run coding.Run) error {
	d.moves.Limit = d.moves.Steps + d.budget.Steps - min(d.budget.Steps, d.steps())
	if d.moves.Enter(run) {
		return nil
	}
	if d.over() {
		return d.errOver()
	}
	return fmt.Errorf("%w: relocation map overflows", ErrFormat)
}

// stay enters the sectors that the plan leaves alone: their bytes stay where they are.
func (d *Decoder) stay() error {
	from := uint32(0)
	for addr, i := uint32(0), uint32(0); addr < d.head.FromSize; i++ {
		_, size := d.area.Sector(int(i))
		if d.given[i>>3]>>(i&7)&1 != 0 {
			if from < addr {
				if err := d.note(coding.Run{To: from, N: addr - from}); err != nil {
					return err
				}
			}
			from = addr + size
		}
		addr += size
	}
	if from < d.head.FromSize {
		return d.note(coding.Run{To: from, N: d.head.FromSize - from})
	}
	return nil
}

// Plan calls visit for every sector that the file builds, in its order, then rewinds.
func (d *Decoder) Plan(visit func(sector int)) error {
	if d.given == nil || d.head.body == 0 {
		return d.err
	}
	if err := d.pass(d.head.Changed, false, visit); err != nil {
		d.err = err
		return err
	}
	return d.Rewind()
}
