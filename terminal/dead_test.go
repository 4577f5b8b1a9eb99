package terminal_test

import (
	"fmt"
	"slices"
	"testing"

	"unbrick/emulator"
	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/terminal"
)

// worn are the ways in which a sector takes no data.
var worn = []emulator.Defect{
	{Kind: emulator.DefectErase},
	{Kind: emulator.DefectProgram},
	{Kind: emulator.DefectMisprogram},
	{Kind: emulator.DefectStuck, Mask: 0x10},
	{Kind: emulator.DefectStuck, Mask: 0x10, Value: 0x10},
}

// wear makes sector i of the part one that takes no data in the way of d.
func (r *rig) wear(i int, d emulator.Defect) (addr uint32) {
	r.t.Helper()
	addr, _ = r.f.layout.Geometry.Sector(i)
	d.Addr = addr + 40
	if err := r.board.Inject(d); err != nil {
		r.t.Fatal(err)
	}
	return addr
}

// seenOf is what a session with a server that always offers the same came to.
type seenOf struct {
	out     terminal.Outcome
	err     error
	last    terminal.Summary
	dead    []uint32 // that the hello named
	fault   protocol.Fault
	bytes   int // of the update file that were sent
	stopped int // applications
	ops     uint64
	mode    terminal.Mode
}

// insist boots the device and lets it have a session with a server that offers g whatever it is told.
func (r *rig) insist(file []byte, g goods) (seen seenOf) {
	s := r.f.serverFor(r.t, file, g)
	s.damage = func(p []byte) { seen.bytes += len(p) }
	e := r.run(func(term *terminal.Terminal) {
		if r.mode != terminal.Running {
			return
		}
		stopped, ops := len(r.events(terminal.EventStopped)), r.board.Operations()
		seen.out, seen.err = term.Session(s.conn())
		seen.last = term.Last()
		seen.stopped = len(r.events(terminal.EventStopped)) - stopped
		seen.ops = r.board.Operations() - ops
		if seen.out == terminal.Rewritten || seen.out == terminal.Damaged {
			r.board.Reset(emulator.CauseSoftware)
		}
	})
	if e.Fault != nil {
		r.t.Errorf("%v", e.Fault)
	}
	seen.mode, seen.fault = r.mode, s.fault
	if s.hello.Report != nil {
		seen.dead = slices.Clone(s.hello.Report.Dead)
	}
	return seen
}

// told asks the device over the cable what is wrong with it.
func (r *rig) told() (st smp.Status) {
	r.t.Helper()
	if _, err := r.asked(func(a *apparatus) error { return a.ask(&smp.StatusRequest{}, &st) }); err != nil {
		r.t.Fatal(err)
	}
	return st
}

// TestDeadRecordSectorIsTold: the record sector that the next record goes to, the one that the last lies in, or both,
// take no data. The device runs a signed release all the while, names the sector over the link and the cable from the moment on
// that it knows, fetches nothing more and stops nothing more, also for a server that goes on offering; and when the sector is
// mended, everything works again.
func TestDeadRecordSectorIsTold(t *testing.T) {
	for _, k := range []kind{kinds[0], kinds[4]} {
		f := fixtureOf(t, k)
		records := f.layout.Records() // the factory's record lies in the first
		for _, d := range worn {
			for _, which := range [][]int{{1}, {0}, {0, 1}} {
				t.Run(fmt.Sprintf("%s, %v %x, %v", k.name, d.Kind, d.Value, which), func(t *testing.T) {
					r := f.device(t, f.a)
					var addrs []uint32
					for _, i := range which {
						if i == 0 && d.Kind == emulator.DefectStuck {
							t.Skip("the record that is there would not be whole")
						}
						addrs = append(addrs, r.wear(records[i], d))
					}
					deadRecord(t, f, r, addrs)
				})
			}
		}
	}
}

