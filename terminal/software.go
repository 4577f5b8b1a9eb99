package terminal

import (
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal/record"
)

// software is what the newest record says of releases, read, and which of them the flash holds. Of a `rewriting` record, B is
// the image on the way and A the one before; of an `installed` one, A is the installed image: that is how the cable names
// them.
type software struct {
	from, to manifest
	match    smp.Match
	trust    trust
}

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
	if w.match == smp.MatchA && d.records.Newest().State == record.Rewriting {
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
func (d *device) findMatch() smp.Match {
	w := &d.software
	rec := d.records.Newest()
	if rec == nil {
		return smp.MatchNone
	}
	var sum release.Digest
	if w.to.there {
		sum = d.measure(w.to.Size)
		if sum == w.to.Digest && d.mayRun(rec.To) {
			if rec.State == record.Installed {
				return smp.MatchA
			}
			return smp.MatchB
		}
	}
	if rec.State == record.Rewriting && w.from.there {
		if !w.to.there || w.from.Size != w.to.Size {
			sum = d.measure(w.from.Size)
		}
		if sum == w.from.Digest && d.mayRun(rec.From) {
			return smp.MatchA
		}
	}
	return smp.MatchNone
}

// judge is the rewrite success judgment 118: the digest of the whole image, from the flash.
func (d *device) judge(m *release.Manifest) bool {
	sum := d.measure(m.Size)
	good := sum == m.Digest
	d.emit(Event{Step: d.step, Element: 118, Code: EventVerdict, Sector: noSector, A: truth(good), Digest: sum})
	return good
}
