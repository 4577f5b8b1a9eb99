package coding

import (
	"encoding/binary"
	"math/bits"
)

// A Mixer foretells a bit from several counters, each of which saw other circumstances: it weighs
// their opinions by how well each has done. Opinions are logarithms of odds: 256 is a factor of two.
type Mixer struct {
	weights  [mixSets][mixInputs]int32 // 65536 is one
	contexts [mixInputs]uint32
	set      uint32
}

// Limits and rates of mixing. They are part of the format.
const (
	mixInputs  = 3
	mixSets    = 6
	mixStart   = 26000   // weight at first: a little more than the mean
	mixRate    = 17      // how fast weights follow
	mixShift   = 17      // and by how much that is scaled down
	mixMost    = 1 << 18 // no weight is larger
	squashStep = 32      // distance of the entries of squashed
	squashMost = 120*squashStep - 1
)

// logs holds log2(1+i/128) in parts of 256.
var logs = [128]uint8{
	0, 3, 6, 9, 11, 14, 17, 20, 22, 25, 28, 30, 33, 36, 38, 41,
	44, 46, 49, 51, 54, 56, 59, 61, 63, 66, 68, 71, 73, 75, 78, 80,
	82, 85, 87, 89, 92, 94, 96, 98, 100, 103, 105, 107, 109, 111, 113, 116,
	118, 120, 122, 124, 126, 128, 130, 132, 134, 136, 138, 140, 142, 144, 146, 148,
	150, 152, 154, 155, 157, 159, 161, 163, 165, 167, 169, 170, 172, 174, 176, 178,
	179, 181, 183, 185, 186, 188, 190, 192, 193, 195, 197, 198, 200, 202, 203, 205,
	207, 208, 210, 212, 213, 215, 216, 218, 220, 221, 223, 224, 226, 228, 229, 231,
	232, 234, 235, 237, 238, 240, 241, 243, 244, 246, 247, 249, 250, 252, 253, 255,
}

// squashed holds 65536/(1+2^(i/8)): chances at each squashStep of odds against.
var squashed = [121]uint16{
	32768, 31349, 29936, 28533, 27146, 25779, 24437, 23125, 21845, 20602, 19398, 18236,
	17118, 16045, 15019, 14039, 13107, 12222, 11384, 10592, 9845, 9142, 8481, 7862,
	7282, 6740, 6233, 5762, 5322, 4914, 4534, 4182, 3855, 3552, 3272, 3013,
	2774, 2552, 2348, 2160, 1986, 1826, 1678, 1542, 1417, 1302, 1196, 1098,
	1008, 926, 850, 780, 716, 657, 603, 554, 508, 466, 428, 392,
	360, 330, 303, 278, 255, 234, 215, 197, 181, 166, 152, 139,
	128, 117, 107, 99, 90, 83, 76, 70, 64, 59, 54, 49,
	45, 41, 38, 35, 32, 29, 27, 25, 23, 21, 19, 17,
	16, 15, 13, 12, 11, 10, 10, 9, 8, 7, 7, 6,
	6, 5, 5, 4, 4, 4, 3, 3, 3, 3, 2, 2,
	2,
}

func makeMixer() Mixer {
	var m Mixer
	for i := range m.weights {
		for k := range m.weights[i] {
			m.weights[i][k] = mixStart
		}
	}
	return m
}

// logOf returns the logarithm of n, which is 1 to 4095, in parts of 256.
func logOf(n uint32) int32 {
	k := uint32(bits.Len32(n)) - 1
	return int32(k<<8) + int32(logs[n<<(12-k)>>5&127])
}

// stretch returns the logarithm of the odds for a 1 of a counter's word.
func stretch(word uint32) int32 {
	p := chance(word) >> (probBits - 12)
	return logOf(p) - logOf(1<<12-p)
}

// squash is the inverse of stretch: the chance of a 1, of 65536, at least 2 and at most 65534.
func squash(x int32) uint32 {
	n := uint32(min(max(x, -x), squashMost))
	a, b := uint32(squashed[n/squashStep]), uint32(squashed[n/squashStep+1])
	p := a - (a-b)*(n%squashStep)/squashStep
	if x > 0 {
		return 1<<16 - p
	}
	return p
}

// opinion is what one counter says of a bit.
type opinion struct {
	at   uint32 // offset of the counter
	odds int32
}

// ask returns the chance of a 1 at a node of the contexts, of 65536, and what it was made of.
func (m *Mixer) ask(c *Counters, node uint32) (chance uint32, all [mixInputs]opinion) {
	sum := int32(0)
	for i := range all {
		o := opinion{at: c.at(m.contexts[i], node)}
		o.odds = stretch(uint32(binary.LittleEndian.Uint16(c.mem[o.at:])))
		sum += o.odds * m.weights[m.set][i] >> 8
		all[i] = o
	}
	return squash(sum >> 8), all
}

// learn teaches weights and counters what the bit was.
func (m *Mixer) learn(c *Counters, all *[mixInputs]opinion, chance, bit uint32) {
	err := (int32(bit<<16) - int32(chance)) >> 4 * mixRate
	for i, o := range all {
		w := &m.weights[m.set][i]
		*w = min(max(*w+(o.odds*err+1<<(mixShift-1))>>mixShift, -mixMost), mixMost)
		word := c.mem[o.at:]
		binary.LittleEndian.PutUint16(word, uint16(c.learn(uint32(binary.LittleEndian.Uint16(word)), bit)))
	}
}

// Mixed reads a bit at a node of m's contexts.
func (r *Reader) Mixed(c *Counters, m *Mixer, node uint32) uint32 {
	chance, all := m.ask(c, node)
	bound := r.span >> 16 * chance
	bit := uint32(0)
	if r.code < bound {
		r.span, bit = bound, 1
	} else {
		r.code -= bound
		r.span -= bound
	}
	m.learn(c, &all, chance, bit)
	for r.span < renorm {
		r.span <<= 8
		r.code = r.code<<8 | r.next()
	}
	return bit
}

// MixedByte reads eight bits as a tree of 255 nodes.
func (r *Reader) MixedByte(c *Counters, m *Mixer) byte {
	node := uint32(1)
	for node < 1<<8 {
		node = node<<1 | r.Mixed(c, m, node)
	}
	return byte(node)
}

// Mixed writes a bit at a node of m's contexts.
func (w *Writer) Mixed(c *Counters, m *Mixer, node, bit uint32) {
	chance, all := m.ask(c, node)
	w.code(w.span>>16*chance, bit)
	m.learn(c, &all, chance, bit)
}

// MixedByte writes a byte as Reader.MixedByte reads it.
func (w *Writer) MixedByte(c *Counters, m *Mixer, b byte) {
	node := uint32(1)
	for i := 7; i >= 0; i-- {
		bit := uint32(b) >> i & 1
		w.Mixed(c, m, node, bit)
		node = node<<1 | bit
	}
}
