package restore_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"testing"

	"unbrick/emulator"
	"unbrick/lab"
	"unbrick/protocol/smp"
	"unbrick/restore"
	"unbrick/terminal"
)

// readable is a device whose factory allows its software to be read out, or does not.
func (r *rig) readable(in *made, allowed bool) *lab.Device {
	r.t.Helper()
	d, err := lab.New(&r.model, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	id := terminal.Identity{Model: r.model.ID, Serial: "S-2", Threshold: 1, Keys: [][32]byte{[32]byte(r.key.Public().(ed25519.PublicKey))}, Resident: r.model.Resident, Readout: allowed}
	if err := d.Manufacture(&id, nil, in.signed, in.image); err != nil {
		r.t.Fatal(err)
	}
	r.on(d)
	r.t.Cleanup(func() { d.PowerOff(emulator.NotBegun) })
	return d
}

// TestBackup reads the software area out before it is written, byte for byte as the flash holds it, and
// restores afterwards. A device that does not allow it gives nothing away.
func TestBackup(t *testing.T) {
	r := newRig(t, even)
	v1 := r.release("1", 1, 1, code(1, 120_000))
	v2 := r.release("2", 2, 1, edit(v1.image, 2))
	for _, allowed := range []bool{true, false} {
		d := r.readable(v1, allowed)
		if s := r.brick(d, v1, v2, 90, emulator.Half); s != lab.Restoration {
			t.Fatalf("device is %v", s)
		}
		before := bytes.Clone(d.Raw())
		port := d.Port()
		s, err := restore.Connect(context.Background(), port, nil)
		if err != nil {
			t.Fatal(err)
		}
		dev, err := s.Identify(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if can, err := s.CanBackup(context.Background()); err != nil || can != allowed {
			t.Errorf("allowed %t: got %t, %v", allowed, can, err)
		}
		last := uint32(0)
		b, err := s.Backup(context.Background(), dev, func(done, of uint32) {
			if done < last || of != dev.Software.Size() {
				t.Errorf("told %d of %d after %d", done, of, last)
			}
			last = done
		})
		if !allowed {
			var e *restore.Error
			if !errors.As(err, &e) || e.Code != restore.CodeRefused || e.Fault != smp.FaultDenied {
				t.Errorf("got %v, want %v", err, smp.FaultDenied)
			}
			port.Close()
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		base := r.model.Layout.SoftwareBase()
		if want := before[base:][:dev.Software.Size()]; !bytes.Equal(b.Bytes, want) || len(b.Unreadable) > 0 || last != uint32(len(b.Bytes)) {
			t.Errorf("%d bytes were read, %d unreadable sectors; they are not those of the flash", len(b.Bytes), len(b.Unreadable))
		}
		if !bytes.Equal(before, d.Raw()) {
			t.Error("the flash was changed")
		}
		p, err := s.Plan(context.Background(), dev, source(t, v1, v2), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(context.Background(), p, nil); err != nil {
			t.Fatal(err)
		}
		port.Close()
		r.restored(d, v2)
	}
}
