package esp_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/internal/standin"
	chip "unbrick/internal/standin/esp"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

// timed is a port that notes when which request was under way.
type timed struct {
	r     *rig
	write time.Duration // in which blocks travelled, with their answers
	sent  int           // bytes of data in them
	count int
	other map[string]time.Duration
}

func (m *timed) trace(e family.Exchange) {
	if e.Name == "write its flash" {
		m.write += e.Took
		m.sent += e.Bytes
		m.count++
		return
	}
	m.other[e.Name] += e.Took
}

// TestFigures holds what is promised, and prints it beside the limit.
func TestFigures(t *testing.T) {
	for _, latency := range []time.Duration{time.Millisecond, 16 * time.Millisecond} {
		for _, baud := range []uint32{115200, 921600} {
			const size = 1<<20 - 0x10000
			parts := software(3, "esp32c3", 0, 5, size)
			r := newRig(t, chip.Config{Chip: "esp32c3"}, standin.Options{Seed: 5, Latency: latency})
			r.o.Baud = baud
			m := &timed{r: r, other: map[string]time.Duration{}}
			r.o.Trace = m.trace
			l := r.enter()
			ctx := context.Background()
			if _, err := l.Describe(ctx); err != nil {
				t.Fatal(err)
			}
			clock := r.wire.Elapsed
			begin := clock()
			d, err := l.Compare(ctx, parts, nil)
			if err != nil {
				t.Fatal(err)
			}
			compared := clock() - begin
			begin = clock()
			sent := l.Stats().Sent
			if err := l.Write(ctx, d, nil); err != nil {
				t.Fatal(err)
			}
			wrote := clock() - begin
			whole := l.Stats().Sent - sent
			begin = clock()
			if _, err := l.Verify(ctx, parts, nil); err != nil {
				t.Fatal(err)
			}
			verified := clock() - begin
			// The limit: each block and its answer on the line, the chip's own time, and the adapter's timer once.
			bits := func(n int) time.Duration { return time.Duration(n) * 10 * time.Second / time.Duration(baud) }
			limit := time.Duration(m.count)*(bits(26+14)+200*time.Microsecond+latency/2) + bits(m.sent-m.count*24)
			if m.count > 0 {
				limit += time.Duration(size/1024) * 3 * time.Millisecond
			}
			part := float64(limit) / float64(m.write)
			// A second time, nothing has changed.
			begin = clock()
			again, err := l.Compare(ctx, parts, nil)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := l.Verify(ctx, parts, nil)
			unchanged := clock() - begin
			if err != nil || again.Differ != 0 || proof != family.ProofDigest {
				t.Fatalf("%d sectors differ, proof %v, %v", again.Differ, proof, err)
			}
			t.Logf("%d baud, %v: compare empty %.1f s, write %.1f s (blocks %.1f s, %.0f %% of the limit; begins %.1f s, digests %.1f s), verify %.1f s, unchanged %.2f s, %d bytes sent for %d",
				baud, latency, compared.Seconds(), wrote.Seconds(), m.write.Seconds(), 100*part, m.other["erase its flash"].Seconds(), m.other["compute a digest"].Seconds(),
				verified.Seconds(), unchanged.Seconds(), whole, size+0x8000)
			if part < 0.85 {
				t.Errorf("blocks travel at %.0f %% of the limit", 100*part)
			}
			if baud == 115200 && unchanged > 6*time.Second {
				t.Errorf("nothing changed took %v", unchanged)
			}
			r.faultless()
			for _, s := range scatter {
				t.Run(fmt.Sprintf("%d baud, %v, %s", baud, latency, s.name), func(t *testing.T) { differing(t, l, r, parts, whole, s.pick, s.most) })
			}
		}
	}
}

// scatter are ways in which a quarter of the sectors differ.
var scatter = []struct {
	name string
	pick func(rnd *rand.Rand, i, n int) bool
	most float64 // of a quarter of the whole, and 8 KiB
}{
	{"a quarter in one piece", func(_ *rand.Rand, i, n int) bool { return i >= n/2 && i < n/2+n/4 }, 1},
	{"a quarter in 8 pieces", func(_ *rand.Rand, i, n int) bool { return i%(n/8) < n/32 }, 1},
	{"a quarter here and there", func(rnd *rand.Rand, _, _ int) bool { return rnd.IntN(4) == 0 }, 1.6},
	{"9 of 10", func(rnd *rand.Rand, _, _ int) bool { return rnd.IntN(10) != 0 }, 4},
	{"one sector", func(_ *rand.Rand, i, n int) bool { return i == n/3 }, 0.02},
}

// differing damages some sectors, and restores.
func differing(t *testing.T, l family.Loader, r *rig, parts []release.Part, whole uint64, pick func(*rand.Rand, int, int) bool, most float64) {
	rnd := rand.New(rand.NewPCG(9, 9))
	app := parts[2]
	n, hit := len(app.Data)/4096, 0
	r.wire.Do(func() {
		for i := range n {
			if pick(rnd, i, n) {
				hit++
				r.chip.Flash()[int(app.Offset)+i*4096+100] ^= 0x55
			}
		}
	})
	ctx := context.Background()
	begin, sent := r.wire.Elapsed(), l.Stats().Sent
	d, err := l.Compare(ctx, parts, nil)
	if err != nil {
		t.Fatal(err)
	}
	compared, asked := r.wire.Elapsed()-begin, l.Stats().Sent-sent
	var last restore.Progress
	sent = l.Stats().Sent
	if err := l.Write(ctx, d, func(p restore.Progress) { last = p }); err != nil {
		t.Fatal(err)
	}
	bytes := l.Stats().Sent - sent
	if _, err := l.Verify(ctx, parts, nil); err != nil {
		t.Fatal(err)
	}
	r.holds(parts)
	t.Logf("%d of %d sectors damaged, %d written: found in %.2f s and %d bytes, %d bytes written, %.0f %% of a quarter of the whole", hit, n, d.Differ, compared.Seconds(), asked, bytes,
		100*float64(bytes)/(float64(whole)/4))
	if float64(bytes) > most*float64(whole)/4+8192 {
		t.Errorf("%d bytes of %d", bytes, whole)
	}
	if last.Work != last.WorkOf || last.Sectors != d.Differ || last.Of != d.Differ {
		t.Errorf("progress ends with %+v", last)
	}
}
