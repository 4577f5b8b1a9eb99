package coding

// A number n is coded as the class of n+1 (how many bits follow its leading one) in unary, then
// those bits from the highest: the first few in contexts of their own, the rest evenly.
const (
	maxClass = 24
	tracked  = 3

	// MaxNumber is the largest number that can be coded.
	MaxNumber = 1<<(maxClass+1) - 2
)

// mantissa returns the node for the bit that follows the bits known so far.
func mantissa(class, known uint32) uint32 { return 32 + class<<tracked + known }

// Fold maps signed numbers onto unsigned ones: 0, -1, 1, -2, 2, ...
func Fold(n int32) uint32 { return uint32(n)<<1 ^ uint32(n>>31) }

// Unfold is the inverse of Fold.
func Unfold(n uint32) int32 { return int32(n>>1) ^ -int32(n&1) }

// AppendShort appends n, as headers have numbers: base 128, low digits first, bit 7 set in all bytes but the last, in the
// shortest form.
func AppendShort(dst []byte, n uint32) []byte {
	for n >= 0x80 {
		dst = append(dst, byte(n)|0x80)
		n >>= 7
	}
	return append(dst, byte(n))
}

// CutShort reads such a number, of at most limit, from the front of b and returns the rest.
func CutShort(b []byte, limit uint32) (n uint32, rest []byte, ok bool) {
	sum := uint64(0)
	for i := 0; i < 5 && i < len(b); i++ {
		sum |= uint64(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			if b[i] == 0 && i > 0 || sum > uint64(limit) {
				return 0, b, false
			}
			return uint32(sum), b[i+1:], true
		}
	}
	return 0, b, false
}
