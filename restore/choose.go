package restore

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"sort"

	"unbrick/protocol/smp"
	"unbrick/release"
)

// Choice is what the caller wants; nil and zero values leave it to the rules.
type Choice struct {
	Release *release.Manifest   // this release and no other, not one of the same image either
	Version string              // the newest release with this version text
	Keys    []ed25519.PublicKey // releases signed with one of these only; empty: any that the device trusts
}

// Reason says why a release was chosen.
type Reason uint8

// The reasons.
const (
	ReasonChosen      Reason = 1 + iota // the caller wanted it
	ReasonIntended                      // an interrupted rewrite was leading to it
	ReasonInstalled                     // the record says it is installed
	ReasonPredecessor                   // the installed one does not work: the newest before it
	ReasonNewest                        // the newest that is not below the floor
)

func (r Reason) String() string {
	switch r {
	case ReasonChosen:
		return "chosen"
	case ReasonIntended:
		return "intended"
	case ReasonInstalled:
		return "installed"
	case ReasonPredecessor:
		return "predecessor"
	case ReasonNewest:
		return "newest"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// chosen is a release that was selected, verified and is at hand.
type chosen struct {
	manifest      release.Manifest
	signers       release.Signers // those that the device trusts
	signed, image []byte
	reason        Reason
	listings      []Listing // that it was chosen from
}

// choose selects the release to write (313, S17): what the caller wants; else the record's B, the new
// one, while a rewrite to it was interrupted, else A, else the newest not below the floor. A release that hangs
// before it has confirmed itself gives way to the newest before it. The manifest is verified against the
// keys that the device says it trusts.
func choose(ctx context.Context, d *Device, src Source, c *Choice) (*chosen, error) {
	if c == nil {
		c = &Choice{}
	}
	all, err := src.List(ctx, d.Model)
	if err != nil {
		return nil, fmt.Errorf("list releases: %w", err)
	}
	mine := slices.DeleteFunc(slices.Clone(all), func(l Listing) bool { return l.Manifest.Model != d.Model })
	if len(mine) == 0 {
		if len(all) > 0 && asked(all[0], c) {
			return nil, &Error{Code: CodeModel, Model: all[0].Manifest.Model, Version: all[0].Manifest.Version}
		}
		return nil, &Error{Code: CodeNoRelease, Model: d.Model}
	}
	sort.SliceStable(mine, func(i, j int) bool { return mine[i].Manifest.Rank().Compare(mine[j].Manifest.Rank()) > 0 })
	l, reason, err := pick(d, mine, c)
	var no *Error
	if errors.As(err, &no) && no.Code == CodeNoRelease {
		for _, o := range all {
			if o.Manifest.Model != d.Model && asked(o, c) {
				return nil, &Error{Code: CodeModel, Model: o.Manifest.Model, Version: o.Manifest.Version}
			}
		}
	}
	if err != nil {
		return nil, err
	}
	w, err := take(ctx, d, src, c, l, reason)
	if err != nil {
		return nil, err
	}
	w.listings = all
	return w, nil
}

// asked reports whether the caller's wish fits a release.
func asked(l Listing, c *Choice) bool {
	return (c.Release == nil || *c.Release == l.Manifest) && (c.Version == "" || c.Version == l.Manifest.Version)
}

// pick selects from releases for the device's model, newest first.
func pick(d *Device, all []Listing, c *Choice) (Listing, Reason, error) {
	if c.Release != nil || c.Version != "" {
		l, err := wished(d, all, c)
		return l, ReasonChosen, err
	}
	// A release of parts is for devices with another boot loader: a terminal of the same model never gets one by itself.
	all = slices.DeleteFunc(slices.Clone(all), func(l Listing) bool { return l.Manifest.Family != "" })
	if len(all) == 0 {
		return Listing{}, 0, &Error{Code: CodeNoRelease, Model: d.Model}
	}
	some := false // is held
	usable := slices.DeleteFunc(slices.Clone(all), func(l Listing) bool {
		some = some || held(d, &l)
		return held(d, &l) || belowFloor(d, &l) || permits(d, &l) != nil || !trusts(d, c, &l.Signers)
	})
	if len(usable) == 0 {
		if some {
			return Listing{}, 0, &Error{Code: CodeNoRelease, Model: d.Model}
		}
		if belowFloor(d, &all[0]) {
			return Listing{}, 0, below(d, all, all[0])
		}
		if err := permits(d, &all[0]); err != nil {
			return Listing{}, 0, err
		}
		return Listing{}, 0, foreignKey(d, all[0].Manifest.Version, &all[0].Signers, fmt.Errorf("signed by %s", all[0].Signers))
	}
	if was := d.Installed(); d.Why == smp.WhyHang && !d.Confirmed && was != nil {
		for _, l := range usable {
			if l.Manifest.Rank().Compare(was.Manifest.Rank()) < 0 {
				return l, ReasonPredecessor, nil
			}
		}
	}
	for _, wanted := range []struct {
		known  *Known
		reason Reason
	}{{d.Intended(), ReasonIntended}, {d.Installed(), ReasonInstalled}} {
		for _, l := range usable {
			if wanted.known != nil && l.Manifest.Digest == wanted.known.Manifest.Digest {
				return l, wanted.reason, nil
			}
		}
	}
	return usable[0], ReasonNewest, nil
}

// wished returns the newest release that the caller's wish fits, signed by as many as it takes if it is at hand so.
func wished(d *Device, all []Listing, c *Choice) (Listing, error) {
	first := slices.IndexFunc(all, func(l Listing) bool { return asked(l, c) })
	if first < 0 {
		e := &Error{Code: CodeNoRelease, Model: d.Model, Version: c.Version}
		if c.Release != nil {
			e.Version = c.Release.Version
		}
		return Listing{}, e
	}
	l := all[first]
	if l.Manifest.Family != "" { // for devices with several parts, which this is not
		return Listing{}, &Error{Code: CodeModel, Model: l.Manifest.Family, Version: l.Manifest.Version}
	}
	if belowFloor(d, &l) {
		return Listing{}, below(d, all, l)
	}
	if err := permits(d, &l); err != nil {
		return Listing{}, err
	}
	for _, o := range all[first:] {
		if o.Manifest == l.Manifest && trusts(d, c, &o.Signers) {
			return o, nil
		}
	}
	return l, nil
}

// Preferred names the release that Plan chooses for a device of itself, from those at hand for its model.
func Preferred(d *Device, all []Listing) (release.Digest, bool) {
	if len(all) == 0 {
		return release.Digest{}, false
	}
	newest := slices.Clone(all)
	sort.SliceStable(newest, func(i, j int) bool { return newest[i].Manifest.Rank().Compare(newest[j].Manifest.Rank()) > 0 })
	l, _, err := pick(d, newest, &Choice{})
	return l.Manifest.Digest, err == nil
}

// held tells whether a release is not given to a device by itself. A device on which a release has confirmed itself, and
// which only waits because it was asked to, stays with it.
func held(d *Device, l *Listing) bool {
	has := func(k *Known) bool { return k != nil && k.Manifest.Digest == l.Manifest.Digest }
	switch l.Hold {
	case Withheld:
		return !has(d.Installed()) && !has(d.Intended())
	case Withdrawn:
		return !(has(d.Installed()) && d.Confirmed && d.Intended() == nil && (d.Why == smp.WhyAsked || d.Why == smp.WhyPin))
	}
	return false
}

func belowFloor(d *Device, l *Listing) bool { return l.Manifest.Floor().Compare(d.Floor) < 0 }

// permits fails if the trust statement of the device has no place for a release, or the release asks for a newer one.
func permits(d *Device, l *Listing) error {
	if err := release.Permits(d.InForce, &l.Manifest, release.Install); err != nil {
		return &Error{Code: CodeRefused, Version: l.Manifest.Version, Err: err}
	}
	return nil
}

// keysFor returns the keys that the device trusts, and the caller too.
func keysFor(d *Device, c *Choice) []ed25519.PublicKey {
	keys := d.Trusted()
	if len(c.Keys) == 0 {
		return keys
	}
	return slices.DeleteFunc(keys, func(k ed25519.PublicKey) bool {
		return !slices.ContainsFunc(c.Keys, func(other ed25519.PublicKey) bool { return bytes.Equal(k, other) })
	})
}

// trusts tells whether enough keys for the device, and for the caller, say that they signed.
func trusts(d *Device, c *Choice, signers *release.Signers) bool {
	known := signers.Known(keysFor(d, c))
	return known.Len() >= max(1, d.Needs())
}

// foreignKey says who does not take the signatures of a release: the device, or only the caller.
func foreignKey(d *Device, version string, signers *release.Signers, err error) error {
	code := CodeUnknownKey
	switch known := signers.Known(d.Trusted()); {
	case trusts(d, &Choice{}, signers):
		code = CodeExcluded
	case known.Len() > 0:
		code = CodeSigners
	}
	return &Error{Code: code, Version: version, Err: err}
}

// below names the oldest release at hand that the floor lets pass.
func below(d *Device, all []Listing, l Listing) error {
	err := fmt.Errorf("release %q has security counter %v, the floor is %v", l.Manifest.Version, l.Manifest.Floor(), d.Floor)
	e := &Error{Code: CodeFloor, Err: err}
	for _, o := range all { // newest first
		if !belowFloor(d, &o) && o.Hold == 0 {
			e.Version = o.Manifest.Version
		}
	}
	return e
}

// take gets a release's bytes and believes none of them unchecked.
func take(ctx context.Context, d *Device, src Source, c *Choice, l Listing, reason Reason) (*chosen, error) {
	signed, image, err := src.Get(ctx, &l)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &Error{Code: CodeNoRelease, Model: d.Model, Version: l.Manifest.Version, Err: err}
	}
	_, signers, err := release.Parse(signed)
	if err != nil {
		return nil, &Error{Code: CodeBadFile, Version: l.Manifest.Version, Err: err}
	}
	keys := keysFor(d, c)
	m, err := release.Verify(signed, keys, d.Needs())
	switch {
	case errors.Is(err, release.ErrUnknownKey), errors.Is(err, release.ErrSigners):
		return nil, foreignKey(d, l.Manifest.Version, &signers, err)
	case errors.Is(err, release.ErrSignature):
		return nil, &Error{Code: CodeSignature, Version: l.Manifest.Version, Err: err}
	case err != nil:
		return nil, &Error{Code: CodeBadFile, Version: l.Manifest.Version, Err: err}
	}
	if m != l.Manifest {
		return nil, &Error{Code: CodeNoRelease, Model: d.Model, Version: l.Manifest.Version, Err: fmt.Errorf("there is %q instead, order %d", m.Version, m.Order)}
	}
	if err := m.CheckImage(image); err != nil {
		return nil, &Error{Code: CodeBadRelease, Version: m.Version, Err: err}
	}
	if err := permits(d, &Listing{Manifest: m}); err != nil {
		return nil, err
	}
	target := release.Target{Model: d.Model, Software: &d.Software, Floor: d.Floor}
	var no *release.Refusal
	if err := target.Accept(&m, nil); errors.As(err, &no) {
		e := &Error{Code: CodeRefused, Version: m.Version, Err: err}
		switch no.Reason {
		case release.ForeignModel:
			e.Code, e.Model = CodeModel, m.Model
		case release.BelowFloor:
			e.Code = CodeFloor
		case release.TooLarge, release.ForeignLeaf, release.NotNewer, release.SeveralParts, release.TrustTooOld, release.EraAhead,
			release.AboveCeiling, release.BelowLeast:
		}
		return nil, e
	}
	return &chosen{manifest: m, signers: signers.Known(keys), signed: signed, image: image, reason: reason}, nil
}
