package diff_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
)

// randomImage is n bytes that repeat themselves as code does, with some noise and some fill.
func randomImage(r *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+64)
	for len(b) < n {
		switch k := r.IntN(8); {
		case k < 3 && len(b) > 16:
			from := r.IntN(len(b) - 8)
			b = append(b, b[from:from+min(8+r.IntN(60), len(b)-from)]...)
		case k == 3:
			fill := []byte{0xff, 0, 0x46}[r.IntN(3)]
			for range r.IntN(200) {
				b = append(b, fill)
			}
		default:
			for range 1 + r.IntN(80) {
				b = append(b, byte(r.NormFloat64()*40))
			}
		}
	}
	return b[:n]
}

// edited is a later version of b: insertions, removals, moved blocks, changed words.
func edited(r *rand.Rand, b []byte) []byte {
	out := append([]byte(nil), b...)
	for range r.IntN(12) {
		at := r.IntN(len(out) + 1)
		n := min(1<<r.IntN(12), len(out)-at)
		switch r.IntN(5) {
		case 0:
			out = append(out[:at:at], append(randomImage(r, 1+r.IntN(300)), out[at:]...)...)
		case 1:
			out = append(out[:at:at], out[at+n:]...)
		case 2:
			block := append([]byte(nil), out[at:at+n]...)
			out = append(out[:at:at], out[at+n:]...)
			to := r.IntN(len(out) + 1)
			out = append(out[:to:to], append(block, out[to:]...)...)
		default:
			for i := at; i < at+n; i += 1 + r.IntN(40) {
				out[i] += byte(r.IntN(5))
			}
		}
	}
	if len(out) == 0 {
		out = []byte{1}
	}
	return out
}

var areas = []string{"256*64", "4KiB*16", "1KiB*4,4KiB,8KiB*3", "64KiB,128KiB", "16KiB*2,1KiB*16,2KiB*4", "512*3,32KiB*2", "256*512"}

// small are areas in which a scenario takes well below the ten seconds that fuzzing, many times slower, gives it.
var small = []string{"256*64", "1KiB*4,4KiB,8KiB", "512*3,8KiB*2", "2KiB*8", "4KiB,256*16"}

// randomScenario is any scenario there can be in one of the areas.
func randomScenario(t *testing.T, r *rand.Rand, areas []string) *scenario {
	t.Helper()
	area, err := flash.ParseGeometry(areas[r.IntN(len(areas))], 0)
	if err != nil {
		t.Fatal(err)
	}
	if r.IntN(3) == 0 {
		area.Erased = 0
	}
	size := int(area.Size())
	sc := &scenario{area: area, old: randomImage(r, 1+r.IntN(size))}
	sc.new = edited(r, sc.old)
	if r.IntN(4) == 0 {
		sc.old, sc.new = linkedPair(r, &targets[r.IntN(len(targets))], 10+r.IntN(200))
	}
	sc.old, sc.new = sc.old[:min(len(sc.old), size)], sc.new[:min(len(sc.new), size)]
	switch r.IntN(6) {
	case 0: // a mixture of old and new sectors, as an interrupted rewrite leaves it
		mixed := append([]byte(nil), sc.old...)
		for s := range area.Sectors() {
			if addr, n := area.Sector(s); r.IntN(2) == 0 && int(addr) < len(mixed) && int(addr) < len(sc.new) {
				copy(mixed[addr:min(int(addr+n), len(mixed))], sc.new[addr:])
			}
		}
		sc.old = mixed
	case 1:
		sc.old = nil
	case 2:
		sc.new = append([]byte(nil), sc.old...)
	}
	flags := func(part int) []bool {
		f := make([]bool, area.Sectors())
		for i := range f {
			f[i] = r.IntN(part) == 0
		}
		return f
	}
	if r.IntN(3) == 0 {
		sc.doubtful = flags(2 + r.IntN(10))
	}
	if r.IntN(4) == 0 {
		sc.only = flags(2)
	}
	sc.options.ISA = append(diff.ISAs(), "auto", "auto", "auto")[r.IntN(len(diff.ISAs())+3)]
	sc.full = r.IntN(8) == 0
	if sc.full {
		sc.options.ISA = ""
		sc.doubtful, sc.only = nil, nil
	}
	sc.options.StashMax = []uint32{0, 300, 2048, diff.NoStash, 1 + r.Uint32N(delta.MaxStash)}[r.IntN(5)]
	sc.options.StateMax = []uint32{0, 16 << 10, 8 << 10, 4 << 10}[r.IntN(4)]
	sc.options.Effort = diff.Effort(r.IntN(2))
	if r.IntN(2) == 0 {
		sc.options.Batch = area.Largest() + r.Uint32N(4*area.Largest())
	}
	return sc
}

func TestRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rounds := 100
	if testing.Short() {
		rounds = 25
	}
	for i := range rounds {
		s := seed + uint64(i)
		t.Run(fmt.Sprintf("seed %d", s), func(t *testing.T) {
			r := rand.New(rand.NewPCG(s, 1))
			randomScenario(t, r, areas).check(t, r)
		})
	}
}

func FuzzCreateApply(f *testing.F) {
	for s := range uint64(8) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		randomScenario(t, r, small).check(t, r)
	})
}

func TestLimitsAreKept(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	for range 6 {
		sc := randomScenario(t, r, areas)
		sc.options.StateMax, sc.options.StashMax = 0, 0
		sc.options.Resident = 1000
		file, err := sc.makeFile(t)
		if err != nil {
			t.Fatal(err)
		}
		needs := func(file []byte) uint32 {
			h, err := delta.ParseHeader(file)
			if err != nil {
				t.Fatal(err)
			}
			return delta.NeedsOf(&h, uint32(len(file)), uint32(len(sc.new)+255)/256, 1000).Workspace()
		}
		sc.options.LeafSize = 256
		roomy := needs(file)
		sc.options.Workspace = 1
		_, err = sc.makeFile(t)
		var no *diff.ErrDoesNotFit
		if !errors.As(err, &no) || no.Has != 1 || no.Needs > roomy {
			t.Fatalf("workspace of 1 byte: %v (without limit: %d)", err, roomy)
		}
		for _, limit := range []uint32{no.Needs, (no.Needs + roomy) / 2, roomy} {
			sc.options.Workspace = limit
			if got := needs(sc.check(t, r)); got > limit {
				t.Errorf("workspace of %d bytes: the file needs %d", limit, got)
			}
		}
		sc.options.Workspace = no.Needs - 1
		if _, err = sc.makeFile(t); !errors.As(err, &no) {
			t.Errorf("below the smallest need: %v", err)
		}
	}
}
