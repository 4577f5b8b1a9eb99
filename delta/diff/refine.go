package diff

// Prices of a byte of a copied stretch, in sixteenths of a bit, as the coder has them on average.
const (
	priceHit     = 1   // copied and as predicted
	priceMiss    = 136 // copied and not
	priceLiteral = 85  // not copied, alone or within a match
	priceSwitch  = 170 // from copied to literal bytes or back: half an operation
)

// refine cuts out of copied segments what is cheaper as literals: stretches where the diagonal gives
// next to nothing, which the greedy search leaves in.
func refine(old, new []byte, segments []segment) []segment {
	var out []segment
	for _, s := range segments {
		if s.copied {
			out = cut(out, old[s.to+s.shift:], new[s.to:s.to+s.n], s)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// cut appends the parts of the copied segment s, the cheapest way to divide it: the best path through
// two states, copied and literal.
func cut(out []segment, old, new []byte, s segment) []segment {
	// from[i] holds, in bit 0 and 1, whether the best way into the literal and the copied state before
	// byte i came from the other state.
	from := make([]byte, s.n+1)
	literal, copied := priceSwitch, 0
	for i := range new {
		if copied+priceSwitch < literal {
			literal = copied + priceSwitch
			from[i] |= 1
		}
		if literal+priceSwitch < copied {
			copied = literal + priceSwitch
			from[i] |= 2
		}
		literal += priceLiteral
		if old[i] == new[i] {
			copied += priceHit
		} else {
			copied += priceMiss
		}
	}
	var parts []segment // from the end
	copying := copied <= literal+priceSwitch
	for end, i := s.n, s.n-1; i >= 0; i-- {
		turn := copying && from[i]&2 != 0 || !copying && from[i]&1 != 0
		if turn || i == 0 {
			part := segment{to: s.to + i, n: end - i, copied: copying}
			if copying {
				part.shift = s.shift
			}
			parts = append(parts, part)
			end = i
			copying = copying != turn
		}
	}
	for i := len(parts) - 1; i >= 0; i-- {
		out = append(out, parts[i])
	}
	return out
}
