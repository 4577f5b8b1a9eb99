package coding

import "math/bits"

// Places where bits are coded, the ids of Context. Numbers are part of the format: append-only.
const (
	// Control stream.
	PlaceNext     = 0  // the sector is the one that follows the last in address order
	PlaceSector   = 1  // otherwise: folded distance from there
	PlaceLiteral  = 2  // literal bytes of an operation
	PlaceCopy     = 3  // its copied bytes; v: literals precede
	PlaceDiagonal = 4  // its folded change of diagonal; v: literals precede
	PlaceKeeps    = 5  // number of stash entries behind a sector
	PlaceGap      = 6  // bytes skipped before one
	PlaceKeep     = 7  // its length, less one
	PlaceLife     = 8  // sectors until it is freed, less one
	PlaceEnd      = 9  // an operation ends with its sector, after which another than the next is built; v: literals precede
	PlaceJoin     = 10 // its diagonal is the first of the sector behind, which was built before; v: it ends with its sector
	PlaceEdge     = 11 // the edges of the sector just built are kept
	PlaceBatch    = 12 // a batch begins with the sector that is built next

	// Data stream. The first three and 24 to 27 are mixed, each from contexts of three places.
	PlaceByte     = 16 // a literal byte; v: the byte before it and its lane; 23: the one before that; 24: its lane
	PlaceUnit     = 17 // old bytes: 0 all as predicted, 1 not
	PlaceChange   = 18 // how a mispredicted byte differs from the old one
	PlaceMatch    = 19 // in literals: 1 a match, 0 a byte; v: the last three such bits
	PlaceRepeat   = 20 // the match is one with the distance, or on the diagonal, of the last one
	PlaceLength   = 21 // length of a match, less the least; v: whether it is, and 2 if it is of old bytes
	PlaceDistance = 22 // its distance, less one; v: its length, capped

	placeByte2   = 23
	placeByte3   = 24
	placeUnit2   = 25 // v: its last old byte and the field's kind
	placeUnit3   = 26 // v: the last eight units and the field's kind
	placeChange2 = 27 // v: the old byte and its lane
	placeChange3 = 28 // v: the field's kind and how the prediction differs from the old byte
	placeMiss    = 29 // a byte of a mispredicted unit: 0 as predicted, 1 not; v: which bytes were not, and its place
	placeMiss2   = 30 // v: which bytes were not, and the old byte
	placeMiss3   = 31 // v: which bytes were not, the address and the last four units

	PlaceOld         = 32 // the match is of old bytes
	PlaceOldDiagonal = 33 // its diagonal, folded and less the plan's; v: its length, capped
)

// Sets of weights.
const (
	setByte   = 0 // and 1, by the lane
	setUnit   = 2 // to 5, by the last two units
	setMiss   = 6
	setChange = 7 // outside, and 8 inside of fields
)

// Matches within literals.
const (
	MinMatch       = 2 // bytes of the shortest match from anywhere
	MinRepeat      = 1 // and of one that repeats distance or diagonal
	MatchThreshold = 3 // operations with fewer literals have no matches in them
	LengthCap      = 6 // lengths from here on share the context of their distances and diagonals
)

// UnitSize divides copied bytes that are no fields into units: they end at multiples of it.
const UnitSize = 4

// Data is what both sides remember of the data stream so far, and derives contexts from it. The zero
// value is not usable; see MakeData.
type Data struct {
	mix     Mixer
	lanes   uint32 // lower bits of an address that literal bytes are told apart by
	missed  uint32 // the last units, newest lowest: 0 copied as predicted, 1 not, or literal
	run     uint32 // units copied as predicted since the last that was not
	changes [4]byte
	matches uint32 // the last three match bits
	Last    Source // of the last match
}

// Source is where a match copies from: so many bytes back among the built ones, or old bytes on a diagonal. The
// zero value is none.
type Source struct {
	Old   uint32 // 1: Shift counts, else Back
	Back  uint32
	Shift int32
}

// MakeData returns what is remembered at the start of a stream for an instruction set.
func MakeData(isa ISA) Data { return Data{mix: makeMixer(), lanes: isa.align() | 1} }

