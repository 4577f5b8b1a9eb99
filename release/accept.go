package release

import (
	"fmt"

	"unbrick/flash"
)

// Reason is why a device does not take a release that is signed by a key it trusts. Numbers are
// append-only.
type Reason uint8

// The reasons, in the order they are looked at.
const (
	ForeignModel Reason = 1 + iota // made for another model
	TooLarge                       // image larger than the software area
	ForeignLeaf                    // leaf size is not the one of this software area
	BelowFloor                     // security counter below the device's floor
	NotNewer                       // order not above that of the release it would replace
)

func (r Reason) String() string {
	switch r {
	case ForeignModel:
		return "foreign model"
	case TooLarge:
		return "too large"
	case ForeignLeaf:
		return "foreign leaf size"
	case BelowFloor:
		return "below the floor"
	case NotNewer:
		return "not newer"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Refusal is the error of Target.Accept.
type Refusal struct {
	Reason Reason
	// Has is the release's number and Needs the one the device holds against it: size and bytes of the
	// software area (TooLarge), leaf sizes (ForeignLeaf), counter and floor (BelowFloor), order and
	// present order (NotNewer). Both are 0 for ForeignModel.
	Has, Needs uint64
	// Model and Wanted are the release's model and the device's, for ForeignModel only.
	Model, Wanted string
}

func (e *Refusal) Error() string {
	switch e.Reason {
	case ForeignModel:
		return fmt.Sprintf("release is for model %q, this is model %q", e.Model, e.Wanted)
	case TooLarge:
		return fmt.Sprintf("image of %d bytes, software area of %d", e.Has, e.Needs)
	case ForeignLeaf:
		return fmt.Sprintf("leaf size %d, software area needs %d", e.Has, e.Needs)
	case BelowFloor:
		return fmt.Sprintf("security counter %d is below the floor %d", e.Has, e.Needs)
	case NotNewer:
		return fmt.Sprintf("order %d is not newer than %d", e.Has, e.Needs)
	}
	return e.Reason.String()
}

// Target is what a release is meant to land on.
type Target struct {
	Model    string
	Software *flash.Geometry // the software area
	Floor    Floor           // the security floor
}

// Accept decides whether m, which Verify has returned, may be written to t, and fails with a *Refusal.
// current is the release that m would replace and must be newer than; it is nil where order does not
// count: in restoration, and while the installed release has not confirmed itself, so that its
// predecessor can return. The floor counts always.
func (t *Target) Accept(m, current *Manifest) error {
	if m.Model != t.Model {
		return &Refusal{Reason: ForeignModel, Model: m.Model, Wanted: t.Model}
	}
	if area := t.Software.Size(); m.Size > area {
		return &Refusal{Reason: TooLarge, Has: uint64(m.Size), Needs: uint64(area)}
	}
	if leaf := LeafSize(t.Software); m.LeafSize != leaf {
		return &Refusal{Reason: ForeignLeaf, Has: uint64(m.LeafSize), Needs: uint64(leaf)}
	}
	if m.Floor().Compare(t.Floor) < 0 {
		return &Refusal{Reason: BelowFloor, Has: m.Counter, Needs: t.Floor.Counter}
	}
	if current != nil && m.Order <= current.Order {
		return &Refusal{Reason: NotNewer, Has: m.Order, Needs: current.Order}
	}
	return nil
}
