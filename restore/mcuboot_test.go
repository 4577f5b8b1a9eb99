package restore_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/internal/mcuboottest"
	"unbrick/restore"
	"unbrick/restore/mcuboot"
)

// vendor signs images for the boot loaders of the tests.
func vendor(word string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(word))
	return ed25519.NewKeyFromSeed(seed[:])
}

func signed(version byte, size int) []byte {
	return mcuboottest.Sign(vendor("vendor"), &mcuboottest.Spec{Major: version, Minor: 4, Revision: 1, Build: 7, Header: 0x200, Payload: code(uint64(version), size)})
}

// recovery is a device in serial recovery whose slot holds half an image.
func recovery(slot int) *mcuboottest.Device {
	d := &mcuboottest.Device{Key: vendor("vendor").Public().(ed25519.PublicKey)}
	for i := range d.Slots {
		d.Slots[i] = bytes.Repeat([]byte{0xff}, slot)
	}
	copy(d.Slots[0], signed(1, slot/2)[:slot/4])
	return d
}

// meet connects as page and command do, and asks who it is.
func meet(t *testing.T, port *mcuboottest.Port) (*restore.Session, *restore.Loader) {
	t.Helper()
	s, err := restore.Connect(t.Context(), port, &restore.Options{Baud: port.Baud})
	if err != nil {
		t.Fatal(err)
	}
	var e *restore.Error
	if _, err := s.Identify(t.Context()); !errors.As(err, &e) || e.Code != restore.CodeForeign {
		t.Fatalf("identify: got %v, want %v", err, restore.CodeForeign)
	}
	l, err := s.Loader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s, l
}

func faultless(t *testing.T, d *mcuboottest.Device) {
	t.Helper()
	if f := d.Faults(); len(f) > 0 {
		t.Errorf("a strict device objects to: %v", f)
	}
}

// TestInstallsOverSerialRecovery: boot loaders of several builds take an image, list it and start it.
func TestInstallsOverSerialRecovery(t *testing.T) {
	for name, change := range map[string]func(*mcuboottest.Device){
		"as it comes":      func(*mcuboottest.Device) {},
		"tells everything": func(d *mcuboottest.Device) { d.Tells, d.Buffer = true, 1024 },
		"no echo":          func(d *mcuboottest.Device) { d.NoEcho = true },
		"small buffer":     func(d *mcuboottest.Device) { d.Buffer = 256 },
		"wide flash":       func(d *mcuboottest.Device) { d.Align = 32 },
		"erases long":      func(d *mcuboottest.Device) { d.Erase = 10 * time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			d := recovery(128 << 10)
			change(d)
			s, l := meet(t, &mcuboottest.Port{Device: d, Log: "[00:00:00.123] <inf> mcuboot: busy\r\n"})
			if len(l.Images) != 0 {
				t.Errorf("half an image is listed: %+v", l.Images)
			}
			file := signed(2, 90_001)
			var last restore.Progress
			got, err := s.Install(t.Context(), file, &restore.InstallOptions{Report: func(p restore.Progress) {
				if p.Stage < last.Stage || p.Stage == restore.StageWrite && p.Bytes < last.Bytes {
					t.Errorf("progress goes back from %+v to %+v", last, p)
				}
				last = p
			}})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(d.Slots[0][:len(file)], file) || d.Restarts() != 1 {
				t.Errorf("the slot does not hold the image, %d restarts", d.Restarts())
			}
			if got.Image.Version.String() != "2.4.1+7" || got.Slot != 0 || got.Trial || !got.Started || got.Hashed != d.Tells {
				t.Errorf("got %+v", got)
			}
			if last.Stage != restore.StageStart || last.Bytes != last.BytesOf || last.BytesOf != uint64(len(file)) {
				t.Errorf("progress ends at %+v", last)
			}
			faultless(t, d)
			t.Logf("%d pieces, %d bytes sent, %.1f s", len(d.Pieces()), got.Sent, got.Elapsed.Seconds())
		})
	}
}

