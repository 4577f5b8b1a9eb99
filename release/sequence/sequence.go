// Package sequence says whether a release may follow those that its model has: by its order, its security counter and its
// version. The server asks before it stores a release, and the command before it signs one, so that both refuse the same
// with the same words.
//
// Order and counter can only rise, on every device that a release reaches. So they rise in bounded steps below a ceiling,
// and something newer can always follow. Within a model the order rises over all eras, and in a new era the counter begins again.
package sequence

import (
	"fmt"

	"unbrick/release"
)

// Bounds of order and counter.
const (
	// MaxNumber is the largest order or counter that is published: integers up to here are exact in every reader.
	MaxNumber = release.MaxNumber
	// MaxStep is how far order or counter may rise above those that are there without Options.Jump. It leaves room for
	// dates and seconds as numbers.
	MaxStep = 1 << 32
)

// Release is what counts of a release.
type Release struct {
	Version        string
	Era            uint16
	Order, Counter uint64
}

// Of is the release of a manifest.
func Of(m *release.Manifest) Release {
	return Release{Version: m.Version, Era: m.Era, Order: m.Order, Counter: m.Counter}
}

// Reason is the class of a refusal, as a word for the HTTP API.
type Reason string

// The reasons.
const (
	Order   Reason = "order"
	Era     Reason = "era"
	Counter Reason = "counter"
	Version Reason = "older-version"
	Form    Reason = "version" // it is written like none
)

// Refusal says why a release may not follow.
type Refusal struct {
	Reason Reason
	Text   string
}

func (r *Refusal) Error() string { return r.Text }

func refuse(reason Reason, format string, args ...any) error {
	return &Refusal{reason, fmt.Sprintf(format, args...)}
}

// Options allow what is refused otherwise because it is more often a slip than meant.
type Options struct {
	Jump  bool // order and counter may rise by more than MaxStep: by up to half of what is left below MaxNumber
	Older bool // the version may sort below that of the release before
}

// newest is the release of the highest order below a bound, nil if there is none.
func newest(all []Release, below uint64) (found *Release) {
	for i := range all {
		if r := &all[i]; r.Order < below && (found == nil || r.Order > found.Order) {
			found = r
		}
	}
	return found
}

// Next is the order and the counter of the next release of an era, where nobody chose others.
func Next(era uint16, all []Release) (order, counter uint64, err error) {
	last := newest(all, ^uint64(0))
	if last == nil {
		return 1, 0, nil
	}
	if last.Order >= MaxNumber {
		return 0, 0, refuse(Order, "release %q has order %d: nothing newer can follow it", last.Version, last.Order)
	}
	if era > last.Era {
		return last.Order + 1, 0, nil
	}
	return last.Order + 1, last.Counter, nil
}

// Check says why r may not be published beside the releases that its model has. nil Options allow nothing special.
func Check(r Release, all []Release, o *Options) error {
	if o == nil {
		o = &Options{}
	}
	if err := release.CheckVersion(r.Version); err != nil {
		return refuse(Form, "%v", err)
	}
	var order, counter, era Release // with the highest of each, of the counter in the same era
	for _, have := range all {
		if have.Order >= order.Order {
			order = have
		}
		if have.Era == r.Era && have.Counter >= counter.Counter {
			counter = have
		}
		if have.Era >= era.Era {
			era = have
		}
	}
	if r.Era > era.Era && r.Era-era.Era > 1 {
		return refuse(Era, "era %d is more than one above that of release %q (%d): an era begins when the one before it is over", r.Era, era.Version, era.Era)
	}
	if err := step(Order, r.Order, order.Order, order.Version, len(all) == 0, o.Jump); err != nil {
		return err
	}
	if err := step(Counter, r.Counter, counter.Counter, counter.Version, len(all) == 0, o.Jump); err != nil {
		return err
	}
	for i := range all {
		have := &all[i]
		switch before := have.Order < r.Order; {
		case have.Order == r.Order:
		case before && have.Era > r.Era || !before && have.Era < r.Era:
			return refuse(Era, "the era must not fall as the order rises: release %q has order %d and era %d", have.Version, have.Order, have.Era)
		case have.Era == r.Era && (before && have.Counter > r.Counter || !before && have.Counter < r.Counter):
			return refuse(Counter, "the security counter must not fall as the order rises: release %q has order %d and counter %d", have.Version, have.Order, have.Counter)
		}
	}
	if o.Older {
		return nil
	}
	// The last one before that can be compared decides: a version that says nothing does not hide those before it.
	before := newest(all, r.Order)
	for before != nil {
		c, sure := Compare(r.Version, before.Version)
		if !sure {
			before = newest(all, before.Order)
			continue
		}
		if c >= 0 {
			return nil
		}
		return refuse(Version, "version %q sorts below %q, a release before it (order %d): devices would go from %q up to %q. "+
			"To publish it as the newer one all the same, say --older-version", r.Version, before.Version, before.Order, before.Version, r.Version)
	}
	return nil
}

// step checks one number against the highest that is there.
func step(what Reason, number, highest uint64, version string, first, jump bool) error {
	if number > MaxNumber {
		return refuse(what, "%s %d is above %d, the largest that is taken", what, number, uint64(MaxNumber))
	}
	if number <= highest {
		return nil
	}
	half := (MaxNumber - highest + 1) / 2 // so that something newer can always follow
	most := min(half, MaxStep)
	if jump {
		most = half
	}
	if number-highest <= most {
		return nil
	}
	above := fmt.Sprintf("more than %d above that of release %q (%d)", most, version, highest)
	if first {
		above = fmt.Sprintf("above %d, the most of a first release", most)
	}
	if jump || most == half {
		return refuse(what, "%s %d is %s: too little would be left for what follows", what, number, above)
	}
	return refuse(what, "%s %d is %s. It can only rise from there on; if it is meant, say --jump", what, number, above)
}
