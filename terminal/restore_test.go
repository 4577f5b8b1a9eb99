package terminal_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal"
)

// broken returns a device whose update lost power in the middle of the software area.
func (f *fixture) broken(t testing.TB) *rig {
	t.Helper()
	r := f.device(t, f.a)
	w := r.watch()
	start := r.board.Snapshot()
	r.startUpdate()
	r.board.OnOperation(nil)
	r.board.Restore(start)
	r.board.CutAt(uint64((w.first+w.last)/2), emulator.Half)
	if e := r.startUpdate(); e.Kind != emulator.EndCut {
		t.Fatalf("update ended with %v", e.Kind)
	}
	return r
}

// TestNoBootRefreshesForEver: a device that lost its records doubts all of a large area. Restored, it knows its image, and boots
// without a flash operation.
func TestNoBootRefreshesForEver(t *testing.T) {
	k := small
	k.list = "4KiB*200"
	f := fixtureOf(t, k)
	r := f.device(t, f.a)
	raw, state := r.board.Save()
	for _, s := range f.layout.Records() {
		addr, n := f.layout.Geometry.Sector(s)
		copy(raw[addr:], bytes.Repeat([]byte{f.layout.Geometry.Erased}, int(n)))
	}
	if err := r.board.Load(raw, state); err != nil {
		t.Fatal(err)
	}
	if err := r.mend(f.b, false); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		r.board.ResetCounter()
		if mode := r.boot(); mode != terminal.Running || r.board.Operations() != 0 {
			t.Errorf("boot %d: %v, %d flash operations", n+1, mode, r.board.Operations())
		}
		r.update(nothing(t)) // it confirms itself
		r.power()
	}
}

func faultOf(err error) smp.Fault {
	var e *smp.Error
	if errors.As(err, &e) {
		return e.Fault()
	}
	return smp.FaultNone
}

// TestRefusedRestorations asks for what may not be restored: nothing is erased.
func TestRefusedRestorations(t *testing.T) {
	f := fixtureOf(t, small)
	other := ed25519.NewKeyFromSeed(make([]byte, 32))
	bad := append([]byte(nil), f.b.signed...)
	bad[len(bad)-1] ^= 1
	for _, tt := range []struct {
		name     string
		manifest []byte
		want     smp.Fault
	}{
		{"unknown key", f.signedBy(t, f.b, other, nil), smp.FaultKey},
		{"signature", bad, smp.FaultSignature},
		{"no manifest", []byte("x"), smp.FaultManifest},
		{"model", f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Model = "0002" }), smp.FaultModel},
		{"floor", f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Counter = 0 }), smp.FaultFloor},
		{"era", f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Era = 1 }), smp.FaultTrust},
		{"trust statement", f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Least = 1 }), smp.FaultTrust},
		{"several parts", f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Family = "hub" }), smp.FaultModel},
		{"size", f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.Size = f.software.Size() + 4 }), smp.FaultSize},
		{"leaf size", f.signedBy(t, f.b, f.key, func(m *release.Manifest) { m.LeafSize = 256 }), smp.FaultSize},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := f.broken(t)
			var ops uint64
			_, err := r.restoring(func(a *apparatus) error {
				r.board.ResetCounter()
				var s smp.Status
				err := a.ask(&smp.BeginRequest{Manifest: tt.manifest}, &s)
				if faultOf(err) != tt.want {
					t.Errorf("begin: %v, want %v", err, tt.want)
				}
				file := release.AppendFile(nil, &release.File{Signed: tt.manifest, Image: f.b.image})
				if tt.want != smp.FaultManifest {
					if err := a.upload(file, 500); faultOf(err) != tt.want {
						t.Errorf("upload: %v, want %v", err, tt.want)
					}
				}
				if _, _, err := a.announce(f.delta); faultOf(err) != smp.FaultPhase {
					t.Errorf("file: %v", err)
				}
				ops = r.board.Operations()
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if ops != 0 {
				t.Errorf("%d flash operations", ops)
			}
		})
	}
}

