package terminal_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"

	"unbrick/emulator"
	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal"
)

// Trust is state: the floor, the keys that are retired, what has confirmed itself, the predecessor that may return,
// the files and sectors that are known to be bad. These tests look at the record sectors' cells, and at what the
// device says and refuses on both roads.

// TestFloorNeverFalls: every record that any road writes carries the floor, and only confirmation raises it.
func TestFloorNeverFalls(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	life(t, f, r, r.follow())
}

// TestFloorCountsOnBothRoads: a release below the device's own floor, not only below the factory's, is refused
// over the link and on the cable before anything is erased.
func TestFloorCountsOnBothRoads(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	r.update(f.serverFor(t, f.delta, f.b))
	r.update(nothing(t)) // floor 2, of the factory 1
	low := f.goods(t, "9", 9, 1, f.a.image)
	r.board.ResetCounter()
	s := f.serverFor(t, f.makeBack(t), low)
	if out, _ := r.update(s); out != terminal.Refused || s.fault != protocol.FaultFloor || s.hello.Floor.Counter != 2 {
		t.Errorf("link: %v, fault %v, floor %v in the hello", out, s.fault, s.hello.Floor)
	}
	_, err := r.asked(func(a *apparatus) error {
		var st smp.Status
		if err := a.ask(&smp.BeginRequest{Manifest: low.signed}, &st); faultOf(err) != smp.FaultFloor {
			t.Errorf("begin: %v", err)
		}
		if err := a.upload(fileOf(low), 500); faultOf(err) != smp.FaultFloor {
			t.Errorf("upload: %v", err)
		}
		var id smp.Identity
		if err := a.ask(&smp.IdentifyRequest{}, &id); err != nil || id.Floor.Counter != 2 {
			t.Errorf("identification: floor %v, %v", id.Floor, err)
		}
		return a.ask(&smp.StatusRequest{}, &st)
	})
	if err != nil {
		t.Fatal(err)
	}
	if !r.holds(f.b) || r.newest().floor != 2 {
		t.Errorf("afterwards: holds %v, %v", r.holds(f.b), r.newest())
	}
}

// asked is restoring with a device that is asked into restoration mode with its pin.
func (r *rig) asked(host func(*apparatus) error) (emulator.Ending, error) {
	r.board.SetPin(true)
	defer r.board.SetPin(false)
	return r.restoring(host)
}

// twoKeys is a fixture whose device has two keys; the releases are signed with the second.
func twoKeys(t *testing.T) (f *fixture, old *fixture) {
	f = fixtureOf(t, small)
	old = new(fixture)
	*old = *f
	f.key = keyOf("the second key")
	f.id.Keys = [][32]byte{publicOf(old.key), publicOf(f.key)}
	old.id = f.id
	f.a, f.b = f.goods(t, "1", 1, 1, f.a.image), f.goods(t, "2", 2, 2, f.b.image)
	return f, old
}

// TestStatementStays: every record that any road writes carries the trust statement on.
func TestStatementStays(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	signed := f.statement(t, nil, f.key)
	r.adopt(signed)
	s := r.follow()
	life(t, f, r, s)
	if !bytes.Equal(r.newest().statement, signed) {
		t.Errorf("in the end: %x", r.newest().statement)
	}
}

// TestTrustOfTheStatement: with a trust statement the key slots sign releases no more, but the keys that it names: at boot, over
// the link, on the cable; and both roads are told.
func TestTrustOfTheStatement(t *testing.T) {
	f, old := twoKeys(t)
	r := f.device(t, f.a)
	r.adopt(f.statement(t, func(s *release.Statement) {
		s.Version, s.Retired = 7, []release.KeyID{release.IDOf(f.id.Keys[0][:])}
	}, f.key))
	signed := old.goods(t, "2", 2, 2, f.b.image)
	s := f.serverFor(t, f.delta, signed)
	out, _ := r.update(s)
	if out != terminal.Refused || s.fault != protocol.FaultKey || s.offset != 0 || s.done {
		t.Errorf("link: %v, fault %v", out, s.fault)
	}
	if len(s.hello.Keys) != 1 || s.hello.Keys[0] != release.IDOf(f.id.Keys[1][:]) || s.hello.Statement != 7 {
		t.Errorf("the hello trusts %v, by statement %d", s.hello.Keys, s.hello.Statement)
	}
	_, err := r.asked(func(a *apparatus) error {
		var id smp.Identity
		if err := a.ask(&smp.IdentifyRequest{}, &id); err != nil || id.Trust != 7 || int(id.Statement) != len(r.newest().statement) {
			t.Errorf("identification: statement %d of %d bytes, %v", id.Trust, id.Statement, err)
		}
		var part smp.Record
		if err := a.ask(&smp.RecordRequest{Part: smp.PartStatement}, &part); err != nil || !bytes.Equal(part.Data, r.newest().statement) {
			t.Errorf("record: %x, %v", part.Data, err)
		}
		var st smp.Status
		if err := a.ask(&smp.BeginRequest{Manifest: signed.signed}, &st); faultOf(err) != smp.FaultKey {
			t.Errorf("begin: %v", err)
		}
		if err := a.upload(fileOf(signed), 500); faultOf(err) != smp.FaultKey {
			t.Errorf("upload: %v", err)
		}
		return a.ask(&smp.StatusRequest{}, &st)
	})
	if err != nil {
		t.Fatal(err)
	}
	if !r.holds(f.a) {
		t.Error("the flash does not hold what it held")
	}
}

