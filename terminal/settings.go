package terminal

import (
	"unbrick/flash"
	"unbrick/protocol/smp"
)

// Locker is a flash.Device that keeps settings areas locked, in its driver or by the part's own protection,
// so that no mistake of ours erases one. A reset locks them all.
type Locker interface {
	// Unlock lets one settings area be erased, and nothing but erased, until Lock.
	Unlock(addr, size uint32) error
	Lock()
}

// settings is the erase of settings areas, which only a person can want: the one command that reaches
// outside of the software area. Whatever stops it, the software that runs is not touched: the device
// starts, with an area that is old, erased or in between, and the command can be given again.
type settings struct {
	area   int       // under way, index in the layout
	back   smp.Phase // the phase before, and after
	done   uint32    // bytes of it, erased and read back
	erased uint8     // areas that are, one bit each, since the device started
}

// The bits of settings.erased suffice.
var _ = [1]int{}[(flash.MaxSettings-1)/8]

// takeErase accepts or refuses the erase of one settings area.
func (t *Terminal) takeErase(q *smp.Header, body []byte) error {
	h := &t.host
	e := &h.settings
	var m smp.EraseRequest
	if m.DecodeBody(body) != nil {
		return t.deny(q, smp.FaultMalformed)
	}
	area := t.settingsArea(m.Addr, m.Size)
	switch {
	case area < 0:
		return t.deny(q, smp.FaultRange)
	case h.phase == smp.PhaseErasing && area == e.area:
		return t.answer(q, &smp.Erased{Addr: m.Addr, Size: m.Size, Done: e.done})
	case h.phase.Busy():
		return t.deny(q, smp.FaultBusy)
	case e.erased>>area&1 != 0:
		return t.answer(q, &smp.Erased{Addr: m.Addr, Size: m.Size, Done: m.Size})
	case !t.sound():
		return t.deny(q, smp.FaultPhase)
	case !t.resident:
		return t.deny(q, smp.FaultWorkspace)
	}
	e.area, e.back, e.done = area, h.phase, 0
	h.phase, h.job = smp.PhaseErasing, jobErase
	h.fault, h.addr = smp.FaultNone, 0
	t.rewrite.done, t.rewrite.total = 0, uint32(t.sectorsIn(&t.hw.Layout.Settings[area]))
	return t.answer(q, &smp.Erased{Addr: m.Addr, Size: m.Size})
}

// settingsArea returns the index of the settings area that lies exactly there, or -1. Parts of one,
// neighbours in one piece, and everything that is none are not taken.
func (t *Terminal) settingsArea(addr, size uint32) int {
	for i := range t.hw.Layout.Settings {
		if a := &t.hw.Layout.Settings[i]; a.Addr == addr && a.Size == size {
			return i
		}
	}
	return -1
}

func (t *Terminal) sectorsIn(a *flash.Area) int {
	g := &t.hw.Layout.Geometry
	return g.SectorAt(a.Addr+a.Size-1) - g.SectorAt(a.Addr) + 1
}

// sound reports whether the device would start now: nothing is under way, the record says `installed`, the
// flash holds that image, and no sector of it is doubtful. Only then nothing that happens to a settings area,
// a power failure included, can leave a device that does not start.
func (t *Terminal) sound() bool {
	h := &t.host
	rec := t.records.current()
	switch {
	case h.phase != smp.PhaseIdle && h.phase != smp.PhaseDone:
		return false
	case h.upload.phase != uploadNone && h.upload.phase != uploadDone:
		return false
	}
	return rec != nil && rec.state == Installed && t.match == smp.MatchA && t.doubts(t.sectorsOf(t.to.Size)) == 0
}

// eraseSettings erases the area sector by sector, each read back, and answers hosts in between.
func (t *Terminal) eraseSettings() {
	h := &t.host
	e := &h.settings
	t.step = 20
	a := t.hw.Layout.Settings[e.area]
	g := &t.hw.Layout.Geometry
	locker, locks := t.hw.Flash.(Locker)
	fault, addr := smp.FaultNone, uint32(0)
	if locks && locker.Unlock(a.Addr, a.Size) != nil {
		fault, addr = smp.FaultErase, a.Addr
	}
	for e.done < a.Size && fault == smp.FaultNone {
		s := g.SectorAt(a.Addr + e.done)
		at, size := g.Sector(s)
		if t.wipe(s) != nil {
			fault, addr = smp.FaultErase, at
			break
		}
		e.done += size
		t.rewrite.done++
		t.emit(Event{Step: 20, Element: 120, Code: EventErased, Sector: int32(s), A: t.rewrite.done, B: t.rewrite.total})
		t.poll()
	}
	if locks {
		locker.Lock()
	}
	if fault == smp.FaultNone {
		e.erased |= 1 << e.area
	}
	h.phase, h.fault, h.addr = e.back, fault, addr
}

// wipe erases sector s of a settings area and reads it back, tried again a bounded number of times. It is
// erased whatever it reads as: that may be an erase that was cut short. A sector that takes no erase is no
// reason to be in restoration mode, so it is not noted as one that stops the software.
func (t *Terminal) wipe(s int) error {
	addr, size := t.hw.Layout.Geometry.Sector(s)
	var err error
	for try := range uint32(attempts) {
		if try > 0 {
			t.emit(Event{Step: t.step, Element: 120, Code: EventRetry, Sector: int32(s), A: try})
		}
		if err = t.erase(s); err != nil {
			continue
		}
		if err = t.blank(addr, size); err == nil {
			return nil
		}
	}
	t.emit(Event{Step: t.step, Element: 120, Code: EventDead, Sector: int32(s), A: addr})
	return err
}
