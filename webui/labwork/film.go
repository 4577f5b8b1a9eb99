package labwork

import (
	"maps"
	"slices"
	"time"

	"unbrick/lab"
	"unbrick/model"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal"
	"unbrick/webui/library"
	"unbrick/webui/shown"
	"unbrick/webui/state"
)

// film is a recorded run that can be shown at any of its stops: before its first flash operation, at each
// operation, and at each boot. It is not changed once it is cut.
type film struct {
	model   model.Model
	known   map[release.Digest]library.File
	names   map[release.Digest]string // of releases that are known by name only
	start   []state.Sector
	entries []Entry
	stops   []stop
	ops     uint32
	cutOp   uint32 // operation in which power failed first; 0: in none
	cuts    []uint32
	keys    []pose // poses at every keyEvery-th stop
	every   int
}

// stop is one place at which a film can be held. It covers the entries up to the next.
type stop struct {
	first int // entry
	do    state.ReplayDo
	op    uint32 // flash operations begun, that of this stop included
	entry int    // of the operation, -1
}

// pose is what a film shows at one place. Its rig has no device: it only follows what was recorded.
type pose struct {
	rig     rig
	cells   []state.Sector
	regions []state.Region
	at      time.Duration
	next    int // entry
	sector  int // of the operation of this stop, -1
	erase   bool
	why     smp.Why
}

// keyPoses is how many poses a film keeps, so that going back is quick.
const keyPoses = 64

// develop finds the stops of a film and its key poses.
func (f *film) develop(b *bench) {
	f.stops = []stop{{entry: -1}}
	for i := range f.entries {
		e := &f.entries[i]
		s := stop{first: i, op: f.ops, entry: -1}
		switch {
		case e.Kind == EntryOperation:
			f.ops++
			s.op, s.entry, s.do = f.ops, i, state.DoProgram
			if e.Erase {
				s.do = state.DoErase
			}
			if e.Cut {
				if f.cutOp == 0 {
					f.cutOp = f.ops
				}
				if len(f.cuts) < state.MaxCuts {
					f.cuts = append(f.cuts, uint32(len(f.stops)))
				}
			}
		case e.Kind == EntryRow && e.Row.Code == state.LogReplay && i+1 < len(f.entries) && f.entries[i+1].Kind == EntryOn && f.ops > 0:
			s.do = state.DoPower // what is told right before it belongs to it
		case e.Kind == EntryOn && f.ops > 0:
			if last := &f.stops[len(f.stops)-1]; last.do == state.DoPower && last.first == i-1 {
				continue
			}
			s.do = state.DoPower
		case e.Kind == EntryEvent && e.Event.Code == terminal.EventReset && f.stops[len(f.stops)-1].do != state.DoPower && f.ops > 0:
			s.do = state.DoBoot
		default:
			continue
		}
		f.stops = append(f.stops, s)
	}
	f.every = max(16, (len(f.stops)+keyPoses-1)/keyPoses)
	p := f.begin(b)
	for k := range f.stops {
		f.run(p, k)
		if k%f.every == 0 {
			f.keys = append(f.keys, p.copy())
		}
	}
}

// begin is the pose before everything.
func (f *film) begin(b *bench) *pose {
	p := &pose{cells: slices.Clone(f.start), sector: -1}
	p.rig = rig{b: b, model: f.model, active: -1, known: f.known,
		asked: make(map[release.Digest]bool), names: f.names, doubtful: make(map[int]bool),
		state: lab.Running}
	p.rig.power_.Switch = state.SwitchOn
	off := uint32(0)
	for _, a := range f.model.Apps {
		p.regions = append(p.regions, state.Region{Name: a.Name, Off: off, Size: a.Size, Importance: a.Importance})
		off += a.Size
	}
	if off < f.model.RAM {
		p.regions = append(p.regions, state.Region{Off: off, Size: f.model.RAM - off, State: state.RegionFree})
	}
	p.apps(state.RegionRunning)
	return p
}

// copy returns a pose that can be run on without changing p.
func (p *pose) copy() pose {
	q := *p
	q.cells, q.regions = slices.Clone(p.cells), slices.Clone(p.regions)
	q.rig.log, q.rig.doubtful = slices.Clip(p.rig.log), maps.Clone(p.rig.doubtful)
	return q
}

// pose returns what stop k shows. Reusing the last pose makes going on cheap; going back begins at a key.
func (f *film) pose(last *pose, k int) *pose {
	key := k / f.every
	if last == nil || last.next > f.end(k) || last.next < f.end(key*f.every) {
		p := f.keys[key].copy()
		last = &p
	}
	f.run(last, k)
	return last
}

// end is the entry behind stop k.
func (f *film) end(k int) int {
	if k+1 < len(f.stops) {
		return f.stops[k+1].first
	}
	return len(f.entries)
}

