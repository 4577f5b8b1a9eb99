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

	"unbrick/firmware/mcuboot"
	"unbrick/internal/mcuboottest"
	"unbrick/restore"
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
		"as it comes":       func(*mcuboottest.Device) {},
		"tells everything":  func(d *mcuboottest.Device) { d.Tells, d.Buffer = true, 1024 },
		"no echo":           func(d *mcuboottest.Device) { d.NoEcho = true },
		"small buffer":      func(d *mcuboottest.Device) { d.Buffer = 256 },
		"wide flash":        func(d *mcuboottest.Device) { d.Align = 32 },
		"erases long":       func(d *mcuboottest.Device) { d.Erase = 10 * time.Second },
		"erases as it goes": func(d *mcuboottest.Device) { d.EraseSector = 300 * time.Millisecond },
		"drops version 1":   func(d *mcuboottest.Device) { d.Old = true },
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
		"no image":     {[]byte("UNBRICK2 is another file"), restore.CodeBadFile},
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

// TestInstallGoesOn: the cable comes out anywhere, and the next attempt, which knows nothing of the first, goes
// on at the offset that the device wants, or from the beginning when the device has lost its power meanwhile.
func TestInstallGoesOn(t *testing.T) {
	file := signed(2, 30_000)
	for _, restarted := range []bool{false, true} {
		for out := 200; out < 42_000; out += 1301 {
			d := recovery(64 << 10)
			port := &mcuboottest.Port{Device: d}
			s, _ := meet(t, port)
			port.Out = func(sent int) bool { return sent > out }
			_, err := s.Install(t.Context(), file, nil)
			var e *restore.Error
			if err == nil {
				break // the cable came out after the end
			}
			if !errors.As(err, &e) || e.Code != restore.CodeVanished {
				t.Fatalf("out at %d: got %v", out, err)
			}
			reached := 0
			for _, n := range d.Pieces() {
				reached += n
			}
			if restarted {
				fresh := recovery(64 << 10)
				fresh.Slots = d.Slots
				d, port.Device = fresh, fresh
			}
			port.Plug()
			s, _ = meet(t, port)
			got, err := s.Install(t.Context(), file, nil)
			if err != nil {
				t.Fatalf("out at %d, restarted %t: %v", out, restarted, err)
			}
			if !bytes.Equal(d.Slots[0][:len(file)], file) {
				t.Fatalf("out at %d, restarted %t: the slot does not hold the image", out, restarted)
			}
			if whole := uint64(len(file)) * 4 / 3; !restarted && reached > 15_000 && (got.Sent > whole*2/3 || int(got.Resumed) != reached) {
				t.Errorf("out at %d: %d were there, %d resumed, and %d bytes were sent again", out, reached, got.Resumed, got.Sent)
			}
			faultless(t, d)
		}
	}
}

