package release

import (
	"fmt"

	"unbrick/flash"
)

// Reason is why a device does not take a release that enough of the keys it trusts signed. Numbers are
// append-only.
type Reason uint8

// The reasons.
const (
	ForeignModel Reason = 1 + iota // made for another model
	TooLarge                       // image larger than the software area
	ForeignLeaf                    // leaf size is not the one of this software area
	BelowFloor                     // era and security counter below the device's floor
	NotNewer                       // era and order not above those of the release it would replace
	SeveralParts                   // the image is a parts file, the device has one part
	TrustTooOld                    // asks for a newer trust statement than the device has
	EraAhead                       // of a later era than the trust statement's
	AboveCeiling                   // order or counter above the trust statement's ceiling
	BelowLeast                     // era and counter below the least that the trust statement lets install
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
	case SeveralParts:
		return "several parts"
	case TrustTooOld:
		return "trust too old"
	case EraAhead:
		return "era ahead"
	case AboveCeiling:
		return "above the ceiling"
	case BelowLeast:
		return "below the least"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Refusal is the error of Target.Accept and Permits.
type Refusal struct {
	Reason Reason
	// Has is the release's number and Needs the one the device holds against it: size and bytes of the
	// software area (TooLarge), leaf sizes (ForeignLeaf), counter and floor (BelowFloor, BelowLeast), order and
	// present order (NotNewer), versions of trust statements (TrustTooOld), order or counter and ceiling (AboveCeiling).
	Has, Needs uint64
	// HasEra and NeedsEra are the eras of those numbers, for BelowFloor, BelowLeast and NotNewer, and the eras of
	// release and trust statement for EraAhead.
	HasEra, NeedsEra uint16
	// Model and Wanted are the release's model and the device's, for ForeignModel only.
	Model, Wanted string
}

func (e *Refusal) Error() string {
	has, needs := inEra(e.HasEra, e.Has), inEra(e.NeedsEra, e.Needs)
	switch e.Reason {
	case ForeignModel:
		return fmt.Sprintf("release is for model %q, this is model %q", e.Model, e.Wanted)
	case TooLarge:
		return fmt.Sprintf("image of %d bytes, software area of %d", e.Has, e.Needs)
	case ForeignLeaf:
		return fmt.Sprintf("leaf size %d, software area needs %d", e.Has, e.Needs)
	case BelowFloor:
		return fmt.Sprintf("security counter %s is below the floor %s", has, needs)
	case NotNewer:
		return fmt.Sprintf("order %s is not newer than %s", has, needs)
	case SeveralParts:
		return "release is for devices with several parts, this has one"
	case TrustTooOld:
		return fmt.Sprintf("release needs trust statement %d, the device has %d", e.Needs, e.Has)
	case EraAhead:
		return fmt.Sprintf("release is of era %d, the trust statement of era %d", e.HasEra, e.NeedsEra)
	case AboveCeiling:
		return fmt.Sprintf("number %d is above the ceiling %d", e.Has, e.Needs)
	case BelowLeast:
		return fmt.Sprintf("security counter %s is below the least that may be installed, %s", has, needs)
	}
	return e.Reason.String()
}

// Target is what a release is meant to land on.
type Target struct {
	Model    string
	Software *flash.Geometry // the software area
	Floor    Floor           // the security floor
	Trust    *Statement      // nil: the key slots sign releases
}

// Accept decides whether m, which Verify has returned, may be written to t, and fails with a *Refusal.
// current is the release that m would replace and must be newer than; it is nil where order does not
// count: in restoration, and while the installed release has not confirmed itself, so that its
// predecessor can return. The floor counts always.
func (t *Target) Accept(m, current *Manifest) error {
	if m.Model != t.Model {
		return &Refusal{Reason: ForeignModel, Model: m.Model, Wanted: t.Model}
	}
	if m.Family != "" {
		return &Refusal{Reason: SeveralParts}
	}
	if area := t.Software.Size(); m.Size > area {
		return &Refusal{Reason: TooLarge, Has: uint64(m.Size), Needs: uint64(area)}
	}
	if leaf := LeafSize(t.Software); m.LeafSize != leaf {
		return &Refusal{Reason: ForeignLeaf, Has: uint64(m.LeafSize), Needs: uint64(leaf)}
	}
	if err := Permits(t.Trust, m, Install); err != nil {
		return err
	}
	if m.Floor().Compare(t.Floor) < 0 {
		return &Refusal{Reason: BelowFloor, Has: m.Counter, HasEra: m.Era, Needs: t.Floor.Counter, NeedsEra: t.Floor.Era}
	}
	if current != nil && m.Rank().Compare(current.Rank()) <= 0 {
		return &Refusal{Reason: NotNewer, Has: m.Order, HasEra: m.Era, Needs: current.Order, NeedsEra: current.Era}
	}
	return nil
}
