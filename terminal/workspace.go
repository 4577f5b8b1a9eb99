package terminal

import (
	"errors"
	"fmt"
)

var errRAM = errors.New("not enough memory can be secured")

// workspace is the RAM that an update or a restoration has, and what was stopped for it (114).
type workspace struct {
	*trace
	ram      RAM
	code     uint32 // bytes that become resident
	mem      []byte // the workspace, without what is resident; nil: none is claimed
	resident bool   // code and drivers run from its tail
	claimed  bool
}

// window is a run of adjacent regions that can hold a workspace.
type window struct {
	first, last int    // regions
	off         uint32 // where the workspace begins
	stops       int    // applications to be stopped
	worst       uint8  // importance of the most important of them
	sum         int    // of their importances
	ok          bool
}

// better reports whether w costs less than v: fewer applications, then less important ones.
func (w *window) better(v *window) bool {
	switch {
	case !v.ok:
		return w.ok
	case w.stops != v.stops:
		return w.stops < v.stops
	case w.worst != v.worst:
		return w.worst < v.worst
	case w.sum != v.sum:
		return w.sum < v.sum
	}
	return w.off < v.off
}

// findWindow returns the cheapest window of n bytes: the one for which the fewest applications are stopped, the least
// important first. Fixed regions are never part of one.
func findWindow(regions []Region, n uint32) window {
	var best window
	for i := range regions {
		w := window{first: i, off: regions[i].Off}
		size := uint32(0)
		for j := i; j < len(regions); j++ {
			r := &regions[j]
			if r.State == RegionFixed || j > i && regions[j-1].Off+regions[j-1].Size != r.Off {
				break
			}
			if r.State == RegionRunning {
				w.stops++
				w.worst = max(w.worst, r.Importance)
				w.sum += int(r.Importance)
			}
			size += r.Size
			if size >= n {
				w.last, w.ok = j, true
				break
			}
		}
		if w.ok && w.better(&best) {
			best = w
		}
	}
	return best
}

// size returns how many bytes can be secured: the largest window there is if everything that can be stopped is.
func (w *workspace) size() uint32 {
	regions := w.ram.Regions()
	var best, run uint32
	for i := range regions {
		r := &regions[i]
		if r.State == RegionFixed {
			run = 0
			continue
		}
		if i > 0 && regions[i-1].Off+regions[i-1].Size != r.Off {
			run = 0
		}
		run += r.Size
		best = max(best, run)
	}
	return best
}

// stopRange stops the applications in regions first to last, the least important first.
func (w *workspace) stopRange(first, last int) error {
	for {
		pick := -1
		regions := w.ram.Regions()
		for i := first; i <= last && i < len(regions); i++ {
			if regions[i].State == RegionRunning && (pick < 0 || regions[i].Importance < regions[pick].Importance) {
				pick = i
			}
		}
		if pick < 0 {
			return nil
		}
		size := regions[pick].Size
		if err := w.ram.Stop(pick); err != nil {
			return fmt.Errorf("stop application %d: %w", pick, err)
		}
		w.note(7, 114, EventStopped, uint32(pick), size)
	}
}

// stopAll stops every application.
func (w *workspace) stopAll() error { return w.stopRange(0, len(w.ram.Regions())-1) }

// secure limits applications until a workspace of n bytes is there (S07). After a failure the caller decides with resume
// or release.
func (w *workspace) secure(n uint32) error {
	best := findWindow(w.ram.Regions(), n)
	if !best.ok {
		return errRAM
	}
	if err := w.stopRange(best.first, best.last); err != nil {
		return err
	}
	mem, err := w.ram.Claim(best.off, n)
	if err != nil {
		return fmt.Errorf("claim %d bytes at 0x%x: %w", n, best.off, err)
	}
	w.mem, w.claimed, w.resident = mem, true, false
	w.note(7, 114, EventSecured, best.off, n)
	return nil
}

// reside stops every application and makes the rewriter resident in the tail of the workspace: from here on the flash may be
// busy (S13).
func (w *workspace) reside() error {
	if w.resident {
		return nil
	}
	if uint64(w.code) > uint64(len(w.mem)) {
		return errRAM
	}
	if err := w.stopAll(); err != nil {
		return err
	}
	at := uint32(len(w.mem)) - w.code
	if err := w.ram.Resident(w.mem[at:]); err != nil {
		return fmt.Errorf("make resident: %w", err)
	}
	w.mem, w.resident = w.mem[:at:at], true
	w.note(w.step, 117, EventResident, w.code, 0)
	return nil
}

// seize stops every application, takes the largest workspace there is and becomes resident in it. least is how many bytes
// must be left then.
func (w *workspace) seize(least uint32) error {
	if !w.claimed {
		if err := w.stopAll(); err != nil {
			return err
		}
		n := w.size()
		if uint64(n) < uint64(least)+uint64(w.code) {
			return errRAM
		}
		if err := w.secure(n); err != nil {
			return err
		}
	}
	if err := w.reside(); err != nil {
		return err
	}
	if uint64(len(w.mem)) < uint64(least) {
		return errRAM
	}
	return nil
}

// room returns the workspace without the tail that is or will be resident.
func (w *workspace) room() []byte {
	n := uint32(len(w.mem))
	if !w.resident {
		n -= min(n, w.code)
	}
	return w.mem[:n:n]
}

// release gives the workspace back.
func (w *workspace) release() {
	if w.claimed {
		w.ram.Release()
		w.note(0, 114, EventReleased, 0, 0)
	}
	w.mem, w.claimed, w.resident = nil, false, false
}

// startAll starts every application that is stopped.
func (w *workspace) startAll() {
	for i := range w.ram.Regions() {
		r := w.ram.Regions()[i]
		if r.State != RegionStopped {
			continue
		}
		if err := w.ram.Start(i); err == nil {
			w.note(0, 114, EventStarted, uint32(i), r.Size)
		}
	}
}

// resume ends every limitation: the old software runs on.
func (w *workspace) resume() {
	w.release()
	w.startAll()
}