func deadRecord(t *testing.T, f *fixture, r *rig, addrs []uint32) {
	first := r.insist(f.delta, f.b)
	file, g, runs := f.delta, f.b, f.a
	if first.out == terminal.Rewritten {
		file, g, runs = f.makeBack(t), f.goods(t, "3", 3, 2, f.a.image), f.b
	}
	if first.out != terminal.Rewritten && first.out != terminal.Refused {
		t.Fatalf("first session: %+v", first)
	}
	for n := range 3 {
		s := r.insist(file, g)
		if s.mode != terminal.Running || !r.holds(runs) {
			t.Fatalf("session %d: %v, holds what it ran %v", n+2, s.mode, r.holds(runs))
		}
		if len(s.dead) == 0 || !slices.Contains(addrs, s.dead[0]) {
			t.Errorf("session %d: the hello names %x, want %x", n+2, s.dead, addrs)
		}
		if s.out != terminal.Refused || s.fault != protocol.FaultSector || s.bytes != 0 || s.stopped != 0 || s.ops != 0 {
			t.Errorf("session %d: %v, fault %v, %d bytes fetched, %d applications stopped, %d flash operations", n+2, s.out, s.fault, s.bytes, s.stopped, s.ops)
		}
	}
	// A session that offers nothing does not stop anything either, to write a record that cannot be written.
	stopped := 0
	s := nothing(t)
	r.run(func(term *terminal.Terminal) {
		stopped = len(r.events(terminal.EventStopped))
		term.Session(s.conn())
		stopped = len(r.events(terminal.EventStopped)) - stopped
	})
	if stopped != 0 || s.hello.Report == nil {
		t.Errorf("a session without an offer: %d applications stopped, report %+v", stopped, s.hello.Report)
	}
	if st := r.told(); st.Fault != smp.FaultRecord || !slices.Contains(addrs, st.Addr) {
		t.Errorf("cable: %v at 0x%x, want one of %x", st.Fault, st.Addr, addrs)
	}
	r.power() // a new part: what was remembered in RAM is gone
	r.board.Mend()
	s = nothing(t)
	r.update(s)
	if p := s.hello.Report; p != nil && len(p.Dead) > 0 {
		t.Errorf("mended, the hello still names %x", p.Dead)
	}
	if runs.m.Digest == f.a.m.Digest {
		if seen := r.insist(f.delta, f.b); seen.out != terminal.Rewritten {
			t.Errorf("mended: %+v", seen)
		}
	}
	r.update(nothing(t))
	if !r.last.Confirmed() || r.last.Floor().Counter != 2 || !r.holds(f.b) {
		t.Errorf("mended: confirmed %v, floor %d", r.last.Confirmed(), r.last.Floor().Counter)
	}
}

// TestDeadRecordSectorIsFoundAnew: after a power failure nothing but the flash tells of a sector that takes no data. Where it shows
// that a write did not come to its end, the boot finds out, before any application runs, and the first hello says so.
func TestDeadRecordSectorIsFoundAnew(t *testing.T) {
	f := fixtureOf(t, small)
	for _, d := range worn[1:] {
		r := f.device(t, f.a)
		r.update(f.serverFor(t, f.delta, f.b))
		r.update(nothing(t)) // the newest record is the fourth, in the second sector
		addr := r.wear(f.layout.Records()[0], d)
		c := f.goods(t, "3", 3, 3, f.a.image)
		back := f.makeBack(t)
		if s := r.insist(back, c); s.out != terminal.Refused || s.err == nil || s.last.Fault != protocol.FaultSector {
			t.Errorf("%v: %+v", d.Kind, s)
		}
		for range 2 {
			r.power()
			before := r.newest()
			s := r.insist(back, c)
			if s.out != terminal.Refused || s.bytes != 0 || s.stopped != 0 || len(s.dead) != 1 || s.dead[0] != addr {
				t.Errorf("%v: after a power failure: %+v, want 0x%x dead", d.Kind, s, addr)
			}
			if after := r.newest(); after.sequence != before.sequence || !after.confirmed || after.floor != 2 || !r.holds(f.b) {
				t.Errorf("%v: %v", d.Kind, after)
			}
		}
	}
}

