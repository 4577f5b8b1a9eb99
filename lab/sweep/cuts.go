package sweep

import (
	"errors"
	"fmt"

	"unbrick/emulator"
	"unbrick/terminal"
)

// updates cuts the update at every operation, with every tear, and boots, restorations and what else
// recovers from that.
func (sw *sweep) updates() error {
	s := sw.s
	w, err := sw.worker()
	if err != nil {
		return err
	}
	forks, first, last, err := w.whole()
	sw.collect(w)
	if err != nil {
		return err
	}
	if first < 0 {
		sw.enough.Store(true) // without an update there is nothing to cut, and nothing to restore: the check has told
		return nil
	}
	all := s.moments(ActUpdate, forks, s.updated(), func(op int) bool { return op < first || op > last })
	chosen := sw.sample(all, uint64(ActUpdate), first, last)
	states := make([]uint64, len(all))
	waits, heals := make([]bool, len(all)), make([]bool, len(all))
	err = sw.spread(KindUpdate, len(chosen), func(w *worker, i int) {
		k := chosen[i]
		states[k], waits[k], heals[k] = w.first(StartOld, all[k], KindUpdate)
	})
	if err != nil {
		return err
	}
	for i, m := range all {
		if waits[i] {
			sw.waiting = append(sw.waiting, m)
		}
		if heals[i] {
			sw.healed = append(sw.healed, begun{StartOld, m})
		}
	}
	g := s.grid(forks)
	for i, m := range all {
		c := &g.Operations[m.cut.Op-1]
		for row, t := range g.Tears {
			if m.cut.Draw == 0 && states[i] != 0 && s.same(c.Kind, t) == m.cut.Tear {
				c.Cells[row] = sw.seen.get(states[i])
				id := s.ID(&Run{Cuts: []Cut{m.cut}})
				c.IDs[row] = id.String()
			}
		}
	}
	sw.result.Grid = g
	return nil
}

