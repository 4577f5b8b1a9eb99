package diff

import (
	"slices"

	"unbrick/delta"
	"unbrick/delta/internal/coding"
)

// pieces calls literal and copied, in the order that they are built, with what lies in one sector of each operation: n
// bytes to address to, those copied from shift away.
func (sc *script) pieces(literal func(to, n int), copied func(to, n, shift int)) {
	var o operation
	op := 0
	for t, s := range sc.sequence {
		addr, _ := sc.area.bounds(s)
		for end := addr + sc.starts[t+1] - sc.starts[t]; addr < end; {
			if o.literal == 0 && o.copied == 0 {
				o = sc.operations[op]
				op++
			}
			if n := min(o.literal, end-addr); n > 0 {
				literal(addr, n)
				o.literal -= n
				addr += n
				continue
			}
			n := min(o.copied, end-addr)
			copied(addr, n, o.shift)
			o.copied -= n
			addr += n
		}
	}
}

// runs returns the copies of a script as the decoder's scan sees them: pieces that follow each other in
// the new image, in the order they are built.
func (sc *script) runs() []coding.Run {
	var out []coding.Run
	var run coding.Run
	sc.pieces(func(int, int) {}, func(to, n, shift int) {
		if !run.Extend(uint32(to), uint32(n), uint32(shift)) {
			if run.N > 0 {
				out = append(out, run)
			}
			run = coding.Run{To: uint32(to), N: uint32(n), Shift: uint32(shift)}
		}
	})
	if run.N > 0 {
		out = append(out, run)
	}
	return out
}

// fresh returns how many literal bytes a script has that are not like the byte before them.
func (sc *script) fresh() (sum int) {
	sc.pieces(func(to, n int) {
		for i := max(to, 1); i < to+n; i++ {
			if sc.new[i] != sc.new[i-1] {
				sum++
			}
		}
	}, func(int, int, int) {})
	return sum
}

// stays returns the old ranges in sectors that are not planned.
func stays(a *area, planned []bool, oldLen int) [][2]uint32 {
	var out [][2]uint32
	from := 0
	for s, p := range planned {
		addr, end := a.bounds(s)
		if addr >= oldLen {
			break
		}
		if p {
			if from < addr {
				out = append(out, [2]uint32{uint32(from), uint32(addr)})
			}
			from = end
		}
	}
	if from < oldLen {
		out = append(out, [2]uint32{uint32(from), uint32(oldLen)})
	}
	return out
}

// leasts are the shortest copies tried to enter the map, until it is small enough.
var leasts = [...]uint32{16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1 << 10, 2 << 10, 4 << 10, 16 << 10, 1 << 16}

// drawMap makes the relocation map from runs in which at most limit ranges are, as the decoder's scan
// does, and returns it with the length of the shortest run in it. The map is empty if none fits.
func drawMap(runs []coding.Run, stays [][2]uint32, limit uint32) (coding.Map, uint32) {
	for _, least := range leasts {
		m := coding.MakeMap(make([]byte, limit*coding.EntryBytes))
		fits, shortest := true, uint32(delta.MaxImage)
		for _, r := range runs {
			if r.N >= least {
				fits = fits && m.Enter(r)
				shortest = min(shortest, r.N)
			}
		}
		for _, s := range stays {
			fits = fits && m.Add(s[0], s[1]-s[0], 0)
		}
		if fits && m.Most() > 0 {
			return m, shortest
		}
	}
	return coding.MakeMap(nil), 0
}

// blanked returns image without its relocatable fields.
func blanked(image []byte, setup *coding.Setup) []byte {
	out := slices.Clone(image)
	for at := 0; at < len(out); {
		at += max(1, setup.Blank(out[at:], uint32(at), uint32(len(out))))
	}
	return out
}
