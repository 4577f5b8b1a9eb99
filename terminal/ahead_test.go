package terminal_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"unbrick/protocol/smp"
)

// TestLooksAhead: after a silence the device knows the digests of its sectors without reading them again, and
// they are those of what the flash holds: before a restoration, after one that was given up in the middle, and
// after an upload.
func TestLooksAhead(t *testing.T) {
	for _, k := range kinds {
		f := fixtureOf(t, k)
		f.part.ReadKiB = time.Millisecond
		r := f.broken(t)
		_, err := r.restoring(func(a *apparatus) error {
			check := func(when string, quick bool) error {
				raw := r.raw(int(f.software.Size()))
				a.pause(3 * time.Second)
				asked := a.port.Now()
				var d smp.Digests
				n := f.software.Sectors()
				if err := a.ask(&smp.DigestsRequest{Count: uint32(n)}, &d); err != nil {
					return err
				}
				if took := a.port.Now() - asked; quick && took > 60*time.Millisecond {
					t.Errorf("%s, %s: %v for an answer of %d digests", k.name, when, took, n)
				}
				for s := range n {
					addr, size := f.software.Sector(s)
					sum := sha256.Sum256(raw[addr : addr+size])
					if d.Doubtful[s/8]>>(s%8)&1 == 0 && string(sum[:smp.DigestSize]) != string(d.Digests[s*smp.DigestSize:][:smp.DigestSize]) {
						t.Errorf("%s, %s: digest of sector %d is another", k.name, when, s)
					}
				}
				return nil
			}
			if err := check("at first", true); err != nil {
				return err
			}
			if _, err := a.restore(f.b, false); err != nil {
				return err
			}
			if err := a.ask(&smp.AbortRequest{}, &smp.Empty{}); err != nil {
				return err
			}
			if err := check("given up", true); err != nil {
				return err
			}
			if err := a.upload(fileOf(f.b), 500); err != nil {
				return err
			}
			return check("after an upload", false) // which may still write
		})
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
	}
}

// TestProofAfterProof: leaves that were computed ahead are those of the flash, also after a file that failed
// its proof had filled in its own.
func TestProofAfterProof(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.broken(t)
	_, err := r.restoring(func(a *apparatus) error {
		var s smp.Status
		if err := a.ask(&smp.IdentifyRequest{}, &a.id); err != nil {
			return err
		}
		if err := a.ask(&smp.BeginRequest{Manifest: f.b.signed}, &s); err != nil {
			return err
		}
		if s, err := a.settle(); err != nil || s.Phase != smp.PhaseReady {
			return fmt.Errorf("%+v %w", s, err)
		}
		old, doubtful, err := a.survey()
		if err != nil {
			return err
		}
		for range 2 {
			a.pause(time.Second)
			if err := a.apply(f.delta); err == nil {
				t.Error("a file for another base is applied")
			}
		}
		a.pause(time.Second)
		if err := a.inOne(f.b, old, doubtful); err != nil {
			return err
		}
		if err := a.ask(&smp.FinishRequest{}, &s); err != nil {
			return err
		}
		if s, err = a.settle(); err != nil || s.Phase != smp.PhaseDone {
			return fmt.Errorf("finish: %+v %w", s, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !r.holds(f.b) {
		t.Error("another image")
	}
}
