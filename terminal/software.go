package terminal

import (
	"unbrick/release"
	"unbrick/terminal/record"
)

// software is what the newest record says of releases, read, and which of them the flash holds. Of a `rewriting` record, To is
// the image on the way and From the one before; of an `installed` one, To is the installed image and From the one that may
// return.
type software struct {
	from, to manifest
	match    match
	trust    trust
}

// match says which image the flash holds, by the whole digest. Of an `installed` record it is To or none: From is rewritten
// before it runs again.
type match uint8

const (
	matchNone match = iota
	matchFrom
	matchTo
)

// manifest is a signed manifest of the record, read.
type manifest struct {
	release.Manifest
	there bool
}

// readSoftware reads the manifests and the trust statement of the newest record. A manifest that is not well-formed is not
// there.
func (d *device) readSoftware() {
	w := &d.software
	w.from = manifest{}
	w.to = manifest{}
	rec := d.records.Newest()
	if rec == nil {
		d.readTrust(nil)
		return
	}
	d.readTrust(rec.Statement)
	read := func(signed []byte, m *manifest) {
		if len(signed) == 0 {
			return
		}
		var err error
		if m.Manifest, _, err = release.Parse(signed); err == nil && m.Size <= d.area.Software.Size() {
			m.there = true
		}
	}
	read(rec.From, &w.from)
	read(rec.To, &w.to)
}

// running returns the manifest of the image that runs: that of the match.
func (d *device) running() *manifest {
	w := &d.software
	if w.match == matchFrom {
		return &w.from
	}
	return &w.to
}

// floor returns the security floor.
func (d *device) floor() release.Floor {
	floor := d.identity.floor()
	if rec := d.records.Newest(); rec != nil && rec.Floor.Compare(floor) > 0 {
		floor = rec.Floor
	}
	return floor
}

// findMatch compares the image in the flash, by its whole digest, with what the record permits.
func (d *device) findMatch() match {
	w := &d.software
	rec := d.records.Newest()
	if rec == nil {
		return matchNone
	}
	var sum release.Digest
	if w.to.there {
		sum = d.measure(w.to.Size)
		if sum == w.to.Digest && d.mayRun(rec.To) {
			return matchTo
		}
	}
	if rec.State == record.Rewriting && w.from.there {
		if !w.to.there || w.from.Size != w.to.Size {
			sum = d.measure(w.from.Size)
		}
		if sum == w.from.Digest && d.mayRun(rec.From) {
			return matchFrom
		}
	}
	return matchNone
}

// judge is the rewrite success judgment 118: the digest of the whole image, from the flash.
func (d *device) judge(m *release.Manifest) bool {
	sum := d.measure(m.Size)
	good := sum == m.Digest
	d.emit(Event{Step: d.step, Element: 118, Code: EventVerdict, Sector: noSector, A: truth(good), Digest: sum})
	return good
}
