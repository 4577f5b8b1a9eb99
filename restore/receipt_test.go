package restore_test

import (
	"context"
	"testing"

	"unbrick/emulator"
	"unbrick/lab"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/terminal"
)

// keyed returns a device that can sign and whose update was cut.
func keyed(t *testing.T, own *terminal.DeviceKey) (*rig, *lab.Device, *restore.Files, *made) {
	t.Helper()
	r := newRig(t, even)
	r.own = own
	v1 := r.release("1", 1, 1, code(1, 150_000))
	v2 := r.release("2", 2, 1, edit(v1.image, 2))
	d := r.device(v1, &lab.Options{Hardware: func(hw *terminal.Hardware) { hw.SignSeed = terminal.SignSeed }})
	if s := r.brick(d, v1, v2, 150, emulator.Half); s != lab.Restoration {
		t.Fatalf("device is %v", s)
	}
	return r, d, source(t, v1, v2), v2
}

// read returns the receipt if the device's key signed it.
func read(t *testing.T, r *restore.Receipt, own *terminal.DeviceKey) release.Receipt {
	t.Helper()
	if r == nil {
		t.Fatal("no receipt")
	}
	v, err := release.VerifyReceipt(r.Bytes, r.Signature[:], own.Public[:])
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestReceiptBehindTheVerdict: whoever wants a receipt gets one of a device that can sign, and the device is restored with it or without.
func TestReceiptBehindTheVerdict(t *testing.T) {
	key := terminal.NewDeviceKey(&[32]byte{8})
	nonce := [16]byte{1, 2, 3}
	for _, c := range []struct {
		name  string
		own   *terminal.DeviceKey
		nonce *[16]byte
		plain bool
		some  bool
	}{
		{"in frames", &key, &nonce, false, true},
		{"plain", &key, &nonce, true, true},
		{"not asked for", &key, nil, false, false},
		{"no key", nil, &nonce, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, d, src, v2 := keyed(t, c.own)
			port := d.Port()
			if err := port.Open(); err != nil {
				t.Fatal(err)
			}
			s, _, p, err := planned(port, src, &restore.Options{Plain: c.plain}, nil)
			if err != nil {
				t.Fatal(err)
			}
			p.Nonce = c.nonce
			result, err := s.Run(context.Background(), p, nil)
			port.Close()
			if err != nil {
				t.Fatal(err)
			}
			r.restored(d, v2)
			if !c.some {
				if result.Receipt != nil {
					t.Error("a receipt")
				}
				return
			}
			if v := read(t, result.Receipt, c.own); v.Nonce != nonce || v.State != uint8(smp.RecordInstalled) || v.To != v2.manifest.Digest {
				t.Errorf("%+v", v)
			}
		})
	}
}

// TestReceiptOfAFailure: a device that could not be restored says that itself, and the next attempt is none the worse for it.
func TestReceiptOfAFailure(t *testing.T) {
	key := terminal.NewDeviceKey(&[32]byte{8})
	r, d, src, v2 := keyed(t, &key)
	software := r.model.Layout.SoftwareBase()
	for i := range r.area.Sectors() {
		addr, _ := r.area.Sector(i)
		if err := d.Board().Inject(emulator.Defect{Kind: emulator.DefectErase, Addr: software + addr}); err != nil {
			t.Fatal(err)
		}
	}
	port := d.Port()
	if err := port.Open(); err != nil {
		t.Fatal(err)
	}
	s, dev, p, err := planned(port, src, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(context.Background(), p, nil); err == nil {
		t.Fatal("restored with no sector that takes an erase")
	}
	got, err := s.Receipt(context.Background(), dev, [16]byte{9})
	if err != nil {
		t.Fatal(err)
	}
	if v := read(t, got, &key); v.Nonce != [16]byte{9} || v.State != uint8(smp.RecordRewriting) || v.Match != uint8(smp.MatchNone) {
		t.Errorf("%+v", v)
	}
	d.Board().Mend()
	if dev, err = s.Identify(context.Background()); err != nil {
		t.Fatal(err)
	}
	if p, err = s.Plan(context.Background(), dev, src, nil); err != nil {
		t.Fatal(err)
	}
	_, err = s.Run(context.Background(), p, nil)
	port.Close()
	if err != nil {
		t.Fatal(err)
	}
	r.restored(d, v2)
}
