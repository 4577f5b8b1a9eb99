package restore_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"testing"

	"unbrick/emulator"
	"unbrick/lab"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/restore"
)

// TestRestoresInterruptedUpdate: cut in the middle of an update, the device comes back with the new
// release, with a fraction of a full image on the wire.
func TestRestoresInterruptedUpdate(t *testing.T) {
	r := newRig(t, even)
	v1 := r.release("1", 1, 1, code(1, 150_000))
	v2 := r.release("2", 2, 1, edit(v1.image, 2))
	d := r.device(v1, nil)
	if s := r.brick(d, v1, v2, 120, emulator.Half); s != lab.Restoration {
		t.Fatalf("device is %v", s)
	}
	port := d.Port()
	defer port.Close()
	res, err := run(t, port, source(t, v1, v2), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	port.Close()
	r.restored(d, v2)
	t.Logf("%v by %v: sent %d received %d full %d, %d sectors, %d refreshed, %v line %v device %v", res.Plan.Kind, res.Way, res.BytesSent, res.BytesReceived,
		res.BytesFull, res.SectorsWritten, res.Refreshed, res.Elapsed, res.Line, res.Device)
	if res.Plan.Reason != restore.ReasonIntended || res.Plan.Kind != restore.KindDelta {
		t.Errorf("got %v by %v", res.Plan.Kind, res.Plan.Reason)
	}
	if all := res.BytesSent + res.BytesReceived; all*4 > res.BytesFull {
		t.Errorf("%d bytes on the wire, a full image takes %d", all, res.BytesFull)
	}
}

// TestRestoresAfterAnyCut: wherever the power failed in an update, and whatever it left, the device runs or
// comes back over the cable with the wanted release and less than a quarter of a full image on the wire.
func TestRestoresAfterAnyCut(t *testing.T) {
	shapes := map[string]shape{
		"even":       even,
		"uneven":     {"16KiB*4,64KiB*3", 256 << 10, 1, 0xff, 16 << 10, 256 << 10},
		"0x00, 32":   {"8KiB", 256 << 10, 32, 0x00, 16 << 10, 160 << 10},
		"large unit": {"64KiB", 512 << 10, 16, 0xff, 64 << 10, 256 << 10},
	}
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, s)
			v1 := r.release("1", 1, 1, code(1, int(r.area.Size())*2/3))
			v2 := r.release("2", 2, 1, edit(v1.image, 2))
			src := source(t, v1, v2)
			probe := r.device(v1, nil)
			r.update(probe, v1, v2)
			operations := probe.Counts().Operations
			if operations < 20 {
				t.Fatalf("an update of %d operations", operations)
			}
			step := operations/6 + 1
			if testing.Short() {
				step = operations/3 + 1
			}
			restored := 0
			for i, n := 0, uint64(1); n <= operations; i, n = i+1, n+step {
				tear := emulator.Tears()[i%len(emulator.Tears())]
				d := r.device(v1, &lab.Options{Seed: n})
				switch state := r.brick(d, v1, v2, n, tear); state {
				case lab.Running:
					continue
				case lab.Restoration:
				default:
					t.Fatalf("cut at %d, %v: device is %v", n, tear, state)
				}
				port := d.Port()
				res, err := run(t, port, src, nil, nil)
				if err != nil {
					t.Fatalf("cut at %d, %v: %v", n, tear, err)
				}
				port.Close()
				r.restored(d, v2)
				restored++
				if all := res.BytesSent + res.BytesReceived; all*4 > res.BytesFull {
					t.Errorf("cut at %d, %v: %d bytes on the wire, a full image takes %d", n, tear, all, res.BytesFull)
				}
				d.PowerOff(emulator.NotBegun)
			}
			if restored == 0 {
				t.Error("no cut led to restoration mode")
			}
		})
	}
}

// TestParts: a device whose workspace holds no whole update file is restored by a series of them; after a
// cut in the middle it goes on where the flash is.
func TestParts(t *testing.T) {
	s := even
	s.ram = 40 << 10
	r := newRig(t, s)
	noise := make([]byte, 60_000)
	rnd := rand.New(rand.NewPCG(3, 3))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	v1 := r.release("1", 1, 1, code(1, 150_000))
	v2 := r.release("2", 2, 1, noise)
	src := source(t, v1, v2)
	d := r.device(v1, nil)
	enter(t, d)
	port := d.Port()
	var kinds []restore.Kind
	for attempt := 0; ; attempt++ {
		if attempt == 0 {
			d.CutAt(120, emulator.Unstable)
		}
		ctx := context.Background()
		sn, err := restore.Connect(ctx, port, &restore.Options{Patience: -1})
		if err != nil {
			t.Fatal(err)
		}
		dev, err := sn.Identify(ctx)
		if err != nil {
			t.Fatal(err)
		}
		p, err := sn.Plan(ctx, dev, src, &restore.Choice{Version: "2"})
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, p.Kind)
		if attempt == 1 && p.Good == 0 {
			t.Error("nothing of the first attempt is left")
		}
		res, err := sn.Run(ctx, p, nil)
		if err == nil {
			t.Logf("attempt %d: %v, sent %d of %d", attempt, p.Kind, res.BytesSent, res.BytesFull)
			break
		}
		var e *restore.Error
		if attempt > 0 || !errors.As(err, &e) || !e.Retry() || e.Touched != restore.TouchedPart {
			t.Fatalf("attempt %d: %v", attempt, err)
		}
		port.Close()
		<-d.Ended()
		if s := r.on(d); s != lab.Restoration {
			t.Fatalf("device is %v", s)
		}
		if err := port.Open(); err != nil {
			t.Fatal(err)
		}
	}
	port.Close()
	r.restored(d, v2)
	if kinds[0] != restore.KindParts {
		t.Errorf("got %v, want parts first", kinds)
	}
}