// sample chooses which of the moments to try: the first and last operation, those around the first and
// last on software, and a share of the others.
func (sw *sweep) sample(all []moment, what uint64, edges ...int) []int {
	var chosen []int
	r := sw.random(what)
	for i, m := range all {
		op := int(m.cut.Op) - 1
		keep := r.Float64() < sw.o.Sample || op == 0 || i == len(all)-1
		for _, e := range edges {
			keep = keep || op == e
		}
		if keep {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// whole runs the update without a cut, and checks it and what comes after it. It returns every operation,
// and which were the first and the last on software.
func (w *worker) whole() (forks []*emulator.Fork, first, last int, err error) {
	s := w.sw.s
	w.run = Run{}
	w.board.Restore(s.start)
	old := s.begin(StartOld)
	old.runs = true
	if o := w.settle(&old); o != OutcomeOld {
		w.check(CheckUpdates, false, func() string { return "from the factory, the device " + o.String() })
		return nil, -1, -1, nil
	}
	w.run = Run{Link: LinkHit{At: 1, Fault: LinkFine}} // that is: an update without a fault
	w.board.Restore(s.start)
	h := s.updated()
	var out terminal.Outcome
	forks = w.forks(func() { out = w.update(&link{s: s}) })
	if !w.sound() || !w.check(CheckUpdates, out == terminal.Rewritten && w.ended == emulator.EndReset, func() string {
		return fmt.Sprintf("the update does not work without a cut: %v, %v", out, w.ended)
	}) {
		return nil, -1, -1, nil
	}
	first, last = s.software0(forks)
	if first < 0 {
		return nil, 0, 0, errors.New("the update writes nothing")
	}
	w.power()
	if o := w.settle(&h); o != OutcomeNew {
		return forks, first, last, nil // the check has told
	}
	// The new release confirms itself in its first completed session; only then the floor rises.
	w.power()
	w.update(&link{s: s, up: true})
	w.sound()
	w.check(CheckApps, !w.after.stopped, func() string { return "an application does not run after a session" })
	p := w.read()
	w.check(CheckFloor, p.floor == s.goods[New].m.Counter, func() string {
		return fmt.Sprintf("the floor is %d after confirmation of %d", p.floor, s.goods[New].m.Counter)
	})
	return forks, first, last, nil
}

// software0 returns the first and last operations on the software area, from 0; -1 if there is none.
func (s *Subject) software0(forks []*emulator.Fork) (first, last int) {
	first, last = -1, -1
	for i, f := range forks {
		if f.Operation.Addr >= s.layout.SoftwareBase() {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	return first, last
}

// tear makes the board what it is right behind the cut of m, and returns the state. What is left to chance
// from there on is drawn from the state, so that equal states lead to equal runs, whoever comes to one
// first.
func (st *stand) tear(m *moment) uint64 {
	st.board.Tear(m.fork, m.cut.Tear)
	return st.stir(m.cut.Draw)
}

func (st *stand) stir(draw uint8) uint64 {
	state := max(st.board.State(), 1)
	st.board.Stir(fold(state, uint64(draw)))
	return state
}

// cut makes the cut of m and, if nobody has seen its state before, lets the device recover. fresh says
// whether it was new.
func (w *worker) cut(m *moment, k Kind) (o Outcome, state uint64, fresh bool) {
	state = w.tear(m)
	w.cuts++
	if m.cut.Draw > 0 {
		// The same state with other chances: tried once as well, but not another state.
		fresh = w.sw.drawn.add(fold(state, uint64(m.cut.Draw)))
	} else {
		fresh = w.sw.seen.add(state)
	}
	if !fresh {
		return OutcomeNone, state, false
	}
	w.counts[k]++
	w.cycles++
	w.sw.cycle.Add(1)
	h := m.h
	o = w.settle(&h)
	if m.cut.Draw == 0 {
		w.sw.seen.set(state, o)
	}
	if w.full != nil && fold(state, w.sw.o.Seed)%uint64(w.sw.o.Check) == 0 {
		f := w.full
		f.tear(m)
		h := m.h
		again := f.settle(&h)
		w.check(CheckFastIsFull, again == o && f.mode == w.mode && f.after == w.after && f.board.State() == w.board.State(), func() string {
			return fmt.Sprintf("fast: %v, full: %v", o, again)
		})
	}
	return o, state, true
}

// first makes a first cut, and brings the device back from it. It returns the state and, if nobody came
// to it before, whether the device waits in restoration mode, and whether its boot wrote to the flash.
func (w *worker) first(start Start, m moment, k Kind) (state uint64, waits, heals bool) {
	w.run = Run{Start: start, Cuts: []Cut{m.cut}}
	o, state, fresh := w.cut(&m, k)
	if !fresh || o == OutcomeFailed {
		return state, false, false
	}
	heals = w.healed > 0
	if o != OutcomeRestoration {
		return state, false, heals
	}
	r := w.sw.random(state)
	road, want := w.road(r)
	if r.IntN(w.sw.o.Engine) == 0 {
		road = RoadEngine
	}
	if !w.recover(m, road, want, k) && m.cut.Draw == 0 {
		w.sw.seen.set(state, OutcomeFailed)
	}
	return state, true, heals
}

// recover brings the device back from the cut of m and notes what that took. It says whether that is so.
func (w *worker) recover(m moment, road Road, want Which, k Kind) bool {
	w.run = Run{Start: w.run.Start, Cuts: []Cut{m.cut}, Mend: Restoring(road, want)}
	w.tear(&m)
	began := w.board.Clock().Now()
	back := w.bring(&m.h, road, want)
	if k != KindUpdate {
		return back
	}
	id := w.sw.s.ID(&w.run)
	w.sw.mu.Lock()
	defer w.sw.mu.Unlock()
	w.sw.result.Recoveries = append(w.sw.result.Recoveries, Recovery{
		Cut: m.cut, Act: w.run.Mend, ID: id.String(), What: m.cut.String() + "; " + w.run.Mend.String(),
		Bytes: w.sent, Device: w.mendedAt - began,
	})
	return back
}

// bring brings the device back, counts the road, and says whether every check held.
func (w *worker) bring(h *history, road Road, want Which) bool {
	w.roads[road]++
	return w.mend(h, road, want)
}

// confirmations cuts the session in which the new release confirms itself: the release is confirmed with its counter as
// the floor and without a predecessor, or nothing of that; and the next session confirms.
func (sw *sweep) confirmations() error {
	s := sw.s
	w, err := sw.worker()
	if err != nil {
		return err
	}
	defer sw.collect(w)
	w.run = Run{Link: LinkHit{At: 1, Fault: LinkFine}}
	w.board.Restore(s.start)
	w.update(&link{s: s})
	w.power()
	forks := w.forks(func() { w.update(&link{s: s, up: true}) })
	if !w.check(CheckConfirmed, len(forks) > 0 && w.read().last == s.confirmed(), func() string {
		return fmt.Sprintf("%d flash operations without a cut, then the record says %+v", len(forks), w.read().last)
	}) {
		return nil
	}
	all := s.moments(ActConfirm, forks, s.confirming(), func(int) bool { return true })
	chosen := sw.sample(all, uint64(ActConfirm))
	return sw.spread(KindConfirm, len(chosen), func(w *worker, i int) {
		m := &all[chosen[i]]
		w.run = Run{Cuts: []Cut{m.cut}}
		o, _, fresh := w.cut(m, KindConfirm)
		if !fresh || o == OutcomeFailed {
			return
		}
		w.check(CheckConfirmed, o == OutcomeNew, func() string { return "after a cut in its confirmation the device " + o.String() })
		now := w.read().last
		before := sheet{installed: true, predecessor: true, floor: startFloor}
		w.check(CheckConfirmed, now == before || now == s.confirmed(), func() string { return fmt.Sprintf("after a cut confirmation the record says %+v", now) })
		w.power()
		w.update(&link{s: s, up: true})
		w.sound()
		now = w.read().last
		w.check(CheckConfirmed, now == s.confirmed(), func() string { return fmt.Sprintf("after the next session the record says %+v", now) })
	})
}

// confirmed is what the record says of the new release when it has confirmed itself.
func (s *Subject) confirmed() sheet {
	return sheet{installed: true, confirmed: true, floor: s.goods[New].m.Counter}
}

// from puts the device where runs start.
func (st *stand) from(start Start) error {
	s := st.s
	st.board.Restore(s.start)
	if start == StartOld {
		return nil
	}
	raw := append([]byte(nil), s.raw...)
	addr, _ := s.layout.Geometry.Sector(s.layout.Records()[0])
	for i := range raw[addr:] {
		raw[int(addr)+i] = byte(i*7 + i>>8)
	}
	return st.board.Load(raw, nil)
}
