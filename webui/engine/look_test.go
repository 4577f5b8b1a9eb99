package engine

import (
	"fmt"

	"unbrick/restore"
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
func (e *Engine) Ask() { e.Post(func() { e.ask(true) }) }

// words is what the words on the screens are made of, but for numbers that only count on.
func (e *Engine) words() string {
	e.fill()
	r, l := e.state.Restore, e.state.Lab
	progress := func(p *restore.Progress) { *p = restore.Progress{Stage: p.Stage, BytesOf: min(p.BytesOf, 1)} }
	progress(&r.Progress)
	progress(&l.Progress)
	r.Map, r.Device.Layout, r.Failure.Trace, r.Failure.Left, r.Choice = state.Map{}, state.MapFacts{}, nil, 0, r.Choice[:min(len(r.Choice), 1)]
	r.Failure.Sector = min(r.Failure.Sector, 1)
	l.Map, l.RAM.Regions, l.Make.Models, l.Make.Releases, l.Time = state.Map{Active: min(l.Map.Active, 0)}, nil, nil, nil, 0
	l.Timeline.Now = state.Now{Step: l.Timeline.Now.Step, Target: l.Timeline.Now.Target}
	l.Timeline.Steps = [20]state.Step{}
	l.Power = state.Power{Switch: l.Power.Switch, CutAt: min(l.Power.CutAt, 1), Refused: min(l.Power.Refused, 1)}
	last := state.LogRow{}
	if n := len(l.Log); n > 0 {
		last = l.Log[n-1]
	}
	l.Log = nil
	return fmt.Sprint(e.state.Tab, e.known, e.opened, e.state.Store.Condition, len(e.state.Store.Releases), e.state.Server.Reach, r, l, last.Source, last.Code, last.Text)
}
