package terminal

import (
	"unbrick/protocol/smp"
	"unbrick/terminal/record"
)

// runs stands in the table for a release that runs, once it is settled (settle.go): of a rewriting record it becomes an
// installed one, of To or of From again.
const runs = smp.WhyUnknown

// bootTable is what a boot does, by what the newest record says and which image the flash holds, by its whole digest: run it,
// or wait in restoration mode for the reason that stands there.
var bootTable = [...][3]smp.Why{
	//                 neither, From, To
	0:                {smp.WhyNoRecord, smp.WhyNoRecord, smp.WhyNoRecord}, // no valid record: with the factory's floor
	record.Installed: {smp.WhyDamaged, smp.WhyDamaged, runs},
	record.Rewriting: {smp.WhyInterrupted, runs, runs},
}

// Boot decides what the device does after a reset. It never fails: what cannot be read counts as damaged.
//
// The digest is the whole image's, at every boot; a release runs only if its manifest in the record still carries the
// signatures that count. A host that asks within listenFor after the reset, the pin, and a release that hangs lead to
// restoration mode before anything is written.
func (t *Terminal) Boot() Mode {
	d := &t.device
	d.step = 0
	t.mode, t.why = 0, smp.WhyUnknown
	faults := t.countFault()
	d.note(0, 0, EventReset, uint32(d.hw.Cause), uint32(faults))
	d.note(0, 111, EventIdentity, uint32(d.identity.keys()), 0)
	asked := t.restoration.asked()

	d.scan()
	d.readSoftware()
	d.tellRecord()
	d.software.match = d.findMatch()

	why := d.ruling(asked, faults)
	if why == runs && !d.settle() {
		why = smp.WhyInterrupted
		d.software.match = matchNone
	}
	if why != runs {
		t.mode, t.why = Restoration, why
		d.note(15, 119, EventRestore, uint32(why), 0)
		return t.mode
	}
	t.mode = Running
	d.ram.startAll()
	d.emit(Event{Element: 111, Code: EventRunning, Sector: noSector, A: truth(d.records.Newest().Confirmed), Digest: d.running().Digest})
	return t.mode
}

// ruling tells why the device waits in restoration mode, or runs.
func (d *device) ruling(asked bool, faults uint8) smp.Why {
	state := record.State(0)
	rec := d.records.Newest()
	if rec != nil {
		state = rec.State
	}
	switch {
	case asked:
		return smp.WhyAsked
	case d.hw.Pin:
		return smp.WhyPin
	case faults >= maxFaults && rec != nil && !rec.Confirmed:
		// A release that has confirmed itself is known to work: stopping it would turn a passing trouble into a dead device.
		return smp.WhyHang
	}
	return bootTable[state][d.software.match]
}

func (d *device) tellRecord() {
	rec := d.records.Newest()
	if rec == nil {
		d.note(0, 0, EventNoRecord, 0, 0)
		return
	}
	d.note(0, 0, EventRecord, rec.Sequence, uint32(rec.State))
	for s := range d.area.Software.Sectors() {
		if d.records.Doubtful(s) {
			d.emit(Event{Code: EventDoubtful, Sector: int32(d.area.First + s)})
		}
	}
}