// enter brings a running device into restoration mode, as a person with a cable does.
func enter(t *testing.T, d *lab.Device) {
	t.Helper()
	port := d.Port()
	if _, err := restore.Connect(context.Background(), port, nil); err != nil {
		t.Fatal(err)
	}
	port.Leave()
}

// TestNothingWrong: a device with an intact release is told as such, costs next to nothing on the wire, and
// is started.
func TestNothingWrong(t *testing.T) {
	r := newRig(t, even)
	v1 := r.release("1", 1, 1, code(1, 150_000))
	d := r.device(v1, nil)
	port := d.Port()
	res, err := run(t, port, source(t, v1), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	port.Close()
	r.restored(d, v1)
	if res.Plan.Kind != restore.KindStart || res.SectorsWritten != 0 || res.Operations != 0 || res.BytesSent > 1000 {
		t.Errorf("got %v, %d sectors, %d operations, %d bytes", res.Plan.Kind, res.SectorsWritten, res.Operations, res.BytesSent)
	}
}

// TestChoice: an older release may be chosen, and the device then runs it.
func TestChoice(t *testing.T) {
	r := newRig(t, even)
	v1 := r.release("1", 1, 1, code(1, 150_000))
	v2 := r.release("2", 2, 1, edit(v1.image, 2))
	d := r.device(v2, nil)
	port := d.Port()
	res, err := run(t, port, source(t, v1, v2), nil, &restore.Choice{Release: &v1.manifest})
	if err != nil {
		t.Fatal(err)
	}
	port.Close()
	r.restored(d, v1)
	if res.Plan.Reason != restore.ReasonChosen || res.Plan.Kind != restore.KindDelta {
		t.Errorf("got %v, %v", res.Plan.Kind, res.Plan.Reason)
	}
}

// TestTheReleaseIsTheWish: of two releases of one image the device gets the one that is wanted, and says so afterwards; one that it does
// not take is not replaced by the other.
func TestTheReleaseIsTheWish(t *testing.T) {
	r := newRig(t, even)
	image := code(1, 150_000)
	v3, v4 := r.release("3", 3, 1, image), r.release("4", 4, 1, image)
	d := r.device(v4, nil)
	for _, c := range []struct {
		choice restore.Choice
		want   *made
		kind   restore.Kind
	}{
		{restore.Choice{Release: &v3.manifest}, v3, restore.KindRecord},
		{restore.Choice{Version: "3"}, v3, restore.KindStart},
		{restore.Choice{Version: "4"}, v4, restore.KindRecord},
		{restore.Choice{Release: &v4.manifest}, v4, restore.KindStart},
	} {
		port := d.Port()
		res, err := run(t, port, source(t, v3, v4), nil, &c.choice)
		if err != nil {
			t.Fatal(err)
		}
		port.Close()
		r.restored(d, c.want)
		if res.Plan.Kind != c.kind || res.SectorsWritten != 0 || res.Plan.Release != c.want.manifest || d.About().Installed != c.want.manifest {
			t.Errorf("%s wanted: %v of release %s, %d sectors; it says %s", c.want.manifest.Version, res.Plan.Kind, res.Plan.Release.Version, res.SectorsWritten, d.About().Installed.Version)
		}
	}
	stranger := r.releaseBy(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), r.model.ID, "5", 5, 1, image)
	port := d.Port()
	_, err := run(t, port, source(t, stranger, v4), nil, &restore.Choice{Release: &stranger.manifest})
	var e *restore.Error
	if !errors.As(err, &e) || e.Code != restore.CodeUnknownKey || e.Version != "5" {
		t.Errorf("one of a stranger: %v", err)
	}
	port.Close()
	both := bytes.Clone(v3.signed)
	both, err = release.AddSignatures(both, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	alone, err := release.Sign(&v3.manifest, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	port = d.Port()
	res, err := run(t, port, source(t, &made{v3.manifest, alone, image}, &made{v3.manifest, both, image}), nil, &restore.Choice{Release: &v3.manifest})
	if err != nil || res.Plan.Release != v3.manifest {
		t.Errorf("at hand with the right signatures, too: %v", err)
	}
	port.Close()
}

// TestHangingReleaseIsTakenBack: a release that verifies but hangs gives way to its predecessor.
func TestHangingReleaseIsTakenBack(t *testing.T) {
	r := newRig(t, even)
	v1 := r.release("1", 1, 1, code(1, 150_000))
	v2 := r.release("2", 2, 2, edit(v1.image, 2))
	d := r.device(v1, nil)
	d.Board().SetHealthy(false)
	if s := r.update(d, v1, v2); s.State != lab.Restoration {
		t.Fatalf("device is %v, want it to give up on the hanging release", s.State)
	}
	d.Board().SetHealthy(true)
	port := d.Port()
	res, err := run(t, port, source(t, v1, v2), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	port.Close()
	r.restored(d, v1)
	if res.Plan.Reason != restore.ReasonPredecessor || res.Plan.Device.Why != smp.WhyHang {
		t.Errorf("got %v, why %v", res.Plan.Reason, res.Plan.Device.Why)
	}
}

// TestLostRecords: without any record the device is recognised by the releases at hand.
func TestLostRecords(t *testing.T) {
	r := newRig(t, even)
	v1 := r.release("1", 1, 1, code(1, 150_000))
	v2 := r.release("2", 2, 1, edit(v1.image, 2))
	d := r.device(v1, nil)
	d.PowerOff(emulator.NotBegun)
	raw := d.Raw()
	for _, s := range r.model.Layout.Records() {
		addr, size := r.model.Layout.Geometry.Sector(s)
		copy(raw[addr:addr+size], bytes.Repeat([]byte{0xff}, int(size)))
	}
	if err := d.Board().Load(raw, nil); err != nil {
		t.Fatal(err)
	}
	if s := r.on(d); s != lab.Restoration {
		t.Fatalf("device is %v", s)
	}
	for _, want := range []struct {
		version *made
		kind    restore.Kind
	}{{v1, restore.KindRecord}, {v2, restore.KindDelta}} {
		port := d.Port()
		res, err := run(t, port, source(t, v1, v2), nil, &restore.Choice{Version: want.version.manifest.Version})
		if err != nil {
			t.Fatal(err)
		}
		port.Close()
		r.restored(d, want.version)
		if res.Plan.Kind != want.kind || res.BytesSent*4 > res.BytesFull {
			t.Errorf("release %s: got %v with %d bytes of %d", want.version.manifest.Version, res.Plan.Kind, res.BytesSent, res.BytesFull)
		}
	}
}

// TestNoFileFits: sectors so large, beside the RAM, that not even one of them fits as an update file. The whole
// release goes over the line instead, and the device comes back all the same.
func TestNoFileFits(t *testing.T) {
	r := newRig(t, shape{"16KiB*4,64KiB*3", 256 << 10, 4, 0xff, 16 << 10, 96 << 10})
	noise := func(seed uint64) []byte {
		rnd := rand.New(rand.NewPCG(seed, 4))
		b := make([]byte, 150_000)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	v1, v2 := r.release("1", 1, 1, noise(1)), r.release("2", 2, 1, noise(2))
	d := r.device(v1, nil)
	enter(t, d)
	port := d.Port()
	res, err := run(t, port, source(t, v1, v2), nil, &restore.Choice{Version: "2"})
	if err != nil {
		t.Fatal(err)
	}
	port.Close()
	r.restored(d, v2)
	if res.Plan.Kind != restore.KindUpload || res.BytesSent < uint64(len(v2.image)) {
		t.Errorf("%v, %d bytes sent", res.Plan.Kind, res.BytesSent)
	}
}

// TestUpload: the plain way of any SMP client.
func TestUpload(t *testing.T) {
	r := newRig(t, even)
	v1 := r.release("1", 1, 1, code(1, 150_000))
	v2 := r.release("2", 2, 1, edit(v1.image, 2))
	d := r.device(v1, nil)
	if s := r.brick(d, v1, v2, 100, emulator.Half); s != lab.Restoration {
		t.Fatalf("device is %v", s)
	}
	port := d.Port()
	ctx := context.Background()
	s, err := restore.Connect(ctx, port, nil)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := s.Identify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(ctx, dev, source(t, v1, v2), nil)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := s.Bytes()
	res, err := s.Upload(ctx, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	port.Close()
	r.restored(d, v2)
	if sent := res.BytesSent - before; sent < res.BytesFull-res.BytesFull/500 || sent > res.BytesFull+res.BytesFull/500 {
		t.Errorf("sent %d bytes, predicted %d", sent, res.BytesFull)
	}
}
