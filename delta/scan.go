package delta

import (
	"fmt"

	"unbrick/delta/internal/coding"
)

// scan reads the whole control stream without building anything: it checks the plan and draws the
// relocation map.
func (d *Decoder) scan() error {
	d.moves, d.shortest = coding.MakeMap(d.moveMem), MaxImage
	if err := d.pass(0, 0, nil); err != nil || d.head.MapRanges == 0 {
		return err
	}
	above := uint32(MaxImage)
	for _, least := range coding.Classes {
		least = max(least, d.head.MapLeast)
		if least >= above {
			continue
		}
		if err := d.pass(least, above, nil); err != nil {
			return err
		}
		above = least
	}
	if err := d.stay(); err != nil {
		return err
	}
	if uint32(d.moves.Len()) != d.head.MapRanges || d.shortest != d.head.MapLeast {
		return fmt.Errorf("%w: map of %d ranges from %d bytes on, announced %d from %d on",
			ErrFormat, d.moves.Len(), d.shortest, d.head.MapRanges, d.head.MapLeast)
	}
	return nil
}

// pass reads the control stream once, enters copies of least to above-1 bytes into the map, and
// calls visit, which may be nil, for each sector.
func (d *Decoder) pass(least, above uint32, visit func(sector int)) error {
	if err := d.restart(); err != nil {
		return err
	}
	var run coding.Run
	largest := uint32(0)
	if d.head.Changed == 0 {
		_, largest = d.area.Sector(0) // a proof reads leaves through the buffer
	}
	for d.step = 0; d.step < d.head.Changed; d.step++ {
		sector, addr, size, err := d.place()
		if err != nil {
			return err
		}
		if visit != nil {
			visit(int(sector))
		}
		d.given[sector>>3] |= 1 << (sector & 7)
		largest = max(largest, size)
		image := min(size, d.head.ToSize-addr)
		for at := uint32(0); at < image; {
			n, copied, err := d.plan.piece(image - at)
			if err != nil {
				return err
			}
			if src := int64(addr) + int64(at) + int64(d.plan.shift); copied && (src < 0 || src+int64(n) > int64(d.head.FromSize)) {
				return fmt.Errorf("%w: copy from outside the base", ErrFormat)
			}
			if copied && above > 0 && !run.Extend(addr+at, n, uint32(d.plan.shift)) {
				if err := d.enter(run, least, above); err != nil {
					return err
				}
				run = coding.Run{To: addr + at, N: n, Shift: uint32(d.plan.shift)}
			}
			at += n
		}
		if err := d.keep(addr, size, false); err != nil {
			return err
		}
	}
	if above > 0 {
		if err := d.enter(run, least, above); err != nil {
			return err
		}
	}
	if !d.plan.done() {
		return fmt.Errorf("%w: plan goes on behind the last sector", ErrFormat)
	}
	if largest != d.head.Buffer || d.bytes != d.head.StashBytes || d.keeps != d.head.Keeps {
		return fmt.Errorf("%w: plan needs other memory than announced", ErrFormat)
	}
	return nil
}

// enter puts a run of copied bytes into the map if its length is asked for.
func (d *Decoder) enter(run coding.Run, least, above uint32) error {
	if run.N >= least && run.N < above && run.N > 0 {
		d.shortest = min(d.shortest, run.N)
	}
	if !d.moves.Enter(run, least, above) {
		return fmt.Errorf("%w: relocation map overflows", ErrFormat)
	}
	return nil
}

// stay enters the sectors that the plan leaves alone: their bytes stay where they are.
func (d *Decoder) stay() error {
	from := uint32(0)
	for addr, i := uint32(0), uint32(0); addr < d.head.FromSize; i++ {
		_, size := d.area.Sector(int(i))
		if d.given[i>>3]>>(i&7)&1 != 0 {
			if from < addr && !d.moves.Add(from, addr-from, 0) {
				return fmt.Errorf("%w: relocation map overflows", ErrFormat)
			}
			from = addr + size
		}
		addr += size
	}
	if from < d.head.FromSize && !d.moves.Add(from, d.head.FromSize-from, 0) {
		return fmt.Errorf("%w: relocation map overflows", ErrFormat)
	}
	return nil
}

// Plan calls visit for every sector that the file builds, in its order, then rewinds.
func (d *Decoder) Plan(visit func(sector int)) error {
	if d.given == nil || d.head.body == 0 {
		return d.err
	}
	if err := d.pass(0, 0, visit); err != nil {
		d.err = err
		return err
	}
	return d.Rewind()
}
