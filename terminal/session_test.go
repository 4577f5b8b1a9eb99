package terminal_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"testing"
	"time"

	"unbrick/delta/diff"
	"unbrick/emulator"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/terminal"
)

var small = kinds[0]

// applications checks that every application runs, and none of their memory was touched.
func (r *rig) applications() {
	r.t.Helper()
	for _, a := range r.board.RAM().Regions() {
		if a.Name != "" && a.State != emulator.Running && a.State != emulator.Fixed {
			r.t.Errorf("application %q is %v", a.Name, a.State)
		}
	}
}

// signedBy returns g's manifest changed and signed with key.
func (f *fixture) signedBy(t *testing.T, g goods, key ed25519.PrivateKey, change func(*release.Manifest)) []byte {
	t.Helper()
	m := g.m
	if change != nil {
		change(&m)
	}
	signed, err := release.Sign(&m, key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestRefusedOffers(t *testing.T) {
	f := fixtureOf(t, small)
	other := ed25519.NewKeyFromSeed(make([]byte, 32))
	for _, tt := range []struct {
		name  string
		spoil func(s *server)
		fault protocol.Fault
	}{
		{"unknown key", func(s *server) { s.info.Manifest = f.signedBy(t, f.b, other, nil) }, protocol.FaultKey},
		{"wrong signature", func(s *server) {
			m := append([]byte(nil), s.info.Manifest...)
			m[len(m)-1] ^= 1
			s.info.Manifest = m
		}, protocol.FaultSignature},
		{"no manifest", func(s *server) { s.info.Manifest = []byte{1, 2, 3} }, protocol.FaultManifest},
		{"foreign model", func(s *server) {
			s.info.Manifest = f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Model = "0002" })
		}, protocol.FaultModel},
		{"not newer", func(s *server) {
			s.info.Manifest = f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Order = 1 })
		}, protocol.FaultOrder},
		{"below the floor", func(s *server) {
			s.info.Manifest = f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Counter = 0 })
		}, protocol.FaultFloor},
		{"era", func(s *server) {
			s.info.Manifest = f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Era = 1 })
		}, protocol.FaultTrust},
		{"trust statement", func(s *server) {
			s.info.Manifest = f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Least = 1 })
		}, protocol.FaultTrust},
		{"several parts", func(s *server) {
			s.info.Manifest = f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Family = "hub" })
		}, protocol.FaultModel},
		{"too large for the area", func(s *server) {
			s.info.Manifest = f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Size = f.software.Size() + 1 })
		}, protocol.FaultSize},
		{"needs more workspace", func(s *server) { s.info.Workspace = f.kind.ram }, protocol.FaultWorkspace},
		{"corrupt on the way", func(s *server) { s.damage = func(p []byte) { p[len(p)/2] ^= 4 } }, protocol.FaultDigest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := f.device(t, f.a)
			s := f.serverFor(t, f.delta, f.b)
			tt.spoil(s)
			r.run(func(term *terminal.Terminal) {
				out, err := term.Session(s.conn())
				if out != terminal.Refused || err == nil {
					t.Errorf("outcome %v, %v", out, err)
				}
				if term.Last().Fault != tt.fault || s.fault != tt.fault {
					t.Errorf("fault %v, server was told %v, want %v", term.Last().Fault, s.fault, tt.fault)
				}
				r.applications()
			})
			if r.board.Operations() != 0 || !r.holds(f.a) {
				t.Errorf("%d flash operations", r.board.Operations())
			}
		})
	}
}

// TestProofBeforeErase offers files that arrive whole and do not lead to the signed image.
func TestProofBeforeErase(t *testing.T) {
	f := fixtureOf(t, small)
	wrong := append([]byte(nil), f.a.image...)
	wrong[5000] ^= 1
	hostile := append([]byte(nil), f.delta...)
	hostile[len(hostile)-9] ^= 0x10
	failProof(t, f, 150<<10, map[string][]byte{
		"wrong base": f.makeDelta(t, wrong, f.b.image, nil),
		"other end":  f.makeDelta(t, f.a.image, wrong, nil),
		"hostile":    hostile,
		"no delta":   []byte("this is no update file at all"),
	})
}

// failProof offers each file as if it were f's own, with this much workspace. None may lead to a flash operation or
// be asked for again.
func failProof(t *testing.T, f *fixture, workspace uint32, files map[string][]byte) {
	t.Helper()
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			r := f.device(t, f.a)
			s := f.serverFor(t, f.delta, f.b)
			s.file, s.info.Size, s.info.Digest = file, uint32(len(file)), sha256.Sum256(file)
			s.info.Workspace = workspace
			r.run(func(term *terminal.Terminal) {
				if out, err := term.Session(s.conn()); out != terminal.ProofFailed || err == nil {
					t.Errorf("outcome %v, %v", out, err)
				}
				r.applications()
				// Not asked for again, and the server is told.
				out, _ := term.Session(s.conn())
				if out != terminal.Refused || term.Last().Fault != protocol.FaultRetry {
					t.Errorf("second time: %v, %v", out, term.Last().Fault)
				}
				r.board.Reset(emulator.CauseSoftware)
			})
			if r.board.Operations() != 0 || !r.holds(f.a) {
				t.Errorf("%d flash operations", r.board.Operations())
			}
			// It survives a reset, not a power failure.
			r.update(s)
			if len(s.hello.Refused) != 1 || s.hello.Refused[0] != s.info.Digest {
				t.Errorf("after a reset the hello names %d files", len(s.hello.Refused))
			}
			r.power()
			r.update(nothing(t))
			if d := r.last.Last(); d.Reason != protocol.ReasonUpToDate {
				t.Errorf("reason %v", d.Reason)
			}
		})
	}
}

