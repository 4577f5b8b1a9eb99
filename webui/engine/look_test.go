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
	l := e.state.Lab
	progress := func(p *restore.Progress) { *p = restore.Progress{Stage: p.Stage, BytesOf: min(p.BytesOf, 1)} }
	progress(&l.Progress)
	offer := func(o *state.Offer) { o.Map, o.Choice = state.Map{}, o.Choice[:min(len(o.Choice), 1)] }
	shown := e.state.Restore
	switch r := shown.(type) {
	case state.RestoreReading:
		r.Done, r.Of = 0, min(r.Of, 1)
		shown = r
	case state.RestoreFound:
		offer(&r.Offer)
		shown = r
	case state.RestoreRight:
		offer(&r.Offer)
		shown = r
	case state.RestoreWriting:
		r.Map = state.Map{}
		progress(&r.Progress)
		shown = r
	case state.RestoreFlashing:
		progress(&r.Progress)
		shown = r
	case state.RestoreFailed:
		r.Failure.Trace, r.Failure.Left, r.Failure.Sector = nil, 0, min(r.Failure.Sector, 1)
		shown = r
	}
	r := fmt.Sprintf("%T %v", shown, shown)
	l.Map, l.RAM.Regions, l.Make.Models, l.Make.Releases, l.Time = state.Map{Active: min(l.Map.Active, 0)}, nil, nil, nil, 0
	l.Timeline.Now = state.Now{Step: l.Timeline.Now.Step, Target: l.Timeline.Now.Target}
	l.Timeline.Steps = [20]state.Step{}
	l.Power = state.Power{Switch: l.Power.Switch, CutAt: min(l.Power.CutAt, 1), Refused: min(l.Power.Refused, 1)}
	last := state.LogRow{}
	if n := len(l.Log); n > 0 {
		last = l.Log[n-1]
	}
	l.Log = nil
	return fmt.Sprint(e.state.Tab, e.known, e.opened, e.state.Store, len(e.lib.All()), e.state.Server, r, l, last.Source, last.Code, last.Text)
}
