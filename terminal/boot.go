package terminal

import (
	"bytes"

	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/release"
)

// Boot decides what the device does after a reset. It never fails: what cannot be read counts as
// damaged.
//
//	record                 digest of the image   Boot does
//	rewriting From -> To   = To, or = From       refreshes the doubtful sectors, writes `installed`, runs
//	rewriting From -> To   neither               restoration mode
//	installed To           = To / not            runs / restoration mode
//	none                   any                   restoration mode, with the factory's floor
//
// The digest is the whole image's, at every boot; a release runs only if its manifest in the record
// still carries the signature of a trusted key. A host that asks within listenFor after the reset, the
// pin, and a release that hangs lead to restoration mode before anything is written.
func (t *Terminal) Boot() Mode {
	t.step = 0
	t.mode, t.why = 0, smp.WhyUnknown
	faults := t.countFault()
	t.note(0, 0, EventReset, uint32(t.hw.Cause), uint32(faults))
	t.note(0, 111, EventIdentity, uint32(len(t.identity.Keys)), 0)
	asked := t.asked()

	t.scan()
	t.rememberDead()
	t.doubtOf()
	t.readManifests()
	t.tellRecord()
	t.match = t.findMatch()

	why := t.decide()
	switch {
	case asked:
		why = smp.WhyAsked
	case t.hw.Pin:
		why = smp.WhyPin
	case faults >= maxFaults && t.mayHang():
		why = smp.WhyHang
	case why == smp.WhyUnknown && !t.settle():
		why = smp.WhyInterrupted
		t.match = smp.MatchNone
	}
	if why != smp.WhyUnknown {
		t.mode, t.why = Restoration, why
		t.note(15, 119, EventRestore, uint32(why), 0)
		return t.mode
	}
	t.mode = Running
	t.startAll()
	rec := t.records.current()
	var confirmed uint32
	if rec.confirmed {
		confirmed = 1
	}
	t.emit(Event{Element: 111, Code: EventRunning, Sector: noSector, A: confirmed, Digest: t.running().Digest})
	return t.mode
}

// running returns the manifest of the image that runs: that of the match.
func (t *Terminal) running() *manifest {
	if t.match == smp.MatchA && t.records.current().state == Rewriting {
		return &t.from
	}
	return &t.to
}

// decide tells what record and image say; WhyUnknown means that the release of t.match may run.
func (t *Terminal) decide() smp.Why {
	rec := t.records.current()
	switch {
	case rec == nil:
		return smp.WhyNoRecord
	case t.match != smp.MatchNone:
		return smp.WhyUnknown
	case rec.state == Rewriting:
		return smp.WhyInterrupted
	}
	return smp.WhyDamaged
}

// readManifests reads the manifests of the newest record. One that is not well-formed is not there.
func (t *Terminal) readManifests() {
	t.from, t.to = manifest{}, manifest{}
	rec := t.records.current()
	if rec == nil {
		return
	}
	read := func(signed []byte, m *manifest) {
		if len(signed) == 0 {
			return
		}
		var err error
		if m.Manifest, _, err = release.Parse(signed); err == nil && m.Size <= t.software.Size() {
			m.there = true
		}
	}
	read(rec.from(), &t.from)
	read(rec.to(), &t.to)
	t.keys = t.identity.trusted(t.keys, rec.retired)
}

func (t *Terminal) tellRecord() {
	rec := t.records.current()
	if rec == nil {
		t.note(0, 0, EventNoRecord, 0, 0)
		return
	}
	t.note(0, 0, EventRecord, rec.sequence, uint32(rec.state))
	for s := range t.software.Sectors() {
		if t.doubtful(s) {
			t.emit(Event{Code: EventDoubtful, Sector: int32(t.first + s)})
		}
	}
}

// findMatch compares the image in the flash, by its whole digest, with what the record permits. Of a
// `rewriting` record, B is the image on the way and A the one before; of an `installed` one, A is the
// installed image (that is how the cable names them).
func (t *Terminal) findMatch() smp.Match {
	rec := t.records.current()
	if rec == nil {
		return smp.MatchNone
	}
	var d release.Digest
	if t.to.there {
		d = t.measure(t.to.Size)
		if d == t.to.Digest && t.signed(rec.to()) {
			if rec.state == Installed {
				return smp.MatchA
			}
			return smp.MatchB
		}
	}
	if rec.state == Rewriting && t.from.there {
		if !t.to.there || t.from.Size != t.to.Size {
			d = t.measure(t.from.Size)
		}
		if d == t.from.Digest && t.signed(rec.from()) {
			return smp.MatchA
		}
	}
	return smp.MatchNone
}

// signed reports whether enough trusted keys signed the manifest. A record is protected against accidents by
// its CRC only; what runs is decided by the signature.
func (t *Terminal) signed(manifest []byte) bool {
	m, err := t.verify(manifest, t.keys, t.identity.need())
	if err == nil {
		err = release.Permits(nil, &m, release.Run)
	}
	return err == nil
}

