package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/protocol"
	"unbrick/server/fleet"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

// meet records that two peers speak with one key at the same time, when this one did so after the younger one began.
// An older session whose device came back by another way says nothing any more, and ends with its connection.
func (v *session) meet() {
	if v.conflict || !v.met.Load() || v.offer == nil || v.offer.UnknownModel {
		return
	}
	v.conflict = true
	v.s.cfg.Metrics.Conflicts.Add(1)
	other := *v.newer.Load()
	v.log.Warn("two peers speak with the key of one device", "other", other)
	_, err := v.s.cfg.Fleet.Change(v.s.ctx, v.id, func(d *storage.Device) ([]storage.Event, error) {
		if d.Revision == 0 {
			return nil, storage.ErrNotFound
		}
		now := v.s.cfg.Now()
		d.Conflict = now
		return []storage.Event{{At: now, Kind: storage.Conflict, Source: storage.ByServer, From: v.hello.Release,
			Detail: storage.Detail(map[string]any{"peers": []string{v.peer.Address, other}}),
			Unique: "conflict:" + now.Format(time.DateOnly)}}, nil
	})
	if err != nil {
		v.log.Error("record conflict", "error", err)
	}
}

// record saves what the Hello taught and what was chosen. Asked again within the session, only the choice is new.
func (v *session) record(c *offer.Choice, again bool) error {
	if c.UnknownModel {
		return nil
	}
	ctx := v.s.ctx // a terminal that has gone is recorded all the same
	if !v.proven() {
		if !again {
			v.strange(ctx)
		}
		return nil
	}
	first := false
	saved, err := v.s.cfg.Fleet.Change(ctx, v.id, func(d *storage.Device) ([]storage.Event, error) {
		first = d.Sessions == 0 && !again
		if d.Revision == 0 {
			if again || v.device.Revision > 0 {
				return nil, storage.ErrNotFound // an operator has forgotten the device meanwhile
			}
			if err := v.s.cfg.Fleet.Room(ctx); err != nil {
				return nil, err
			}
		}
		before := *d
		switch {
		case again:
			v.news = fleet.Heard{}
		case d.Revision == v.device.Revision:
			*d = v.device
		default: // somebody else was faster
			v.news = v.s.cfg.Fleet.Hear(d, v.hello, v.version(ctx))
		}
		events := append(v.news.Events, c.Decide(d, v.s.cfg.Now())...)
		if v.s.cfg.Live.transfers(v.id, v) { // what another session brings about is not this one's to change
			d.State, d.Since, d.Target, d.TargetVersion, d.File = before.State, before.Since, before.Target, before.TargetVersion, before.File
		}
		return events, nil
	})
	if err != nil {
		if noRoom(err) {
			return err
		}
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		v.log.Error("record session", "error", err)
		return fault(protocol.FaultInternal, "the server cannot store this session")
	}
	if first {
		v.s.cfg.Metrics.NewDevices.Add(1)
	}
	if v.news.Clash {
		v.s.cfg.Metrics.Conflicts.Add(1)
		v.log.Warn("the number of the device's record fell: two boards may have its key", "record", v.hello.Sequence)
	}
	counts := saved.Conflict.IsZero()
	for _, f := range v.news.Failed {
		if counts {
			v.s.cfg.Rollouts.Failed(ctx, v.id.Model, f.Image, f.Before)
		}
	}
	for _, file := range v.news.Refused {
		v.s.cfg.Metrics.Refused.Add(1)
		if done := v.s.cfg.Offers.Doubt(ctx, file, counts); done != nil {
			select { // the next to ask gets what the proof came to
			case <-done:
			case <-v.in.over:
			case <-v.s.cfg.Ending:
			case <-time.After(v.s.cfg.Limits.Prepare):
			}
		}
	}
	return nil
}

// strange notes who spoke and is not proven to be the device, and has the files proven again that he says are wrong. What he says else
// is of this session alone.
func (v *session) strange(ctx context.Context) {
	name := ""
	if v.standing == storage.OtherName {
		name = v.conn.Host()
	}
	noted, err := v.s.cfg.Fleet.Stranger(ctx, v.hello, v.standing, name, v.peer.Address)
	if err != nil {
		v.log.Error("note a stranger", "error", err)
	}
	if !noted {
		v.s.cfg.Metrics.Unnoted.Add(1)
	}
	for _, file := range v.hello.Refused {
		v.s.cfg.Offers.Doubt(ctx, file, false)
	}
}

// refusal records that the terminal does not take what it was offered or sent; it goes on with what it has.
func (v *session) refusal(m *protocol.Error) {
	v.over = true
	v.log.Warn("terminal refuses", "fault", m.Fault.String(), "text", fmt.Sprintf("%q", m.Text))
	if v.offer == nil || v.offer.Target == nil || !v.proven() {
		return
	}
	c := v.offer
	_, err := v.s.cfg.Fleet.Change(v.s.ctx, v.id, func(d *storage.Device) ([]storage.Event, error) {
		if d.Revision == 0 {
			return nil, storage.ErrNotFound
		}
		return []storage.Event{{At: v.s.cfg.Now(), Kind: storage.Refused, Source: storage.ByDevice, From: v.hello.Release, To: c.Version(),
			File:   c.Info.Digest,
			Detail: storage.Detail(map[string]any{"fault": m.Fault.String()}), Unique: fmt.Sprintf("refused:%x:%d", c.Info.Digest[:8],
				m.Fault)}}, nil
	})
	if err != nil {
		v.log.Error("record refusal", "error", err)
	}
}
