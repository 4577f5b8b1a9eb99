package release

import (
	"cmp"
	"fmt"
)

// Floor is the least security counter that a device accepts, in the era it belongs to. A later era is above every counter of the
// ones before it: a maker who lost a key begins a new era, and what the key could still sign is below the floor.
type Floor struct {
	Era     uint16
	Counter uint64
}

// Compare returns -1, 0 or 1 as f is below, at or above g: by era, and within one by counter.
func (f Floor) Compare(g Floor) int {
	return cmp.Or(cmp.Compare(f.Era, g.Era), cmp.Compare(f.Counter, g.Counter))
}

// String returns the counter, with the era before it if it is not the first: "7", "era 2, 7".
func (f Floor) String() string { return inEra(f.Era, f.Counter) }

// Rank says which of two releases of a model is newer.
type Rank struct {
	Era   uint16
	Order uint64
}

// Compare returns -1, 0 or 1 as r is older than, as new as or newer than s: by era, and within one by order.
func (r Rank) Compare(s Rank) int {
	return cmp.Or(cmp.Compare(r.Era, s.Era), cmp.Compare(r.Order, s.Order))
}

// String returns the order, with the era before it if it is not the first: "7", "era 2, 7".
func (r Rank) String() string { return inEra(r.Era, r.Order) }

func inEra(era uint16, number uint64) string {
	if era == 0 {
		return fmt.Sprint(number)
	}
	return fmt.Sprintf("era %d, %d", era, number)
}
