package server

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"unbrick/model"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/storage"
)

const (
	unmadeAfter = 3 // failures after which that is told on the device, which nothing can reach meanwhile
	maxBetween  = 3 // releases in between that are tried for a chain of two
)

// choice is what a device is told, and why.
type choice struct {
	info         protocol.Info
	state        storage.DeviceState
	target       *storage.Release // the info's update file leads to it; nil: nothing is offered
	wanted       *storage.Release // the newest for this device; target leads there in two steps if it is another
	releases     []storage.Release
	unknownModel bool
	unmade       string // why no update file can be made, as making it said; empty: none was tried in vain for long
}

// version is the text of the release that is offered, or that would be.
func (c *choice) version() string {
	switch {
	case c.target != nil:
		return c.target.Manifest.Version
	case c.wanted != nil:
		return c.wanted.Manifest.Version
	}
	return ""
}

// versionOf names the release of an image, "" if there is none.
func (c *choice) versionOf(image storage.Digest) string {
	if r := find(c.releases, image); r != nil {
		return r.Manifest.Version
	}
	return ""
}

// decide takes the choice into the device's record and returns what is to be remembered of it.
func (c *choice) decide(d *storage.Device, now time.Time) []storage.Event {
	d.Settle(c.state, now)
	switch c.state {
	case storage.NeedsCable:
		d.Target, d.TargetVersion, d.Needs = c.wanted.Manifest.Digest, c.version(), c.info.Workspace
		return []storage.Event{{At: now, Kind: storage.NoFit, Source: storage.ByServer, From: d.Claim.Version, To: c.version(),
			Detail: storage.Detail(map[string]any{"needs": c.info.Workspace, "has": c.info.Has}), Unique: fmt.Sprintf("no-fit:%x:%d", d.Target[:8], c.info.Has)}}
	case storage.HeldBack:
		d.Target, d.TargetVersion = c.wanted.Manifest.Digest, c.version()
		if c.unmade != "" {
			return []storage.Event{{At: now, Kind: storage.Unmade, Source: storage.ByServer, From: d.Claim.Version, To: c.version(),
				Detail: storage.Detail(map[string]any{"error": c.unmade}), Unique: fmt.Sprintf("not-made:%x", d.Target[:8])}}
		}
		return nil
	case storage.Running, storage.Receiving, storage.Rewriting, storage.Restoration:
	}
	if c.target == nil {
		return nil
	}
	return []storage.Event{{At: now, Kind: storage.Offer, Source: storage.ByServer, From: d.Claim.Version, To: c.version(), File: c.info.Digest,
		Detail: storage.Detail(map[string]any{"kind": c.info.Kind.String(), "size": c.info.Size, "needs": c.info.Workspace, "has": c.info.Has, "steps": c.info.Steps}),
		Unique: fmt.Sprintf("offer:%x", c.info.Digest[:])}}
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
	for i := range all {
		if all[i].Manifest.Digest == image {
			return &all[i]
		}
	}
	return nil
}

// nothing is a choice without an update file.
func nothing(reason protocol.Reason, h *protocol.Hello) *choice {
	return &choice{info: protocol.Info{Kind: protocol.KindNone, Reason: reason, Has: h.Workspace, Wait: waitUsual}, state: storage.Running}
}

// choose selects the release for a device, and the update file that leads there.
func (s *Server) choose(ctx context.Context, h *protocol.Hello, d *storage.Device) (*choice, error) {
	stored, err := s.store.Model(ctx, h.Model)
	if errors.Is(err, storage.ErrNotFound) {
		c := nothing(protocol.ReasonUnknownModel, h)
		c.unknownModel = true
		return c, nil
	} else if err != nil {
		return nil, err
	}
	m, err := model.Decode(stored.Record)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", h.Model, err)
	}
	all, err := s.store.Releases(ctx, h.Model)
	if err != nil {
		return nil, err
	}
	c, candidates := s.selectRelease(&m, h, d, all)
	if len(candidates) > 0 {
		p := picker{s: s, ctx: ctx, m: &m, h: h, d: d, candidates: candidates, base: find(all, h.Digest)}
		if p.prefers, err = s.prefers(ctx, h.Model); err != nil {
			return nil, err
		}
		if c, err = p.pick(); err != nil {
			return nil, err
		}
	}
	c.releases = all
	return c, nil
}

