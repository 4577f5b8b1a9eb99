package coding

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestMixingTables(t *testing.T) {
	for i, got := range logs {
		if want := min(255, math.Round(256*math.Log2(1+float64(i)/128))); float64(got) != want {
			t.Errorf("logs[%d] = %d, want %v", i, got, want)
		}
	}
	for i, got := range squashed {
		if want := math.Round(65536 / (1 + math.Exp2(float64(i)/8))); float64(got) != want {
			t.Errorf("squashed[%d] = %d, want %v", i, got, want)
		}
	}
	for _, x := range []int32{math.MinInt32 + 1, -squashMost - 1, squashMost + 1, math.MaxInt32} {
		if p := squash(x); p < 2 || p > 1<<16-2 {
			t.Errorf("squash(%d) = %d", x, p)
		}
	}
	for p := uint32(1); p < 1<<12; p++ {
		back := squash(logOf(p) - logOf(1<<12-p))
		if want := float64(p) * 16; math.Abs(float64(back)-want) > 1+want/50 {
			t.Errorf("chance %d of 4096 comes back as %d of 65536", p, back)
		}
	}
}

// TestMixedComesBack: what is written through a mixer is read again, and takes less than any of its
// contexts alone would tell.
func TestMixedComesBack(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	values := make([]byte, 20000)
	for i := range values {
		values[i] = byte(i&7) * 31
		if r.IntN(8) == 0 {
			values[i] = byte(r.Uint32())
		}
	}
	setup := func(m *Mixer, i int) *Mixer {
		before := uint32(0)
		if i > 0 {
			before = uint32(values[i-1])
		}
		m.contexts = [...]uint32{Context(1, before), Context(2, uint32(i&7)), Context(3, 0)}
		m.set = uint32(i) % mixSets
		return m
	}
	w, c, m := NewWriter(), table(), makeMixer()
	for i, v := range values {
		w.Mixed(c, setup(&m, i), 0, uint32(v&1))
		w.MixedByte(c, &m, v)
	}
	stream := w.Finish()
	if len(stream) > len(values)/2 {
		t.Errorf("%d bytes for %d", len(stream), len(values))
	}
	in, c, m := MakeReader(stream), table(), makeMixer()
	for i, v := range values {
		if bit, b := in.Mixed(c, setup(&m, i), 0), in.MixedByte(c, &m); bit != uint32(v&1) || b != v {
			t.Fatalf("value %d: got %d and %d, want %d and %d", i, bit, b, v&1, v)
		}
	}
	if !in.Done() {
		t.Error("the stream goes on")
	}
	for i := range m.weights {
		for _, weight := range m.weights[i] {
			if weight > mixMost || weight < -mixMost {
				t.Errorf("weight %d", weight)
			}
		}
	}
}
