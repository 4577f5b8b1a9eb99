package coding

// Mixed bits are read and written as trees of one or four bits. This is where decoding spends its time,
// so what a bit needs is kept in variables, and no branch depends on it.

// tree reads bits, high first, in a part of m's contexts until they are, behind a 1, at least limit, which is
// at most 16: it returns that.
func (r *Reader) tree(c *Counters, m *Mixer, part, limit uint32) uint32 {
	slot0, slot1, slot2 := c.at(m.contexts[0], part), c.at(m.contexts[1], part), c.at(m.contexts[2], part)
	w := &m.weights[m.set]
	weight0, weight1, weight2 := w[0], w[1], w[2]
	span, code := r.span, r.code
	node := uint32(1)
	for node < limit {
		word0, word1, word2 := slot0.get(node), slot1.get(node), slot2.get(node)
		odds0, odds1, odds2 := stretch(word0), stretch(word1), stretch(word2)
		p := chanceOf((odds0*weight0>>8 + odds1*weight1>>8 + odds2*weight2>>8) >> 8)
		bound := span >> 16 * p
		one := uint32((int64(code) - int64(bound)) >> 63) // all bits set for a 1
		code -= bound &^ one
		span = bound&one | (span-bound)&^one
		want := int32(one & ones)
		err := (want - int32(p)) >> 4
		weight0, weight1, weight2 = follow(weight0, odds0, err), follow(weight1, odds1, err), follow(weight2, odds2, err)
		slot0.put(node, learn(word0, want))
		slot1.put(node, learn(word1, want))
		slot2.put(node, learn(word2, want))
		node = node<<1 - one
		for span < renorm {
			span <<= 8
			code = code<<8 | r.next()
		}
	}
	r.span, r.code = span, code
	w[0], w[1], w[2] = weight0, weight1, weight2
	return node
}

// tree writes bits as Reader.tree reads them.
func (w *Writer) tree(c *Counters, m *Mixer, part, count, value uint32) {
	slot0, slot1, slot2 := c.at(m.contexts[0], part), c.at(m.contexts[1], part), c.at(m.contexts[2], part)
	weight := &m.weights[m.set]
	node := uint32(1)
	for count > 0 {
		count--
		bit := value >> count & 1
		word0, word1, word2 := slot0.get(node), slot1.get(node), slot2.get(node)
		odds0, odds1, odds2 := stretch(word0), stretch(word1), stretch(word2)
		p := chanceOf((odds0*weight[0]>>8 + odds1*weight[1]>>8 + odds2*weight[2]>>8) >> 8)
		w.code(w.span>>16*p, bit)
		want := int32(bit * ones)
		err := (want - int32(p)) >> 4
		weight[0], weight[1], weight[2] = follow(weight[0], odds0, err), follow(weight[1], odds1, err), follow(weight[2], odds2, err)
		slot0.put(node, learn(word0, want))
		slot1.put(node, learn(word1, want))
		slot2.put(node, learn(word2, want))
		node = node<<1 | bit
	}
}

// Mixed reads a bit in m's contexts.
func (r *Reader) Mixed(c *Counters, m *Mixer) uint32 {
	r.Bits++
	return r.tree(c, m, 0, 2) & 1
}

// MixedByte reads a byte in m's contexts: its high four bits, and in the part that these name the low ones.
func (r *Reader) MixedByte(c *Counters, m *Mixer) byte {
	r.Bits += 8
	high := r.tree(c, m, 0, 16)
	return byte(high<<4 | r.tree(c, m, high, 16)&15)
}

// Mixed writes a bit in m's contexts.
func (w *Writer) Mixed(c *Counters, m *Mixer, bit uint32) { w.tree(c, m, 0, 1, bit) }

// MixedByte writes a byte as Reader.MixedByte reads it.
func (w *Writer) MixedByte(c *Counters, m *Mixer, b byte) {
	high := uint32(b) >> 4
	w.tree(c, m, 0, 4, high)
	w.tree(c, m, 16|high, 4, uint32(b))
}