// selectRelease returns the releases that the device may be led to, the newest first, or the choice that says why
// there is none. A device whose own release was withdrawn before it confirmed itself may also go back.
func (s *Server) selectRelease(m *model.Model, h *protocol.Hello, d *storage.Device, all []storage.Release) (*choice, []*storage.Release) {
	now := s.now()
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
		if !r.Rollout.Reaches(h.Model, h.Serial, r.Manifest.Digest, s.clock.At(&r.Rollout)) {
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
	case offered:
		return nothing(protocol.ReasonUpToDate, h), nil
	case find(all, h.Digest) != nil:
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

// picker looks for an update file in the order of preference: a classic patch if the model's operator wants them, a delta at the largest profile, one that was made for
// the device's workspace, the compressed full image, and two deltas through a release in between.
type picker struct {
	s          *Server
	ctx        context.Context
	m          *model.Model
	h          *protocol.Hello
	d          *storage.Device
	candidates []*storage.Release // newest first
	base       *storage.Release   // what runs now; nil: unknown, so no delta
	prefers    protocol.Kind      // what is tried first

	needs     uint32 // least workspace that any file would need; 0: none known
	preparing bool   // a file that may fit is not ready yet
	failed    bool   // a file that may have fitted could not be made
	tries     uint32 // how often the one that was tried most was
	why       string // and what that said last
	refused   bool   // a file that fits was found wrong by the device, or the operator keeps it from all
}

func (p *picker) pick() (*choice, error) {
	wanted := p.candidates[0]
	kinds := []protocol.Kind{protocol.KindDelta, protocol.KindFull}
	if area := p.m.Layout.Software(); p.prefers == protocol.KindBsdiff && hasRoom(p.h, &area, &wanted.Manifest, p.m.Resident) {
		kinds = append([]protocol.Kind{protocol.KindBsdiff}, kinds...)
	}
	for _, kind := range kinds {
		f, ok, err := p.file(kind, p.base, wanted)
		if err != nil {
			return nil, err
		}
		if ok {
			return p.offer(f, kind, wanted, wanted, 1), nil
		}
		if p.preparing {
			break // better to wait for the small file than to send a large one
		}
	}
	if !p.preparing && p.base != nil {
		c, err := p.chain(wanted)
		if c != nil || err != nil {
			return c, err
		}
	}
	return p.none(wanted), nil
}

// chain tries two deltas in a row, through the newest release in between that allows it. Only the first is
// offered now; the second comes when the device is there.
func (p *picker) chain(wanted *storage.Release) (*choice, error) {
	for i, between := range p.candidates[1:] {
		if i == maxBetween || p.preparing {
			break
		}
		if between.Manifest.Order >= wanted.Manifest.Order {
			continue
		}
		_, ok, err := p.file(protocol.KindDelta, between, wanted)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		f, ok, err := p.file(protocol.KindDelta, p.base, between)
		if err != nil {
			return nil, err
		}
		if ok {
			return p.offer(f, protocol.KindDelta, between, wanted, 2), nil
		}
	}
	return nil, nil
}

// none explains that there is no file for this device now.
func (p *picker) none(wanted *storage.Release) *choice {
	c := nothing(protocol.ReasonNoFit, p.h)
	c.wanted = wanted
	switch {
	case p.preparing:
		c.info.Reason, c.info.Wait = protocol.ReasonPreparing, waitPreparing
	case p.needs > p.h.Workspace:
		c.info.Workspace, c.state = p.needs, storage.NeedsCable
		c.info.Manifest = wanted.Signed
		if p.base == nil {
			c.info.Reason = protocol.ReasonUnknownBase
		}
	case p.failed:
		c.info.Reason, c.info.Wait = protocol.ReasonPreparing, waitFailed
		if p.tries >= unmadeAfter { // it is tried again, but nobody should wait for that without a word
			c.state, c.unmade = storage.HeldBack, p.why
		}
	case p.refused: // whatever could be sent was found wrong on this device
		c.state, c.info.Reason = storage.HeldBack, protocol.ReasonHeld
	default: // the device takes none of the kinds that there are
		c.info.Workspace, c.state = p.needs, storage.NeedsCable
	}
	return c
}

func (p *picker) offer(f storage.File, kind protocol.Kind, target, wanted *storage.Release, steps uint8) *choice {
	return &choice{state: storage.Running, target: target, wanted: wanted, info: protocol.Info{Kind: kind, Reason: protocol.ReasonOffered, Size: f.Size, Digest: f.Blob,
		Workspace: f.Workspace, Has: p.h.Workspace, Steps: steps, Manifest: target.Signed}}
}

// file finds one update file that fits: first the one that is best for all, then one made for this much workspace.
func (p *picker) file(kind protocol.Kind, from, to *storage.Release) (storage.File, bool, error) {
	if !p.h.Kinds.Has(kind) || kind != protocol.KindFull && from == nil {
		return storage.File{}, false, nil
	}
	key := storage.FileKey{Model: p.h.Model, To: to.Manifest.Digest, Shape: shapeOf(p.m), Creator: creator}
	if kind != protocol.KindFull {
		key.From = from.Manifest.Digest
	}
	steps := []uint32{0, stepOf(p.h.Workspace), max(p.h.Workspace, 1)}
	if kind == protocol.KindBsdiff { // there is one, whatever the workspace
		key.Creator, steps = classicCreator, steps[:1]
	}
	for _, step := range steps {
		key.Step = step
		f, err := p.s.maker.get(p.ctx, key)
		if err != nil {
			return f, false, err
		}
		switch f.State {
		case storage.FileWanted, storage.FileMaking:
			p.preparing = true
			return f, false, nil
		case storage.FileFailed:
			p.failed = true
			if f.Attempts > p.tries {
				p.tries, p.why = f.Attempts, f.Error
			}
			return f, false, nil
		case storage.FileBarred:
			p.refused = true
			return f, false, nil
		case storage.FileReady:
			fits := f.Workspace <= p.h.Workspace && (p.m.MaxUpdate == 0 || f.Size <= p.m.MaxUpdate)
			if fits && p.d.HasRefused(f.Blob, p.s.now()) {
				p.refused = true
				return f, false, nil
			}
			if fits {
				return f, true, nil
			}
		case storage.FileTooBig:
		}
		p.least(f.Workspace)
		if step != 0 && f.Workspace > p.h.Workspace {
			break // an exact limit would not help either
		}
	}
	return storage.File{}, false, nil
}

func (p *picker) least(needs uint32) {
	if p.needs == 0 || needs < p.needs {
		p.needs = needs
	}
}

// stepOf rounds a workspace down to one of eight steps between powers of two, so that devices with a little more or
// less RAM share one file.
func stepOf(workspace uint32) uint32 {
	n := bits.Len32(workspace)
	if n <= 4 {
		return max(workspace, 1)
	}
	unit := uint32(1) << (n - 4)
	return workspace &^ (unit - 1)
}
