package esp

// erase8266 is the size to ask an ESP8266's ROM for, so that it erases n sectors from s on. The ROM erases the sectors up to the end of
// the 64 KiB block twice over, as many again behind them (esptool, "get_erase_size").
func erase8266(s, n uint32) uint32 {
	head := min(16-s%16, n)
	if n < 2*head {
		return (n + 1) / 2 * sector
	}
	return (n - head) * sector
}

// erased8266 is how many sectors that erases.
func erased8266(s, size uint32) uint32 {
	n := size / sector
	return n + min(16-s%16, n)
}

// cut8266 makes pieces of n sectors of which none erases what lies behind the run: where the ROM can only erase one more, that one is
// written later. Of one sector alone the next is erased, too: it is among what must be read before and written again.
func cut8266(pic *picture, addr uint32, n int) []piece {
	if n == 1 {
		n = 2
	}
	var list []piece
	add := func(k int) {
		list = append(list, piece{addr: addr, data: pic.fill(addr, k)})
		addr += uint32(k) * sector
		n -= k
	}
	for n > 0 {
		k := min(n, plainMost-int(addr/sector%plainMost))
		switch {
		case k == n && k%2 == 0, k < n-1:
			add(k)
		case k == n && k == 1: // behind a whole block's end: never, as the case below leaves two
			add(k)
		case k == n:
			add(k - 2)
			add(2)
		case k == 1: // and one behind it, in the next block: together they are exact
			add(2)
		default:
			add(k - 1) // leaves two, of which the first ends the block
		}
	}
	return list
}

// rest8266 is with which sector a piece of n from s on can be begun again of which the first done are written: so that nothing behind what
// the whole piece erases is erased.
func rest8266(s, n uint32, done int) int {
	behind := s + erased8266(s, erase8266(s, n))
	for k := uint32(done); k > 0; k-- {
		if s+k+erased8266(s+k, erase8266(s+k, n-k)) <= behind {
			return int(k)
		}
	}
	return 0
}