// TestCableProofBeforeErase sends files that may not be applied.
func TestCableProofBeforeErase(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.broken(t)
	_, err := r.restoring(func(a *apparatus) error {
		var s smp.Status
		if err := a.ask(&smp.IdentifyRequest{}, &a.id); err != nil {
			return err
		}
		if a.id.State != smp.RecordRewriting || a.id.Why != smp.WhyInterrupted || a.id.From == 0 || a.id.To == 0 {
			t.Errorf("identity %+v", a.id)
		}
		if err := a.ask(&smp.BeginRequest{Manifest: f.b.signed}, &s); err != nil {
			return err
		}
		if s, err := a.settle(); err != nil || s.Phase != smp.PhaseReady {
			return fmt.Errorf("%+v %w", s, err)
		}
		r.board.ResetCounter()
		// Made for an undamaged base: neither the proof nor the plan fits what is there.
		if err := a.apply(f.delta); err == nil || !strings.Contains(err.Error(), "proof") {
			t.Errorf("wrong base: %v", err)
		}
		if err := a.apply([]byte("no update file")); err == nil || !strings.Contains(err.Error(), "format") {
			t.Errorf("no file: %v", err)
		}
		// A file that is not the announced one.
		var off smp.Offset
		if err := a.ask(&smp.FileRequest{Number: 1, Size: 4, SHA: sha256.Sum256([]byte("good")), Block: hostBlock}, &off); err != nil {
			return err
		}
		if err := a.ask(&smp.DataRequest{Number: 1, Data: []byte("evil again")}, &off); faultOf(err) != smp.FaultRange {
			t.Errorf("too much: %v", err)
		}
		if err := a.ask(&smp.DataRequest{Number: 1, Data: []byte("evil")}, &off); err != nil || off.Offset != 4 {
			return fmt.Errorf("%d %w", off.Offset, err)
		}
		if err := a.ask(&smp.DataRequest{Number: 1, Data: []byte("evil")}, &off); err != nil || off.Offset != 4 {
			t.Errorf("repeated piece: %d, %v", off.Offset, err)
		}
		if s, err := a.settle(); err != nil || s.Fault != smp.FaultDigest {
			t.Errorf("another digest: %+v, %v", s, err)
		}
		if n := r.board.Operations(); n != 0 {
			t.Errorf("%d flash operations", n)
		}
		// Finish without the image is a verdict, not a record.
		if err := a.ask(&smp.FinishRequest{}, &s); err != nil {
			return err
		}
		if s, err := a.settle(); err != nil || s.Fault != smp.FaultVerify || s.Phase != smp.PhaseReady {
			t.Errorf("finish: %+v, %v", s, err)
		}
		if err := a.ask(&smp.AbortRequest{}, &smp.Empty{}); err != nil {
			return err
		}
		return a.ask(&smp.StatusRequest{}, &s)
	})
	if err != nil {
		t.Fatal(err)
	}
	if mode := r.boot(); mode != terminal.Restoration {
		t.Errorf("boots to %v", mode)
	}
	if err := r.mend(f.b, false); err != nil {
		t.Error(err)
	}
}

// TestVanishedHost leaves in the middle of a transfer; the next host begins anew.
func TestVanishedHost(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.broken(t)
	e, err := r.restoring(func(a *apparatus) error {
		var s smp.Status
		if err := a.ask(&smp.BeginRequest{Manifest: f.a.signed}, &s); err != nil {
			return err
		}
		if _, err := a.settle(); err != nil {
			return err
		}
		var off smp.Offset
		if err := a.ask(&smp.FileRequest{Number: 1, Size: 9999, SHA: [32]byte{1}, Block: hostBlock}, &off); err != nil {
			return err
		}
		if err := a.ask(&smp.DataRequest{Number: 1, Data: make([]byte, 10*hostBlock)}, &off); err != nil {
			return err
		}
		// Half a packet, then silence.
		if err := a.port.Write([]byte("\x06\x09AAAA")); err != nil {
			return err
		}
		a.pause(time.Hour)
		// Another one.
		_, err := f.apparatus(a.port).restore(f.b, true)
		return err
	})
	if err != nil {
		t.Fatalf("%v: %v", e.Kind, err)
	}
	if mode := r.boot(); mode != terminal.Running || !r.holds(f.b) {
		t.Errorf("%v", mode)
	}
}