// TestResume breaks the link at every message; the next session goes on where this one ended.
func TestResume(t *testing.T) {
	f := fixtureOf(t, small)
	// A full file in several pieces: the diff of unrelated bytes.
	file, err := diff.Full(context.Background(), f.b.image, &diff.Options{Geometry: &f.software, Resident: resident})
	if err != nil {
		t.Fatal(err)
	}
	for broken := 1; broken <= 4; broken++ {
		r := f.device(t, f.a)
		s := f.serverFor(t, file, f.b)
		r.run(func(term *terminal.Terminal) {
			s.fail = func(n int) error {
				if n == broken {
					return errPulled
				}
				return nil
			}
			out, _ := term.Session(s.conn())
			if out != terminal.Broken {
				t.Errorf("broken at %d: %v", broken, out)
			}
			s.fail = nil
			if broken < 4 { // nothing has arrived
				r.applications()
			}
			if out, _ := term.Session(s.conn()); out != terminal.Rewritten {
				t.Errorf("resumed: %v, %+v", out, term.Last())
			}
			r.board.Reset(emulator.CauseSoftware)
		})
		if broken == 4 && s.offset == 0 {
			t.Error("nothing was resumed")
		}
		if !r.holds(f.b) {
			t.Error("flash does not hold the new image")
		}
	}
}

// TestAbandoned lets nobody resume: the applications come back by themselves.
func TestAbandoned(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	s := f.serverFor(t, f.delta, f.b)
	s.info.Workspace = 180 << 10 // so that applications have to stop
	r.run(func(term *terminal.Terminal) {
		s.fail = func(n int) error {
			if n == 4 {
				return errPulled
			}
			return nil
		}
		term.Session(s.conn())
		term.Alive()
		if n := len(r.events(terminal.EventStarted)); n != 2 { // those of the boot
			t.Errorf("%d starts before the time is up", n)
		}
		r.board.Clock().Sleep(11 * time.Minute)
		term.Alive()
		r.applications()
	})
}

// TestLeastImportantFirst checks that no more applications stop than the file needs.
func TestLeastImportantFirst(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	s := f.serverFor(t, f.delta, f.b)
	s.info.Workspace = 160 << 10 // more than what is free, less than free and one application
	r.run(func(term *terminal.Terminal) {
		s.fail = func(n int) error {
			if n == 3 {
				return errPulled
			}
			return nil
		}
		term.Session(s.conn())
	})
	stopped := r.events(terminal.EventStopped)
	if len(stopped) != 1 || stopped[0].A != 2 {
		t.Errorf("stopped %+v", stopped)
	}
}

// TestPredecessorReturns until the new release confirmed itself, and not after.
func TestPredecessorReturns(t *testing.T) {
	f := fixtureOf(t, small)
	back := f.makeBack(t)
	for _, confirmed := range []bool{false, true} {
		r := f.device(t, f.a)
		r.update(f.serverFor(t, f.delta, f.b))
		if confirmed {
			r.update(nothing(t))
		}
		out, _ := r.update(f.serverFor(t, back, f.a))
		if !confirmed && (out != terminal.Rewritten || !r.holds(f.a)) {
			t.Errorf("before confirmation: %v %+v", out, r.last.Last())
		}
		if confirmed && (out != terminal.Refused || r.last.Last().Fault != protocol.FaultFloor) {
			t.Errorf("after confirmation: %v %v", out, r.last.Last().Fault)
		}
	}
}

// TestNothingFits tells a device that it is too small for an update; nothing is stopped.
func TestNothingFits(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	s := &server{t: t, info: protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonNoFit, Workspace: 1 << 20, Has: 100}}
	r.run(func(term *terminal.Terminal) {
		if out, err := term.Session(s.conn()); out != terminal.Nothing || err != nil {
			t.Errorf("%v %v", out, err)
		}
		if l := term.Last(); l.Reason != protocol.ReasonNoFit || l.Workspace != 1<<20 {
			t.Errorf("%+v", l)
		}
		r.applications()
	})
	if len(r.events(terminal.EventStopped)) != 0 {
		t.Error("applications were stopped")
	}
}

// TestRewriteAllocatesNothing counts allocations from the proof to the `installed` record.
func TestRewriteAllocatesNothing(t *testing.T) {
	for _, k := range []kind{kinds[0], kinds[4]} {
		f := fixtureOf(t, k)
		r := f.device(t, f.a)
		for _, got := range r.allocations(f.serverFor(t, f.delta, f.b)) {
			t.Errorf("%s: allocates, %s", k.name, got)
		}
	}
}

// TestEvents checks that an update tells its steps in the specification's order.
func TestEvents(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	s := f.serverFor(t, f.delta, f.b)
	s.info.Workspace = 180 << 10
	r.update(s)
	step := uint8(0)
	seen := map[uint8]bool{}
	for _, e := range r.log {
		if e.Step == 0 {
			continue
		}
		if e.Step < step && e.Code != terminal.EventStopped { // S13 stops what S07 left running
			t.Errorf("S%02d %v after S%02d", e.Step, e.Code, step)
		}
		step = max(step, e.Step)
		seen[e.Step] = true
		if e.Element < 111 || e.Element > 120 {
			t.Errorf("%v has element %d", e.Code, e.Element)
		}
	}
	for _, want := range []uint8{1, 5, 7, 8, 11, 12, 13, 14} {
		if !seen[want] {
			t.Errorf("no event of S%02d", want)
		}
	}
}
