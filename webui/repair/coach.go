package repair

import (
	"slices"
	"sort"

	"unbrick/internal/pack"
	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/webui/shown"
	"unbrick/webui/state"
)

// coach shows the ways into restoration mode one after the other and listens meanwhile. What a program
// can do alone was tried before; the rest needs the person's hand.
func (c *cable) coach() {
	r := c.run
	if !in[state.RestoreNoAnswer](c) {
		c.coaches(c.ways())
	}
	o := c.hint()
	o.First, o.Patience, o.Only = restore.WayWait, listenFor, true
	// A device that starts listens at its own speed, and only one can be listened at.
	speeds := c.knownSpeeds(o.Baud)
	o.Baud = speeds[c.rounds%len(speeds)]
	c.rounds++
	c.work(r, func() func() {
		found, err := c.search(r, o)
		return func() { c.searched(found, err) }
	})
}

// coaches shows the coach's list.
func (c *cable) coaches(list []state.Way) {
	c.met.ways = list
	c.shown = state.RestoreNoAnswer{Ways: list, Heard: c.met.heard}
}

// ways is the coach's list: what was tried, and what a person can do.
func (c *cable) ways() []state.Way {
	list := slices.Clone(c.met.ways)
	for i := range list {
		c.close(&list[i])
	}
	hands := []state.Way{{Kind: state.WayPower}, {Kind: state.WayButton}}
	if slices.ContainsFunc(c.met.heard.Kinds, boottext.Kind.ESP) {
		hands = append([]state.Way{{Kind: state.WayBoot}}, hands...)
	}
	for _, hint := range c.hints() {
		hands = append(hands, state.Way{Kind: state.WayHint, Hint: pack.Clip(hint, state.MaxText)})
	}
	if w, ok := c.before(); ok {
		if i := slices.IndexFunc(hands, func(h state.Way) bool { return h.Kind == w.Hand }); i >= 0 {
			first := hands[i]
			first.Before = true
			hands = slices.Insert(slices.Delete(hands, i, i+1), 0, first)
		}
	}
	hands[0].State = state.WayNow
	c.since = c.e.World().Now()
	list = append(list, hands...)
	return list[max(0, len(list)-state.MaxWays):]
}

// hints are the model's own words. A device that does not answer does not say its model; they are shown
// when there is only one that it can be.
func (c *cable) hints() []string {
	if j := c.jobs.last(); j != nil {
		if m, ok := c.e.Library().Model(j.Model); ok {
			return m.Hints
		}
	}
	if all := c.e.Library().Models(); len(all) == 1 {
		return all[0].Hints
	}
	return nil
}

// tried notes a way that the program tried by itself.
func (c *cable) tried(kind state.WayKind) {
	if !in[state.RestoreConnecting](c) {
		return
	}
	list := slices.Clone(c.met.ways)
	for i := range list {
		if list[i].State == state.WayNow {
			c.close(&list[i])
		}
		if list[i].Kind == kind {
			list[i].State = state.WayNow
			c.met.ways = list
			return
		}
	}
	c.since = c.e.World().Now()
	c.met.ways = append(list, state.Way{Kind: kind, State: state.WayNow})
}

// close ends a way that was tried, and says how long it was.
func (c *cable) close(w *state.Way) {
	if w.State == state.WayNow {
		w.Waited = c.e.World().Now().Sub(c.since)
	}
	w.State = state.WayTried
}

// wayDone goes to the coach's next way; after the last the first that a person can do comes again.
func (c *cable) wayDone() {
	if !in[state.RestoreNoAnswer](c) {
		return
	}
	list := slices.Clone(c.met.ways)
	next := -1
	for i := range list {
		switch {
		case list[i].State == state.WayNow:
			c.close(&list[i])
		case list[i].State == state.WayNext && next < 0:
			next = i
		}
	}
	if next < 0 {
		for i := range list {
			if byProgram(list[i].Kind) {
				continue
			}
			list[i].State = state.WayNext
			if next < 0 {
				next = i
			}
		}
	}
	list[next].State = state.WayNow
	c.since = c.e.World().Now()
	c.coaches(list)
}

// byProgram tells whether a way needs no hand.
func byProgram(k state.WayKind) bool {
	return k == state.WayReset || k == state.WayRTS || k == state.WayPin || k == state.WayBreak
}

// knownSpeeds are the base speeds of the models that are known here, first at the beginning.
func (c *cable) knownSpeeds(first uint32) []uint32 {
	var known []uint32
	for _, m := range c.e.Library().Models() {
		known = append(known, shown.Baud(&m))
	}
	sort.Slice(known, func(i, j int) bool { return known[i] < known[j] })
	return distinct(append([]uint32{first}, known...))
}
