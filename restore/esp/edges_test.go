package esp_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/internal/standin"
	chip "unbrick/internal/standin/esp"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/esp"
	"unbrick/restore/family"
)

// TestNeighbours: what lies beside the parts stays, to the byte, wherever they begin and end; but for what is behind a part in its last
// sector, which is erased with it.
func TestNeighbours(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, name := range []string{"esp8266", "esp32c3", "esp32"} {
		for round := range 6 {
			r := newRig(t, chip.Config{Chip: name, Flash: 512 << 10, Times: chip.Times{Erase: 10 * time.Millisecond}}, standin.Options{Seed: uint64(round)})
			for i := range r.chip.Flash() {
				r.chip.Flash()[i] = byte(rnd.Uint32())
			}
			before := bytes.Clone(r.chip.Flash())
			var parts []release.Part
			want := bytes.Clone(before)
			at := 0
			for len(parts) < 3 {
				at += rnd.IntN(40000)
				if round%2 == 0 {
					at = (at + 4095) &^ 4095
				}
				data := program(rnd, 1+rnd.IntN([]int{10, 4096, 40000}[rnd.IntN(3)]))
				if at+len(data) > len(before) {
					break
				}
				parts = append(parts, release.Part{Name: "p", Offset: uint32(at), Data: data})
				at += len(data)
			}
			for i, p := range parts {
				end := int(p.Offset) + len(p.Data)
				last := (end + 4095) &^ 4095
				if i+1 < len(parts) { // what is between two parts of one sector is kept
					if next := int(parts[i+1].Offset); next < last {
						last = end
					}
				}
				copy(want[p.Offset:], p.Data)
				for k := end; k < last; k++ {
					want[k] = 0xff
				}
			}
			l := r.enter()
			d, err := l.Compare(context.Background(), parts, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Write(context.Background(), d, nil); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if _, err := l.Verify(context.Background(), parts, nil); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for i, b := range r.chip.Flash() {
				if b != want[i] {
					for _, p := range parts {
						t.Logf("part %#x to %#x", p.Offset, int(p.Offset)+len(p.Data))
					}
					t.Fatalf("%s: %#x holds %#x instead of %#x, before %#x", name, i, b, want[i], before[i])
				}
			}
			r.faultless()
		}
	}
}

// TestStub: what another tool left running is no ROM: it is reset, and nothing is asked of it.
func TestStub(t *testing.T) {
	zero := func(f []byte) []byte {
		if len(f) > 9 && f[2] == 8 {
			copy(f[5:9], []byte{0, 0, 0, 0})
		}
		return f
	}
	for until, want := range map[int]restore.Code{5: 0, 1 << 30: restore.CodeForeign} {
		r := newRig(t, chip.Config{Chip: "esp32c3"}, standin.Options{Seed: 2})
		resets := r.chip.Rebooted
		_, err := esp.Enter(context.Background(), &liar{Port: r.port, from: 1, until: until, lie: zero}, &r.o)
		if code(err) != want || r.chip.Rebooted-resets < 2 && want == 0 && until > 100 {
			t.Errorf("until %d: %v, %d resets", until, err, r.chip.Rebooted-resets)
		}
	}
	// All of the first eight: only a second reset helps.
	r := newRig(t, chip.Config{Chip: "esp32c3"}, standin.Options{Seed: 2})
	l, err := esp.Enter(context.Background(), &liar{Port: r.port, from: 1, until: 9, lie: zero}, &r.o)
	if err != nil || l.Way() != family.WayClassic || r.chip.Rebooted != 3 {
		t.Errorf("%v, %d resets", err, r.chip.Rebooted)
	}
}

// limp is a port that does not work at some speeds.
type limp struct {
	*standin.Port
	most  uint32 // fastest at which it is changed at all
	clean uint32 // fastest at which nothing is lost
	baud  uint32
	n     int
}

func (p *limp) SetSpeed(baud uint32) error {
	p.baud = baud
	if baud > p.most {
		return nil // it says that it did
	}
	return p.Port.SetSpeed(baud)
}

func (p *limp) Write(b []byte) error {
	if p.baud <= p.clean {
		return p.Port.Write(b)
	}
	q := bytes.Clone(b)
	for i := range q {
		if p.n++; p.n%3001 == 0 {
			q[i] ^= 0x10
		}
	}
	return p.Port.Write(q)
}

// still is a port of one speed.
type still struct {
	restore.Port
	restore.BothSignals
	restore.Signals
}

// TestSpeed: the speed is raised as far as it holds, and lowered where too much is lost.
func TestSpeed(t *testing.T) {
	const fast = 4_000_000
	for _, c := range []struct {
		name        string
		c           chip.Config
		most, clean uint32
		option      uint32
		latency     time.Duration
		want        []uint32 // any of them in the end
	}{
		{"all is well", chip.Config{Chip: "esp32c3"}, fast, fast, 0, 0, []uint32{921600}},
		{"as asked", chip.Config{Chip: "esp32c3"}, fast, fast, 230400, 0, []uint32{230400}},
		{"not at all", chip.Config{Chip: "esp32c3"}, fast, fast, 115200, 0, []uint32{115200}},
		{"not so fast", chip.Config{Chip: "esp32c3"}, 460800, fast, 0, 0, []uint32{460800}},
		{"a port that cannot", chip.Config{Chip: "esp32c6"}, 115200, fast, 0, 0, []uint32{115200}},
		{"loses at the fastest", chip.Config{Chip: "esp32c3"}, fast, 460800, 0, 0, []uint32{460800}},
		{"loses above the slowest", chip.Config{Chip: "esp32s3"}, fast, 115200, 0, 16 * time.Millisecond, []uint32{115200, 230400, 460800}},
		{"ESP32, 26 MHz", chip.Config{Chip: "esp32", Crystal: 26}, fast, fast, 0, 0, []uint32{921600}},
		{"ESP32, slow clock", chip.Config{Chip: "esp32", Clock: 0.94}, fast, fast, 0, 0, []uint32{921600}},
		{"ESP32-C2, 26 MHz", chip.Config{Chip: "esp32c2", Crystal: 26}, fast, fast, 0, 0, []uint32{921600}},
		{"ESP32-C2, 40 MHz", chip.Config{Chip: "esp32c2", Crystal: 40}, fast, fast, 0, 0, []uint32{921600}},
		{"ESP32-C5, 40 MHz", chip.Config{Chip: "esp32c5", Crystal: 40}, fast, fast, 0, 0, []uint32{921600}},
		{"ESP32-C5, 48 MHz", chip.Config{Chip: "esp32c5", Crystal: 48}, fast, fast, 0, 0, []uint32{921600}},
		{"ESP8266", chip.Config{Chip: "esp8266"}, fast, fast, 0, 0, []uint32{115200}},
		{"its own port", chip.Config{Chip: "esp32c3", Port: chip.JTAG}, fast, fast, 0, 0, []uint32{115200}},
		{"secure download", chip.Config{Chip: "esp32s3", SecureDownload: true}, fast, fast, 0, 0, []uint32{921600}},
		{"secure download, C2", chip.Config{Chip: "esp32c2", SecureDownload: true, Crystal: 26}, fast, fast, 0, 0, []uint32{115200}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.c, standin.Options{Seed: 1, Latency: c.latency})
			r.o.Baud = c.option
			var loader, id int
			for _, k := range kinds {
				if k.name == c.c.Chip {
					loader, id = k.loader, k.id
				}
			}
			parts := software(1, c.c.Chip, loader, id, 150_000)
			ctx := context.Background()
			l, err := esp.Enter(ctx, &limp{Port: r.port, most: c.most, clean: c.clean, baud: 115200}, &r.o)
			if err != nil {
				t.Fatal(err)
			}
			d, err := l.Compare(ctx, parts, nil)
			if err != nil {
				t.Fatal(err)
			}
			var last restore.Progress
			if err := l.Write(ctx, d, func(p restore.Progress) {
				if p.Work < last.Work || p.Sectors < last.Sectors || p.Bytes < last.Bytes || p.Elapsed < last.Elapsed || p.Work > p.WorkOf {
					t.Errorf("progress goes from %+v to %+v", last, p)
				}
				last = p
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Verify(ctx, parts, nil); err != nil {
				t.Fatal(err)
			}
			r.holds(parts)
			baud := l.Stats().Baud
			good := false
			for _, b := range c.want {
				good = good || b == baud
			}
			if !good || last.Work != last.WorkOf || last.Slowed != (c.clean < 921600) {
				t.Errorf("ends at %d, %+v", baud, last)
			}
			t.Logf("%d baud in the end, %d repeated, %v", baud, l.Stats().Repeated, r.wire.Elapsed())
		})
	}
	r := newRig(t, chip.Config{Chip: "esp32"}, standin.Options{Seed: 1})
	l, err := esp.Enter(context.Background(), still{r.port, r.port, r.port}, &r.o)
	if err != nil {
		t.Fatal(err)
	}
	parts := software(1, "esp32", 0x1000, 0, 30_000)
	if _, _, s, err := whole(context.Background(), l, parts); err != nil || s.Outcome != family.Runs {
		t.Errorf("a port of one speed: %+v, %v", s, err)
	}
	r.faultless()
}

// TestTail: a ROM that writes its last bytes, too, is asked for nothing more.
func TestTail(t *testing.T) {
	parts := software(1, "esp32s2", 0x1000, 2, 150_000)
	sent := map[bool]uint64{}
	for _, whole := range []bool{false, true} {
		r := newRig(t, chip.Config{Chip: "esp32s2", WritesTail: whole}, standin.Options{Seed: 1})
		l := r.enter()
		ctx := context.Background()
		d, err := l.Compare(ctx, parts, nil)
		if err != nil {
			t.Fatal(err)
		}
		before := l.Stats().Sent
		if err := l.Write(ctx, d, nil); err != nil {
			t.Fatal(err)
		}
		sent[whole] = l.Stats().Sent - before
		r.holds(parts)
		r.faultless()
	}
	if sent[true]+1024 > sent[false] {
		t.Errorf("%d bytes where the end is written, %d where it is not", sent[true], sent[false])
	}
}

// TestTorn: a deflated piece of which not all is there, though every block was taken, is written again.
func TestTorn(t *testing.T) {
	for _, at := range []int{0x11000, 0x11000 + 100_000} {
		parts := software(1, "esp32c3", 0, 5, 150_000)
		r := newRig(t, chip.Config{Chip: "esp32c3"}, standin.Options{Seed: 1})
		count := 0
		r.o.Trace = func(e family.Exchange) {
			if e.Name != "write its flash" {
				return
			}
			if count++; count == 85 {
				r.wire.Do(func() { r.chip.Flash()[at] &= 0x24 })
			}
		}
		l := r.enter()
		ctx := context.Background()
		d, err := l.Compare(ctx, parts, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Write(ctx, d, nil); err != nil {
			t.Fatal(err)
		}
		r.holds(parts)
		if l.Stats().Repeated == 0 {
			t.Error("nothing was written again")
		}
	}
}