// TestCutRecordIsWrittenAnew: a write that a power failure cut leaves a neighbour that is no record; the next boot makes it one,
// and the one after that writes nothing.
func TestCutRecordIsWrittenAnew(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	r.board.ResetCounter()
	if r.boot(); r.board.Operations() != 0 {
		t.Errorf("a device from the factory: %d operations at boot", r.board.Operations())
	}
	r.board.CutAt(3, emulator.NotBegun) // the intent record: erase, first page
	if e := r.startUpdate(); e.Kind != emulator.EndCut {
		t.Fatalf("%v", e.Kind)
	}
	for n, want := range []int{2, 2} {
		r.board.ResetCounter()
		if mode := r.boot(); mode != terminal.Running || !r.holds(f.a) || len(r.papers()) != want {
			t.Fatalf("boot %d: %v, %d records", n+1, mode, len(r.papers()))
		}
		if ops := r.board.Operations(); ops == 0 != (n > 0) {
			t.Errorf("boot %d: %d operations", n+1, ops)
		}
		r.power()
	}
}

// TestRecordSectorDiesDuringUpdate: the record sector that new records would go to dies with the first software sector. The marks
// of the record that is there suffice, or the device waits in restoration mode and names the sector, now and after a power failure.
func TestRecordSectorDiesDuringUpdate(t *testing.T) {
	f := fixtureOf(t, small)
	for _, d := range worn[:3] {
		r := f.device(t, f.a)
		var addr uint32
		r.hook = func(e terminal.Event) {
			if e.Code == terminal.EventMark && addr == 0 {
				addr = r.wear(f.layout.Records()[0], d)
			}
		}
		first := r.insist(f.delta, f.b)
		if first.out != terminal.Rewritten || addr == 0 {
			t.Fatalf("%v: %+v, dead 0x%x", d.Kind, first, addr)
		}
		s := r.insist(f.makeBack(t), f.a)
		if s.mode != terminal.Running || !r.holds(f.b) || len(s.dead) != 1 || s.dead[0] != addr || s.bytes != 0 {
			t.Errorf("%v: %+v, want 0x%x dead", d.Kind, s, addr)
		}
		r.power()
		if s := r.insist(f.makeBack(t), f.a); s.mode != terminal.Running || len(s.dead) != 1 || s.dead[0] != addr || s.bytes != 0 {
			t.Errorf("%v: after a power failure: %+v, want 0x%x dead", d.Kind, s, addr)
		}
	}
}

// TestRecordSectorDiesOnTheCable: a restoration that can write no record says so, with the address, on each of its roads.
func TestRecordSectorDiesOnTheCable(t *testing.T) {
	f := fixtureOf(t, small)
	for _, road := range []struct {
		name string
		go1  func(a *apparatus) error
	}{
		{"one file", func(a *apparatus) error { _, err := a.restore(f.b, false); return err }},
		{"parts", func(a *apparatus) error { _, err := a.restore(f.b, true); return err }},
		{"upload", func(a *apparatus) error { return a.upload(fileOf(f.b), 1000) }},
	} {
		for _, d := range worn[:3] {
			r := f.broken(t)
			addr := r.wear(f.layout.Records()[0], d) // the intent lies in the second
			for n := range 2 {
				var st smp.Status
				_, err := r.restoring(func(a *apparatus) error {
					if err := road.go1(a); err == nil {
						t.Errorf("%s, %v: restored without a record", road.name, d.Kind)
					}
					return a.ask(&smp.StatusRequest{}, &st)
				})
				if err != nil || st.Fault != smp.FaultRecord || st.Addr != addr {
					t.Errorf("%s, %v, attempt %d: %v, %v at 0x%x, want 0x%x", road.name, d.Kind, n+1, err, st.Fault, st.Addr, addr)
				}
				r.power()
			}
			r.board.Mend()
			if err := r.mend(f.b, false); err != nil {
				t.Errorf("%s, %v: mended: %v", road.name, d.Kind, err)
			}
		}
	}
}

