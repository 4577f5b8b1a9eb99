package terminal

import (
	"errors"
	"fmt"
)

var errRAM = errors.New("not enough memory can be secured")

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

// findWindow returns the cheapest window of n bytes (114): the one for which the fewest applications are
// stopped, the least important first. Fixed regions are never part of one.
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

// largestWindow returns the size of the largest window there is if everything that can be stopped is.
func largestWindow(regions []Region) uint32 {
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
func (t *Terminal) stopRange(first, last int) error {
	for {
		pick := -1
		regions := t.hw.RAM.Regions()
		for i := first; i <= last && i < len(regions); i++ {
			if regions[i].State == RegionRunning && (pick < 0 || regions[i].Importance < regions[pick].Importance) {
				pick = i
			}
		}
		if pick < 0 {
			return nil
		}
		size := regions[pick].Size
		if err := t.hw.RAM.Stop(pick); err != nil {
			return fmt.Errorf("stop application %d: %w", pick, err)
		}
		t.note(7, 114, EventStopped, uint32(pick), size)
	}
}

// secure limits applications until a workspace of n bytes is there (S07). After a failure the caller
// decides with resume or release.
func (t *Terminal) secure(n uint32) error {
	w := findWindow(t.hw.RAM.Regions(), n)
	if !w.ok {
		return errRAM
	}
	if err := t.stopRange(w.first, w.last); err != nil {
		return err
	}
	mem, err := t.hw.RAM.Claim(w.off, n)
	if err != nil {
		return fmt.Errorf("claim %d bytes at 0x%x: %w", n, w.off, err)
	}
	t.work, t.claimed, t.resident = mem, true, false
	t.note(7, 114, EventSecured, w.off, n)
	return nil
}

// reside stops every application and makes the rewriter resident in the tail of the workspace: from here
// on the flash may be busy (S13).
func (t *Terminal) reside() error {
	if t.resident {
		return nil
	}
	n := t.identity.Resident
	if uint64(n) > uint64(len(t.work)) {
		return errRAM
	}
	if err := t.stopRange(0, len(t.hw.RAM.Regions())-1); err != nil {
		return err
	}
	at := uint32(len(t.work)) - n
	if err := t.hw.RAM.Resident(t.work[at:]); err != nil {
		return fmt.Errorf("make resident: %w", err)
	}
	t.work = t.work[:at:at]
	t.resident = true
	t.note(t.step, 117, EventResident, n, 0)
	return nil
}

// seize stops every application, takes the largest workspace there is and becomes resident in it. least
// is how many bytes must be left then.
func (t *Terminal) seize(least uint32) error {
	if !t.claimed {
		if err := t.stopRange(0, len(t.hw.RAM.Regions())-1); err != nil {
			return err
		}
		n := largestWindow(t.hw.RAM.Regions())
		if uint64(n) < uint64(least)+uint64(t.identity.Resident) {
			return errRAM
		}
		if err := t.secure(n); err != nil {
			return err
		}
	}
	if err := t.reside(); err != nil {
		return err
	}
	if uint64(len(t.work)) < uint64(least) {
		return errRAM
	}
	return nil
}

// release gives the workspace back.
func (t *Terminal) release() {
	if t.claimed {
		t.hw.RAM.Release()
		t.note(0, 114, EventReleased, 0, 0)
	}
	t.work, t.claimed, t.resident = nil, false, false
}

// startAll starts every application that is stopped.
func (t *Terminal) startAll() {
	for i := range t.hw.RAM.Regions() {
		r := t.hw.RAM.Regions()[i]
		if r.State != RegionStopped {
			continue
		}
		if err := t.hw.RAM.Start(i); err == nil {
			t.note(0, 114, EventStarted, uint32(i), r.Size)
		}
	}
}

// resume ends every limitation: the old software runs on.
func (t *Terminal) resume() {
	t.release()
	t.startAll()
}

// workspace returns how many bytes can be secured for an update.
func (t *Terminal) workspace() uint32 { return largestWindow(t.hw.RAM.Regions()) }
