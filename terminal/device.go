package terminal

import (
	"unbrick/limits"
	"unbrick/release"
	"unbrick/terminal/image"
	"unbrick/terminal/record"
)

// device is what boot, update and restoration share: the hardware, who the device is, what its flash holds and what its
// records say of that. It changes records and sectors; who wants them changed, and why, is the business of others.
type device struct {
	trace
	hw       Hardware
	identity identification
	area     image.Area
	records  record.Store
	survivor survivor
	ram      workspace
	software software

	key    DeviceKey // of the key block
	hasKey bool
	watch  watcher
	poller Poller // the flash, nil: it must be waited in
	chunk  [chunk]byte
	last   Summary
}

// chunk is how much of the flash is looked at in one read.
const chunk = 512

// part is the flash as records use it.
type part struct{ *device }

// Read implements record.Part.
func (p part) Read(addr uint32, b []byte) error { return p.area.Read(addr, b) }

// Erase implements record.Part.
func (p part) Erase(sector int) error { return p.area.Erase(sector) }

// Program implements record.Part.
func (p part) Program(addr uint32, b []byte) error { return p.area.Program(addr, b) }

// Told implements record.Part.
func (p part) Told(what record.What, sector int, n uint32) {
	d := p.device
	switch what {
	case record.Retried:
		d.emit(Event{Step: d.step, Code: EventRetry, Sector: int32(sector), A: n})
	case record.Mismatch:
		d.area.Counts.Failed++
	case record.Renewed:
		d.note(d.step, 117, EventPrepare, n, 0)
	case record.Marked:
		d.emit(Event{Step: d.step, Element: 117, Code: EventMark, Sector: int32(sector), A: n})
	case record.Died:
		addr, _ := d.hw.Layout.Geometry.Sector(sector)
		d.tellDead(sector, addr)
	case record.Revived:
		addr, _ := d.hw.Layout.Geometry.Sector(sector)
		d.revive(addr)
	}
}

// watcher is what the software area tells of its sectors, and who waits for its flash.
type watcher struct {
	*device
	flashWaiter
}

// flashWaiter waits for the end of a flash operation.
type flashWaiter interface{ Wait() error }

// Retry implements image.Watcher.
func (w watcher) Retry(sector int, try uint32) {
	w.emit(Event{Step: w.step, Element: 117, Code: EventRetry, Sector: int32(sector), A: try})
}

// Dead implements image.Watcher.
func (w watcher) Dead(sector int, addr uint32) {
	w.records.AddDead(addr)
	w.tellDead(sector, addr)
}

// Alive implements image.Watcher.
func (w watcher) Alive(_ int, addr uint32) {
	w.records.Revive(addr)
	w.revive(addr)
}

// tellDead tells that a sector takes no data. RAM that survives a reset keeps it until power fails, and every record that is
// written from now on as long as the sector takes none.
func (d *device) tellDead(sector int, addr uint32) {
	d.emit(Event{Step: d.step, Element: 117, Code: EventDead, Sector: int32(sector), A: addr})
	d.survivor.setDead(addr)
}

func (d *device) revive(addr uint32) {
	if known, ok := d.survivor.dead(); ok && known == addr {
		d.survivor.clearDead()
	}
}

// scan reads the records, and takes up what is known of dead sectors from before the reset.
func (d *device) scan() {
	d.records.Scan()
	if addr, ok := d.survivor.dead(); ok {
		d.records.AddDead(addr)
	}
}

// deadFor returns the address of a dead sector that an update to the image of m would need: a sector of the image, or the
// record sector that its intent goes to.
func (d *device) deadFor(m *release.Manifest) (addr uint32, found bool) {
	if addr, found = d.records.DeadRecord(); found {
		return addr, true
	}
	for _, addr := range d.records.Dead() {
		if addr >= d.area.Base && addr-d.area.Base < m.Size {
			return addr, true
		}
	}
	return 0, false
}

// touch writes data into sector s of the software area: mark, erase, program, read back.
func (d *device) touch(s int, data []byte) error {
	if err := d.records.Mark(s); err != nil {
		return err
	}
	d.software.match = matchNone
	if err := d.area.WriteSector(s, data); err != nil {
		d.records.Distrust()
		return err
	}
	d.records.ClearDoubt(s)
	return nil
}

// holds reports whether sector s holds data already, so that it need not be written.
func (d *device) holds(s int, data []byte) bool {
	return !d.records.Doubtful(s) && d.area.Holds(s, data)
}

// measure computes the digest of the first size bytes of the software area and tells how long it took. What cannot be read
// has no digest: the zero one, which no image has.
func (d *device) measure(size uint32) release.Digest {
	start := d.clock.Now()
	sum, err := d.area.Digest(size, -1, nil)
	if err != nil {
		sum = release.Digest{}
	}
	took := d.clock.Now() - start
	d.emit(Event{Step: d.step, Element: 118, Code: EventDigest, Sector: noSector, A: size, B: micros(took), Digest: sum})
	return sum
}

// sectors is a set of sectors of a software area, one bit each.
type sectors [limits.Sectors / 8]byte

func (b *sectors) has(s int) bool { return b[s/8]>>(s%8)&1 != 0 }
func (b *sectors) drop(s int)     { b[s/8] &^= 1 << (s % 8) }
