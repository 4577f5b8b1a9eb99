package coding

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestPrices: what bits, numbers and bytes cost is what was said just before that they would.
func TestPrices(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 6))
	for name, code := range map[string]func(w *Writer, c *Counters, d *Data) int{
		"bit": func(w *Writer, c *Counters, _ *Data) int {
			context, bit := Context(PlaceOld, r.Uint32N(4)), r.Uint32N(5)/4
			price := c.Price(context, 0, bit)
			w.Bit(c, context, 0, bit)
			return price
		},
		"number": func(w *Writer, c *Counters, _ *Data) int {
			context, n := Context(PlaceDistance, r.Uint32N(2)), r.Uint32N(1<<r.IntN(14))
			price := c.PriceNumber(context, n)
			w.Number(c, context, n)
			return price
		},
		"byte": func(w *Writer, c *Counters, d *Data) int {
			m, b := d.Literal(byte(r.IntN(3)), byte(r.IntN(3)), r.Uint32()), byte(r.NormFloat64()*8)
			price := c.PriceMixedByte(m, b)
			w.MixedByte(c, m, b)
			return price
		},
	} {
		w, c, d := NewWriter(), MakeCounters(make([]byte, CounterBytes(48)), 48), MakeData(ISAARM64)
		said := 0
		for range 20000 {
			said += code(w, &c, &d)
		}
		if took := len(w.Finish()) * 8 * 16; said < took*98/100 || said > took*102/100 {
			t.Errorf("seed %d: %s: said to cost %d, cost %d sixteenths of a bit", seed, name, said, took)
		}
	}
}

// TestPriceClasses: numbers of which a class is the only one, with fresh counters behind its leading bit, cost what the
// class does.
func TestPriceClasses(t *testing.T) {
	c, w, context := MakeCounters(make([]byte, CounterBytes(100)), 100), NewWriter(), Context(PlaceOldDiagonal, 3)
	for i := range uint32(500) {
		for class := range i % 7 { // only what tells the class is learned
			w.Bit(&c, context, class, 1)
		}
		w.Bit(&c, context, i%7, 0)
	}
	var prices [20]int
	c.PriceClasses(context, prices[:])
	for class, price := range prices {
		if want := c.PriceNumber(context, 1<<class-1); price != want {
			t.Errorf("class %d costs %d, its first number %d", class, price, want)
		}
	}
	if prices[6] >= prices[12] {
		t.Errorf("a class often met costs %d, one never met %d", prices[6], prices[12])
	}
}
