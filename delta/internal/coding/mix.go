package coding

import "math/bits"

// A Mixer foretells a bit from several counters, each of which saw other circumstances: it weighs
// their opinions by how well each has done. Opinions are logarithms of odds: 256 is a factor of two.
type Mixer struct {
	weights  [mixSets]weights
	contexts [mixInputs]uint32
	set      uint32
}

// weights is how much each opinion counts: 65536 is one.
type weights [mixInputs]int32

// Sizes and rates of mixing. They are part of the format.
const (
	mixInputs  = 3
	mixSets    = 9
	mixStart   = 26000 // weight at first: a little more than the mean
	mixShift   = 13    // how slowly weights follow
	oddsMost   = 1<<12 - 1
	squashStep = 32 // distance of the entries of squashed
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

// stretched holds the logarithm of the odds for a 1 by the upper 12 bits of a counter's word, chances
// what odds for a 1 mean, of 65536, for every eight of them from -4096 on: 10 KiB that never change. What is
// short of them can calculate both each time.
var (
	stretched [1 << 12]int16
	chances   [1 << 10]uint16
)

// init fills them where they lie: no stack holds them.
func init() {
	for p := range stretched {
		n := uint32(max(p, 1))
		stretched[p] = int16(logOf(n) - logOf(1<<12-n))
	}
	for i := range chances {
		chances[i] = uint16(squash(int32(i)<<3 - oddsMost + 3))
	}
}

// squash returns the chance of a 1, of 65536, that odds mean: at least 2 and at most 65534.
func squash(odds int32) uint32 {
	n := uint32(min(max(odds, -odds), squashMost))
	a, b := uint32(squashed[n/squashStep]), uint32(squashed[n/squashStep+1])
	p := a - (a-b)*(n%squashStep)/squashStep
	if odds > 0 {
		return 1<<16 - p
	}
	return p
}

// stretch returns the logarithm of the odds for a 1 of a counter's word.
func stretch(word uint16) int32 { return int32(stretched[word>>4]) }

// chanceOf is its inverse: the chance of a 1, of 65536.
func chanceOf(odds int32) uint32 {
	i := uint32(odds>>3 + int32(len(chances)/2))
	if i >= uint32(len(chances)) {
		i = uint32(^odds>>31) & uint32(len(chances)-1) // the first or the last
	}
	return uint32(chances[i])
}

// follow returns a weight after an opinion of these odds was wrong by err, of 4096.
func follow(weight, odds, err int32) int32 {
	return weight + (odds*err+1<<(mixShift-1))>>mixShift
}
