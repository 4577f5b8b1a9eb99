package coding

import "encoding/binary"

// A counter is a little-endian 16-bit word that estimates how likely its next bit is 1.
//
//	pppppppp pppppaaa   13 bits of probability, 3 bits of age
//
// A young counter learns fast, an old one is precise.
const (
	counterStart = 0x8000 // age 0, probability one half
	ageMost      = 7
	ones         = 1<<16 - 1 // what a counter comes closer to with a 1; with a 0 it is 0
)

// The tables of the two streams, in units of 256 counters. The header chooses the size of the data
// stream's.
const (
	ControlUnits = 2
	unitBytes    = 512
)

// steps holds, for each age, how fast a counter learns, and the age it has afterwards: a rate of r is
// 1/2^r of the error.
//
//	age afterwards << 8 | rate
var steps = [ageMost + 1]uint32{0x101, 0x202, 0x302, 0x403, 0x503, 0x604, 0x704, 0x704}

// Counters is a table of counters that contexts are hashed into. Contexts that fall together share
// a counter: that costs size, never correctness.
type Counters struct {
	mem   []byte
	slots uint32 // places where a slot can begin
}

// slotCounters is how many counters lie together, of which the nodes of a tree of four bits take 1 to 15.
const slotCounters = 16

// slot is the memory of such counters.
type slot [2 * slotCounters]byte

func (s *slot) get(node uint32) uint16 {
	return binary.LittleEndian.Uint16(s[node<<1&(2*slotCounters-2):])
}

func (s *slot) put(node uint32, word uint16) {
	binary.LittleEndian.PutUint16(s[node<<1&(2*slotCounters-2):], word)
}

// CounterBytes returns the memory of a table of so many units.
func CounterBytes(units uint8) uint32 { return unitBytes * uint32(units) }

// MakeCounters returns a fresh table in mem, which must be CounterBytes(units) long.
func MakeCounters(mem []byte, units uint8) Counters {
	c := Counters{mem: mem[:CounterBytes(units)], slots: CounterBytes(units)/2 - slotCounters + 1}
	for i := 0; i < len(c.mem); i += 2 {
		c.mem[i], c.mem[i+1] = counterStart&0xff, counterStart>>8
	}
	return c
}

// Context names a place where bits are coded: id says which, v, below 2^24, under what circumstances.
func Context(id uint8, v uint32) uint32 { return (v ^ uint32(id)<<24) * 0x85EBCA6B }

// at returns the slot of a part of a context. Slots overlap.
func (c *Counters) at(context, part uint32) *slot {
	x := context + part
	return (*slot)(c.mem[(x^x>>15)*0xC2B2AE35>>16*c.slots>>16<<1:])
}

// chance returns the probability of a 1 that a counter's word stands for, of 65536.
func chance(word uint16) uint32 { return uint32(word&^ageMost | 4) }

// learn returns the counter's word after it saw a bit: want is ones for a 1, 0 for a 0. The shift rounds
// down: only towards 0, where a copied byte costs nearly nothing, a counter goes all the way.
func learn(word uint16, want int32) uint16 {
	s := steps[word&ageMost]
	return uint16(int32(word)+(want-int32(word))>>(s&31))&^ageMost | uint16(s>>8)
}