// half brings the beginning of an image to a device, and goes away.
func half(t *testing.T, port *mcuboottest.Port, file []byte, number uint32) {
	t.Helper()
	s, _ := meet(t, port)
	ctx, stop := context.WithCancel(t.Context())
	_, err := s.Install(ctx, file, &restore.InstallOptions{Number: number, Report: func(p restore.Progress) {
		if int(p.Bytes) > len(file)/2 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// TestInstallOverAnothersBeginning: what a loader has of an upload may be of another image, or for another slot.
// That shows in the list, and the image is brought from its beginning.
func TestInstallOverAnothersBeginning(t *testing.T) {
	for name, test := range map[string]struct {
		other  []byte
		number uint32
		change func(*mcuboottest.Device)
	}{
		"another image":             {signed(3, 30_000), 0, func(*mcuboottest.Device) {}},
		"another, shorter":          {signed(3, 12_000), 0, func(*mcuboottest.Device) {}},
		"another, longer":           {signed(3, 60_000), 0, func(*mcuboottest.Device) {}},
		"another build, no hash":    {mcuboottest.Sign(vendor("vendor"), &mcuboottest.Spec{Major: 2, Minor: 4, Revision: 1, Build: 7, Header: 0x200, Payload: code(9, 30_000)}), 0, func(d *mcuboottest.Device) { d.NoHash = true }},
		"the same for another slot": {signed(2, 30_000), 2, func(d *mcuboottest.Device) { d.Direct, d.Tells = true, true }},
	} {
		t.Run(name, func(t *testing.T) {
			d := recovery(128 << 10)
			test.change(d)
			port := &mcuboottest.Port{Device: d}
			half(t, port, test.other, test.number)
			s, _ := meet(t, port)
			file := signed(2, 30_000)
			if _, err := s.Install(t.Context(), file, nil); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(d.Slots[0][:len(file)], file) {
				t.Error("slot 0 does not hold the image")
			}
			faultless(t, d)
		})
	}
}

// A whole image of which the list tells no hash proves nothing: it may be another build of that version.
func TestInstallBehindAWholeUpload(t *testing.T) {
	for _, hash := range []bool{false, true} {
		d := recovery(64 << 10)
		d.Tells, d.NoHash = true, !hash
		port := &mcuboottest.Port{Device: d}
		s, _ := meet(t, port)
		other := mcuboottest.Sign(vendor("vendor"), &mcuboottest.Spec{Major: 2, Minor: 4, Revision: 1, Build: 7, Header: 0x200, Payload: code(9, 30_000)})
		ctx, stop := context.WithCancel(t.Context())
		_, err := s.Install(ctx, other, &restore.InstallOptions{Report: func(p restore.Progress) {
			if p.Stage == restore.StageStart {
				stop()
			}
		}})
		if !errors.Is(err, context.Canceled) || d.Restarts() != 0 {
			t.Fatalf("%v, %d restarts", err, d.Restarts())
		}
		s, _ = meet(t, port)
		file := signed(2, 30_000)
		if _, err := s.Install(t.Context(), file, nil); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(d.Slots[0][:len(file)], file) {
			t.Errorf("hash %t: the slot still holds the other build", hash)
		}
	}
}

// TestInstallNumbers: numbers of uploads are not those of the list, and mean another slot in each build. Wherever
// the image lands, its entry is found, with a hash in the list or without one, also where that version was there
// before.
func TestInstallNumbers(t *testing.T) {
	for _, test := range []struct {
		name        string
		direct, two bool
		number      uint32
		image, slot int
	}{
		{"one slot, 0", false, false, 0, 0, 0},
		{"direct, 0", true, false, 0, 0, 0},
		{"direct, 1", true, false, 1, 0, 0},
		{"direct, 2", true, false, 2, 0, 1},
		{"two images, 0", false, true, 0, 0, 0},
		{"two images, 1", false, true, 1, 1, 0},
		{"two images, direct, 1", true, true, 1, 0, 0},
		{"two images, direct, 2", true, true, 2, 0, 1},
		{"two images, direct, 3", true, true, 3, 1, 0},
		{"two images, direct, 4", true, true, 4, 1, 1},
	} {
		for _, hash := range []bool{true, false} {
			for _, before := range []bool{false, true} {
				d := recovery(64 << 10)
				d.Direct, d.Tells, d.NoHash = test.direct, true, !hash
				if test.two {
					d.Others = [][2][]byte{{bytes.Repeat([]byte{0xff}, 64<<10), bytes.Repeat([]byte{0xff}, 64<<10)}}
				}
				slots := append([][2][]byte{d.Slots}, d.Others...)
				file := signed(2, 20_000)
				if before { // in every slot
					for i := range slots {
						for k := range 2 {
							copy(slots[i][k], bytes.Repeat([]byte{0xff}, 64<<10))
							copy(slots[i][k], file)
						}
					}
				}
				s, _ := meet(t, &mcuboottest.Port{Device: d})
				got, err := s.Install(t.Context(), file, &restore.InstallOptions{Number: test.number, Await: -1})
				if err != nil {
					t.Errorf("%s, hash %t, there before %t: %v", test.name, hash, before, err)
					continue
				}
				if !bytes.Equal(slots[test.image][test.slot][:len(file)], file) || int(got.Slot) != test.slot || got.Hashed != hash {
					t.Errorf("%s, hash %t, there before %t: got %+v", test.name, hash, before, got)
				}
				faultless(t, d)
			}
		}
	}
}

// What was there before proves nothing: an upload that the loader refuses is told as refused although an entry
// of the same version is listed elsewhere.
func TestInstallIsNotAnotherEntry(t *testing.T) {
	for _, number := range []uint32{0, 1, 2} {
		d := recovery(64 << 10)
		d.Direct, d.Tells, d.NoHash = true, true, true
		for k := range d.Slots {
			copy(d.Slots[k], bytes.Repeat([]byte{0xff}, 64<<10))
			copy(d.Slots[k], signed(2, 20_000))
		}
		s, _ := meet(t, &mcuboottest.Port{Device: d})
		alien := mcuboottest.Sign(vendor("somebody else"), &mcuboottest.Spec{Major: 2, Minor: 4, Revision: 1, Build: 7, Header: 0x200, Payload: code(2, 20_000)})
		_, err := s.Install(t.Context(), alien, &restore.InstallOptions{Number: number})
		var e *restore.Error
		if !errors.As(err, &e) || e.Code != restore.CodeUnlisted || d.Restarts() != 0 {
			t.Errorf("number %d: got %v, want %v", number, err, restore.CodeUnlisted)
		}
	}
}

// TestInstallWaitsForTheErase: a slot is erased once, however long that takes, and a first piece or an answer that
// was lost costs no second erase where the loader has taken the piece.
func TestInstallWaitsForTheErase(t *testing.T) {
	for _, test := range []struct {
		name   string
		erase  time.Duration
		change func(d *mcuboottest.Device)
	}{
		{"14 s", 14 * time.Second, func(*mcuboottest.Device) {}},
		{"50 s", 50 * time.Second, func(*mcuboottest.Device) {}},
		{"one line waits", 20 * time.Second, func(d *mcuboottest.Device) { d.Lines = 1 }},
		{"the piece is lost", 14 * time.Second, func(d *mcuboottest.Device) {
			first := true
			d.Lose = func(int) bool { lost := first && d.Packets() == 9; first = first && !lost; return lost }
		}},
		{"the answer is lost", 14 * time.Second, func(d *mcuboottest.Device) {
			done := false
			d.Mute = func(int) bool { now := !done && d.Erases() == 1; done = done || now; return now }
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := recovery(128 << 10)
			d.Erase = test.erase
			test.change(d)
			s, _ := meet(t, &mcuboottest.Port{Device: d})
			file := signed(2, 30_000)
			if _, err := s.Install(t.Context(), file, nil); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(d.Slots[0][:len(file)], file) || d.Erases() != 1 {
				t.Errorf("%d erases", d.Erases())
			}
			faultless(t, d)
		})
	}
}

// TestInstallSaysWhatIsKnown of the start: of a trial that is still pending, one that failed, a boot loader that
// answers again, and of silence, which is all that a program without a server leaves.
func TestInstallSaysWhatIsKnown(t *testing.T) {
	for _, test := range []struct {
		name   string
		number uint32
		change func(d *mcuboottest.Device)
		want   restore.Code // 0: none
		is     restore.Installed
	}{
		{"trial in a loader that is held", 2, func(d *mcuboottest.Device) { d.Held = true }, restore.CodePending, restore.Installed{}},
		{"trial without a server", 2, func(d *mcuboottest.Device) { d.Quiet = true }, 0, restore.Installed{Trial: true, Started: true}},
		{"trial that runs", 2, func(*mcuboottest.Device) {}, 0, restore.Installed{Trial: true, Started: true, Runs: true, Confirmed: true}},
		{"trial that runs late", 2, func(d *mcuboottest.Device) { d.Swap = 40 * time.Second }, 0, restore.Installed{Trial: true, Started: true, Runs: true, Confirmed: true}},
		{"trial in a build that takes no marks", 2, func(d *mcuboottest.Device) { d.Tells, d.Held = false, true }, restore.CodePending, restore.Installed{}},
		{"trial in a build without hashes", 2, func(d *mcuboottest.Device) { d.NoHash, d.Held = true, true }, restore.CodePending, restore.Installed{}},
		{"loader that is held", 0, func(d *mcuboottest.Device) { d.Held = true }, restore.CodeNotStarted, restore.Installed{}},
		{"runs", 0, func(*mcuboottest.Device) {}, 0, restore.Installed{Started: true, Runs: true}},
		{"without a server", 0, func(d *mcuboottest.Device) { d.Quiet = true }, 0, restore.Installed{Started: true}},
		{"waits for a command after its start", 0, func(d *mcuboottest.Device) { d.Window = 500 * time.Millisecond }, 0, restore.Installed{Started: true, Runs: true}},
		{"trial, waits for a command after its start", 2, func(d *mcuboottest.Device) { d.Window, d.Swap = 500*time.Millisecond, 2*time.Second }, 0,
			restore.Installed{Trial: true, Started: true, Runs: true, Confirmed: true}},
		{"answer to the reset is lost", 2, func(d *mcuboottest.Device) {
			done := false
			d.Mute = func(int) bool { now := !done && d.Restarts() == 1; done = done || now; return now }
		}, 0, restore.Installed{Trial: true, Runs: true, Confirmed: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := recovery(64 << 10)
			d.Direct, d.Tells = true, true
			test.change(d)
			s, _ := meet(t, &mcuboottest.Port{Device: d})
			got, err := s.Install(t.Context(), signed(2, 30_000), &restore.InstallOptions{Number: test.number})
			if test.want != 0 {
				var e *restore.Error
				if !errors.As(err, &e) || e.Code != test.want || e.Touched != restore.TouchedWritten {
					t.Fatalf("got %+v, %v, want %v", got, err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			is := restore.Installed{Trial: got.Trial, Started: got.Started, Runs: got.Runs, Confirmed: got.Confirmed}
			if is != test.is {
				t.Errorf("got %+v, want %+v", is, test.is)
			}
			if d.Restarts() != 1 || got.Confirmed != d.Confirmed() {
				t.Errorf("%d restarts, confirmed %t", d.Restarts(), d.Confirmed())
			}
			faultless(t, d)
		})
	}
}

// A trial that the boot loader refuses, or that its program ends, leaves the old image running.
func TestInstallTrialFails(t *testing.T) {
	d := recovery(128 << 10)
	copy(d.Slots[0], bytes.Repeat([]byte{0xff}, 128<<10))
	copy(d.Slots[0], signed(1, 50_000))
	d.Program, d.Tells, d.Name = true, true, "MCUboot"
	port := &mcuboottest.Port{Device: d}
	s, _ := meet(t, port)
	// Between the mark and the reset the slot is spoilt, so that the boot loader refuses it.
	_, err := s.Install(t.Context(), signed(2, 60_000), &restore.InstallOptions{Report: func(p restore.Progress) {
		if p.Stage == restore.StageStart {
			d.Slots[1][1000] ^= 0xff
		}
	}})
	var e *restore.Error
	if !errors.As(err, &e) || e.Code != restore.CodeTrial || e.Touched != restore.TouchedWritten {
		t.Errorf("got %v, want %v", err, restore.CodeTrial)
	}
	faultless(t, d)
}

// A program's server goes on by itself where it has the beginning of a file with that digest.
func TestInstallGoesOnBesideAProgram(t *testing.T) {
	d := recovery(128 << 10)
	copy(d.Slots[0], bytes.Repeat([]byte{0xff}, 128<<10))
	copy(d.Slots[0], signed(1, 50_000))
	d.Program, d.Tells, d.Frugal = true, true, true
	port := &mcuboottest.Port{Device: d}
	file := signed(2, 60_000)
	half(t, port, file, 0)
	s, _ := meet(t, port)
	got, err := s.Install(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Resumed < 20_000 || !got.Confirmed || d.Erases() != 1 || !bytes.Equal(d.Slots[0][:len(file)], file) {
		t.Errorf("got %+v, %d erases", got, d.Erases())
	}
	faultless(t, d)
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
	_, err := s.Install(ctx, signed(2, 30_000), &restore.InstallOptions{Report: func(p restore.Progress) {
		if p.Bytes > 10_000 {
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) || d.Restarts() != 0 {
		t.Errorf("got %v, %d restarts", err, d.Restarts())
	}
}

// A boot loader reads lines: what is sent to end frames, before the second call, must not spoil that one's.
func TestFirstCallToABootLoaderIsLost(t *testing.T) {
	d := recovery(64 << 10)
	d.Lose = func(n int) bool { return n == 1 }
	port := &mcuboottest.Port{Device: d}
	s, err := restore.Connect(t.Context(), port, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Way() != restore.WayEcho || d.Packets() > 5 || port.Now() > 450*time.Millisecond {
		t.Errorf("way %v after %v and %d packets", s.Way(), port.Now(), d.Packets())
	}
	faultless(t, d)
}

// The command to start is lost, and given again to a device that still stands where it stood.
func TestCommandToStartIsLost(t *testing.T) {
	for _, number := range []uint32{0, 2} {
		d := recovery(64 << 10)
		d.Direct, d.Tells = true, true
		s, _ := meet(t, &mcuboottest.Port{Device: d})
		lose := false
		d.Lose = func(int) bool { now := lose; lose = false; return now }
		got, err := s.Install(t.Context(), signed(2, 30_000), &restore.InstallOptions{Number: number, Report: func(p restore.Progress) {
			lose = p.Stage == restore.StageStart
		}})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Started || !got.Runs || got.Confirmed != (number == 2) || d.Restarts() != 1 {
			t.Errorf("number %d: got %+v, %d restarts", number, got, d.Restarts())
		}
		faultless(t, d)
	}
}

// What is resumed in the slot that the number means is not brought again.
func TestInstallGoesOnInASecondSlot(t *testing.T) {
	d := recovery(128 << 10)
	d.Direct, d.Tells = true, true
	port := &mcuboottest.Port{Device: d}
	file := signed(2, 60_000)
	half(t, port, file, 2)
	s, _ := meet(t, port)
	got, err := s.Install(t.Context(), file, &restore.InstallOptions{Number: 2, Await: -1})
	if err != nil {
		t.Fatal(err)
	}
	if got.Resumed < 20_000 || got.Slot != 1 || d.Erases() != 1 {
		t.Errorf("got %+v, %d erases", got, d.Erases())
	}
	faultless(t, d)
}
