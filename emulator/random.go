package emulator

import "encoding/binary"

// random is a SplitMix64 generator: its whole state is one number, which a snapshot keeps.
type random uint64

// derive returns a generator that depends on all given numbers.
func derive(seed uint64, more ...uint64) random {
	r := random(seed)
	for _, m := range more {
		r = random(r.next() ^ m)
	}
	return r
}

func (r *random) next() uint64 {
	*r += 0x9E3779B97F4A7C15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// chance is true with probability p.
func (r *random) chance(p float64) bool {
	return p > 0 && float64(r.next()>>11)/(1<<53) < p
}

// fill makes p random.
func (r *random) fill(p []byte) {
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, r.next())
		p = p[8:]
	}
	for i := range p {
		p[i] = byte(r.next())
	}
}

// matches says whether p is what fill would make.
func (r *random) matches(p []byte) bool {
	for len(p) >= 8 {
		if binary.LittleEndian.Uint64(p) != r.next() {
			return false
		}
		p = p[8:]
	}
	for _, c := range p {
		if c != byte(r.next()) {
			return false
		}
	}
	return true
}
