package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/family"
	"unbrick/restore/recognise"
	"unbrick/webui/engine"
	"unbrick/webui/shown"
	"unbrick/webui/state"
)

// connect opens the allowed ports in turn and looks for a device in restoration mode.
func (c *cable) connect() {
	c.drop()
	c.idle()
	c.rounds = 0
	c.shown = state.RestoreConnecting{}
	ctx, cancel := context.WithCancel(c.e.Context())
	r := &run{ctx: ctx, cancel: cancel, turn: c.turn}
	r.users.Add(1)
	c.run = r
	c.trace.add("connect, %s", c.e.World().Browser)
	hint := c.hint()
	c.work(r, func() func() {
		found, err := c.search(r, hint)
		return func() { c.searched(found, err) }
	})
}

// hint is what is known before the device has said anything: its base speed and the way that worked.
func (c *cable) hint() restore.Options {
	o := restore.Options{Baud: restore.DefaultBaud, Patience: -1, Trace: c.trace.call}
	if w, ok := c.before(); ok {
		o.First = w.Way
		if w.Baud != 0 {
			o.Baud = w.Baud
		}
	}
	if j := c.jobs.last(); j != nil {
		if m, ok := c.e.Library().Model(j.Model); ok {
			o.Baud = shown.Baud(&m)
		}
	}
	return o
}

// search looks for a device at the allowed ports. A port that vanishes while it is being tried is one that
// was pulled out and plugged in again, and the browser is about to see it: it is looked for once more. It
// runs in the attempt's goroutine.
func (c *cable) search(r *run, o restore.Options) (found bool, err error) {
	if err := r.take(); err != nil {
		return true, err
	}
	for try := 1; ; try++ {
		found, err = c.searchOnce(r, o)
		if !vanished(err) || try == searches {
			return found, err
		}
		c.trace.add("look again: %v", err)
		again := time.NewTimer(searchAgain)
		select {
		case <-again.C:
		case <-r.ctx.Done():
			again.Stop()
			return found, r.ctx.Err()
		}
	}
}

// vanished tells whether a port was there and is gone: before it was opened or after.
func vanished(err error) bool {
	return errors.Is(err, restore.ErrVanished) || has(err, restore.CodeVanished)
}

// searchOnce opens each allowed port until a device answers. found tells whether there was a port at all.
func (c *cable) searchOnce(r *run, o restore.Options) (found bool, err error) {
	infos, err := c.e.World().Ports.List(r.ctx)
	if err != nil {
		return false, err
	}
	var busy, quiet error
	o.OnWay = c.tells(r)
	o.Heard = c.hears(r)
	for i, info := range infos {
		err := c.callAt(r, i, info, &o)
		switch {
		case err == nil || r.ctx.Err() != nil:
			return true, err
		case errors.Is(err, errNotOpened):
			busy = err
		default:
			quiet = err
		}
	}
	if o.Patience < 0 && silent(quiet) {
		// Every way was tried at the speed that it should have. Its echo is asked for at others.
		o.First, o.Only, o.OnWay, o.Heard = restore.WayEcho, true, nil, nil
		for _, baud := range c.speeds(o.Baud) {
			for i, info := range infos {
				o.Baud = baud
				if err := c.callAt(r, i, info, &o); err == nil || r.ctx.Err() != nil {
					return true, err
				}
			}
		}
	}
	if quiet != nil {
		return true, quiet
	}
	return len(infos) > 0, busy
}

// silent tells whether a device was called in vain, which another speed may explain.
func silent(err error) bool {
	return has(err, restore.CodeSilent, restore.CodeNoisy, restore.CodeProtocol)
}

// has tells whether an error of restore has one of these codes.
func has(err error, codes ...restore.Code) bool {
	var e *restore.Error
	return errors.As(err, &e) && slices.Contains(codes, e.Code)
}

// errNotOpened says that a port could not be opened.
var errNotOpened = errors.New("port was not opened")