// TestDeadSoftwareSectorIsRemembered: a sector that an image needs and that takes no data is known over resets, power failures and
// confirmation; what needs it is not fetched again; a release that does not is; and writing it makes it good.
func TestDeadSoftwareSectorIsRemembered(t *testing.T) {
	f := fixtureOf(t, small)
	last := f.software.SectorAt(f.b.m.Size - 1) // b needs it, a does not
	r := f.device(t, f.a)
	addr := r.wear(f.layout.SoftwareFirst()+last, worn[0])
	if s := r.insist(f.delta, f.b); s.out != terminal.Damaged {
		t.Fatalf("%+v", s)
	}
	if err := r.mend(f.a, false); err != nil { // power fails in it
		t.Fatal(err)
	}
	r.update(nothing(t)) // the report is told, and the release confirmed
	r.power()
	s := r.insist(f.delta, f.b)
	if s.out != terminal.Refused || s.fault != protocol.FaultSector || s.bytes != 0 || s.stopped != 0 || len(s.dead) != 1 || s.dead[0] != addr {
		t.Errorf("%+v, want 0x%x dead", s, addr)
	}
	if p := r.newest(); len(p.dead) != 1 || p.dead[0] != addr {
		t.Errorf("%v", p)
	}
	r.power()
	if st := r.told(); st.Fault != smp.FaultProgram || st.Addr != addr {
		t.Errorf("after a power failure, cable: %v at 0x%x, want 0x%x", st.Fault, st.Addr, addr)
	}
	changed := slices.Clone(f.a.image)
	changed[100] ^= 1
	c := f.goods(t, "3", 3, 3, changed)
	if s := r.insist(f.makeDelta(t, f.a.image, changed, nil), c); s.out != terminal.Rewritten {
		t.Errorf("a release that does not need it: %+v", s)
	}
	r.board.Mend()
	d := f.goods(t, "4", 4, 4, f.b.image)
	if _, err := r.asked(func(a *apparatus) error { _, err := a.restore(d, false); return err }); err == nil {
		t.Log("the simple host knows the flash")
	} else if _, err := r.asked(func(a *apparatus) error { return a.upload(fileOf(d), 1000) }); err != nil {
		t.Fatal(err)
	}
	q := nothing(t)
	r.update(q)
	if !r.holds(d) || q.hello.Report == nil || len(q.hello.Report.Dead) != 0 {
		t.Errorf("mended: report %+v", q.hello.Report)
	}
}

// TestConfirmationThatCannotBeWritten is tried once, told, and not tried again at the price of the applications.
func TestConfirmationThatCannotBeWritten(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	r.update(f.serverFor(t, f.delta, f.b))
	r.boot()
	addr := r.wear(f.layout.Records()[1], worn[0])
	for n := range 3 {
		s := nothing(t)
		stopped := 0
		r.run(func(term *terminal.Terminal) {
			stopped = len(r.events(terminal.EventStopped))
			term.Session(s.conn())
			stopped = len(r.events(terminal.EventStopped)) - stopped
			r.applications()
		})
		if stopped > 0 != (n == 0) || r.last.Confirmed() || r.last.Floor().Counter != 1 || !r.holds(f.b) {
			t.Errorf("session %d: %d stopped, confirmed %v, floor %d", n+1, stopped, r.last.Confirmed(), r.last.Floor().Counter)
		}
		if p := s.hello.Report; p == nil || n > 0 && (len(p.Dead) != 1 || p.Dead[0] != addr) {
			t.Errorf("session %d: report %+v", n+1, p)
		}
	}
	r.power()
	r.board.Mend()
	if r.update(nothing(t)); !r.last.Confirmed() || r.last.Floor().Counter != 2 {
		t.Errorf("mended: confirmed %v, floor %d", r.last.Confirmed(), r.last.Floor().Counter)
	}
}
