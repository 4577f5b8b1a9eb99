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
	for word := uint32(16); word < 1<<16; word++ {
		back := chanceOf(stretch(uint16(word)))
		if want := float64(word &^ 15); math.Abs(float64(back)-want) > 1+want/40 {
			t.Errorf("chance %d comes back as %d of 65536", word, back)
		}
	}
}

// TestTablesAreShortcuts: with or without the large tables a bit means the same.
func TestTablesAreShortcuts(t *testing.T) {
	for word := range uint32(1 << 16) {
		n := max(word>>4, 1)
		if got, want := stretch(uint16(word)), logOf(n)-logOf(1<<12-n); got != want {
			t.Fatalf("stretch(%#x) = %d, want %d", word, got, want)
		}
	}
	for odds := int32(-5000); odds < 5000; odds++ {
		if got, want := chanceOf(odds), squash(min(max(odds, -4096), 4095)&^7|4); got != want {
			t.Fatalf("chanceOf(%d) = %d, want %d", odds, got, want)
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
		w.Mixed(c, setup(&m, i), uint32(v&1))
		w.MixedByte(c, &m, v)
	}
	stream := w.Finish()
	if len(stream) > len(values)*3/5 {
		t.Errorf("%d bytes for %d", len(stream), len(values))
	}
	in, c, m := MakeReader(stream), table(), makeMixer()
	for i, v := range values {
		if bit, b := in.Mixed(c, setup(&m, i)), in.MixedByte(c, &m); bit != uint32(v&1) || b != v {
			t.Fatalf("value %d: got %d and %d, want %d and %d", i, bit, b, v&1, v)
		}
	}
	if !in.Done() {
		t.Error("the stream goes on")
	}
}
