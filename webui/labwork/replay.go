package labwork

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"unbrick/internal/pack"
	"unbrick/release"
	"unbrick/webui/library"
	"unbrick/webui/state"
)

// replay is the run that the Lab shows in place of its device. The device lives on meanwhile; nothing of
// it is touched.
type replay struct {
	shown state.Replay // while film is nil
	id    string       // of a link's
	needs [2][4]byte   // what its images' digests begin with, once known is set
	known bool
	own   bool // of the Lab's device
	busy  bool // being computed
	film  *film
	pose  *pose
	at    int
}

// replayOf begins a replay: of the run with an id, or of the last cut of the Lab's device.
func (b *bench) replayOf(c state.LabReplay) {
	x := &replay{shown: state.ReplayMaking{}}
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
	b.replay, x.id = x, c.ID
	b.project(x, &Job{ID: c.ID}, func(a *Answer) {
		x.needs, x.known = a.Needs, true
		b.Changed()
	})
}

// project asks the program that computes runs, and hands its answer to then.
func (b *bench) project(x *replay, j *Job, then func(*Answer)) {
	x.busy = true
	b.e.Go(func(ctx context.Context) func() {
		a, err := b.ask(ctx, j)
		return func() {
			x.busy = false
			switch {
			case b.replay != x:
			case err != nil:
				x.shown = state.ReplayFailed{Why: pack.Clip(err.Error(), state.MaxText)}
			default:
				then(a)
			}
		}
	})
}

func (b *bench) ask(ctx context.Context, j *Job) (*Answer, error) {
	if b.e.World().Project == nil {
		return nil, errors.New("nothing here can compute it")
	}
	request, err := EncodeJob(j)
	if err != nil {
		return nil, err
	}
	answer, err := b.e.World().Project(ctx, request)
	if err != nil {
		return nil, err
	}
	a, err := DecodeAnswer(answer)
	if err == nil && a.Refused != "" {
		err = errors.New(a.Refused)
	}
	return a, err
}

// Changed implements Work: it looks for the images of a replay that waits for them: when it begins, and whenever more is known.
func (b *bench) Changed() {
	x := b.replay
	if x == nil || !x.known || x.busy || x.film != nil {
		return
	}
	if _, failed := x.shown.(state.ReplayFailed); failed {
		return
	}
	var found [2]state.Release
	for i, want := range x.needs {
		all := b.e.Library().All()
		k := slices.IndexFunc(all, func(r state.Release) bool { return [4]byte(r.Digest[:4]) == want })
		if k < 0 {
			if !b.e.Asking() {
				x.misses(want)
			}
			return
		}
		found[i] = all[k]
	}
	x.shown, x.busy = state.ReplayMaking{}, true
	b.e.Go(func(ctx context.Context) func() {
		known := make(map[release.Digest]library.File)
		j := &Job{ID: x.id}
		for i, r := range found {
			f, err := b.e.Library().Fetch(ctx, r.Model, r.Digest)
			if err != nil {
				return func() {
					x.busy = false
					x.misses(x.needs[i])
				}
			}
			known[r.Digest], j.Images[i] = f, f.Image
		}
		return func() {
			b.project(x, j, func(a *Answer) { b.show(x, filmOf(a.Reel, known)) })
		}
	})
}

// misses shows that the image whose digest begins with want is nowhere.
func (x *replay) misses(want [4]byte) { x.shown = state.ReplayMissing{Image: fmt.Sprintf("%x", want)} }

// show puts a film on, at its first cut.
func (b *bench) show(x *replay, f *film) {
	f.develop(b)
	x.film = f
	if len(f.cuts) > 0 {
		x.at = int(f.cuts[0])
	}
}

// seek goes to a stop: that one, or the next or the one before of another sector.
func (b *bench) seek(c state.LabSeek) {
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

// sector is which one of the software the operation of a stop is at work on; -1: there is none. Between two
// of them stands a mark in a record, which nobody wants to stop at.
func (f *film) sector(k int) int {
	if e := f.stops[k].entry; e >= 0 && f.start[f.entries[e].Sector] != state.SectorRecord {
		return f.entries[e].Sector
	}
	return -1
}

// fill writes what the Lab shows of a replay.
func (x *replay) fill(l *state.Lab) {
	f := x.film
	if l.Replay = x.shown; f == nil {
		return
	}
	x.pose = f.pose(x.pose, x.at)
	x.pose.fill(l)
	s := &f.stops[x.at]
	p := state.ReplayReady{Own: x.own, At: uint32(x.at), Last: uint32(len(f.stops) - 1), Op: s.op, Ops: f.ops, CutOp: f.cutOp, Cuts: f.cuts,
		Do: s.do, Sector: state.NoSector}
	l.Power.Ops = uint64(f.ops)
	now := &l.Timeline.Now
	if s.entry >= 0 {
		e := &f.entries[s.entry]
		p.Sector, p.Bytes, p.Cut, p.Tear = uint32(e.Sector), e.Size, e.Cut, e.Tear
		p.Record = f.start[e.Sector] == state.SectorRecord
		if !p.Record && now.Of > 0 {
			p.Done, p.Of = min(now.Done+1, now.Of), now.Of
		}
	}
	if x.at == len(f.stops)-1 {
		p.Do = state.DoEnd
	}
	l.Replay = p
}
