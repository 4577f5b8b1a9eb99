package esp

import "errors"

var (
	errDeflate = errors.New("no deflated data")
	errAdler   = errors.New("sum of the inflated data is wrong")
)

// inflater inflates a zlib stream (RFC 1950, 1951) that comes in pieces, as far as they reach: it goes back to where a symbol began
// that was not complete. compress/flate waits for its reader, which a device without goroutines cannot.
type inflater struct {
	in     []byte
	at     int // bits of in that are used up
	stage  stage
	final  bool
	done   bool
	err    error
	rest   int // bytes of a stored block
	lit    code
	dist   code
	window []byte // the last 32 KiB, and what was inflated since add was called
	fresh  int    // where the latter begins
	a, b   uint32
}

type stage uint8

const (
	header stage = iota
	blockHead
	stored
	symbols
	trailer
)

const reach = 32 << 10

// code is a canonical Huffman code.
type code struct {
	count  [16]int
	symbol []int
}

// short says that a symbol is not complete.
var errShort = errors.New("more is needed")

// add takes a piece, and returns what it makes.
func (f *inflater) add(p []byte) ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	if f.done {
		f.err = errDeflate
		return nil, f.err
	}
	f.in = append(f.in, p...)
	if n := len(f.window) - reach; n > 0 {
		f.window = append(f.window[:0], f.window[n:]...)
	}
	f.fresh = len(f.window)
	for !f.done {
		mark := f.at
		err := f.step()
		if err == errShort {
			f.at = mark
			break
		}
		if err != nil {
			f.err = err
			return nil, err
		}
	}
	n := f.at / 8
	f.in = append(f.in[:0], f.in[n:]...)
	f.at -= 8 * n
	if f.done && len(f.in) > 0 { // something behind its end
		f.err = errDeflate
		return nil, f.err
	}
	return append([]byte(nil), f.window[f.fresh:]...), nil
}

func (f *inflater) bits(n int) (int, error) {
	if f.at+n > 8*len(f.in) {
		return 0, errShort
	}
	v := 0
	for i := range n {
		v |= int(f.in[f.at>>3]>>(f.at&7)&1) << i
		f.at++
	}
	return v, nil
}

func (f *inflater) put(c byte) {
	f.window = append(f.window, c)
	f.a = (f.a + uint32(c)) % 65521
	f.b = (f.b + f.a) % 65521
}

// step goes on by one symbol, or one head.
func (f *inflater) step() error {
	switch f.stage {
	case header:
		v, err := f.bits(16)
		if err != nil {
			return err
		}
		cmf, flg := v&0xff, v>>8
		if cmf&0xf != 8 || cmf>>4 > 7 || (cmf<<8|flg)%31 != 0 || flg&0x20 != 0 {
			return errDeflate
		}
		f.a, f.stage = 1, blockHead
	case blockHead:
		return f.blockHead()
	case stored:
		if f.rest == 0 {
			return f.next()
		}
		v, err := f.bits(8)
		if err != nil {
			return err
		}
		f.put(byte(v))
		f.rest--
	case symbols:
		return f.symbol()
	case trailer:
		f.at = (f.at + 7) &^ 7
		sum := uint32(0)
		for range 4 {
			v, err := f.bits(8)
			if err != nil {
				return err
			}
			sum = sum<<8 | uint32(v)
		}
		if sum != f.b<<16|f.a {
			return errAdler
		}
		f.done = true
	}
	return nil
}

// next is behind a block.
func (f *inflater) next() error {
	f.stage = blockHead
	if f.final {
		f.stage = trailer
	}
	return nil
}

func (f *inflater) blockHead() error {
	v, err := f.bits(3)
	if err != nil {
		return err
	}
	switch v >> 1 {
	case 0:
		f.at = (f.at + 7) &^ 7
		n, err := f.bits(16)
		if err != nil {
			return err
		}
		m, err := f.bits(16)
		if err != nil {
			return err
		}
		if n != ^m&0xffff {
			return errDeflate
		}
		f.rest, f.stage = n, stored
	case 1:
		var lit [288]int
		for i := range lit {
			switch {
			case i < 144, i >= 280:
				lit[i] = 8
			case i < 256:
				lit[i] = 9
			default:
				lit[i] = 7
			}
		}
		var dist [30]int
		for i := range dist {
			dist[i] = 5
		}
		f.lit, _ = newCode(lit[:])
		f.dist, _ = newCode(dist[:])
		f.stage = symbols
	case 2:
		if err := f.codes(); err != nil {
			return err
		}
		f.stage = symbols
	default:
		return errDeflate
	}
	f.final = v&1 == 1
	return nil
}