// TestStatementDecidesAtBoot: what is installed runs by the statement's keys for running, and only by a statement that the key
// slots have signed.
func TestStatementDecidesAtBoot(t *testing.T) {
	f, old := twoKeys(t)
	other := keyOf("a key that is in no slot")
	byOther := *f
	byOther.key = other
	with := func(uses release.Use) func(*release.Statement) {
		return func(s *release.Statement) {
			s.Keys = []release.ReleaseKey{{Public: publicOf(f.key), Uses: release.Install | release.Run}, {Public: publicOf(other), Uses: uses}}
		}
	}
	for _, tt := range []struct {
		name      string
		g         goods
		statement []byte
		least     uint32 // of the identification
		runs      bool
	}{
		{name: "a key that may install and run", g: f.a, statement: f.statement(t, nil, f.key), runs: true},
		{name: "a key that may only run", g: byOther.goods(t, "1", 1, 1, f.a.image), statement: f.statement(t, with(release.Run), f.key), runs: true},
		{name: "a key that may only install", g: byOther.goods(t, "1", 1, 1, f.a.image), statement: f.statement(t, with(release.Install), f.key)},
		{name: "a slot that the statement does not name", g: old.goods(t, "1", 1, 1, f.a.image), statement: f.statement(t, nil, f.key)},
		{name: "signed by a stranger", g: f.a, statement: f.statement(t, nil, other)},
		{name: "signed only by a slot that it retires", g: f.a, statement: f.statement(t, func(s *release.Statement) {
			s.Retired = []release.KeyID{release.IDOf(f.id.Keys[1][:])}
		}, f.key)},
		{name: "no statement at all", g: f.a, statement: []byte("anything")},
		{name: "of another model", g: f.a, statement: f.statement(t, func(s *release.Statement) { s.Model = "0002" }, f.key)},
		{name: "older than the factory allows", g: f.a, statement: f.statement(t, func(s *release.Statement) { s.Version = 2 }, f.key), least: 3},
		{name: "above a ceiling", g: f.a, statement: f.statement(t, func(s *release.Statement) { s.MaxOrder = 0 }, f.key)},
		{name: "below the least, which counts for installing", g: f.a, statement: f.statement(t, func(s *release.Statement) { s.Least = release.Floor{Counter: 9} }, f.key), runs: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := *f
			g.id.Least = tt.least
			r := g.made(t, tt.g)
			r.adopt(tt.statement)
			if mode := r.boot(); (mode == terminal.Running) != tt.runs {
				t.Errorf("%v", mode)
			}
		})
	}
}

