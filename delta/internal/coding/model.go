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

	// Data stream.
	PlaceByte     = 16 // a literal byte; v: the byte before it and its lane
	PlaceHit      = 17 // a copied byte: 0 as predicted, 1 not
	PlaceChange   = 18 // how a mispredicted byte differs from the old one; v: last change in its lane
	PlaceMatch    = 19 // in literals: 1 a match, 0 a byte; v: the last three such bits
	PlaceRepeat   = 20 // the match has the distance of the last one
	PlaceLength   = 21 // length of a match, less the least; v: repeats the distance
	PlaceDistance = 22 // its distance, less one; v: its length, capped
)

// Matches within literals.
const (
	MinMatch       = 2 // bytes of the shortest match at a new distance
	MinRepeat      = 1 // and at the last distance
	MatchThreshold = 3 // operations with fewer literals have no matches in them
	lengthCap      = 6 // lengths from here on share their distances' context
)

// Data is what both sides remember of the data stream so far, and derives contexts from it.
type Data struct {
	misses  uint32 // the last bytes, newest lowest: 0 copied as predicted, 1 not, or literal
	run     uint32 // bytes copied as predicted since the last miss
	changes [4]byte
	matches uint32 // the last three match bits
	Last    uint32 // distance of the last match, 0 before the first
}

// Literal returns the context of a literal byte at address addr that follows the byte before.
func (d *Data) Literal(before byte, addr uint32) uint32 {
	return Context(PlaceByte, uint32(before)<<2|addr&3)
}

// Literals notes that n literal bytes went by.
func (d *Data) Literals(n uint32) {
	d.misses = d.misses<<min(n, 3) | (1<<min(n, 3) - 1)
	d.run = 0
}

// Hit returns the context of the question whether the copied byte from old address addr is as
// predicted. kind is the field it lies in (0: none), changed whether the prediction is not
// the old byte.
func (d *Data) Hit(addr uint32, kind Kind, changed bool) uint32 {
	k := uint32(kind)
	if changed {
		k |= 16
	}
	return Context(PlaceHit, d.misses&7|uint32(min(bits.Len32(d.run), 7))<<3|addr&3<<6|k<<8)
}

// Change returns the context of the difference of a mispredicted byte to its old one.
func (d *Data) Change(addr uint32) uint32 {
	return Context(PlaceChange, addr&3|uint32(d.changes[addr&3])<<2)
}

// Hits notes a byte copied as predicted.
func (d *Data) Hits() {
	d.misses <<= 1
	d.run++
}

// Misses notes a byte that was not as predicted but differed by change from its old one.
func (d *Data) Misses(addr uint32, change byte) {
	d.misses = d.misses<<1 | 1
	d.run = 0
	d.changes[addr&3] = change
}

// Match returns the context of the question whether a match follows.
func (d *Data) Match() uint32 { return Context(PlaceMatch, d.matches&7) }

// Matched notes the answer.
func (d *Data) Matched(bit uint32) { d.matches = d.matches<<1 | bit }

// Distance returns the context of the distance of a match of n bytes.
func (d *Data) Distance(n uint32) uint32 { return Context(PlaceDistance, min(n, lengthCap)) }
