package delta

import (
	"fmt"

	"unbrick/delta/internal/coding"
)

// copy builds n bytes at offset at of the sector at addr from the old bytes shift away: reads them,
// then corrects them in place where the data stream says that the prediction is wrong.
func (d *Decoder) copy(addr, at, n uint32) error {
	src := addr + at + uint32(d.plan.shift) // within the base: scan has checked it
	old := d.buffer[at : at+n]
	if err := d.fetch(src, old); err != nil {
		return err
	}
	return d.correct(old, src, addr+at)
}

// fetch reads old bytes: of sectors that are not given out from the flash, of others from the stash.
func (d *Decoder) fetch(src uint32, p []byte) error {
	for len(p) > 0 {
		n := uint32(len(p))
		sector := uint32(d.area.SectorAt(src))
		if d.given[sector>>3]>>(sector&7)&1 == 0 {
			addr, size := d.area.Sector(int(sector))
			n = min(n, addr+size-src)
			if d.read += askWork + uint64(n); d.read > d.budget.Reads {
				return d.errOver()
			}
			if err := d.old.Read(src, p[:n]); err != nil {
				return err
			}
		} else {
			kept := d.edges.find(src, n)
			if kept == nil {
				kept = d.stash.find(src, n)
			}
			if kept == nil {
				return fmt.Errorf("%w: old byte 0x%x is gone", ErrFormat, src)
			}
			n = uint32(copy(p, kept))
			d.kept += askWork + uint64(n)
		}
		p = p[n:]
		src += n
	}
	return nil
}

// correct turns the old bytes b of address src into the new ones of address dst, unit by unit.
func (d *Decoder) correct(b []byte, src, dst uint32) error {
	d.model.Start(src, uint32(len(b)))
	for len(b) > 0 {
		plain, n, kind := d.model.Next(b, src, dst)
		if plain > 0 {
			d.unit(b[:plain], b[:plain], coding.KindPlain, src)
		}
		if n > 0 {
			field := b[plain : plain+n]
			d.unit(field, d.model.Field[:n], kind, src+uint32(plain))
			d.model.Learn(field, kind)
		}
		done := uint32(plain + n)
		b = b[done:]
		src += done
		dst += done
		if d.over() {
			return d.errOver()
		}
	}
	return nil
}

// unit corrects the bytes of one unit, which guess predicts.
func (d *Decoder) unit(b, guess []byte, kind coding.Kind, src uint32) {
	if d.in.Mixed(&d.table, d.data.Unit(src, kind, b, guess)) == 0 {
		copy(b, guess)
		d.data.Hit()
		return
	}
	missed := uint32(0) // bit i: byte i was not as predicted
	for i := range b {
		addr := src + uint32(i)
		if missed != 0 || i < len(b)-1 { // else it is the only one left that can be wrong
			if d.in.Mixed(&d.table, d.data.Miss(addr, uint32(i), missed, kind, b[i], guess[i])) == 0 {
				b[i] = guess[i]
				continue
			}
		}
		change := d.in.MixedByte(&d.table, d.data.Change(addr, kind, b[i], guess[i]))
		b[i] += change
		d.data.Changed(addr, change)
		missed |= 1 << i
	}
	d.data.Missed()
}

// literals builds n bytes at offset at of the sector at addr that no copy gives: single bytes, and
// matches with what was built before or with old bytes, which stay within these n bytes.
func (d *Decoder) literals(addr, at, n uint32) error {
	d.data.Literals(n)
	for end := at + n; at < end; {
		if d.over() {
			return d.errOver()
		}
		if d.plan.long {
			bit := d.in.Bit(&d.table, d.data.Match(), 0)
			d.data.Matched(bit)
			if bit != 0 {
				length, err := d.match(addr, at, end-at)
				if err != nil {
					return err
				}
				at += length
				continue
			}
		}
		d.buffer[at] = d.in.MixedByte(&d.table, d.data.Literal(d.built(at, 1), d.built(at, 2), addr+at))
		at++
	}
	return nil
}

// match reads one match and builds its bytes at offset at of the sector at addr; it has at most room bytes.
func (d *Decoder) match(addr, at, room uint32) (uint32, error) {
	last := &d.data.Last
	repeat := d.in.Bit(&d.table, coding.Context(coding.PlaceRepeat, 0), 0)
	if repeat == 0 {
		last.Old = d.in.Bit(&d.table, coding.Context(coding.PlaceOld, 0), 0)
	}
	context, least := coding.Length(repeat, last.Old)
	length, ok := d.in.Number(&d.table, context)
	length += least
	if repeat == 0 {
		where, fine := d.in.Number(&d.table, coding.Where(last.Old, length))
		ok = ok && fine
		if last.Old != 0 {
			last.Shift = d.plan.shift + coding.Unfold(where)
		} else {
			last.Back = where + 1
		}
	}
	if !ok || length > room {
		return 0, fmt.Errorf("%w: match of %d bytes, at most %d", ErrFormat, length, room)
	}
	if last.Old != 0 {
		src := addr + at + uint32(last.Shift)
		if src > d.head.FromSize || length > d.head.FromSize-src {
			return 0, fmt.Errorf("%w: match of %d old bytes from 0x%x", ErrFormat, length, src)
		}
		return length, d.fetch(src, d.buffer[at:at+length])
	}
	if last.Back == 0 || last.Back > at+d.filled {
		return 0, fmt.Errorf("%w: match of %d bytes from %d back", ErrFormat, length, last.Back)
	}
	for i := range length {
		d.buffer[at+i] = d.built(at+i, last.Back)
	}
	return length, nil
}

// built returns the byte built back bytes before offset at of the current sector, 0 if it is not
// remembered.
func (d *Decoder) built(at, back uint32) byte {
	if back <= at {
		return d.buffer[at-back]
	}
	if back -= at; back > d.filled {
		return 0
	}
	d.reach = max(d.reach, back)
	if back <= d.tail {
		return d.recent[d.tail-back]
	}
	return d.recent[d.tail+uint32(len(d.recent))-back]
}
