package apparatus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/flash"
	"unbrick/lab/sweep"
	"unbrick/model"
	"unbrick/release"
)

// replay is the run that the Lab shows in place of its device. The device lives on meanwhile; nothing of
// it is touched.
type replay struct {
	phase ReplayPhase
	id    sweep.ID // of a link's
	own   bool     // of the Lab's device
	busy  bool     // being computed
	text  string   // ReplayMissing: which image; ReplayFailed: why
	film  *film
	pose  *pose
	at    int
}

// replayOf begins a replay: of the run with an id, or of the last cut of the Lab's device.
func (b *bench) replayOf(c LabReplay) {
	x := &replay{phase: ReplayMaking}
	if c.ID == "" {
		r := b.rig
		if r == nil || !r.tape.wasCut() {
			return
		}
		x.own = true
		b.replay = x
		b.show(x, r.film())
		return
	}
	b.replay = x
	var err error
	if x.id, err = sweep.ParseID(c.ID); err != nil {
		x.phase, x.text = ReplayFailed, clip(err.Error(), MaxText)
		return
	}
	b.search()
}

// search looks for the images of a replay that waits for them: when it begins, and whenever more is known.
func (b *bench) search() {
	x := b.replay
	if x == nil || x.own || x.busy || x.phase != ReplayMaking && x.phase != ReplayMissing {
		return
	}
	var found [2]Release
	var have [2]bool
	for _, r := range b.e.lib.all() {
		for i, want := range [2][4]byte{x.id.Old, x.id.New} {
			if !have[i] && [4]byte(r.Digest[:4]) == want {
				found[i], have[i] = r, true
			}
		}
	}
	for i, want := range [2][4]byte{x.id.Old, x.id.New} {
		if !have[i] {
			x.text = fmt.Sprintf("%x", want)
			if b.e.opened && !b.e.asking {
				x.phase = ReplayMissing
			}
			return
		}
	}
	x.phase, x.busy = ReplayMaking, true
	b.e.work(func(ctx context.Context) func() {
		f, err := b.compute(ctx, &x.id, found)
		return func() {
			x.busy = false
			if b.replay != x {
				return
			}
			switch {
			case errors.Is(err, errNoRelease):
				x.phase, x.text = ReplayMissing, fmt.Sprintf("%x", x.id.Old)
				if _, err := b.e.lib.fetch(ctx, found[0].Model, found[0].Digest); err == nil {
					x.text = fmt.Sprintf("%x", x.id.New)
				}
			case err != nil:
				x.phase, x.text = ReplayFailed, clip(err.Error(), MaxText)
			default:
				b.show(x, f)
			}
		}
	})
}

// show puts a film on, at its first cut.
func (b *bench) show(x *replay, f *film) {
	f.develop(b)
	x.phase, x.film = ReplayReady, f
	if len(f.cuts) > 0 {
		x.at = int(f.cuts[0])
	}
}

// seek goes to a stop: that one, or the next or the one before of another sector.
func (b *bench) seek(c LabSeek) {
	x := b.replay
	if x == nil || x.film == nil {
		return
	}
	stops := x.film.stops
	at := int(min(c.At, uint32(len(stops)-1)))
	if step := int(c.Turn); step != 0 {
		step = max(-1, min(step, 1))
		from := x.film.sector(at)
		for at += step; at > 0 && at < len(stops)-1 && (x.film.sector(at) == from || x.film.sector(at) < 0); at += step {
		}
		at = max(0, min(at, len(stops)-1))
	}
	x.at = at
}

// sector is which one the operation of a stop is at work on; -1: there is none.
func (f *film) sector(k int) int {
	if e := f.stops[k].entry; e >= 0 {
		return f.entries[e].sector
	}
	return -1
}

// fill writes what the Lab shows of a replay.
func (x *replay) fill(l *Lab) {
	l.Replay = Replay{Phase: x.phase, Own: x.own, Text: x.text}
	if x.phase != ReplayReady {
		return
	}
	f := x.film
	x.pose = f.pose(x.pose, x.at)
	x.pose.fill(l)
	s := &f.stops[x.at]
	p := &l.Replay
	p.At, p.Last, p.Op, p.Ops, p.CutOp, p.Cuts = uint32(x.at), uint32(len(f.stops)-1), s.op, f.ops, f.cutOp, f.cuts
	p.Do, p.Sector = s.do, NoSector
	l.Power.Ops = uint64(f.ops)
	now := &l.Timeline.Now
	if s.entry >= 0 {
		e := &f.entries[s.entry]
		p.Sector, p.Bytes, p.Cut, p.Tear = uint32(e.sector), e.size, e.cut, e.tear
		p.Record = f.start[e.sector] == SectorRecord
		if !p.Record && now.Of > 0 {
			p.Done, p.Of = min(now.Done+1, now.Of), now.Of
		}
	}
	if x.at == len(f.stops)-1 {
		p.Do = DoEnd
	}
}

