package apparatus

import (
	"fmt"

	"unbrick/webui/state"
)

// Look hands over what the words on the screens are made of after every change of the engine, not only ten times a second, and
// the state itself to whoever has not seen it: whatever a person may come to see is looked at. It is called before Run; see
// is called by Run's goroutine.
func (e *Engine) Look(see func(words string, now func() *state.State)) {
	last := ""
	e.look = func() {
		words := e.words()
		if words == last {
			return
		}
		last = words
		see(words, func() *state.State {
			e.fill()
			copied := e.state
			return &copied
		})
	}
}

// Ask has the server asked what it has now, as it is from time to time.
func (e *Engine) Ask() { e.post(e.ask) }

// words is what the words on the screens are made of, but for numbers that only count on.
func (e *Engine) words() string {
	c, b := &e.cable.shown, &e.bench
	store, server := e.lib.Shown()
	key := fmt.Sprint(e.tab, e.known, e.opened, store.Condition, len(store.Releases), server.Reach,
		c.Phase, c.Progress.Stage, c.Progress.BytesOf > 0, c.Failure.Code, c.Failure.Touched, c.Failure.Stage, c.Plan.Work, c.Plan.Settings, c.Plan.Release.Version, c.Device.Serial, c.Device.Saved,
		c.Result, c.Boot.File.Version, len(c.Boot.Images), len(c.Choice), c.Ways, len(e.cable.jobs.pending()), b.making, b.found, b.ended, b.health, b.line)
	if b.replay != nil {
		key += fmt.Sprint(b.replay.phase, b.replay.text, b.replay.at)
	}
	if r := b.rig; r != nil {
		key += fmt.Sprint(r.serial, r.phase(), r.state, r.outcome, r.failure.Code, r.old, r.target, r.telling, r.spared, r.lost, r.progress.Stage, r.timeline.Now.Step, r.timeline.Now.Target,
			r.power_.Switch, r.power_.CutAt > 0, r.power_.Refused > 0, r.workspace, r.resident, r.active >= 0, len(r.doubtful) > 0)
		if n := len(r.log); n > 0 {
			key += fmt.Sprint(r.log[n-1].Source, r.log[n-1].Code, r.log[n-1].Text)
		}
	}
	return key
}
