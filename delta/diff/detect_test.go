package diff_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/internal/firmware"
)

// setOf makes a delta and returns the instruction set that it has.
func setOf(t *testing.T, old, new []byte, o diff.Options) string {
	t.Helper()
	area := even(t, "4KiB", old, new)
	o.Geometry = &area
	file, err := diff.Create(context.Background(), old, new, &o)
	if err != nil {
		t.Fatal(err)
	}
	h, err := delta.ParseHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	return h.Setup.ISA.String()
}

// TestChosenSetIsKept: an instruction set that was asked for is that of the file, whether it pays or not, at every size of decoder;
// or making fails.
func TestChosenSetIsKept(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	older, newer := firmware.Mithermo()
	image := randomImage(r, 20_000)
	for name, p := range map[string][2][]byte{
		"real":             {older[:40_000], newer[:40_000]},
		"another's":        {image, edited(r, image)},
		"nothing changes":  {image, image},
		"nothing is alike": {image, randomImage(r, 9000)},
		"nothing is known": {nil, image},
	} {
		for _, isa := range diff.ISAs() {
			for _, state := range []uint32{0, 4 << 10} {
				if got := setOf(t, p[0], p[1], diff.Options{ISA: isa, StateMax: state, Effort: diff.EffortFast}); got != isa {
					t.Errorf("%s, state of %d: %s was asked for, the file has %s", name, state, isa, got)
				}
			}
		}
	}
	area := even(t, "4KiB", nil, image)
	if _, err := diff.Create(context.Background(), image, image, &diff.Options{Geometry: &area, ISA: "z80"}); err == nil {
		t.Error("an unknown instruction set is taken")
	}
	for _, isa := range diff.ISAs() {
		if _, err := diff.Full(context.Background(), image, &diff.Options{Geometry: &area, ISA: isa}); (err == nil) != (isa == "none") {
			t.Errorf("full image for %s: %v", isa, err)
		}
	}
}

// TestHintIsNoOrder: a hint says what to look for; where it does not pay the file is without.
func TestHintIsNoOrder(t *testing.T) {
	older, newer := firmware.Mithermo()
	for hint, want := range map[string]string{"tc32": "tc32", "arm64": "none", "no such one": "tc32", "": "tc32"} {
		if got := setOf(t, older, newer, diff.Options{Hint: hint, Effort: diff.EffortFast}); got != want && (got != "data" || hint != "arm64") {
			t.Errorf("hint %q: %s, want %s", hint, got, want)
		}
	}
}

// shuffled cuts b into n parts, at multiples of align, and puts them into another order.
func shuffled(r *rand.Rand, b []byte, n, align int) []byte {
	cuts := []int{0, len(b)}
	for range n - 1 {
		cuts = append(cuts, r.IntN(len(b))/align*align)
	}
	slices.Sort(cuts)
	var parts [][]byte
	for i := range len(cuts) - 1 {
		parts = append(parts, b[cuts[i]:cuts[i+1]])
	}
	r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return slices.Concat(parts...)
}

// TestReorderedFirmware: real firmware whose parts were put into another order, with noise over it or not, is never taken
// for that of another processor.
func TestReorderedFirmware(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	runs := 12
	if testing.Short() {
		runs = 3
	}
	for isa, images := range map[string]func() (older, newer []byte){"tc32": firmware.Mithermo, "riscv": firmware.OpenSBI, "thumb": firmware.CityHub} {
		for range runs {
			old, new := images()
			if r.IntN(2) == 0 {
				new = bytes.Clone(old)
			}
			new = shuffled(r, new, 2+r.IntN([]int{3, 60, 300}[r.IntN(3)]), []int{1, 4, 4096}[r.IntN(3)])
			if every := 1 << (4 + r.IntN(8)); r.IntN(2) == 0 {
				for i := 0; i < len(new); i += 1 + r.IntN(every) {
					new[i] += byte(r.IntN(5))
				}
			}
			if got := setOf(t, old, new, diff.Options{Effort: diff.EffortFast}); got != isa && got != "none" && got != "data" {
				t.Errorf("%s is taken for %s", isa, got)
			}
		}
	}
}

// TestPointersAreNoCode: records with pointers that are not aligned are not taken for code of the one instruction set that does not
// align them either.
func TestPointersAreNoCode(t *testing.T) {
	const base, records = 0x3F400000, 3000
	image := func(grown bool) []byte {
		names := make([]byte, 0, 64<<10)
		r := rand.New(rand.NewPCG(2, 2))
		var at []uint32
		for i := range records {
			at = append(at, uint32(len(names)))
			for range 5 + r.IntN(20) {
				names = append(names, byte('a'+r.IntN(26)))
			}
			if grown && i%500 == 99 {
				names = append(names, "something new"...)
			}
		}
		b := names
		for i := range records {
			b = append(b, byte(i*7))
			b = binary.LittleEndian.AppendUint32(b, base+at[r.IntN(records)])
		}
		return b
	}
	old, new := image(false), image(true)
	if got := setOf(t, old, new, diff.Options{Effort: diff.EffortFast}); got != "none" && got != "data" {
		t.Errorf("pointers are taken for code of %s", got)
	}
}
