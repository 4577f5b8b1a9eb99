package offer

import (
	"context"
	"errors"
	"slices"

	"unbrick/model"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/storage"
)

// Choose selects the release for a device, and the update file that leads there. For who is not proven to be that device no delta is
// made: it gets one that is there, or the compressed full image, of which there is one for each release.
func (o *Offers) Choose(ctx context.Context, h *protocol.Hello, d *storage.Device, proven bool) (*Choice, error) {
	m, err := modelOf(ctx, o.cfg.Store, h.Model)
	if errors.Is(err, storage.ErrNotFound) {
		c := nothing(protocol.ReasonUnknownModel, h)
		c.UnknownModel = true
		return c, nil
	} else if err != nil {
		return nil, err
	}
	all, err := o.cfg.Store.Releases(ctx, h.Model)
	if err != nil {
		return nil, err
	}
	c, candidates := o.selectRelease(m, h, d, all)
	if len(candidates) > 0 {
		p := picker{files: o.maker, proven: proven, now: o.cfg.Now, ctx: ctx, m: m, h: h, d: d, candidates: candidates, base: find(all, h.Digest)}
		if p.prefers, err = o.Prefers(ctx, h.Model); err != nil {
			return nil, err
		}
		if c, err = p.pick(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// selectRelease returns the releases that the device may be led to, the newest first, or the choice that says why
// there is none. A device whose own release was withdrawn before it confirmed itself may also go back.
func (o *Offers) selectRelease(m *model.Model, h *protocol.Hello, d *storage.Device, all []storage.Release) (*Choice, []*storage.Release) {
	now := o.cfg.Now()
	area := m.Layout.Software()
	order, back := h.Order, false
	if base := find(all, h.Digest); base != nil {
		order = max(order, base.Manifest.Order)
		back = base.State == storage.Withdrawn && !h.Confirmed
		if older := find(after(all, base), h.Digest); older != nil && base.State == storage.Withdrawn {
			order = max(h.Order, older.Manifest.Order) // its bytes count as what they were before they were released again
		}
	}
	var candidates []*storage.Release
	var foreign, held, later *storage.Release
	offered := false
	for i := range all {
		r := &all[i]
		if r.State != storage.Offered {
			continue
		}
		offered = true
		if r.Manifest.Digest == h.Digest || r.Manifest.Order <= order && !back {
			continue
		}
		if target := (release.Target{Model: h.Model, Software: &area, Floor: h.Floor}); target.Accept(&r.Manifest, nil) != nil {
			continue
		}
		if !trusts(h, &r.Signers) {
			foreign = r
			continue
		}
		if a := d.Attempt(r.Manifest.Digest); a != nil && a.HeldAt(now) || needsDead(m, d, &r.Manifest) {
			if held == nil {
				held = r
			}
			continue
		}
		if !r.Rollout.Reaches(h.Model, h.Serial, r.Manifest.Digest, o.cfg.At(&r.Rollout)) {
			later = r
			continue
		}
		candidates = append(candidates, r)
	}
	switch {
	case len(candidates) > 0:
		return nil, candidates
	case held != nil:
		c := nothing(protocol.ReasonHeld, h)
		c.state, c.wanted = storage.HeldBack, held
		return c, nil
	case later != nil:
		return nothing(protocol.ReasonNotYet, h), nil
	case foreign != nil:
		return nothing(protocol.ReasonUnknownKey, h), nil
	case offered, find(all, h.Digest) != nil:
		return nothing(protocol.ReasonUpToDate, h), nil
	}
	return nothing(protocol.ReasonNoRelease, h), nil
}

// needsDead says whether a rewrite to the release needs a sector of the device that takes no data: one of the image, or one of
// the record sectors, which every rewrite needs.
func needsDead(m *model.Model, d *storage.Device, to *release.Manifest) bool {
	base := uint64(m.Layout.SoftwareBase())
	return slices.ContainsFunc(d.Dead, func(s storage.Dead) bool { return !s.Freed && uint64(s.Addr) < base+uint64(to.Size) })
}

// trusts says whether a device takes the signatures of a release, by the keys that it names.
func trusts(h *protocol.Hello, signers *release.Signers) bool {
	known := signers.Among(h.Keys)
	return known.Len() >= int(h.Threshold)
}

// after are the releases behind r, which is one of all.
func after(all []storage.Release, r *storage.Release) []storage.Release {
	for i := range all {
		if &all[i] == r {
			return all[i+1:]
		}
	}
	return nil
}

// find is the newest release of an image, nil if there is none.
func find(all []storage.Release, image storage.Digest) *storage.Release {
	if i := slices.IndexFunc(all, func(r storage.Release) bool { return r.Manifest.Digest == image }); i >= 0 {
		return &all[i]
	}
	return nil
}
