package standin

// maxNotes bounds the faults that a Tally has words for.
const maxNotes = 64

// Tally is what a stand-in has seen of its host. Tests assert by it.
type Tally struct {
	Erased     int      // sectors that were erased
	Programmed int      // bytes that were programmed
	Writes     int      // requests to erase or write that reached the flash
	Refused    int      // requests that a protection or an order forbids, and that were refused
	Unwritten  int      // of Refused, those that would have written
	Faults     int      // mistakes of the host, those in Notes and more
	Notes      []string // what the first ones were
}

// Fault notes a mistake of the host.
func (t *Tally) Fault(what string) {
	t.Faults++
	if len(t.Notes) < maxNotes {
		t.Notes = append(t.Notes, what)
	}
}

// Touched says whether a flash was changed, or would have been.
func (t *Tally) Touched() bool { return t.Erased+t.Programmed+t.Writes+t.Unwritten > 0 }

// NOR is a flash as it is: erased in whole sectors, and programming only clears bits.
type NOR struct {
	Data   []byte
	Sector int
	tally  *Tally
}

// NewNOR is an erased flash whose work counts in t.
func NewNOR(size, sector int, t *Tally) *NOR {
	n := &NOR{Data: make([]byte, size), Sector: sector, tally: t}
	fill(n.Data)
	return n
}

func fill(p []byte) {
	for i := range p {
		p[i] = 0xff
	}
}

// Erase erases the sector that an address is in. Addresses wrap at the flash's size.
func (n *NOR) Erase(addr int) {
	addr %= len(n.Data)
	addr -= addr % n.Sector
	fill(n.Data[addr : addr+n.Sector])
	n.tally.Erased++
}

// Program clears the bits that p has not. Addresses wrap at the flash's size. It says whether the flash now holds p.
func (n *NOR) Program(addr int, p []byte) bool {
	good := true
	for i, b := range p {
		at := (addr + i) % len(n.Data)
		n.Data[at] &= b
		good = good && n.Data[at] == b
	}
	n.tally.Programmed += len(p)
	return good
}
