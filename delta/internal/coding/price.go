package coding

// Prices tell a maker what coding something would cost as the counters stand, in sixteenths of a bit. They teach
// nothing.

// priceOf returns the price of a bit whose chance, of 65536, was p.
func priceOf(p uint32) int { return int(12<<8-logOf(min(max(p>>4, 1), 1<<12-1))+8) >> 4 }

func priceBit(chance, bit uint32) int {
	if bit == 0 {
		chance = 1<<16 - chance
	}
	return priceOf(chance)
}

// Price returns what Writer.Bit would cost.
func (c *Counters) Price(context, node, bit uint32) int {
	return priceBit(chance(c.at(context, node).get(0)), bit)
}

// PriceNumber returns what Writer.Number would cost.
func (c *Counters) PriceNumber(context, n uint32) int {
	class, price := uint32(0), 0
	for (n+1)>>(class+1) != 0 {
		price += c.Price(context, class, 1)
		class++
	}
	price += c.Price(context, class, 0)
	for i := uint32(0); i < class; i++ {
		if i < tracked {
			known := (n + 1) >> (class - i)
			price += c.Price(context, mantissa(class, known), (n+1)>>(class-1-i)&1)
		} else {
			price += 16
		}
	}
	return price
}

// PriceClasses puts into prices what numbers cost by the bits that follow the leading one of number plus one, if
// these are as likely 0 as 1.
func (c *Counters) PriceClasses(context uint32, prices []int) {
	price := 0
	for class := range prices {
		prices[class] = price + c.Price(context, uint32(class), 0) + class<<4
		price += c.Price(context, uint32(class), 1)
	}
}

// PriceMixedByte returns what Writer.MixedByte would cost.
func (c *Counters) PriceMixedByte(m *Mixer, b byte) int {
	high := uint32(b) >> 4
	return c.priceTree(m, 0, high) + c.priceTree(m, 16|high, uint32(b)&15)
}

func (c *Counters) priceTree(m *Mixer, part, value uint32) (price int) {
	slot0, slot1, slot2 := c.at(m.contexts[0], part), c.at(m.contexts[1], part), c.at(m.contexts[2], part)
	w := &m.weights[m.set]
	node := uint32(1)
	for count := 3; count >= 0; count-- {
		bit := value >> count & 1
		p := chanceOf((stretch(slot0.get(node))*w[0]>>8 + stretch(slot1.get(node))*w[1]>>8 + stretch(slot2.get(node))*w[2]>>8) >> 8)
		price += priceBit(p, bit)
		node = node<<1 | bit
	}
	return price
}
