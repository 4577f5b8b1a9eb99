package repair

import (
	"sync"
	"time"

	"unbrick/restore"
	"unbrick/restore/recognise"
	"unbrick/webui/engine"
	"unbrick/webui/state"
)

// call looks who is at an open port: a session with whoever speaks SMP, or none, when r has a visit for another family. A
// device that was met before
// is called as it was called then; nobody else is, before it is known that this disturbs nobody.
func (c *cable) call(r *run, port restore.Port, info engine.PortInfo, o *restore.Options) (*restore.Session, error) {
	switch {
	case c.e.World().Families == nil, o.Only && o.First != restore.WayWait:
		return restore.Connect(r.ctx, port, o)
	case o.Only:
		return c.waits(r, port, info, o)
	}
	if o.First != restore.WayNone && o.First != restore.WayEcho && o.First != restore.WayWait {
		first := *o
		first.Only = true
		if s, err := restore.Connect(r.ctx, port, &first); err == nil || !silent(err) {
			return s, err
		}
	}
	found, err := recognise.Recognise(r.ctx, port, &recognise.Options{Baud: o.Baud, USB: info.USB, Session: *o, Heard: o.Heard})
	if err != nil {
		return nil, err
	}
	c.trace.add("%s: %v", info.Name, found.Kind)
	switch found.Kind {
	case recognise.Terminal, recognise.SMP:
		return found.Session, nil
	case recognise.Nobody:
		s, err := restore.Connect(r.ctx, port, o)
		return s, heardToo(err, found.Heard)
	default:
		r.visit = &engine.Visit{Port: port, Found: *found, USB: info.USB}
		return nil, nil
	}
}

// spell is how long a device is listened for, before a chip of Espressif is asked whether it waits.
const spell = 4 * time.Second

// waits listens for a device that a person switches on, or whose button he holds.
func (c *cable) waits(r *run, port restore.Port, info engine.PortInfo, o *restore.Options) (*restore.Session, error) {
	once := *o
	once.Patience = min(spell, o.Patience)
	for until := port.Now() + o.Patience; ; {
		s, err := restore.Connect(r.ctx, port, &once)
		if err == nil || !silent(err) {
			return s, err
		}
		found, failed := recognise.Waiting(r.ctx, port, &recognise.Options{Baud: o.Baud, USB: info.USB})
		switch {
		case failed != nil:
			return nil, failed
		case found.Kind != recognise.Nobody:
			r.visit = &engine.Visit{Port: port, Found: *found, USB: info.USB}
			return nil, nil
		case port.Now() >= until:
			return nil, err
		}
	}
}

// heardToo adds what was heard before to an error that says what was.
func heardToo(err error, heard []byte) error {
	if e, ok := err.(*restore.Error); ok && len(heard) > 0 {
		e.Heard = append(heard[:len(heard):len(heard)], e.Heard...)
	}
	return err
}

// welcome starts the program that speaks with the family that was found. It has the port from then on.
func (c *cable) welcome() {
	r, e := c.run, c.e
	v := r.visit
	v.Again, c.dropped = c.ended, false
	r.users.Add(1)
	v.Gone = sync.OnceFunc(r.leave)
	v.Save = func(d state.Download) { e.Post(func() { e.World().Save(d) }) }
	v.Show = func(s state.Restore) {
		e.Post(func() {
			if c.run == r {
				c.visited(s)
			}
		})
	}
	c.work(r, func() func() {
		visitor, err := e.World().Families(r.ctx, v)
		if err != nil {
			r.port.Close()
			v.Gone()
		} else {
			go func() { <-r.ctx.Done(); visitor.Leave() }() // the attempt's context ends with the attempt
		}
		return func() {
			if err != nil {
				c.fail(&restore.Error{Code: restore.CodeNoProgram, Err: err}, restore.StageIdentify)
				return
			}
			r.visitor = visitor
			if c.file != nil {
				visitor.Do(*c.file)
				if c.auto {
					visitor.Do(state.Write{})
				}
			}
		}
	})
}

// visited shows what the visitor has come to.
func (c *cable) visited(s state.Restore) {
	switch s := s.(type) {
	case state.RestoreIdle:
		c.drop()
		c.idle()
		return
	case state.RestoreFlashed:
		c.file = nil
	case state.RestoreFailed:
		c.ended = s.Serial
		c.trace.add("ended: code %d", s.Failure.Code)
		c.shown = s
		c.drop()
		return
	}
	c.shown = s
}

// passOn gives a command to the visitor, and reports whether there is one.
func (c *cable) passOn(cmd state.Command) bool {
	r := c.run
	if r == nil || r.visit == nil {
		return false
	}
	switch f := cmd.(type) {
	case state.AddFile:
		if !in[state.RestoreFlashed](c) {
			c.file = &f
		}
	case state.Home:
		c.file = nil
	}
	if r.visitor != nil {
		r.visitor.Do(cmd)
	}
	return true
}
