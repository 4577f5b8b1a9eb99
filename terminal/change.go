package terminal

import (
	"bytes"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/terminal/image"
	"unbrick/terminal/record"
)

// The changes of the record. Each is one write of one record, so that a power failure leaves the one before or this one;
// what is doubtful and dead is carried on by each (package record).
//
//	intend    installed, or rewriting   ->  rewriting From -> wanted     before the first erase
//	install   rewriting From -> To      ->  installed To, or From again  after the verdict
//	confirm   installed, new            ->  installed, confirmed         after a complete session

// intend writes the intent record: rewriting From -> wanted. From is what the newest record says was there last.
func (d *device) intend(wanted []byte, m *release.Manifest, total uint32) error {
	d.area.Counts = image.Counts{}
	d.emit(Event{Step: d.step, Element: 117, Code: EventIntent, Sector: noSector, A: total, Digest: m.Digest})
	was := d.records.Newest()
	rec := d.records.Draft(d.identity.floor())
	replaced := false // what was To becomes From
	switch {
	case was == nil:
	case was.State == record.Installed:
		// What was installed becomes what it came from, with its confirmation.
		rec.From = was.To
		replaced = true
	case d.software.match == matchTo:
		// An interrupted rewrite had reached its image, and that is what is there now. Named as From, it runs if power
		// fails before the first erase.
		rec.From = was.To
		rec.Confirmed = false
		replaced = true
	}
	rec.State = record.Rewriting
	rec.To = wanted
	rec.Report = record.Report{}
	if err := d.records.Write(&rec); err != nil {
		d.note(d.step, 117, EventNotWritten, d.records.Failed(), 0)
		return err
	}
	if replaced {
		d.software.from = d.software.to
		if d.software.match == matchTo {
			d.software.match = matchFrom
		}
	}
	d.software.to = manifest{Manifest: *m, there: true}
	return nil
}

// install writes the `installed` record: of To of the present record, or else of its From.
func (d *device) install(to bool, verdict protocol.Verdict) error {
	w := &d.software
	was := d.records.Newest()
	now, from := w.to, w.from
	rec := *was
	rec.State = record.Installed
	if to {
		// A release that was written over itself keeps its word.
		same := bytes.Equal(was.From, was.To)
		rec.Confirmed = rec.Confirmed && same
		if same {
			rec.From = nil
			from = manifest{}
		}
	} else {
		// Back where it came from: From with its confirmation; it has no predecessor to return to.
		rec.To, rec.From = was.From, nil
		now, from = w.from, manifest{}
	}
	rec.Report.Verdict = verdict
	rec.Report.From, rec.Report.To = w.from.Digest, w.to.Digest
	counts := d.area.Counts
	rec.Report.Erases += counts.Erases
	rec.Report.RecordErases += counts.RecordErases
	rec.Report.Failed += counts.Failed
	if err := d.records.Write(&rec); err != nil {
		d.records.Vouch() // so that the next boot need not doubt what was read back
		return err
	}
	d.last.Erases, d.last.RecordErases = d.area.Counts.Erases, d.area.Counts.RecordErases
	d.area.Counts = image.Counts{}
	w.to, w.from = now, from
	w.match = matchTo
	d.emit(Event{Step: d.step, Element: 118, Code: EventInstalled, Sector: noSector, A: d.records.Newest().Sequence, Digest: w.to.Digest})
	return nil
}

// confirm is the release's own word that it works: its first session is complete. Only here the security floor rises, and
// the predecessor may not return from now on. A report that was told is dropped with it. Applications stop for as long as
// the record takes, since the flash is busy meanwhile.
func (d *device) confirm() {
	rec := d.records.Newest()
	if rec.State != record.Installed || rec.Confirmed && rec.Report.Verdict == protocol.VerdictNone {
		return
	}
	if addr, dead := d.records.DeadRecord(); dead {
		d.note(0, 0, EventNotWritten, addr, 0) // known before anything is stopped for it
		return
	}
	defer d.ram.resume()
	if err := d.ram.seize(0); err != nil {
		d.note(0, 0, EventNotWritten, 0, 0)
		return
	}
	next := *rec
	next.Confirmed, next.From, next.Report = true, nil, record.Report{}
	if floor := d.software.to.Floor(); floor.Compare(next.Floor) > 0 {
		next.Floor = floor
	}
	if err := d.records.Write(&next); err != nil {
		d.note(0, 0, EventNotWritten, d.records.Failed(), 0)
		return
	}
	d.readSoftware()
	d.note(0, 0, EventConfirmed, uint32(d.records.Newest().Floor.Counter), 0)
}