// TestThreshold: a device that asks for two signatures takes no release with one, on no road, and runs none either.
func TestThreshold(t *testing.T) {
	f, old := twoKeys(t)
	f.id.Threshold = 2
	by := func(g goods, keys ...ed25519.PrivateKey) goods {
		signed, err := release.Sign(&g.m, keys...)
		if err != nil {
			t.Fatal(err)
		}
		return goods{image: g.image, signed: signed, m: g.m}
	}
	other := keyOf("a key that the device does not know")
	one, stranger, two := by(f.b, f.key), by(f.b, f.key, other), by(f.b, f.key, old.key)
	if _, err := terminal.Factory(&f.layout, &f.id, nil, f.a.signed, f.a.image); !errors.Is(err, release.ErrSigners) {
		t.Errorf("factory, one signature: %v", err)
	}
	r := f.device(t, by(f.a, old.key, f.key))
	for name, g := range map[string]goods{"one signature": one, "one, and a stranger's": stranger} {
		s := f.serverFor(t, f.delta, g)
		if out, _ := r.update(s); out != terminal.Refused || s.fault != protocol.FaultSignatures || s.done {
			t.Errorf("link, %s: %v, fault %v", name, out, s.fault)
		}
		_, err := r.asked(func(a *apparatus) error {
			var id smp.Identity
			if err := a.ask(&smp.IdentifyRequest{}, &id); err != nil || id.Threshold != 2 {
				t.Errorf("identification: threshold %d, %v", id.Threshold, err)
			}
			var st smp.Status
			if err := a.ask(&smp.BeginRequest{Manifest: g.signed}, &st); faultOf(err) != smp.FaultSigners {
				t.Errorf("begin, %s: %v", name, err)
			}
			if err := a.upload(fileOf(g), 500); faultOf(err) != smp.FaultSigners {
				t.Errorf("upload, %s: %v", name, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s := f.serverFor(t, f.delta, two)
	if out, _ := r.update(s); out != terminal.Rewritten || s.hello.Threshold != 2 || !r.holds(f.b) {
		t.Errorf("link, two signatures: %v, hello asks for %d", out, s.hello.Threshold)
	}
	if _, err := r.asked(func(a *apparatus) error { _, err := a.restore(two, false); return err }); err != nil {
		t.Errorf("cable, two signatures: %v", err)
	}

	// A device of whose own release's two keys a statement names one.
	r = f.device(t, by(f.a, old.key, f.key))
	r.adopt(f.statement(t, func(s *release.Statement) {
		s.Threshold = 2
		s.Keys = append(s.Keys, release.ReleaseKey{Public: publicOf(other), Uses: release.Install | release.Run})
	}, old.key, f.key))
	if mode := r.boot(); mode != terminal.Restoration {
		t.Errorf("a release with one signature left: %v", mode)
	}
}

// makeBack returns the update file from b to a, made once.
func (f *fixture) makeBack(t *testing.T) []byte {
	if f.back == nil {
		f.back = f.makeDelta(t, f.b.image, f.a.image, nil)
	}
	return f.back
}

// offer reports whether the device would take what s offers: the link breaks when it asks for the file.
func (r *rig) offer(s *server) bool {
	s.fail = func(n int) error {
		if n > 2 { // challenge and information
			return errPulled
		}
		return nil
	}
	out, _ := r.update(s)
	return out == terminal.Broken
}

// TestPredecessorIsTheOneBefore: until the new release has confirmed itself, the one before may return, whatever its order; no
// other one may, and afterwards none.
func TestPredecessorIsTheOneBefore(t *testing.T) {
	f := fixtureOf(t, small)
	// All have one counter, so that only the order speaks against them.
	before, after := f.goods(t, "5", 5, 1, f.a.image), f.goods(t, "6", 6, 1, f.b.image)
	stranger := f.goods(t, "4", 4, 1, append([]byte("another"), f.a.image[7:]...))
	r := f.device(t, before)
	r.update(f.serverFor(t, f.delta, after))
	for _, tt := range []struct {
		what string
		g    goods
		want bool
	}{{"predecessor", before, true}, {"another old release", stranger, false}} {
		s := f.serverFor(t, f.makeBack(t), tt.g)
		if got := r.offer(s); got != tt.want || !got && s.fault != protocol.FaultOrder {
			t.Errorf("unconfirmed, %s: taken %v, fault %v", tt.what, got, s.fault)
		}
	}
	r.update(nothing(t))
	s := f.serverFor(t, f.makeBack(t), before)
	if r.offer(s) || s.fault != protocol.FaultOrder {
		t.Errorf("confirmed, predecessor: taken, or fault %v", s.fault)
	}

	// Back at the predecessor there is nothing behind it.
	r = f.device(t, before)
	r.update(f.serverFor(t, f.delta, after))
	if out, _ := r.update(f.serverFor(t, f.makeBack(t), before)); out != terminal.Rewritten {
		t.Fatalf("back: %v", out)
	}
	r.boot()
	if m, _ := r.last.Installed(); m.Version != "5" || r.last.Confirmed() {
		t.Errorf("back at %s, confirmed %v", m.Version, r.last.Confirmed())
	}
}

// TestDeadSectorsAreToldOnBothRoads: a sector of the software area that takes no data is named over the cable while the device
// waits, and over the link once it runs again, whatever brought it back.
func TestDeadSectorsAreToldOnBothRoads(t *testing.T) {
	f := fixtureOf(t, small)
	last := f.software.SectorAt(f.b.m.Size - 1) // b needs it, a does not
	if f.software.SectorAt(f.a.m.Size-1) >= last {
		t.Fatal("both images need the sector")
	}
	addr, _ := f.layout.Geometry.Sector(f.layout.SoftwareFirst() + last)
	for _, kind := range []emulator.DefectKind{emulator.DefectErase, emulator.DefectProgram, emulator.DefectMisprogram} {
		r := f.device(t, f.a)
		if err := r.board.Inject(emulator.Defect{Kind: kind, Addr: addr + 8}); err != nil {
			t.Fatal(err)
		}
		if out, _ := r.update(f.serverFor(t, f.delta, f.b)); out != terminal.Damaged {
			t.Fatalf("%v: %v", kind, out)
		}
		var first, second smp.Status
		_, err := r.restoring(func(a *apparatus) error {
			if err := a.ask(&smp.StatusRequest{}, &first); err != nil {
				return err
			}
			if _, err := a.restore(f.b, false); err == nil {
				t.Errorf("%v: restored over a dead sector", kind)
			}
			if err := a.ask(&smp.StatusRequest{}, &second); err != nil {
				return err
			}
			_, err := a.restore(f.a, false)
			return err
		})
		if err != nil {
			t.Fatalf("%v: %v", kind, err)
		}
		if first.Addr != addr || first.Fault == smp.FaultNone || second.Addr != addr || second.Fault == smp.FaultNone {
			t.Errorf("%v: cable: %v at 0x%x before, %v at 0x%x after an attempt, want 0x%x", kind, first.Fault, first.Addr, second.Fault, second.Addr, addr)
		}
		s := nothing(t)
		r.update(s)
		if p := s.hello.Report; p == nil || len(p.Dead) != 1 || p.Dead[0] != addr {
			t.Errorf("%v: link: report %+v, want 0x%x dead", kind, p, addr)
		}
	}
}
