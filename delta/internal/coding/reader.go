package coding

// renorm is the smallest range that the coder works with.
const renorm = 1 << 24

// Reader decodes one range coded stream. The zero value is not usable; see MakeReader.
type Reader struct {
	stream []byte
	pos    uint32 // bytes taken, those behind the end included
	span   uint32
	code   uint32

	Bits uint32 // read so far, also those that cost next to nothing of the stream
}

// tail is how many zero bytes may be missing at the end of a stream: the writer drops them.
const tail = 4

// MakeReader starts at the beginning of stream.
func MakeReader(stream []byte) Reader {
	r := Reader{stream: stream, span: 1<<32 - 1}
	for range 4 {
		r.code = r.code<<8 | r.next()
	}
	if r.code == r.span {
		r.pos += uint32(len(stream)) + tail // no writer begins like this: read as truncated
	}
	return r
}

// Place returns all that a reader holds of its place in the stream: the bytes it has taken, those behind the end included, span
// and code.
func (r *Reader) Place() (pos, span, code uint32) { return r.pos, r.span, r.code }

// ResumeReader goes on at a place in stream. It reports false if no reader can be there.
func ResumeReader(stream []byte, pos, span, code uint32) (Reader, bool) {
	ok := pos >= 4 && pos <= uint32(len(stream))+tail && span >= renorm && code < span
	return Reader{stream: stream, pos: pos, span: span, code: code}, ok
}

func (r *Reader) next() uint32 {
	b := uint32(0)
	if r.pos < uint32(len(r.stream)) {
		b = uint32(r.stream[r.pos])
	}
	r.pos++
	return b
}

// Truncated reports that bits were asked for which the stream does not have. What was read since
// is meaningless.
func (r *Reader) Truncated() bool { return r.pos > uint32(len(r.stream))+tail }

// Bit reads a bit in a context's node and teaches its counter.
func (r *Reader) Bit(c *Counters, context, node uint32) uint32 {
	r.Bits++
	s := c.at(context, node)
	word := s.get(0)
	bound := r.span >> 16 * chance(word)
	bit := uint32(0)
	if r.code < bound {
		r.span, bit = bound, 1
	} else {
		r.code -= bound
		r.span -= bound
	}
	s.put(0, learn(word, int32(bit*ones)))
	for r.span < renorm {
		r.span <<= 8
		r.code = r.code<<8 | r.next()
	}
	return bit
}

// Even reads a bit that is 0 or 1 with even chances.
func (r *Reader) Even() uint32 {
	r.Bits++
	bound := r.span >> 1
	bit := uint32(0)
	if r.code < bound {
		r.span, bit = bound, 1
	} else {
		r.code -= bound
		r.span -= bound
	}
	for r.span < renorm {
		r.span <<= 8
		r.code = r.code<<8 | r.next()
	}
	return bit
}

// Number reads a number of at most MaxNumber; ok is false if it is larger.
func (r *Reader) Number(c *Counters, context uint32) (n uint32, ok bool) {
	class := uint32(0)
	for r.Bit(c, context, class) != 0 {
		if class++; class > maxClass {
			return 0, false
		}
	}
	n = 1
	for i := uint32(0); i < class; i++ {
		if i < tracked {
			n = n<<1 | r.Bit(c, context, mantissa(class, n))
		} else {
			n = n<<1 | r.Even()
		}
	}
	return n - 1, true
}

// Done reports whether the stream ends here, and ends as the writer ends it: all bytes used, none
// missing, the last four chosen by the rule of final.
func (r *Reader) Done() bool {
	length := uint32(len(r.stream))
	if r.pos < length || r.pos > length+tail {
		return false
	}
	last := uint32(0)
	for i := r.pos - 4; i != r.pos; i++ {
		last <<= 8
		if i < length {
			last |= uint32(r.stream[i])
		}
	}
	return last == uint32(final(uint64(last-r.code), r.span)) && r.pos-length == zeros(last)
}

// final returns the value in [low, low+span) that ends in most zero bits: with it a stream ends.
func final(low uint64, span uint32) uint64 {
	for k := 32; ; k-- {
		mask := uint64(1)<<k - 1
		if v := (low + mask) &^ mask; v < low+uint64(span) {
			return v
		}
	}
}

// zeros returns how many zero bytes v ends in.
func zeros(v uint32) uint32 {
	n := uint32(0)
	for n < 4 && v&0xff == 0 {
		v >>= 8
		n++
	}
	return n
}