// TestDeadSector makes a sector that takes no erase: restoration says its address, the device stays
// restorable, and with the sector mended it is.
func TestDeadSector(t *testing.T) {
	f := fixtureOf(t, small)
	base, _ := f.layout.Geometry.Sector(f.layout.SoftwareFirst() + 2)
	for _, kind := range []emulator.DefectKind{emulator.DefectErase, emulator.DefectProgram, emulator.DefectMisprogram} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			r := f.device(t, f.a)
			if err := r.board.Inject(emulator.Defect{Kind: kind, Addr: base + 100}); err != nil {
				t.Fatal(err)
			}
			out, _ := r.update(f.serverFor(t, f.delta, f.b))
			dead := r.events(terminal.EventDead)
			if out != terminal.Damaged || len(dead) != 1 || dead[0].A != base {
				t.Fatalf("%v, %+v", out, dead)
			}
			if mode := r.boot(); mode != terminal.Restoration {
				t.Fatalf("boots to %v", mode)
			}
			var status smp.Status
			r.restoring(func(a *apparatus) error {
				_, err := a.restore(f.b, false)
				if err == nil {
					t.Error("restored over a dead sector")
				}
				return a.ask(&smp.StatusRequest{}, &status)
			})
			if status.Phase != smp.PhaseFailed || status.Addr != base || status.Fault != smp.FaultErase && status.Fault != smp.FaultProgram {
				t.Errorf("status %+v", status)
			}
			r.board.Mend()
			if err := r.mend(f.b, false); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOneBadProgram repeats what went wrong once, and reports it.
func TestOneBadProgram(t *testing.T) {
	f := fixtureOf(t, small)
	base, _ := f.layout.Geometry.Sector(f.layout.SoftwareFirst() + 2)
	record, _ := f.layout.Geometry.Sector(f.layout.Records()[1])
	r := f.device(t, f.a)
	for _, addr := range []uint32{base + 8, record + 16} {
		for _, kind := range []emulator.DefectKind{emulator.DefectErase, emulator.DefectMisprogram} {
			if err := r.board.Inject(emulator.Defect{Kind: kind, Addr: addr, Times: 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if out, _ := r.update(f.serverFor(t, f.delta, f.b)); out != terminal.Rewritten {
		t.Fatalf("%v", out)
	}
	s := nothing(t)
	if out, _ := r.update(s); out != terminal.Nothing || s.hello.Report == nil || s.hello.Report.FailedErases < 3 || len(s.hello.Report.Dead) != 0 {
		t.Errorf("%v, report %+v", out, s.hello.Report)
	}
}

// TestNoRecord destroys both records: only a whole restoration is believed, with the factory's floor.
func TestNoRecord(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	raw, state := r.board.Save()
	for _, s := range f.layout.Records() {
		addr, _ := f.layout.Geometry.Sector(s)
		for i := range 64 {
			raw[int(addr)+i] = 0x55
		}
	}
	if err := r.board.Load(raw, state); err != nil {
		t.Fatal(err)
	}
	if mode := r.boot(); mode != terminal.Restoration || r.last.Why() != smp.WhyNoRecord || r.last.Floor().Counter != 1 {
		t.Fatalf("%v, %v, floor %d", mode, r.last.Why(), r.last.Floor().Counter)
	}
	if err := r.mend(f.a, false); err != nil {
		t.Error(err)
	}
}

// TestCableProofOfGoodFlash sends files that do not lead to the signed image to a device without any
// doubtful sector.
func TestCableProofOfGoodFlash(t *testing.T) {
	f := fixtureOf(t, small)
	wrong := append([]byte(nil), f.a.image...)
	wrong[5000] ^= 1
	r := f.device(t, f.a)
	r.board.SetPin(true)
	_, err := r.restoring(func(a *apparatus) error {
		var s smp.Status
		for _, parts := range []bool{false, true} {
			if err := a.ask(&smp.BeginRequest{Manifest: f.b.signed, Parts: parts}, &s); err != nil {
				return err
			}
			if s, err := a.settle(); err != nil || s.Phase != smp.PhaseReady {
				return fmt.Errorf("%+v %w", s, err)
			}
			for _, file := range [][]byte{f.makeDelta(t, wrong, f.b.image, nil), f.makeDelta(t, f.a.image, wrong, nil)} {
				if parts {
					for i := range uint32(len(f.b.image)+4095) / 4096 {
						off, n := f.b.m.LeafRange(i)
						leaf := leafOf(i, f.b.image[off:off+n])
						if err := a.ask(&smp.LeavesRequest{First: i, Data: leaf[:]}, &smp.Empty{}); err != nil && faultOf(err) != smp.FaultPhase {
							return err
						}
					}
				}
				if err := a.apply(file); err == nil || !strings.Contains(err.Error(), "proof") {
					t.Errorf("parts %v: %v", parts, err)
				}
			}
			// Leaves of another image lead to another root.
			if parts {
				if err := a.ask(&smp.AbortRequest{}, &smp.Empty{}); err != nil {
					return err
				}
				if err := a.ask(&smp.BeginRequest{Manifest: f.b.signed, Parts: true}, &s); err != nil {
					return err
				}
				if _, err := a.settle(); err != nil {
					return err
				}
				if err := a.ask(&smp.LeavesRequest{Data: make([]byte, 64)}, &smp.Empty{}); err != nil {
					return err
				}
				if err := a.apply(f.delta); err == nil || !strings.Contains(err.Error(), "leaves") {
					t.Errorf("wrong leaves: %v", err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := r.board.Operations(); n != 0 || !r.holds(f.a) {
		t.Errorf("%d flash operations", n)
	}
}
