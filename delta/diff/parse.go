package diff

import (
	"math/bits"
	"slices"

	"unbrick/delta/internal/coding"
)

// parser divides literal bytes into single bytes and matches: the cheapest way by the prices that the counters
// tell now and then.
type parser struct {
	e *encoder
	parsing
	parsed int // literal bytes since prices were asked for; negative at first
	nodes  []node
	found  []match
	steps  []match

	// Prices.
	flag   [8][2]int                        // by the last three flags
	repeat [2]int                           // of saying whether the last source is repeated,
	old    [2]int                           // and if not, whether the source is old
	length [2][2][tabled + 1]int            // by repeat, old and length; the last one for all that are longer
	where  [2][coding.LengthCap + 1][25]int // by old, length and bits in the number that tells the source, plus one
}

// parsing is how carefully literals are divided.
type parsing struct {
	exact  bool // bytes cost what the counters say, not the average
	recent int  // built places that are looked at for a match
	kept   int  // old places
}

var (
	parsingQuick = parsing{recent: 16, kept: 4}
	parsings     = [...]parsing{EffortFast: parsingQuick, EffortBest: {exact: true, recent: 256, kept: 32}}
)

// node is the cheapest way known to a place among the bytes. The last step there is a byte if its length is 0.
type node struct {
	price   int
	step    match
	last    coding.Source
	matches uint32
}

const (
	priceByte  = 93        // of a literal byte on average, in sixteenths of a bit
	priceEvery = 512       // literal bytes for which prices are believed
	parsedMost = 8 << 10   // literal bytes that are divided at a time
	tabled     = 64        // lengths whose prices are kept
	nice       = 20        // a match that long is taken without looking at what lies within it
	noWay      = 1<<31 - 1 // price of a place that no way leads to yet
)

// prices asks for them anew.
func (p *parser) prices() {
	t := &p.e.table
	for m := range p.flag {
		context := coding.Context(coding.PlaceMatch, uint32(m))
		p.flag[m] = [2]int{t.Price(context, 0, 0), t.Price(context, 0, 1)}
	}
	for bit := range uint32(2) {
		p.repeat[bit] = t.Price(coding.Context(coding.PlaceRepeat, 0), 0, bit)
		p.old[bit] = t.Price(coding.Context(coding.PlaceOld, 0), 0, bit)
	}
	for old := range uint32(2) {
		for repeat := range uint32(2) {
			context, least := coding.Length(repeat, old)
			for n := least; n <= tabled; n++ {
				p.length[repeat][old][n] = t.PriceNumber(context, n-least)
			}
		}
		for n := uint32(coding.MinMatch); n <= coding.LengthCap; n++ {
			t.PriceClasses(coding.Where(old, n), p.where[old][n][:])
		}
	}
}

// parse returns the steps through the n literal bytes at place at, of the sector at addr whose bytes begin at
// place start. They are valid until the next call.
func (p *parser) parse(at, start, addr, n int) []match {
	e := p.e
	if p.parsed < 0 || p.parsed >= priceEvery {
		p.prices()
		p.parsed = 0
	}
	p.parsed += n
	p.nodes = slices.Grow(p.nodes[:0], n+1)[:n+1]
	for i := range p.nodes {
		p.nodes[i].price = noWay
	}
	p.nodes[0] = node{last: e.data.Last, matches: e.data.Matches()}
	for i := 0; i < n; i++ {
		from := &p.nodes[i]
		place, here := at+i, e.script.changed[at+i:at+n]
		single := priceByte
		if p.exact {
			single = e.table.PriceMixedByte(e.literal(place, start, addr), here[0])
		}
		p.reach(i+1, &node{from.price + p.flag[from.matches][0] + single, match{}, from.last, coding.AfterMatch(from.matches, 0)})

		back, address := place-start+e.historyLen, addr+place-start
		longest := p.repeats(i, from, e.again(from.last, place, address, back, here))
		if longest < nice {
			p.found = e.finder.find(p.found[:0], place, len(here), back)
			longest = max(longest, p.matches(i, from, 0))
			p.found = e.oldMatches(p.found[:0], here, address)
			longest = max(longest, p.matches(i, from, 1))
		}
		if longest >= nice {
			i += longest - 1
		}
	}
	p.steps = p.steps[:0]
	for i := n; i > 0; {
		s := p.nodes[i].step
		p.steps = append(p.steps, s)
		i -= max(s.n, 1)
	}
	slices.Reverse(p.steps)
	return p.steps
}

// repeats looks at matches at place i of at most n bytes that have the last one's source. It returns n.
func (p *parser) repeats(i int, from *node, n int) int {
	price, matches := from.price+p.flag[from.matches][1]+p.repeat[1], coding.AfterMatch(from.matches, 1)
	for k := coding.MinRepeat; k <= n; k++ {
		p.reach(i+k, &node{price + p.length[1][from.last.Old][min(k, tabled)], match{k, from.last}, from.last, matches})
	}
	return n
}

// matches looks at the matches found at place i, and at shorter ones from their sources. It returns the length of
// the longest.
func (p *parser) matches(i int, from *node, old uint32) int {
	price, matches := from.price+p.flag[from.matches][1]+p.repeat[0]+p.old[old], coding.AfterMatch(from.matches, 1)
	longest := coding.MinMatch - 1
	for _, m := range p.found {
		class := bits.Len32(p.e.tell(m.from) + 1)
		for k := longest + 1; k <= m.n; k++ {
			far := p.where[old][min(k, coding.LengthCap)][class-1]
			p.reach(i+k, &node{price + p.length[0][old][min(k, tabled)] + far, match{k, m.from}, m.from, matches})
		}
		longest = m.n
	}
	return longest
}

// reach takes a way to place i if it is the cheapest known.
func (p *parser) reach(i int, way *node) {
	if way.price < p.nodes[i].price {
		p.nodes[i] = *way
	}
}
