package apparatus

import (
	"context"
	"time"

	"unbrick/restore"
)

// coach shows the ways into restoration mode one after the other and listens meanwhile. What a program
// can do alone was tried before; the rest needs the person's hand.
func (c *cable) coach() {
	r := c.run
	if c.shown.Phase != RestoreNoAnswer {
		c.shown.Phase = RestoreNoAnswer
		c.shown.Ways = c.ways()
	}
	r.working = true
	o := c.hint()
	o.First, o.Patience = restore.WayWait, listenFor
	c.e.work(func(context.Context) func() {
		found, err := c.search(r, o)
		return func() { c.searched(r, found, err) }
	})
}

// ways is the coach's list: what was tried, and what a person can do.
func (c *cable) ways() []Way {
	list := append([]Way(nil), c.shown.Ways...)
	for i := range list {
		list[i].State = WayTried
	}
	list = append(list, Way{Kind: WayPower, State: WayNow}, Way{Kind: WayButton})
	for _, hint := range c.hints() {
		if len(list) < MaxWays {
			list = append(list, Way{Kind: WayHint, Hint: clip(hint, MaxText)})
		}
	}
	return list
}

// hints are the model's own words. A device that does not answer does not say its model; they are shown
// when there is only one that it can be.
func (c *cable) hints() []string {
	c.e.lib.mu.Lock()
	defer c.e.lib.mu.Unlock()
	if c.job != nil {
		if m, ok := c.e.lib.models[c.job.model]; ok {
			return m.Hints
		}
	}
	if len(c.e.lib.models) == 1 {
		for _, m := range c.e.lib.models {
			return m.Hints
		}
	}
	return nil
}

// tried notes a way that the program tried by itself.
func (c *cable) tried(kind WayKind) {
	if c.shown.Phase != RestoreConnecting {
		return
	}
	list := append([]Way(nil), c.shown.Ways...)
	for i := range list {
		if list[i].State == WayNow {
			list[i].State = WayTried
		}
		if list[i].Kind == kind {
			list[i].State = WayNow
			c.shown.Ways = list
			return
		}
	}
	c.shown.Ways = append(list, Way{Kind: kind, State: WayNow, Waited: 2 * time.Second})
}

// wayDone goes to the coach's next way; after the last the first that a person can do comes again.
func (c *cable) wayDone() {
	if c.shown.Phase != RestoreNoAnswer {
		return
	}
	list := append([]Way(nil), c.shown.Ways...)
	next := -1
	for i := range list {
		switch {
		case list[i].State == WayNow:
			list[i].State = WayTried
		case list[i].State == WayNext && next < 0:
			next = i
		}
	}
	if next < 0 {
		for i := range list {
			if list[i].Kind == WayReset || list[i].Kind == WayBreak {
				continue
			}
			list[i].State = WayNext
			if next < 0 {
				next = i
			}
		}
	}
	list[next].State = WayNow
	c.shown.Ways = list
}
