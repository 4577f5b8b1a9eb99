package offer

import (
	"context"
	"errors"
	"math/bits"
	"time"

	"unbrick/model"
	"unbrick/protocol"
	"unbrick/server/storage"
)

const (
	unmadeAfter = 3 // failures after which that is told on the device, which nothing can reach meanwhile
	maxBetween  = 3 // releases in between that are tried for a chain of two
)

// picker looks for an update file in the order of preference: a classic patch if the model's operator wants them, a delta at
// the largest profile, one that was made for
// the device's workspace, the compressed full image, and two deltas through a release in between.
type picker struct {
	files      *maker
	proven     bool // who asks is the device; else he has little made
	now        func() time.Time
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
	missing   bool   // a file that may fit is not there, and is not made for who asks
	refused   bool   // a file that fits was found wrong by the device, or the operator keeps it from all
}

func (p *picker) pick() (*Choice, error) {
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
func (p *picker) chain(wanted *storage.Release) (*Choice, error) {
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
func (p *picker) none(wanted *storage.Release) *Choice {
	c := nothing(protocol.ReasonNoFit, p.h)
	c.wanted = wanted
	switch {
	case p.preparing:
		c.Info.Reason, c.Info.Wait = protocol.ReasonPreparing, WaitPreparing
	case p.missing: // it is there once a proven device has asked
		c.Info.Reason = protocol.ReasonPreparing
	case p.needs > p.h.Workspace:
		c.Info.Workspace, c.state = p.needs, storage.NeedsCable
		c.Info.Manifest = wanted.Signed
		if p.base == nil {
			c.Info.Reason = protocol.ReasonUnknownBase
		}
	case p.failed:
		c.Info.Reason, c.Info.Wait = protocol.ReasonPreparing, WaitFailed
		if p.tries >= unmadeAfter { // it is tried again, but nobody should wait for that without a word
			c.state, c.unmade = storage.HeldBack, p.why
		}
	case p.refused: // whatever could be sent was found wrong on this device
		c.state, c.Info.Reason = storage.HeldBack, protocol.ReasonHeld
	default: // the device takes none of the kinds that there are
		c.Info.Workspace, c.state = p.needs, storage.NeedsCable
	}
	return c
}

func (p *picker) offer(f storage.File, kind protocol.Kind, target, wanted *storage.Release, steps uint8) *Choice {
	return &Choice{state: storage.Running, Target: target, wanted: wanted,
		Info: protocol.Info{Kind: kind, Reason: protocol.ReasonOffered, Size: f.Size, Digest: f.Blob,
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
		f, err := p.get(key, kind)
		if errors.Is(err, storage.ErrNotFound) {
			p.missing = p.missing || kind != protocol.KindFull
			continue // it may be there for this workspace
		}
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
			if fits && p.d.HasRefused(f.Blob, p.now()) {
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

// get has a file made if it is not there, and if who asks may have that done: ErrNotFound if not.
func (p *picker) get(key storage.FileKey, kind protocol.Kind) (storage.File, error) {
	if p.proven || kind == protocol.KindFull && key.Step == 0 {
		return p.files.get(p.ctx, key)
	}
	f, err := p.files.cfg.Store.FileOf(p.ctx, key)
	if err == nil && (f.State == storage.FileWanted || f.State == storage.FileMaking || f.State == storage.FileFailed) {
		return f, storage.ErrNotFound // it is made for others
	}
	return f, err
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
