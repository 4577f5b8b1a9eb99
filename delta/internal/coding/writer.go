package coding

// Writer encodes one range coded stream, bit for bit what a Reader with equal counters reads. It
// grows its output, so it is not for devices. The zero value is not usable; see NewWriter.
type Writer struct {
	out     []byte
	low     uint64
	span    uint32
	held    byte // the last byte that a carry may still change
	pending int  // 0xff bytes behind it
	begun   bool // false until the first byte, which is always zero and not written
}

// NewWriter returns a Writer of an empty stream.
func NewWriter() *Writer { return &Writer{span: 1<<32 - 1} }

// Len returns the bytes written so far, close to what Finish would return.
func (w *Writer) Len() int { return len(w.out) + w.pending }

func (w *Writer) shift() {
	if w.low < 0xff000000 || w.low >= 1<<32 {
		carry := byte(w.low >> 32)
		if w.begun {
			w.out = append(w.out, w.held+carry)
		}
		w.begun = true
		for ; w.pending > 0; w.pending-- {
			w.out = append(w.out, 0xff+carry)
		}
		w.held = byte(w.low >> 24)
	} else {
		w.pending++
	}
	w.low = w.low << 8 & 0xffffffff
}

// Bit writes a bit in a context's node and teaches its counter.
func (w *Writer) Bit(c *Counters, context, node, bit uint32) {
	s := c.at(context, node)
	word := s.get(0)
	w.code(w.span>>16*chance(word), bit)
	s.put(0, learn(word, int32(bit*ones)))
}

// Even writes a bit that is 0 or 1 with even chances.
func (w *Writer) Even(bit uint32) { w.code(w.span>>1, bit) }

func (w *Writer) code(bound, bit uint32) {
	if bit != 0 {
		w.span = bound
	} else {
		w.low += uint64(bound)
		w.span -= bound
	}
	for w.span < renorm {
		w.span <<= 8
		w.shift()
	}
}

// Number writes n, which must be at most MaxNumber.
func (w *Writer) Number(c *Counters, context, n uint32) {
	if n > MaxNumber {
		panic("coding: number out of range")
	}
	class := uint32(0)
	for (n+1)>>(class+1) != 0 {
		w.Bit(c, context, class, 1)
		class++
	}
	w.Bit(c, context, class, 0)
	known := uint32(1)
	for i := uint32(0); i < class; i++ {
		bit := (n + 1) >> (class - 1 - i) & 1
		if i < tracked {
			w.Bit(c, context, mantissa(class, known), bit)
		} else {
			w.Even(bit)
		}
		known = known<<1 | bit
	}
}

// Finish ends the stream and returns it. The Writer must not be used afterwards.
func (w *Writer) Finish() []byte {
	w.low = final(w.low, w.span)
	drop := zeros(uint32(w.low))
	for range 5 {
		w.shift()
	}
	return w.out[:len(w.out)-int(drop)]
}
