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