// run goes on to the end of stop k.
func (f *film) run(p *pose, k int) {
	for end := f.end(k); p.next < end; p.next++ {
		p.take(&f.entries[p.next])
	}
	p.sector, p.rig.active = -1, -1
	if s := &f.stops[k]; s.entry >= 0 && !f.entries[s.entry].Cut {
		p.sector, p.erase = f.entries[s.entry].Sector, f.entries[s.entry].Erase
		p.rig.active = p.sector
	}
}

// take follows one entry.
func (p *pose) take(e *Entry) {
	r := &p.rig
	p.at = max(p.at, e.At)
	r.clock = p.at
	switch e.Kind {
	case EntryOperation:
		r.power_.Op++
	case EntryCell:
		if e.Sector >= 0 && e.Sector < len(p.cells) {
			p.cells[e.Sector] = e.Cell
		}
	case EntryOn:
		r.power_.Switch, r.state, r.lost = state.SwitchOn, lab.Booting, true
	case EntryOff:
		r.power_.Switch, r.state = state.SwitchOff, lab.Off
		r.workspace, r.resident = state.Span{}, state.Span{}
		r.timeline.fail()
		if r.active >= 0 {
			r.doubtful[r.active] = true
		}
		r.leave()
	case EntryRow:
		switch e.Row.Source {
		case state.SourceServer:
			r.served(e.Row)
		case state.SourceApparatus:
			r.timeline.reach(e.Row.Step)
			switch e.Row.Code {
			case state.LogRestored:
				r.timeline.finish()
			case state.LogEnded:
				r.timeline.fail()
			}
			r.note(e.Row)
		default:
			r.note(e.Row)
		}
	case EntryEvent:
		p.event(e.Event)
	}
}

// event follows an event of the terminal: what a rig with a device learns from the device comes from it too.
func (p *pose) event(e terminal.Event) {
	r := &p.rig
	switch e.Code {
	case terminal.EventHello:
		r.enter(state.LabAsking)
	case terminal.EventConnected, terminal.EventBegun:
		r.enter(state.LabRestoring)
	case terminal.EventReset:
		r.leave()
		p.apps(state.RegionStopped)
	default:
	}
	r.event(lab.Event{Event: e})
	switch e.Code {
	case terminal.EventRunning:
		if r.timeline.Now.Step >= stepJudge {
			r.timeline.finish()
		}
		r.leave()
		r.state, r.target = lab.Running, release.Digest{}
		p.apps(state.RegionRunning)
	case terminal.EventRestore, terminal.EventWaiting:
		if e.Code == terminal.EventRestore {
			p.why = smp.Why(e.A)
		}
		r.state = lab.Restoration
		r.timeline.reach(stepRestoration)
	case terminal.EventStopped:
		p.region(e.A, state.RegionStopped)
	case terminal.EventStarted:
		p.region(e.A, state.RegionRunning)
	case terminal.EventResident:
		p.apps(state.RegionStopped)
	case terminal.EventRestored:
		r.timeline.reach(stepWritten)
		r.timeline.finish()
	case terminal.EventDisconnected:
		if r.timeline.Now.Step < stepRewrite && r.stage == state.LabAsking {
			r.leave()
		}
	default:
	}
}

// apps gives all applications that can be limited one state.
func (p *pose) apps(s state.RegionState) {
	for i := range p.rig.model.Apps {
		p.region(uint32(i), s)
	}
}

func (p *pose) region(i uint32, s state.RegionState) {
	if apps := p.rig.model.Apps; uint64(i) < uint64(len(apps)) {
		if apps[i].Fixed {
			s = state.RegionFixed
		}
		p.regions[i].State = s
	}
}

// fill writes what the Lab shows of a pose.
func (p *pose) fill(l *state.Lab) {
	r := &p.rig
	g := &r.model.Layout.Geometry
	*l = r.shown()
	l.Why, l.Time, l.Power = p.why, p.at, r.power_
	if l.Phase == state.LabRunning {
		l.Runs = l.Old
	}
	l.Map = state.Map{Facts: shown.Facts(g), Active: p.sector}
	if len(p.cells) <= state.MaxSectors {
		l.Map.Cells = slices.Clone(p.cells)
		for i := range r.doubtful {
			if i >= 0 && i < len(l.Map.Cells) {
				l.Map.Cells[i] = shown.Believed(l.Map.Cells[i], false)
			}
		}
		if p.sector >= 0 {
			l.Map.Cells[p.sector] = state.SectorLive
			if p.erase && p.cells[p.sector] != state.SectorRecord {
				l.Map.Cells[p.sector] = state.SectorErased
			}
		}
	}
	l.RAM = state.RAM{Size: r.model.RAM, Regions: slices.Clone(p.regions[:min(len(p.regions), state.MaxRegions)]),
		Contents: r.contents(), Workspace: r.workspace, Resident: r.resident}
}