// A padded image is sent without its padding: erasing the slot has done that.
func TestInstallSendsNoPadding(t *testing.T) {
	d := recovery(64 << 10)
	s, _ := meet(t, &mcuboottest.Port{Device: d})
	file := mcuboottest.Sign(vendor("vendor"), &mcuboottest.Spec{Major: 3, Payload: code(3, 9000), Slot: 64 << 10})
	got, err := s.Install(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Sent > 20_000 || d.Slots[0][len(file)-1] != 0xff {
		t.Errorf("%d bytes were sent for %d of image", got.Sent, got.Image.Size)
	}
	faultless(t, d)
}

// TestInstallRefusesBeforeSending: what is wrong with a file is found here, and the slot stays.
func TestInstallRefusesBeforeSending(t *testing.T) {
	broken := signed(2, 5000)
	broken[900] ^= 1
	for name, test := range map[string]struct {
		file []byte
		want restore.Code
	}{
		"no image":     {[]byte("UNBRICK1 is another file"), restore.CodeBadFile},
		"damaged":      {broken, restore.CodeBadRelease},
		"not bootable": {mcuboottest.Sign(vendor("vendor"), &mcuboottest.Spec{Flags: mcuboot.FlagNotBootable, Payload: code(1, 100)}), restore.CodeBadFile},
		"too large":    {signed(2, 64<<10), restore.CodeRefused},
	} {
		d := recovery(64 << 10)
		before := bytes.Clone(d.Slots[0])
		s, _ := meet(t, &mcuboottest.Port{Device: d})
		_, err := s.Install(t.Context(), test.file, nil)
		var e *restore.Error
		if !errors.As(err, &e) || e.Code != test.want || e.Touched != restore.TouchedNothing {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
		if !bytes.Equal(before, d.Slots[0]) {
			t.Errorf("%s: the slot was touched", name)
		}
	}
}

// A boot loader that trusts another key does not list the image: that is its verdict.
func TestInstallOfAnotherMakersImage(t *testing.T) {
	d := recovery(64 << 10)
	s, _ := meet(t, &mcuboottest.Port{Device: d})
	file := mcuboottest.Sign(vendor("somebody else"), &mcuboottest.Spec{Major: 2, Payload: code(2, 5000)})
	_, err := s.Install(t.Context(), file, nil)
	var e *restore.Error
	if !errors.As(err, &e) || e.Code != restore.CodeUnlisted || e.Touched != restore.TouchedAll || d.Restarts() != 0 {
		t.Errorf("got %v after %d restarts, want %v", err, d.Restarts(), restore.CodeUnlisted)
	}
}

// TestInstallThroughNoise: packets and answers are lost, and the image arrives whole.
func TestInstallThroughNoise(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	d := recovery(128 << 10)
	d.Lose = func(n int) bool { return n > 5 && rnd.IntN(12) == 0 }
	d.Mute = func(n int) bool { return n > 5 && rnd.IntN(12) == 0 }
	s, _ := meet(t, &mcuboottest.Port{Device: d})
	file := signed(2, 60_000)
	got, err := s.Install(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(d.Slots[0][:len(file)], file) || got.Repeated == 0 {
		t.Errorf("the slot does not hold the image, %d repeated", got.Repeated)
	}
	faultless(t, d)
}

// TestInstallGoesOn: the cable comes out anywhere, and the next attempt goes on at the offset that the
// device wants, or from the beginning when the device has lost its power meanwhile.
func TestInstallGoesOn(t *testing.T) {
	file := signed(2, 30_000)
	for _, restarted := range []bool{false, true} {
		for out := 200; out < 42_000; out += 1301 {
			d := recovery(64 << 10)
			port := &mcuboottest.Port{Device: d}
			s, _ := meet(t, port)
			var reached uint32
			port.Out = func(sent int) bool { return sent > out }
			_, err := s.Install(t.Context(), file, &restore.InstallOptions{Reach: func(off uint32) { reached = off }})
			var e *restore.Error
			if err == nil {
				break // the cable came out after the end
			}
			if !errors.As(err, &e) || e.Code != restore.CodeVanished {
				t.Fatalf("out at %d: got %v", out, err)
			}
			if restarted {
				fresh := recovery(64 << 10)
				fresh.Slots = d.Slots
				d, port.Device = fresh, fresh
			}
			port.Plug()
			s, _ = meet(t, port)
			got, err := s.Install(t.Context(), file, &restore.InstallOptions{Resume: reached})
			if err != nil {
				t.Fatalf("out at %d, restarted %t: %v", out, restarted, err)
			}
			if !bytes.Equal(d.Slots[0][:len(file)], file) {
				t.Fatalf("out at %d, restarted %t: the slot does not hold the image", out, restarted)
			}
			if whole := uint64(len(file)) * 4 / 3; !restarted && reached > 15_000 && got.Sent > whole*2/3 {
				t.Errorf("out at %d: reached %d, and %d bytes were sent again", out, reached, got.Sent)
			}
			faultless(t, d)
		}
	}
}

// TestInstallBesideARunningProgram: a program with an SMP server takes the image into the second slot; it
// is tried at the next start, and told to stay when it answers.
func TestInstallBesideARunningProgram(t *testing.T) {
	for _, server := range []bool{true, false} {
		d := recovery(128 << 10)
		copy(d.Slots[0], signed(1, 50_000))
		d.Program, d.Quiet, d.Tells, d.Buffer, d.Swap = true, !server, true, 384, 25*time.Second
		port := &mcuboottest.Port{Device: d}
		s, l := meet(t, port)
		if len(l.Images) != 1 || l.Images[0].Version != "1.4.1+7" || !l.Images[0].Active {
			t.Errorf("got %+v", l.Images)
		}
		file := signed(2, 60_000)
		got, err := s.Install(t.Context(), file, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(d.Slots[0][:len(file)], file) || !got.Trial || got.Slot != 1 {
			t.Errorf("got %+v", got)
		}
		if got.Confirmed != server || d.Confirmed() != server {
			t.Errorf("with a server %t: told confirmed %t, is %t", server, got.Confirmed, d.Confirmed())
		}
		faultless(t, d)
	}
}

// A context that ends stops an Install between two pieces.
func TestInstallIsStopped(t *testing.T) {
	d := recovery(64 << 10)
	s, _ := meet(t, &mcuboottest.Port{Device: d})
	ctx, stop := context.WithCancel(t.Context())
	_, err := s.Install(ctx, signed(2, 30_000), &restore.InstallOptions{Reach: func(off uint32) {
		if off > 10_000 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) || d.Restarts() != 0 {
		t.Errorf("got %v, %d restarts", err, d.Restarts())
	}
}
