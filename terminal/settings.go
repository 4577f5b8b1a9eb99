package terminal

import (
	"unbrick/flash"
	"unbrick/protocol/smp"
	"unbrick/terminal/record"
)

// Locker is a flash.Device that keeps settings areas locked, in its driver or by the part's own protection, so that no mistake
// of ours erases one. A reset locks them all.
type Locker interface {
	// Unlock lets one settings area be erased, and nothing but erased, until Lock.
	Unlock(addr, size uint32) error
	Lock()
}

// settings is the erase of settings areas, which only a person can want: the one command that reaches outside of the software
// area. Whatever stops it, the software that runs is not touched: the device starts, with an area that is old, erased or in
// between, and the command can be given again.
type settings struct {
	area   int       // under way, index in the layout
	back   smp.Phase // the phase before, and after
	done   uint32    // bytes of it, erased and read back
	erased uint8     // areas that are, one bit each, since the device started
}

// The bits of settings.erased suffice.
var _ = [1]int{}[(flash.MaxSettings-1)/8]

// takeErase accepts or refuses the erase of one settings area.
func (h *restoration) takeErase(q *smp.Header, body []byte) error {
	e := &h.settings
	var m smp.EraseRequest
	if m.DecodeBody(body) != nil {
		return h.deny(q, smp.FaultMalformed)
	}
	area := h.settingsArea(m.Addr, m.Size)
	switch {
	case area < 0:
		return h.deny(q, smp.FaultRange)
	case h.phase == smp.PhaseErasing && area == e.area:
		return h.answer(q, &smp.Erased{Addr: m.Addr, Size: m.Size, Done: e.done})
	case h.phase.Busy():
		return h.deny(q, smp.FaultBusy)
	case e.erased>>area&1 != 0:
		return h.answer(q, &smp.Erased{Addr: m.Addr, Size: m.Size, Done: m.Size})
	case !h.sound():
		return h.deny(q, smp.FaultPhase)
	case !h.ram.resident:
		return h.deny(q, smp.FaultWorkspace)
	}
	e.area, e.back, e.done = area, h.phase, 0
	h.phase = smp.PhaseErasing
	h.fault, h.addr = smp.FaultNone, 0
	h.rewrite.done, h.rewrite.total = 0, uint32(h.sectorsIn(&h.hw.Layout.Settings[area]))
	return h.answer(q, &smp.Erased{Addr: m.Addr, Size: m.Size})
}

// settingsArea returns the index of the settings area that lies exactly there, or -1. Parts of one, neighbours in one piece,
// and everything that is none are not taken.
func (h *restoration) settingsArea(addr, size uint32) int {
	for i := range h.hw.Layout.Settings {
		if a := &h.hw.Layout.Settings[i]; a.Addr == addr && a.Size == size {
			return i
		}
	}
	return -1
}

func (h *restoration) sectorsIn(a *flash.Area) int {
	g := &h.hw.Layout.Geometry
	return g.SectorAt(a.Addr+a.Size-1) - g.SectorAt(a.Addr) + 1
}

// sound reports whether the device would start now: nothing is under way, the record says `installed`, the flash holds that
// image, and no sector of it is doubtful. Only then nothing that happens to a settings area, a power failure included, can
// leave a device that does not start.
func (h *restoration) sound() bool {
	if h.phase != smp.PhaseIdle && h.phase != smp.PhaseDone {
		return false
	}
	rec, w := h.records.Newest(), &h.software
	return rec != nil && rec.State == record.Installed && w.match == matchTo && h.records.Doubts(h.area.Sectors(w.to.Size)) == 0
}

// eraseSettings erases the area sector by sector, each read back, and answers hosts in between.
func (h *restoration) eraseSettings() {
	e := &h.settings
	h.step = 20
	a := h.hw.Layout.Settings[e.area]
	g := &h.hw.Layout.Geometry
	locker, locks := h.hw.Flash.(Locker)
	fault, addr := smp.FaultNone, uint32(0)
	if locks && locker.Unlock(a.Addr, a.Size) != nil {
		fault, addr = smp.FaultErase, a.Addr
	}
	for e.done < a.Size && fault == smp.FaultNone {
		s := g.SectorAt(a.Addr + e.done)
		at, size := g.Sector(s)
		if h.area.Wipe(s) != nil {
			// A sector that takes no erase is no reason to be in restoration mode, so it is not noted as one that stops
			// the software.
			h.emit(Event{Step: h.step, Element: 120, Code: EventDead, Sector: int32(s), A: at})
			fault, addr = smp.FaultErase, at
			break
		}
		e.done += size
		h.rewrite.done++
		h.emit(Event{Step: 20, Element: 120, Code: EventErased, Sector: int32(s), A: h.rewrite.done, B: h.rewrite.total})
		h.poll()
	}
	if locks {
		locker.Lock()
	}
	if fault == smp.FaultNone {
		e.erased |= 1 << e.area
	}
	h.phase, h.fault, h.addr = e.back, fault, addr
}
