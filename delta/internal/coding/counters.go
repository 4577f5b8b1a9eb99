package coding

// A counter is a little-endian 16-bit word that estimates how likely its next bit is 1.
//
//	young   pppppppp ppppccc0   12 bits of probability, 3 bits of age: learns fast, then slower
//	mature  pppppppp ppppppp1   15 bits of probability, fixed rate
//
// While a counter is young its precision does not matter and its age does; afterwards the reverse.
const (
	counterStart = 0x8000 // young, age 0, probability one half
	probBits     = 15
	probOne      = 1 << probBits
	probMin      = 8 // no bit is ever believed to be impossible
)

// The tables of the two streams, in units of 256 counters. The header chooses the size of the data
// stream's. The data stream's counters learn faster, for a Mixer knows which of them to trust.
const (
	ControlUnits = 2
	ControlRate  = 5
	DataRate     = 4
	unitBytes    = 512
)

// youngRates holds, four bits an age, how fast a young counter learns: 1/2 of the error first, then
// 1/4 and less.
const youngRates uint32 = 0x44433221

// youngRate is how fast a young counter learns at each age: 1/2, 1/4, ... of the error.
var youngRate = [8]uint8{1, 2, 2, 3, 3, 4, 4, 4}

// Counters is a table of counters that contexts are hashed into. Contexts that fall together share
// a counter: that costs size, never correctness.
type Counters struct {
	mem   []byte
	count uint32
	rate  uint8
}

// CounterBytes returns the memory of a table of so many units.
func CounterBytes(units uint8) uint32 { return unitBytes * uint32(units) }

// MakeCounters returns a fresh table in mem, which must be CounterBytes(units) long. Mature counters
// learn 1/2^rate of the error.
func MakeCounters(mem []byte, units, rate uint8) Counters {
	c := Counters{mem: mem[:CounterBytes(units)], count: CounterBytes(units) / 2, rate: rate}
	for i := 0; i < len(c.mem); i += 2 {
		c.mem[i], c.mem[i+1] = counterStart&0xff, counterStart>>8
	}
	return c
}

// Context names a place where bits are coded: id says which, v under what circumstances.
func Context(id uint8, v uint32) uint32 {
	x := (v ^ uint32(id)<<24) * 0x85EBCA6B
	return (x ^ x>>15) * 0xC2B2AE35
}

// at returns the offset of the counter for one node of a context.
func (c *Counters) at(context, node uint32) uint32 {
	return (context + node) * 0x9E3779B1 >> 16 * c.count >> 16 << 1
}

// chance returns the probability of a 1 that a counter's word stands for, of probOne.
func chance(word uint32) uint32 {
	p := word >> 1
	if word&1 == 0 {
		p &^= 7
	}
	return min(max(p, probMin), probOne-probMin)
}

// learn returns the counter's word after it saw bit.
func (c *Counters) learn(word, bit uint32) uint32 {
	if word&1 == 0 {
		age := word >> 1 & 7
		rate := youngRates >> (age << 2) & 15
		p := word >> 4
		if bit != 0 {
			p += (1<<12 - 1 - p) >> rate
		} else {
			p -= p >> rate
		}
		if age == 7 {
			return p<<4 | 1
		}
		return p<<4 | (age+1)<<1
	}
	// Rounding towards certainty lets a counter reach its limit, where a copied byte costs nearly
	// nothing.
	p, round := word>>1, uint32(1)<<c.rate-1
	if bit != 0 {
		p += (probOne - 1 - p + round) >> c.rate
	} else {
		p -= (p + round) >> c.rate
	}
	return p<<1 | 1
}
