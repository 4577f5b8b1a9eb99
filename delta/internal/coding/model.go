package coding

import "math/bits"

// Places where bits are coded, the ids of Context. Numbers are part of the format: append-only.
const (
	// Control stream.
	PlaceNext     = 0 // the sector is the one that follows the last in address order
	PlaceSector   = 1 // otherwise: folded distance from there
	PlaceLiteral  = 2 // literal bytes of an operation
	PlaceCopy     = 3 // its copied bytes; v: literals precede
	PlaceDiagonal = 4 // its folded change of diagonal; v: literals precede
	PlaceKeeps    = 5 // number of stash entries behind a sector
	PlaceGap      = 6 // bytes skipped before one
	PlaceKeep     = 7 // its length, less one
	PlaceLife     = 8 // sectors until it is freed, less one

	// Data stream. The first three are mixed, each from contexts of three places.
	PlaceByte     = 16 // a literal byte; v: the byte before it and its lane; 23: the one before that; 24: its lane
	PlaceHit      = 17 // a copied byte: 0 as predicted, 1 not
	PlaceChange   = 18 // how a mispredicted byte differs from the old one
	PlaceMatch    = 19 // in literals: 1 a match, 0 a byte; v: the last three such bits
	PlaceRepeat   = 20 // the match has the distance of the last one
	PlaceLength   = 21 // length of a match, less the least; v: repeats the distance
	PlaceDistance = 22 // its distance, less one; v: its length, capped

	placeByte2   = 23
	placeByte3   = 24
	placeHit2    = 25 // v: the old byte
	placeHit3    = 26 // v: the last eight bytes, the field's kind
	placeChange2 = 27 // v: the last byte copied and the lane
	placeChange3 = 28 // v: the field's kind and how it differs from the old byte as predicted
)

// Sets of weights.
const (
	setByte   = 0
	setHit    = 1 // to 4, by the last two bytes
	setChange = 5
)

// Matches within literals.
const (
	MinMatch       = 2 // bytes of the shortest match at a new distance
	MinRepeat      = 1 // and at the last distance
	MatchThreshold = 3 // operations with fewer literals have no matches in them
	lengthCap      = 6 // lengths from here on share their distances' context
)

// Data is what both sides remember of the data stream so far, and derives contexts from it. The zero
// value is not usable; see MakeData.
type Data struct {
	mix     Mixer
	misses  uint32 // the last bytes, newest lowest: 0 copied as predicted, 1 not, or literal
	run     uint32 // bytes copied as predicted since the last miss
	copied  uint32 // the last byte copied
	changes [4]byte
	matches uint32 // the last three match bits
	Last    uint32 // distance of the last match, 0 before the first
}

// MakeData returns what is remembered at the start of a stream.
func MakeData() Data { return Data{mix: makeMixer()} }

// Literal returns the mixer for a literal byte at address addr that follows the byte before, which
// follows the byte second.
func (d *Data) Literal(before, second byte, addr uint32) *Mixer {
	d.mix.contexts = [...]uint32{
		Context(PlaceByte, uint32(before)<<1|addr&1),
		Context(placeByte2, uint32(second)<<1|addr&1),
		Context(placeByte3, addr&1),
	}
	d.mix.set = setByte
	return &d.mix
}

// Literals notes that n literal bytes went by.
func (d *Data) Literals(n uint32) {
	d.misses = d.misses<<min(n, 3) | (1<<min(n, 3) - 1)
	d.run = 0
}

// Hit returns the mixer for the question whether the copied byte at old address addr, which was old, is
// guess as predicted. kind is the field it lies in (0: none).
func (d *Data) Hit(addr uint32, kind Kind, old, guess byte) *Mixer {
	k := uint32(kind)
	if old != guess {
		k |= 16
	}
	d.mix.contexts = [...]uint32{
		Context(PlaceHit, d.misses&7|uint32(min(bits.Len32(d.run), 7))<<3|addr&3<<6|k<<8),
		Context(placeHit2, uint32(old)|d.misses&1<<8),
		Context(placeHit3, d.misses&0xff|k<<8),
	}
	d.mix.set = setHit + d.misses&3
	return &d.mix
}

// Change returns the mixer for the difference of that byte, mispredicted, to its old one.
func (d *Data) Change(addr uint32, kind Kind, old, guess byte) *Mixer {
	d.mix.contexts = [...]uint32{
		Context(PlaceChange, uint32(d.changes[addr&3])),
		Context(placeChange2, d.copied<<1|addr&1),
		Context(placeChange3, uint32(guess-old)<<4|uint32(kind)),
	}
	d.mix.set = setChange
	return &d.mix
}

// Hits notes the byte b, copied as predicted.
func (d *Data) Hits(b byte) {
	d.misses <<= 1
	d.run++
	d.copied = uint32(b)
}

// Misses notes the byte b, which was not as predicted but differed by change from its old one.
func (d *Data) Misses(addr uint32, b, change byte) {
	d.misses = d.misses<<1 | 1
	d.run = 0
	d.copied = uint32(b)
	d.changes[addr&3] = change
}

// Match returns the context of the question whether a match follows.
func (d *Data) Match() uint32 { return Context(PlaceMatch, d.matches&7) }

// Matched notes the answer.
func (d *Data) Matched(bit uint32) { d.matches = d.matches<<1 | bit }

// Distance returns the context of the distance of a match of n bytes.
func (d *Data) Distance(n uint32) uint32 { return Context(PlaceDistance, min(n, lengthCap)) }
