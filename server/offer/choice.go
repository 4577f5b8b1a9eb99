package offer

import (
	"fmt"
	"time"

	"unbrick/protocol"
	"unbrick/server/storage"
)

// Seconds after which coming again is of use.
const (
	WaitPreparing = 30   // the update file is being made
	WaitFailed    = 600  // making it failed, or nothing could be recorded
	WaitUsual     = 3600 // nothing is to be had before people do something
)

// Choice is what a device is told, and why.
type Choice struct {
	Info         protocol.Info
	Target       *storage.Release // the info's update file leads to it; nil: nothing is offered
	UnknownModel bool
	state        storage.DeviceState
	wanted       *storage.Release // the newest for this device; Target leads there in two steps if it is another
	unmade       string           // why no update file can be made, as making it said; empty: none was tried in vain for long
}

// Version is the text of the release that is offered, or that would be.
func (c *Choice) Version() string {
	switch {
	case c.Target != nil:
		return c.Target.Manifest.Version
	case c.wanted != nil:
		return c.wanted.Manifest.Version
	}
	return ""
}

// Decide takes the choice into the device's record and returns what is to be remembered of it.
func (c *Choice) Decide(d *storage.Device, now time.Time) []storage.Event {
	d.Settle(c.state, now)
	switch c.state {
	case storage.NeedsCable:
		d.Target, d.TargetVersion, d.Needs = c.wanted.Manifest.Digest, c.Version(), c.Info.Workspace
		return []storage.Event{{At: now, Kind: storage.NoFit, Source: storage.ByServer, From: d.Claim.Version, To: c.Version(),
			Detail: storage.Detail(map[string]any{"needs": c.Info.Workspace, "has": c.Info.Has}), Unique: fmt.Sprintf("no-fit:%x:%d",
				d.Target[:8], c.Info.Has)}}
	case storage.HeldBack:
		d.Target, d.TargetVersion = c.wanted.Manifest.Digest, c.Version()
		if c.unmade != "" {
			return []storage.Event{{At: now, Kind: storage.Unmade, Source: storage.ByServer, From: d.Claim.Version, To: c.Version(),
				Detail: storage.Detail(map[string]any{"error": c.unmade}), Unique: fmt.Sprintf("not-made:%x", d.Target[:8])}}
		}
		return nil
	case storage.Running, storage.Receiving, storage.Rewriting, storage.Restoration:
	}
	if c.Target == nil {
		return nil
	}
	return []storage.Event{{At: now, Kind: storage.Offer, Source: storage.ByServer, From: d.Claim.Version, To: c.Version(),
		File: c.Info.Digest,
		Detail: storage.Detail(map[string]any{"kind": c.Info.Kind.String(), "size": c.Info.Size, "needs": c.Info.Workspace, "has": c.Info.Has,
			"steps": c.Info.Steps}),
		Unique: fmt.Sprintf("offer:%x", c.Info.Digest[:])}}
}

// nothing is a choice without an update file.
func nothing(reason protocol.Reason, h *protocol.Hello) *Choice {
	return &Choice{Info: protocol.Info{Kind: protocol.KindNone, Reason: reason, Has: h.Workspace, Wait: WaitUsual}, state: storage.Running}
}

// Later is a choice without an update file for a device whose session could not be recorded: nothing is begun that could not be, and it
// keeps what it runs and asks again.
func Later(h *protocol.Hello) *Choice {
	c := nothing(protocol.ReasonPreparing, h)
	c.Info.Wait = WaitFailed
	return c
}
