package restore_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/internal/firmware"
	"unbrick/lab"
	"unbrick/protocol/smp"
	"unbrick/restore"
)

// noise is an image that cannot be compressed.
func noise(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 11))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// lost is a device of which nothing is known: no record, and a software area that holds no release.
func (r *rig) lost(o *lab.Options) *lab.Device {
	r.t.Helper()
	d := r.device(r.release("0", 1, 1, noise(99, 4096)), o)
	d.PowerOff(emulator.NotBegun)
	raw := d.Raw()
	base := r.model.Layout.SoftwareBase()
	for _, s := range r.model.Layout.Records() {
		addr, size := r.model.Layout.Geometry.Sector(s)
		for i := addr; i < addr+size; i++ {
			raw[i] = r.model.Layout.Geometry.Erased
		}
	}
	copy(raw[base:], noise(98, len(raw)-int(base)))
	if err := d.Board().Load(raw, nil); err != nil {
		r.t.Fatal(err)
	}
	if s := r.on(d); s != lab.Restoration {
		r.t.Fatalf("device is %v", s)
	}
	return d
}

// arrive opens the port half a second after the device was switched on, which has looked at its flash by then.
func arrive(t testing.TB, d *lab.Device) *emulator.Port {
	t.Helper()
	port := d.Port()
	if n, err := port.Read(make([]byte, 1), 500*time.Millisecond); n > 0 || !errors.Is(err, emulator.ErrTimeout) {
		t.Fatalf("%d bytes of a device that nobody asked, %v", n, err)
	}
	return port
}

// limits returns what an image takes on a line of 10 bits a byte, and what the part takes to erase and
// program so many of its first sectors by its data sheet.
func limits(r *rig, part *emulator.Part, bytes int, baud uint32, sectors int) (line, busy time.Duration) {
	line = time.Duration(bytes) * 10 * time.Second / time.Duration(baud)
	for i := range sectors {
		_, n := r.area.Sector(i)
		erase := part.Erase[0]
		for _, e := range part.Erase {
			if e.Size <= n {
				erase = e
			}
		}
		busy += time.Duration(n/erase.Size)*erase.Typ + time.Duration(n/part.PageSize)*part.Page.Typ
	}
	return line, busy
}

// figure is one measurement, in virtual time.
type figure struct {
	result     *restore.Result
	all, run   time.Duration // from Connect on, and of Run alone
	line, busy time.Duration // limits
	image      int
}

