package emulator

import "fmt"

// Tear is what an interrupted flash operation leaves.
type Tear uint8

// The tears. On a program, the erase tears count as Half and Unstable; on an erase, the program tears
// count as ErasePart, but NotBegun and Complete mean the same for both.
const (
	NotBegun   Tear = iota // nothing has happened
	Complete               // all is done
	FirstUnit              // the first unit is programmed
	Half                   // half of the units are, or half of the bytes of the only one
	AllButOne              // all units but the last are, or all bytes but the last of the only one
	Unstable               // half of the units are, the next reads differently each time
	Unreadable             // the same, but the next cannot be read (with ECC; else as Unstable)
	ErasePart              // a mixture of old, erased and in-between units
	EraseWeak              // all reads erased, but bits may flip back at each later power-up
	Marginal               // all units are programmed, but one bit of the last reads differently each time (with ECC: Complete)
	tears
)

var tearNames = [tears]string{"none", "complete", "first-unit", "half", "all-but-one", "unstable", "unreadable", "erase-part", "erase-weak", "marginal"}

func (t Tear) String() string {
	if t < tears {
		return tearNames[t]
	}
	return fmt.Sprintf("tear(%d)", uint8(t))
}

// ParseTear reads what String writes.
func ParseTear(s string) (Tear, error) {
	for t, name := range tearNames {
		if s == name {
			return Tear(t), nil
		}
	}
	return 0, fmt.Errorf("tear %q is none of %q", s, tearNames)
}

// Tears returns all tears, for tests that go through them.
func Tears() []Tear {
	all := make([]Tear, tears)
	for i := range all {
		all[i] = Tear(i)
	}
	return all
}

// forErase maps t to one of NotBegun, Complete, ErasePart, EraseWeak.
func (t Tear) forErase() Tear {
	switch t {
	case NotBegun, Complete, EraseWeak:
		return t
	}
	return ErasePart
}

// forProgram maps t to a program tear.
func (t Tear) forProgram(ecc bool) Tear {
	switch {
	case t == ErasePart:
		return Half
	case t == EraseWeak, t == Unreadable && !ecc:
		t = Unstable
	}
	switch {
	case t == Unstable && ecc:
		return Unreadable
	case t == Marginal && ecc:
		return Complete // correction repairs one bit
	}
	return t
}