// compute runs what an id says, as the command does. It may run in any goroutine.
func (b *bench) compute(ctx context.Context, id *sweep.ID, releases [2]Release) (*film, error) {
	known := make(map[release.Digest]file)
	var images [2][]byte
	for i, r := range releases {
		f, err := b.e.lib.fetch(ctx, r.Model, r.Digest)
		if err != nil {
			return nil, err
		}
		known[r.Digest], images[i] = f, f.image
	}
	time.Sleep(showEvery) // a browser's only thread is busy from here on; the page says so before
	subject, err := sweep.NewSubject(ctx, "replay", id.Shape, images[0], images[1], id.Seed)
	if err != nil {
		return nil, err
	}
	t, err := subject.Replay(ctx, &id.Run)
	if err != nil {
		return nil, err
	}
	if len(t.Steps) > maxEntries {
		return nil, fmt.Errorf("the run has %d steps, and a replay at most %d", len(t.Steps), maxEntries)
	}
	f := &film{known: known}
	layout := &f.model.Layout
	layout.Geometry = flash.Geometry{Runs: subject.Shape.Runs, ProgramUnit: subject.Shape.Unit, Page: subject.Shape.Page, Erased: subject.Shape.Erased}
	layout.Boot = subject.Shape.Boot
	f.model.Name = "Device of a power-cut run"
	size, apps := subject.Memory()
	f.model.RAM = size
	for _, a := range apps {
		f.model.Apps = append(f.model.Apps, model.App{Name: a.Name, Size: a.Size, Importance: a.Importance, Fixed: a.Fixed})
	}
	f.splice(t, images)
	return f, nil
}

// splice makes entries of the steps of a timeline.
func (f *film) splice(t *sweep.Timeline, images [2][]byte) {
	base := f.model.Layout.SoftwareBase()
	is := func(i int, l sweep.Look) Sector {
		switch s := &t.Sectors[i]; {
		case s.Use == sweep.UseBoot:
			return SectorBoot
		case s.Use == sweep.UseRecord:
			return SectorRecord
		case s.Use == sweep.UseNone, s.Addr-base >= uint32(max(len(images[0]), len(images[1]))):
			return SectorUnused
		case l.Soft:
			return SectorDamaged
		}
		switch l.Held {
		case sweep.HeldErased:
			return SectorErased
		case sweep.HeldOld:
			return SectorOld
		case sweep.HeldNew:
			return SectorNew
		case sweep.HeldBoth:
			return SectorSame
		case sweep.HeldOther, sweep.HeldRecord:
		}
		return SectorDamaged
	}
	for i, l := range t.Start {
		f.start = append(f.start, is(i, l))
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		if s.Sector >= 0 { // what the operation before has left
			f.entries = append(f.entries, entry{kind: entryCell, at: s.At, sector: s.Sector, cell: is(s.Sector, s.Look)})
		}
		e := entry{at: s.At}
		row := LogRow{Time: s.At, Source: SourceBoard, Code: LogReplay, Sector: NoSector, Text: clip(s.Text, MaxText)}
		switch s.What {
		case sweep.WhatErase, sweep.WhatProgram:
			e.kind, e.erase, e.addr, e.size, e.cut, e.tear = entryOperation, s.What == sweep.WhatErase, s.Addr, s.Size, s.Cut, tearOf(s)
			e.sector = f.model.Layout.Geometry.SectorAt(s.Addr)
		case sweep.WhatEvent:
			e.kind, e.event = entryEvent, s.Event
		case sweep.WhatPower:
			switch s.Text {
			case "on":
				e.kind = entryOn
			case "off":
				e.kind = entryOff
			default:
				continue // a weak cell has flipped: the sector above
			}
		case sweep.WhatMessage:
			row.Source, row.Code = SourceServer, LogMessage
			e.kind, e.row = entryRow, row
		case sweep.WhatPacket:
			row.Source, row.Code = SourceApparatus, LogPacket
			e.kind, e.row = entryRow, row
		case sweep.WhatAct, sweep.WhatCheck, sweep.WhatEnd:
			e.kind, e.row = entryRow, row
		}
		f.entries = append(f.entries, e)
		if e.cut {
			cut := LogRow{Time: s.At, Source: SourceBoard, Code: LogCut, Sector: NoSector, A: f.count(), B: uint32(e.tear)}
			f.entries = append(f.entries, entry{kind: entryRow, at: s.At, row: cut})
		}
	}
}

// count returns how many flash operations are in the film so far.
func (f *film) count() (n uint32) {
	for i := range f.entries {
		if f.entries[i].kind == entryOperation {
			n++
		}
	}
	return n
}

// tearOf is the Lab's name for what a cut leaves.
func tearOf(s *sweep.Step) Tear {
	for i, t := range tears {
		if t == s.Tear {
			return Tear(i)
		}
	}
	return TearHalf // of the erases, a part done
}
