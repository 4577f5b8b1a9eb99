package coding

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// step is one thing coded.
type step struct {
	what    int // 0 bit, 1 even bit, 2 number
	context uint32
	value   uint32
}

func table() *Counters {
	c := MakeCounters(make([]byte, CounterBytes(1)), 1)
	return &c
}

func write(steps []step) []byte {
	w, c := NewWriter(), table()
	for _, s := range steps {
		switch s.what {
		case 0:
			w.Bit(c, s.context, 0, s.value)
		case 1:
			w.Even(s.value)
		case 2:
			w.Number(c, s.context, s.value)
		}
	}
	return w.Finish()
}

func TestStreamsComeBack(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		steps := make([]step, r.IntN(3000))
		skew := r.IntN(200)
		for i := range steps {
			s := step{what: r.IntN(3), context: Context(uint8(r.IntN(9)), uint32(r.IntN(20)))}
			if skew > 100 {
				s.what = 0
			}
			switch s.what {
			case 0, 1:
				if r.IntN(skew+1) == 0 {
					s.value = 1
				}
			case 2:
				s.value = uint32(r.IntN(MaxNumber+1)) >> r.IntN(25)
			}
			steps[i] = s
		}
		stream := write(steps)
		in, c := MakeReader(stream), table()
		for i, s := range steps {
			var got uint32
			ok := true
			switch s.what {
			case 0:
				got = in.Bit(c, s.context, 0)
			case 1:
				got = in.Even()
			case 2:
				got, ok = in.Number(c, s.context)
			}
			if got != s.value || !ok {
				t.Fatalf("step %d of %d: got %d, want %d", i, len(steps), got, s.value)
			}
		}
		if !in.Done() || in.Truncated() {
			t.Fatalf("%d steps in %d bytes: stream does not end where it ends", len(steps), len(stream))
		}
	}
}

// FuzzReader reads any stream as bits in some contexts. A stream that ends properly after some bits
// must be the one that writing those bits gives: there is no other.
func FuzzReader(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add([]byte("\xff\xff\xff\xff0"), 119)
	f.Add([]byte{1, 2, 3, 4, 5, 6}, 40)
	f.Add(write([]step{{0, 1, 1}, {0, 2, 0}, {0, 0, 1}}), 3)
	f.Fuzz(func(t *testing.T, stream []byte, n int) {
		in, c := MakeReader(stream), table()
		var steps []step
		for i := range min(max(n, 0), 10000) {
			if in.Done() && !bytes.Equal(write(steps), stream) {
				t.Fatalf("after %d bits % x is accepted, but % x is written", i, stream, write(steps))
			}
			if in.Truncated() {
				return
			}
			s := step{what: i & 1, context: uint32(i % 7)}
			if s.what == 0 {
				s.value = in.Bit(c, s.context, 0)
			} else {
				s.value = in.Even()
			}
			steps = append(steps, s)
		}
	})
}

func TestNumberLimits(t *testing.T) {
	for _, n := range []uint32{0, 1, 2, MaxNumber - 1, MaxNumber} {
		in := MakeReader(write([]step{{2, 7, n}}))
		if got, ok := in.Number(table(), 7); got != n || !ok {
			t.Errorf("got %d %v, want %d", got, ok, n)
		}
	}
	var steps []step
	for range maxClass + 1 {
		steps = append(steps, step{1, 0, 1})
	}
	in := MakeReader(bytes.Repeat([]byte{0}, 8)) // all ones: a class that never ends
	if n, ok := in.Number(table(), 7); ok {
		t.Errorf("a number of %d bits was read as %d", len(steps), n)
	}
	for _, n := range []int32{0, -1, 1, 12345, -54321, 1<<31 - 1, -1 << 31} {
		if got := Unfold(Fold(n)); got != n {
			t.Errorf("fold of %d comes back as %d", n, got)
		}
	}
}

func TestMapKeepsFirstRanges(t *testing.T) {
	m := MakeMap(make([]byte, 4*EntryBytes))
	for _, r := range []struct {
		start, n, shift uint32
		ok              bool
		entries         int
	}{
		{1000, 100, 7, true, 1},
		{950, 200, 9, true, 3}, // before and behind the first
		{1000, 100, 1, true, 3},
		{0, 10, 5, true, 4},
		{5000, 1, 5, false, 4}, // full
	} {
		if ok := m.Add(r.start, r.n, r.shift); ok != r.ok || m.Most() != r.entries {
			t.Fatalf("add %v: %v, %d entries", r, ok, m.Most())
		}
	}
	back := ^uint32(0) // a shift of -1
	for _, want := range []struct{ addr, to uint32 }{
		{5, 10}, {949, 954}, {950, 959}, {999, 1008}, {1000, 1007}, {1099, 1106}, {1100, 1109}, {9999, 10008},
	} {
		if got := m.Move(want.addr); got != want.to {
			t.Errorf("%d moved to %d, want %d", want.addr, got, want.to)
		}
	}
	m = MakeMap(make([]byte, 8*EntryBytes))
	if !m.Add(10, 200000, back) || m.Most() != 4 {
		t.Fatalf("a long range takes %d entries", m.Most())
	}
	for _, addr := range []uint32{10, 65545, 65546, 200009} {
		if got := m.Move(addr); got != addr-1 {
			t.Errorf("%d moved to %d", addr, got)
		}
	}
}

// TestMapJoinsRanges: ranges that go on from each other with the same shift are one, up to the longest there can be; what
// a map needs memory for is the most that there were.
func TestMapJoinsRanges(t *testing.T) {
	m := MakeMap(make([]byte, 3*EntryBytes))
	for _, r := range []struct {
		start, n, shift uint32
		most            int
		ranges          [][3]uint32
	}{
		{100, 50, 7, 1, [][3]uint32{{100, 50, 7}}},
		{200, 50, 7, 2, [][3]uint32{{100, 50, 7}, {200, 50, 7}}},
		{300, 50, 9, 3, [][3]uint32{{100, 50, 7}, {200, 50, 7}, {300, 50, 9}}},
		{90, 10, 7, 3, [][3]uint32{{90, 60, 7}, {200, 50, 7}, {300, 50, 9}}},
		{120, 100, 7, 3, [][3]uint32{{90, 160, 7}, {300, 50, 9}}},
		{250, 50, 9, 3, [][3]uint32{{90, 160, 7}, {250, 100, 9}}},
		{350, 65535 - 99, 9, 3, [][3]uint32{{90, 160, 7}, {250, 100, 9}, {350, 65436, 9}}},
		{65786, 1, 9, 3, [][3]uint32{{90, 160, 7}, {250, 100, 9}, {350, 65437, 9}}},
	} {
		if !m.Add(r.start, r.n, r.shift) || m.Most() != r.most {
			t.Fatalf("add %v: at most %d entries, want %d", r, m.Most(), r.most)
		}
		var got [][3]uint32
		for i := range m.n {
			start, n, shift := m.entry(i)
			got = append(got, [3]uint32{start, n, shift})
		}
		if !slices.Equal(got, r.ranges) {
			t.Fatalf("add %v: %v, want %v", r, got, r.ranges)
		}
	}
	if m.Add(1<<20, 1, 0) {
		t.Error("a fourth range has room")
	}
	m = MakeMap(make([]byte, 2*EntryBytes))
	if !m.Add(1000, maxEntry, 3) || !m.Add(990, 10, 3) || m.n != 2 {
		t.Errorf("before a range as long as can be: %d entries", m.n)
	}
}
