package delta

// edges are the old bytes at both ends of the sector built last. Neighbours need these most; to keep them
// takes a bit in the plan.
type edges struct {
	low, high []byte // room
	n         uint32 // bytes in each of them
	from, to  uint32 // old addresses of the first
	reach     uint32 // how far from an end a byte was read
}

// keep makes room for the edges of the n old bytes from addr on: the caller fills both.
func (e *edges) keep(addr, n uint32) (low, high []byte) {
	e.n = min(uint32(len(e.low)), (n+1)>>1)
	e.from, e.to = addr, addr+n-e.n
	return e.low[:e.n], e.high[:e.n]
}

// find returns kept bytes from old address addr on: at least one and at most n, nil if that byte is not
// here.
func (e *edges) find(addr, n uint32) []byte {
	if off := addr - e.from; off < e.n {
		end := min(e.n, off+n)
		e.reach = max(e.reach, end)
		return e.low[off:end]
	}
	if off := addr - e.to; off < e.n {
		e.reach = max(e.reach, e.n-off)
		return e.high[off:min(e.n, off+n)]
	}
	return nil
}
