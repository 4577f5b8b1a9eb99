package sweep

import (
	"math"
	"slices"

	"unbrick/emulator"
)

// begun is a first cut with what the device was before it.
type begun struct {
	start Start
	moment
}

// healings cuts the boots that heal.
func (sw *sweep) healings() error {
	return sw.spread(KindHealing, len(sw.healed), func(w *worker, i int) {
		b := sw.healed[i]
		w.run = Run{Start: b.start}
		w.healing(b.moment)
	})
}

// healing cuts every operation of the boot that recovers from the cut of m.
func (w *worker) healing(m moment) {
	w.tear(&m)
	forks := w.forks(func() { w.stand.run(nil, nil) })
	all := w.sw.s.moments(ActBoot, forks, m.h, never)
	if share := w.sw.o.Heal; share < 1 {
		r := w.sw.random(uint64(m.cut.Op), uint64(m.cut.Tear), uint64(m.cut.In), 1)
		all = slices.DeleteFunc(all, func(moment) bool { return r.Float64() >= share })
	}
	w.follow(m, all, KindHealing)
}

// seconds makes the second cuts of the update, in restorations.
func (sw *sweep) seconds() error {
	return sw.spread(KindPair, len(sw.waiting), func(w *worker, i int) {
		w.run = Run{}
		w.visited++
		w.second(sw.waiting[i])
	})
}

// second cuts every operation of every restoration that recovers from the cut of m, or a share of them.
func (w *worker) second(m moment) {
	s, p := w.sw.s, w.sw.o.Pairs
	q := math.Sqrt(p) // of the restorations, and again of their operations
	for road := range RoadEngine {
		for _, want := range []Which{New, Old} {
			r := w.sw.random(uint64(m.cut.Op), uint64(m.cut.Tear), uint64(m.cut.In), uint64(road), uint64(want), 2)
			if w.sw.over() || q < 1 && r.Float64() >= q {
				continue
			}
			act := Restoring(road, want)
			w.run = Run{Start: w.run.Start, Cuts: []Cut{m.cut}, Mend: act}
			w.tear(&m)
			h := w.restored(m.h, want)
			h.runs = false
			var err error
			forks := w.forks(func() { err = w.restore(road, want, false) })
			if !w.sound() || !w.mended(&h, want, err, act.String()) {
				continue
			}
			all := s.moments(act, forks, h, never)
			w.pairs[1] += float64(len(all)) / q
			if q < 1 {
				kept := all[:0]
				for _, m2 := range all {
					if r.Float64() < q {
						kept = append(kept, m2)
					}
				}
				all = kept
			}
			w.follow(m, all, KindPair)
		}
	}
}

// follow makes the second cuts of a run that the cut of m began.
func (w *worker) follow(m moment, all []moment, k Kind) {
	start := w.run.Start
	for i := range all {
		m2 := &all[i]
		if i%64 == 0 && w.sw.over() {
			return
		}
		w.run = Run{Start: start, Cuts: []Cut{m.cut, m2.cut}}
		if k == KindPair {
			w.pairs[0]++
		}
		o, state, fresh := w.cut(m2, k)
		if !fresh || o == OutcomeFailed {
			continue
		}
		if w.healed > 0 && w.third(state) {
			w.again(m, *m2, ActBoot)
		}
		if o != OutcomeRestoration {
			continue
		}
		r := w.sw.random(state)
		road, want := w.road(r)
		if r.IntN(w.sw.o.Mend) == 0 {
			w.run.Mend = Restoring(road, want)
			w.tear(m2)
			w.bring(&m2.h, road, want)
		}
		if w.third(state) {
			w.again(m, *m2, Restoring(road, want))
		}
	}
}

// third says whether the recovery from a second cut is to be cut a third time.
func (w *worker) third(state uint64) bool {
	n := uint64(w.sw.o.Triples)
	return n > 0 && fold(state, w.sw.o.Seed+3)%n == 0
}

// thirds is how many cuts a recovery that is cut a third time gets.
const thirds = 16

// again cuts what recovers from two cuts a third time, at drawn places.
func (w *worker) again(m, m2 moment, act Act) {
	s := w.sw.s
	start := w.run.Start
	w.tear(&m2)
	h := m2.h
	var forks []*emulator.Fork
	if road, want, ok := act.Restoration(); ok {
		h = w.restored(h, want)
		forks = w.forks(func() { _ = w.restore(road, want, false) }) // with its own check elsewhere
	} else {
		forks = w.forks(func() { w.stand.run(nil, nil) })
	}
	all := s.moments(act, forks, h, never)
	r := w.sw.random(uint64(m.cut.Op), uint64(m2.cut.Op), uint64(m2.cut.Tear), 3)
	for range min(thirds, len(all)) {
		m3 := &all[r.IntN(len(all))]
		w.run = Run{Start: start, Cuts: []Cut{m.cut, m2.cut, m3.cut}}
		o, state, fresh := w.cut(m3, KindTriple)
		if fresh && o == OutcomeRestoration {
			r := w.sw.random(state)
			road, want := w.road(r)
			w.run.Mend = Restoring(road, want)
			w.tear(m3)
			w.bring(&m3.h, road, want)
		}
	}
}