func (d *Data) mixer(set uint32, a, b, c uint32) *Mixer {
	d.mix.set = set
	d.mix.contexts = [...]uint32{a, b, c}
	return &d.mix
}

// Literal returns the mixer for a literal byte at address addr that follows the byte before, which
// follows the byte second.
func (d *Data) Literal(before, second byte, addr uint32) *Mixer {
	lane := addr & d.lanes
	return d.mixer(setByte+lane&1,
		Context(PlaceByte, uint32(before)<<2|lane),
		Context(placeByte2, uint32(second)<<2|lane),
		Context(placeByte3, lane))
}

// Literals notes that n literal bytes went by.
func (d *Data) Literals(n uint32) {
	d.missed = d.missed<<min(n, 3) | (1<<min(n, 3) - 1)
	d.run = 0
}

// Unit returns the mixer for the question whether the bytes of a unit, a field of that kind or some plain
// bytes, copied from old address addr where they were old, are all as guess predicts.
func (d *Data) Unit(addr uint32, kind Kind, old, guess []byte) *Mixer {
	k := uint32(kind) << 3
	if kind != KindPlain && string(old) != string(guess) {
		k |= 1 << 7
	}
	n := uint32(len(old)) - 1
	k |= n & 7
	return d.mixer(setUnit+d.missed&3,
		Context(PlaceUnit, d.missed&7|uint32(min(bits.Len32(d.run), 7))<<3|addr&3<<6|k<<8),
		Context(placeUnit2, uint32(old[n])|d.missed&1<<8|k<<9),
		Context(placeUnit3, d.missed&0xff|k<<8))
}

// Hit notes that it was.
func (d *Data) Hit() {
	d.missed <<= 1
	d.run++
}

// Missed notes that it was not.
func (d *Data) Missed() {
	d.missed = d.missed<<1 | 1
	d.run = 0
}

// Miss returns the mixer for the question whether byte i of a mispredicted unit, copied from old address
// addr where it was old, is not the byte guess. Bit k of before tells whether byte k was not.
func (d *Data) Miss(addr, i, before uint32, kind Kind, old, guess byte) *Mixer {
	k := uint32(kind)
	if old != guess {
		k |= 16
	}
	return d.mixer(setMiss,
		Context(placeMiss, before|i<<8|k<<11),
		Context(placeMiss2, before|uint32(old)<<8|addr&1<<16),
		Context(placeMiss3, before|addr&3<<8|d.missed&15<<10))
}

// Change returns the mixer for the difference of that byte, mispredicted, to its old one.
func (d *Data) Change(addr uint32, kind Kind, old, guess byte) *Mixer {
	return d.mixer(setChange+uint32(min(kind, 1)),
		Context(PlaceChange, uint32(d.changes[addr&3])),
		Context(placeChange2, uint32(old)<<1|addr&1),
		Context(placeChange3, uint32(guess-old)<<4|uint32(kind)))
}

// Changed notes the difference.
func (d *Data) Changed(addr uint32, change byte) { d.changes[addr&3] = change }

// Match returns the context of the question whether a match follows.
func (d *Data) Match() uint32 { return Context(PlaceMatch, d.matches) }

// Matched notes the answer.
func (d *Data) Matched(bit uint32) { d.matches = AfterMatch(d.matches, bit) }

// Matches returns the last three answers, newest lowest, and AfterMatch what they are after one more.
func (d *Data) Matches() uint32             { return d.matches }
func AfterMatch(matches, bit uint32) uint32 { return (matches<<1 | bit) & 7 }

// Length returns the context of a match's length, and the least that it can be: whether it repeats the last source,
// and whether it is of old bytes.
func Length(repeat, old uint32) (context, least uint32) {
	return Context(PlaceLength, repeat|old<<1), MinMatch - repeat*(MinMatch-MinRepeat)
}

// Where returns the context of what tells the source of a match of n bytes: their distance, or diagonal if old.
func Where(old, n uint32) uint32 {
	place := uint8(PlaceDistance)
	if old != 0 {
		place = PlaceOldDiagonal
	}
	return Context(place, min(n, LengthCap))
}
