package terminal

import (
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/terminal/record"
)

// settle ends an interrupted rewrite whose outcome is a permitted image. Sectors that an interrupted operation may have left
// weak are written again from themselves first: their digest is right now and need not be at the next power-up. It reports
// whether the image may run.
//
// Order, and why a second cut at any place is harmless:
//  1. A new `rewriting` record carries the doubtful sectors in its body. Marks of an earlier power-up may themselves read
//     differently next time (package record, rule 5); after this record they do not matter.
//     Cut before it counts: the old record still counts and nothing was touched.
//  2. Each doubtful sector goes to RAM; the digest of the whole image with these bytes in its place must be right before the
//     sector is erased. Cut in between: the sector is named by the record, the image is damaged, restoration mode.
//  3. The whole digest, read again from the flash.
//  4. The `installed` record. Cut before it counts: the same again at the next boot.
func (d *device) settle() bool {
	rec := d.records.Newest()
	m := d.running()
	end := d.area.Sectors(m.Size)
	left := d.records.Doubts(end)
	if rec.State == record.Installed && left == 0 {
		// A write that did not end was cut, or its sector takes no data. Now, before any application runs, it costs least
		// to find out which.
		if _, dead := d.records.DeadRecord(); dead || d.records.Ended() {
			return true
		}
	}
	defer d.ram.release()
	if err := d.ram.seize(d.largestDoubt(end)); err != nil {
		// Nothing can be written. A right image without doubt may run as it is; a doubtful one not.
		return left == 0
	}
	if left > 0 && !d.refreshAll(m, end, left) {
		return false
	}
	if err := d.settled(); err != nil {
		// The image is right and without doubt; the next boot tries again.
		d.note(0, 118, EventNotWritten, d.records.Failed(), 0)
	}
	return true
}

// settled writes the record that says that the image of the match is there and firm.
func (d *device) settled() error {
	switch {
	case d.records.Newest().State == record.Installed: // it carried doubt of its own image, or its neighbour is no record
		rec := *d.records.Newest()
		err := d.records.Write(&rec)
		if err != nil {
			d.records.Vouch()
		}
		return err
	case d.software.match == matchTo:
		return d.install(true, protocol.VerdictGood)
	}
	return d.install(false, protocol.VerdictRefused)
}

// largestDoubt returns the size of the largest doubtful one of the first end sectors.
func (d *device) largestDoubt(end int) uint32 {
	var largest uint32
	for s := range end {
		if _, n := d.area.Software.Sector(s); d.records.Doubtful(s) {
			largest = max(largest, n)
		}
	}
	return largest
}

// refreshAll refreshes the doubtful sectors among the first end ones, all of which hold the image of m.
func (d *device) refreshAll(m *manifest, end int, left uint32) bool {
	if d.renew() != nil {
		return false
	}
	for s := range end {
		if !d.records.Doubtful(s) {
			continue
		}
		if !d.refresh(s, &m.Manifest) {
			return false
		}
		left--
		d.emit(Event{Element: 117, Code: EventRefreshed, Sector: int32(d.area.First + s), A: left})
	}
	return d.measure(m.Size) == m.Digest
}

// renew writes the newest record once more, so that it is of this power-up and names what is doubtful.
func (d *device) renew() error {
	rec := *d.records.Newest()
	if err := d.records.Write(&rec); err != nil {
		return err
	}
	d.note(d.step, 117, EventPrepare, d.records.Newest().Sequence, 0)
	return nil
}

// refresh writes sector s again from itself, if it reads the same twice and, unless m is nil, the image of m is right with
// what was read. The newest record must name the sector as doubtful. What lies behind the image in its last sector is
// erased bytes.
func (d *device) refresh(s int, m *release.Manifest) bool {
	addr, n := d.area.Software.Sector(s)
	data := d.ram.mem[:n]
	if d.area.ReadTwice(d.area.Base+addr, data) != nil {
		return false
	}
	if m != nil {
		for k := max(addr, m.Size); k < addr+n; k++ {
			data[k-addr] = d.area.Software.Erased
		}
		if sum, err := d.area.Digest(m.Size, s, data); err != nil || sum != m.Digest {
			return false
		}
	}
	if d.area.WriteSector(s, data) != nil {
		return false
	}
	d.records.ClearDoubt(s)
	return true
}