// codes reads the codes of a block that brings its own.
func (f *inflater) codes() error {
	v, err := f.bits(14)
	if err != nil {
		return err
	}
	nlit, ndist, nlen := v&31+257, v>>5&31+1, v>>10+4
	if nlit > 286 || ndist > 30 {
		return errDeflate
	}
	var lengths [320]int
	for _, i := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[:nlen] {
		if lengths[i], err = f.bits(3); err != nil {
			return err
		}
	}
	first, left := newCode(lengths[:19])
	if left != 0 {
		return errDeflate
	}
	lengths = [320]int{}
	for i := 0; i < nlit+ndist; {
		s, err := f.decode(&first)
		if err != nil {
			return err
		}
		if s < 16 {
			lengths[i] = s
			i++
			continue
		}
		what, more, least := 0, 2, 3
		switch s {
		case 16:
			if i == 0 {
				return errDeflate
			}
			what = lengths[i-1]
		case 17:
			more = 3
		default:
			more, least = 7, 11
		}
		n, err := f.bits(more)
		if err != nil {
			return err
		}
		if n += least; i+n > nlit+ndist {
			return errDeflate
		}
		for range n {
			lengths[i] = what
			i++
		}
	}
	if lengths[256] == 0 {
		return errDeflate
	}
	var l1, l2 int
	f.lit, l1 = newCode(lengths[:nlit])
	f.dist, l2 = newCode(lengths[nlit : nlit+ndist])
	// Only a code of one symbol may be incomplete.
	if l1 < 0 || l1 > 0 && nlit-f.lit.count[0] != 1 || l2 < 0 || l2 > 0 && ndist-f.dist.count[0] > 1 {
		return errDeflate
	}
	return nil
}

// newCode makes a code of its lengths. left is how many codes of 15 bits are not used; negative: there are too many.
func newCode(lengths []int) (c code, left int) {
	for _, n := range lengths {
		c.count[n]++
	}
	left = 1
	for n := 1; n < 16; n++ {
		if left = left<<1 - c.count[n]; left < 0 {
			return c, left
		}
	}
	var offset [16]int
	for n := 1; n < 15; n++ {
		offset[n+1] = offset[n] + c.count[n]
	}
	c.symbol = make([]int, len(lengths))
	for s, n := range lengths {
		if n != 0 {
			c.symbol[offset[n]] = s
			offset[n]++
		}
	}
	return c, left
}

func (f *inflater) decode(c *code) (int, error) {
	value, first, index := 0, 0, 0
	for n := 1; n < 16; n++ {
		b, err := f.bits(1)
		if err != nil {
			return 0, err
		}
		value |= b
		if value-c.count[n] < first {
			return c.symbol[index+value-first], nil
		}
		index += c.count[n]
		first = (first + c.count[n]) << 1
		value <<= 1
	}
	return 0, errDeflate
}

var (
	lengthBase = [...]int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthMore = [...]int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase   = [...]int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
		8193, 12289, 16385, 24577}
	distMore = [...]int{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// symbol is a byte, a piece of what was there before, or the end of a block.
func (f *inflater) symbol() error {
	s, err := f.decode(&f.lit)
	if err != nil {
		return err
	}
	if s < 256 {
		f.put(byte(s))
		return nil
	}
	if s == 256 {
		return f.next()
	}
	if s -= 257; s >= len(lengthBase) {
		return errDeflate
	}
	n, err := f.bits(lengthMore[s])
	if err != nil {
		return err
	}
	n += lengthBase[s]
	if s, err = f.decode(&f.dist); err != nil {
		return err
	}
	if s >= len(distBase) {
		return errDeflate
	}
	back, err := f.bits(distMore[s])
	if err != nil {
		return err
	}
	if back += distBase[s]; back > len(f.window) {
		return errDeflate
	}
	for range n {
		f.put(f.window[len(f.window)-back])
	}
	return nil
}
