package esp

// Bytes of SLIP (RFC 1055), which the ROM frames with at both ends.
const (
	end    = 0xc0
	escape = 0xdb
	escEnd = 0xdc
	escEsc = 0xdd
)

const (
	header    = 8               // of request and answer
	slowRead  = 64              // bytes of flash in one answer, the longest
	maxAnswer = header + 64 + 4 // with its status
	maxRaw    = 2 * maxAnswer   // of one on the wire, everything escaped
)

// appendFrame appends a request on the wire to dst.
func appendFrame(dst []byte, pieces ...[]byte) []byte {
	dst = append(dst, end)
	for _, p := range pieces {
		for _, b := range p {
			switch b {
			case end:
				dst = append(dst, escape, escEnd)
			case escape:
				dst = append(dst, escape, escEsc)
			default:
				dst = append(dst, b)
			}
		}
	}
	return append(dst, end)
}

// answer is what a ROM says to a request; body is valid until the next one is decoded.
type answer struct {
	op    byte
	value uint32
	body  []byte // data and status
}

// decoder takes answers out of what comes. An end byte both ends a frame and begins one: so a lost one costs a frame and not all that
// follow, and text between two frames is one that means nothing.
type decoder struct {
	raw [maxRaw]byte
	n   int
	out [maxAnswer]byte
}

// push takes a byte. It returns an answer when this ends one, and what came since the last that is none. Both are valid until the
// next call.
func (d *decoder) push(b byte) (a answer, ok bool, other []byte) {
	if b != end {
		d.raw[d.n] = b
		if d.n++; d.n == len(d.raw) {
			return answer{}, false, d.rest()
		}
		return answer{}, false, nil
	}
	if a, ok = d.decode(d.raw[:d.n]); ok {
		d.n = 0
		return a, true, nil
	}
	return answer{}, false, d.rest()
}

// rest returns what came of a frame that is none, and forgets it.
func (d *decoder) rest() []byte {
	p := d.raw[:d.n]
	d.n = 0
	return p
}

func (d *decoder) decode(raw []byte) (answer, bool) {
	n := 0
	for i := 0; i < len(raw); i++ {
		b := raw[i]
		if b == escape {
			if i++; i == len(raw) {
				return answer{}, false
			}
			switch raw[i] {
			case escEnd:
				b = end
			case escEsc:
				b = escape
			default:
				return answer{}, false
			}
		}
		if n == len(d.out) {
			return answer{}, false
		}
		d.out[n] = b
		n++
	}
	p := d.out[:n]
	if n < header+2 || p[0] != 1 || int(p[2])|int(p[3])<<8 != n-header {
		return answer{}, false
	}
	return answer{p[1], le32(p[4:]), p[header:]}, true
}

func le32(p []byte) uint32 {
	return uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24
}

// words are numbers as a request has them.
func words(v ...uint32) []byte {
	p := make([]byte, 0, 4*len(v))
	for _, w := range v {
		p = append(p, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
	}
	return p
}