// callAt opens one port at a speed and looks who is there. The port of a device that answers stays open.
func (c *cable) callAt(r *run, i int, info engine.PortInfo, o *restore.Options) error {
	name := info.Name
	port, err := c.open(r, i, o.Baud)
	if err != nil {
		c.trace.add("%s: %v", name, err)
		return fmt.Errorf("%w: %w", errNotOpened, err)
	}
	c.trace.add("%s: open at %d baud", name, o.Baud)
	session, err := c.call(r, port, info, o)
	if err != nil {
		port.Close()
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		c.trace.add("%s: %v", name, err)
		return err
	}
	if session != nil && session.Foreign() && c.e.World().Families != nil {
		r.visit = &engine.Visit{Port: port, Found: recognise.Found{Kind: recognise.SMP, Way: family.WayThere, Baud: o.Baud}, USB: info.USB}
		session = nil
	}
	r.port, r.session, r.name, r.baud = port, session, name, o.Baud
	if session == nil {
		return nil // the visitor sees by itself when its port is gone
	}
	if p, ok := port.(restore.Leaver); ok {
		c.e.Go(func(context.Context) func() {
			select {
			case <-p.Gone():
				return func() { r.gone = true; c.unplugged(r) }
			case <-r.ctx.Done():
				return nil
			}
		})
	}
	return nil
}

// unplugged ends an attempt whose cable came out while nobody used it. Who uses it learns that by itself.
func (c *cable) unplugged(r *run) {
	if r.gone && c.run == r && !r.working && !in[state.RestoreFailed](c) {
		c.fail(&restore.Error{Code: restore.CodeVanished}, restore.StageIdentify)
	}
}

// open opens a port, or gives up after openLimit. Nothing can call off the opening of a port: one that comes
// later is closed at once, and the attempt keeps its turn until then.
func (c *cable) open(r *run, i int, baud uint32) (restore.Port, error) {
	type opened struct {
		port restore.Port
		err  error
	}
	done := make(chan opened)
	given := make(chan struct{}) // nobody waits any more
	r.users.Add(1)
	go func() {
		defer r.leave()
		port, err := c.e.World().Ports.Open(context.WithoutCancel(r.ctx), i, baud)
		select {
		case done <- opened{port, err}:
		case <-given:
			if err == nil {
				port.Close()
			}
		}
	}()
	late := time.NewTimer(openLimit)
	defer late.Stop()
	select {
	case o := <-done:
		return o.port, o.err
	case <-r.ctx.Done():
		close(given)
		return nil, r.ctx.Err()
	case <-late.C:
		close(given)
		return nil, restore.ErrStuck
	}
}

// hears passes on what the device says instead of an answer.
func (c *cable) hears(r *run) func([]byte) {
	last := engine.Latest[state.Heard]{Engine: c.e, Take: func(h state.Heard) {
		if c.run == r {
			c.met.heard = h
			update(c, func(s *state.RestoreNoAnswer) { s.Heard = h })
		}
	}}
	return func(raw []byte) {
		kinds, lines := boottext.Recognise(raw), boottext.Lines(raw)
		if len(lines) > 0 {
			last.Set(state.Heard{Lines: lines, Kinds: kinds[:min(len(kinds), state.MaxKinds)]})
		}
	}
}

// tells passes on which way into restoration mode is tried.
func (c *cable) tells(r *run) func(restore.Way) {
	return func(w restore.Way) {
		c.trace.add("way: %v", w)
		kind, ok := shown.Way(w)
		if !ok {
			return
		}
		c.e.Post(func() {
			if c.run == r {
				c.tried(kind)
			}
		})
	}
}

// searched goes on with what the search has come to.
func (c *cable) searched(found bool, err error) {
	switch {
	case err == nil && found && c.run.visit != nil:
		c.welcome()
	case err == nil && found:
		c.identify()
	case !found:
		c.drop()
		c.idle()
		c.shown = state.RestoreNoPort{}
	case errors.Is(err, restore.ErrBusy):
		c.drop()
		c.idle()
		c.shown = state.RestorePortBusy{}
	case silent(err):
		c.coach()
	default:
		c.fail(err, restore.StageIdentify)
	}
}