// settle ends an interrupted rewrite whose outcome is a permitted image. Sectors that an interrupted
// operation may have left weak are written again from themselves first: their digest is right now and
// need not be at the next power-up. It reports whether the image may run.
//
// Order, and why a second cut at any place is harmless:
//  1. A new `rewriting` record carries the doubtful sectors in its body. Marks of an earlier power-up
//     may themselves read differently next time (records, rule 5); after this record they do not matter.
//     Cut before it counts: the old record still counts and nothing was touched.
//  2. Each doubtful sector goes to RAM; the digest of the whole image with these bytes in its place must
//     be right before the sector is erased. Cut in between: the sector is named by the record, the
//     image is damaged, restoration mode.
//  3. The whole digest, read again from the flash.
//  4. The `installed` record. Cut before it counts: the same again at the next boot.
func (t *Terminal) settle() bool {
	rec := t.records.current()
	m := t.running()
	end := t.sectorsOf(m.Size)
	left := t.doubts(end)
	if rec.state == Installed && left == 0 {
		// A write that did not end was cut, or its sector takes no data. Now, before any application runs, it costs
		// least to find out which.
		if _, dead := t.deadRecord(); dead || t.records.ended {
			return true
		}
	}
	var largest uint32
	for s := range end {
		if _, n := t.software.Sector(s); t.doubtful(s) {
			largest = max(largest, n)
		}
	}
	defer t.release()
	if err := t.seize(largest); err != nil {
		// Nothing can be written. A right image without doubt may run as it is; a doubtful one not.
		return left == 0
	}
	if left > 0 && !t.refreshAll(m, end, left) {
		return false
	}
	var err error
	switch {
	case rec.state == Installed: // it carried doubt of its own image, or its neighbour is no record
		t.carry(t.draft(), end)
		if err = t.write(); err != nil {
			t.vouch()
		}
	case t.match == smp.MatchB:
		err = t.install(true, protocol.VerdictGood)
	default:
		err = t.install(false, protocol.VerdictRefused)
	}
	if err != nil {
		// The image is right and without doubt; the next boot tries again.
		t.note(0, 118, EventNotWritten, t.failedRecord(), 0)
	}
	return true
}

// refreshAll refreshes the doubtful sectors among the first end ones, all of which hold the image of m.
func (t *Terminal) refreshAll(m *manifest, end int, left uint32) bool {
	t.carry(t.draft(), 0)
	if t.write() != nil {
		return false
	}
	t.note(0, 117, EventPrepare, t.records.current().sequence, 0)
	for s := range end {
		if !t.doubtful(s) {
			continue
		}
		if !t.refresh(s, &m.Manifest) {
			return false
		}
		left--
		t.emit(Event{Element: 117, Code: EventRefreshed, Sector: int32(t.first + s), A: left})
	}
	return t.measure(m.Size) == m.Digest
}

// refresh writes sector s again from itself, if it reads the same twice and, unless m is nil, the image
// of m is right with what was read. The newest record must name the sector as doubtful. What lies
// behind the image in its last sector is erased bytes.
func (t *Terminal) refresh(s int, m *release.Manifest) bool {
	addr, n := t.software.Sector(s)
	data := t.work[:n]
	if t.readTwice(t.base+addr, data) != nil {
		return false
	}
	if m != nil {
		for k := max(addr, m.Size); k < addr+n; k++ {
			data[k-addr] = t.software.Erased
		}
		if d, err := t.imageDigest(m.Size, s, data); err != nil || d != m.Digest {
			return false
		}
	}
	if t.writeSector(t.first+s, data) != nil {
		return false
	}
	t.clearDoubt(s)
	return true
}

// install writes the `installed` record: of To of the present record, or else of its From. Doubtful
// sectors behind the image stay named, since somebody may want them later.
func (t *Terminal) install(to bool, verdict protocol.Verdict) error {
	was := t.records.current()
	now, from := t.to, t.from
	rec := t.draft()
	rec.state = Installed
	if to {
		// A release that was written over itself keeps its word.
		same := bytes.Equal(was.from(), was.to())
		rec.confirmed = rec.confirmed && same
		if same {
			rec.setFrom(nil)
			from = manifest{}
		}
	} else {
		// Back where it came from: From with its confirmation; it has no predecessor to return to.
		rec.setTo(was.from())
		rec.setFrom(nil)
		now, from = t.from, manifest{}
	}
	rec.report.verdict = verdict
	rec.report.from, rec.report.to = t.from.Digest, t.to.Digest
	rec.report.erases += t.counts.erases
	rec.report.recordErases += t.counts.recordErases
	rec.report.failed += t.counts.failed
	t.carry(rec, t.sectorsOf(now.Size))
	if err := t.write(); err != nil {
		t.vouch() // so that the next boot need not doubt what was read back
		return err
	}
	t.last.Operations, t.last.Erases, t.last.RecordErases = t.counts.operations, t.counts.erases, t.counts.recordErases
	t.counts = counts{}
	t.to, t.from = now, from
	t.match = smp.MatchA
	t.emit(Event{Step: t.step, Element: 118, Code: EventInstalled, Sector: noSector, A: t.records.current().sequence, Digest: t.to.Digest})
	return nil
}

// reportDead puts the addresses of dead sectors into rec's report, but for that of the sector that rec goes to: it takes
// data if it takes rec.
func (t *Terminal) reportDead(rec *record, to uint32) {
	p := &rec.report
	clear(p.dead[:])
	p.deads = 0
	for _, addr := range t.deadAddrs[:t.deads] {
		if addr != to {
			p.dead[p.deads] = addr
			p.deads++
		}
	}
}
