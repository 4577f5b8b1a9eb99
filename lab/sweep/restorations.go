package sweep

import (
	"unbrick/emulator"
)

// restorations cuts restorations that no cut made necessary: of a device that runs and was asked into
// restoration mode, and of one that knows nothing.
func (sw *sweep) restorations() error {
	for start := range starts {
		for road := range roads {
			for _, want := range []Which{New, Old} {
				if sw.over() {
					return nil
				}
				if err := sw.restoration(start, road, want); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (sw *sweep) restoration(start Start, road Road, want Which) error {
	s := sw.s
	w, err := sw.worker()
	if err != nil {
		return err
	}
	defer sw.collect(w)
	act := Restoring(road, want)
	w.run = Run{Start: start, Mend: act}
	if err := w.from(start); err != nil {
		return err
	}
	h := w.restored(s.begin(start), want)
	var failed error
	forks := w.forks(func() { failed = w.restore(road, want, start == StartOld) })
	if !w.sound() || !w.mended(&h, want, failed, act.String()) {
		return nil // the check has told
	}
	first, last := s.software0(forks)
	all := s.moments(act, forks, h, func(op int) bool {
		return first >= 0 && op > last || start == StartOld && (first < 0 || op < first)
	})
	chosen := sw.sample(all, uint64(act)<<8|uint64(start), first, last)
	heals := make([]bool, len(chosen))
	kind := KindRestoration
	if road == RoadEngine {
		kind = KindEngine
	}
	if err := sw.spread(kind, len(chosen), func(w *worker, i int) {
		_, _, heals[i] = w.first(start, all[chosen[i]], kind)
	}); err != nil {
		return err
	}
	for i, yes := range heals {
		if yes {
			sw.healed = append(sw.healed, begun{start, all[chosen[i]]})
		}
	}
	return nil
}

// engines cuts what users do when an update was cut: the engine's restoration, in frames of which several are on their
// way while the device erases and programs.
func (sw *sweep) engines() error {
	m, err := sw.middle(emulator.ErasePart)
	if err != nil {
		return err
	}
	for _, want := range []Which{New, Old} {
		if sw.over() {
			return nil
		}
		if err := sw.engine(m, want); err != nil {
			return err
		}
	}
	return nil
}

// engine cuts the engine's restoration to want, which recovers from the cut of m.
func (sw *sweep) engine(m moment, want Which) error {
	w, err := sw.worker()
	if err != nil {
		return err
	}
	defer sw.collect(w)
	act := Restoring(RoadEngine, want)
	w.run = Run{Cuts: []Cut{m.cut}, Mend: act}
	w.tear(&m)
	h := w.restored(m.h, want)
	h.runs = false
	var failed error
	forks := w.forks(func() { failed = w.restore(RoadEngine, want, false) })
	if !w.sound() || !w.mended(&h, want, failed, act.String()) {
		return nil // the check has told
	}
	first, last := sw.s.software0(forks)
	all := sw.s.moments(act, forks, h, never)
	chosen := sw.sample(all, uint64(act), first, last)
	return sw.spread(KindEngine, len(chosen), func(w *worker, i int) {
		w.run = Run{}
		w.follow(m, all[chosen[i]:chosen[i]+1], KindEngine)
	})
}