// full restores a lost device over a line and returns what that took.
func full(t testing.TB, image []byte, fast uint32, line emulator.LineConfig) figure {
	t.Helper()
	r := newRig(t, shape{"4KiB", 2 << 20, 1, 0xff, 64 << 10, 256 << 10})
	v := r.release("1", 2, 1, image)
	part := emulator.W25Q128JV()
	d := r.lost(&lab.Options{Seed: 5, Part: &part, Line: line})
	port := arrive(t, d)
	var begun time.Duration
	res, err := run(t, port, source(t, v), &restore.Options{Fast: fast, Trace: func(c restore.Call) {
		if c.Group == smp.GroupUser && c.ID == smp.UserBegin && begun == 0 {
			begun = c.At
		}
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	end := port.Now()
	port.Close()
	r.restored(d, v)
	f := figure{result: res, all: res.Elapsed, run: end - begun, image: len(image)}
	f.line, f.busy = limits(r, &part, len(image), max(fast, 115200), (len(image)+4095)/4096)
	return f
}

// slower is the part of its time in which a restoration was at the slower limit.
func (f *figure) slower(took time.Duration) float64 {
	return 100 * max(f.line, f.busy).Seconds() / took.Seconds()
}

var turns = []time.Duration{time.Millisecond, 16 * time.Millisecond}

// TestFullImageFigures holds the figures of docs/cable.md, which need no clock but the emulator's: a full
// image is written at nearly the slower one of line and flash.
func TestFullImageFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute of computing")
	}
	for _, c := range []struct {
		baud uint32
		size int
		bits float64
		want float64 // percent of the slower limit, from begin to the verdict
		all  float64 // the same from the first echo on
	}{
		{115200, 512 << 10, 0, 96, 95},
		{921600, 1 << 20, 0, 94, 92},
		{115200, 256 << 10, 1e-5, 87, 85},
		{921600, 1 << 20, 1e-5, 87, 85},
	} {
		for _, turn := range turns {
			f := full(t, noise(1, c.size), c.baud, emulator.LineConfig{TurnAround: turn, BitErrors: c.bits})
			t.Logf("incompressible, %d KiB, %d baud, %v, bit errors %g: %.1f %% of the slower limit from begin on, %.1f %% from the first echo on (%v; line %v, flash %v; %d blocks again)",
				c.size>>10, c.baud, turn, c.bits, f.slower(f.run), f.slower(f.all), f.all, f.line, f.busy, f.result.Repeated)
			if f.slower(f.run) < c.want || f.slower(f.all) < c.all {
				t.Errorf("less than %g %% and %g %%", c.want, c.all)
			}
		}
	}
	logs, n := 0.0, 0
	_, mithermo := firmware.Mithermo()
	_, opensbi := firmware.OpenSBI()
	for _, image := range [][]byte{mithermo, opensbi} {
		for _, turn := range turns {
			f := full(t, image, 115200, emulator.LineConfig{TurnAround: turn})
			rate := 100 * f.line.Seconds() / f.all.Seconds()
			logs, n = logs+math.Log(rate), n+1
			t.Logf("real firmware, %d bytes, 115200 baud, %v: %.1f %% of the line (%v; line %v, flash %v)", len(image), turn, rate, f.all, f.line, f.busy)
			if rate < 125 {
				t.Error("less than 125 %")
			}
		}
	}
	if mean := math.Exp(logs / float64(n)); mean < 150 {
		t.Errorf("geometric mean %.1f %%, want 150", mean)
	}
}

// TestNothingWrongFigure: an intact image of 1 MiB is recognised and started in under 2 s, from the first call to a
// device that runs: a break leads into restoration mode.
func TestNothingWrongFigure(t *testing.T) {
	for _, turn := range turns {
		r := newRig(t, shape{"4KiB", 2 << 20, 1, 0xff, 64 << 10, 256 << 10})
		v := r.release("1", 1, 1, noise(1, 1<<20))
		part := emulator.W25Q128JV()
		d := r.device(v, &lab.Options{Part: &part, Line: emulator.LineConfig{TurnAround: turn}})
		port := d.Port()
		res, err := run(t, port, source(t, v), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		port.Close()
		r.restored(d, v)
		t.Logf("%v: %v by %v, %d bytes", turn, res.Elapsed, res.Way, res.BytesSent+res.BytesReceived)
		if res.Plan.Kind != restore.KindStart || res.Elapsed > 2*time.Second {
			t.Errorf("%v in %v", res.Plan.Kind, res.Elapsed)
		}
	}
}

// TestDifferenceFigures: an update of 1 MiB by a minor release is cut at operations all over it, down to the last
// sector, and restored over a line of 115200 baud. It takes a tenth of the bytes of a full image, 4 s of the
// line, and at most 1.15 times line and flash together (the two records are written as well); under 10 s on a
// part with sectors of 64 KiB.
func TestDifferenceFigures(t *testing.T) {
	old := append(code(1, 500_000), code(2, 548_000)...)
	new := edit(old, 3)
	for _, s := range []shape{{"4KiB", 2 << 20, 1, 0xff, 64 << 10, 256 << 10}, {"64KiB", 2 << 20, 1, 0xff, 64 << 10, 256 << 10}} {
		r := newRig(t, s)
		v1, v2 := r.release("1", 1, 1, old), r.release("2", 2, 1, new)
		part := emulator.W25Q128JV()
		probe := r.device(v1, &lab.Options{Part: &part})
		r.update(probe, v1, v2)
		operations := probe.Counts().Operations
		cuts := []uint64{operations / 50, operations / 3, operations / 2, operations * 4 / 5, operations - operations/50, operations - 12}
		if testing.Short() {
			cuts = cuts[4:]
		}
		for i := range len(cuts) * len(turns) {
			cut, turn := cuts[i/len(turns)], turns[i%len(turns)]
			d := r.device(v1, &lab.Options{Seed: cut, Part: &part, Line: emulator.LineConfig{TurnAround: turn}})
			if s := r.brick(d, v1, v2, cut, emulator.Tears()[i%len(emulator.Tears())]); s != lab.Restoration {
				t.Logf("cut at %d: %v", cut, s) // whatever it left is a whole release
				continue
			}
			port := arrive(t, d)
			res, err := run(t, port, source(t, v1, v2), &restore.Options{Fast: 115200}, nil)
			if err != nil {
				t.Fatal(err)
			}
			port.Close()
			r.restored(d, v2)
			_, one := limits(r, &part, 0, 115200, 1)
			busy := time.Duration(res.SectorsWritten+res.Refreshed)*one + 2*(one-time.Duration(r.area.Largest()/256)*part.Page.Typ)
			// One turn-around goes to the question that tells a terminal from a stranger.
			most := (res.Line+busy)*115/100 + turn
			wire := res.BytesSent + res.BytesReceived
			t.Logf("%s, cut at %d of %d, %v: %.1f %% of the bytes, %v in all; line %v, flash %v (%d sectors, %d refreshed): %.3f of both", s.geometry, cut, operations, turn,
				100*float64(wire)/float64(res.BytesFull), res.Elapsed, res.Line, busy, res.SectorsWritten, res.Refreshed, res.Elapsed.Seconds()/(res.Line+busy).Seconds())
			if wire*10 > res.BytesFull || res.Line > 4*time.Second || res.Elapsed > most || s.geometry == "64KiB" && res.Elapsed > 10*time.Second {
				t.Error("more than that")
			}
			d.PowerOff(emulator.NotBegun)
		}
	}
}

// BenchmarkCable prints, side by side and in virtual time, what an incompressible image takes at each speed
// and turn-around by this cable and by models of other boot loaders' protocols on the same line and part.
func BenchmarkCable(b *testing.B) {
	const size = 256 << 10
	image := noise(1, size)
	for _, baud := range []uint32{115200, 921600} {
		for _, turn := range turns {
			at := func(name string, took, line, busy time.Duration) {
				b.Logf("%-20s %6d baud %4v: %8.3f s; line %7.3f s, flash %6.3f s; %5.1f %% of the line, %5.1f %% of the slower", name, baud, turn,
					took.Seconds(), line.Seconds(), busy.Seconds(), 100*line.Seconds()/took.Seconds(), 100*max(line, busy).Seconds()/took.Seconds())
			}
			f := full(b, image, baud, emulator.LineConfig{TurnAround: turn})
			at("Unbrick, in all", f.all, f.line, f.busy)
			at("Unbrick, from begin", f.run, f.line, f.busy)
			part := emulator.W25Q128JV()
			r := newRig(b, shape{"4KiB", 2 << 20, 1, 0xff, 64 << 10, 256 << 10})
			for _, v := range rivals() {
				at(v.name, v.run(b, part, &r.area, image, baud, turn), f.line, f.busy)
			}
			_, firm := firmware.OpenSBI()
			f = full(b, firm, baud, emulator.LineConfig{TurnAround: turn})
			at("Unbrick, firmware", f.all, f.line, f.busy)
		}
	}
	for b.Loop() { // everything above is virtual time
	}
}
