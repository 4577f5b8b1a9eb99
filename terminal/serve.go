package terminal

import (
	"time"

	"unbrick/protocol/smp"
)

// Ending is why Serve returned. The caller resets the device.
type Ending uint8

// The endings.
const (
	ResetAsked  Ending = 1 + iota // by the host
	ResetDone                     // restored, and the host said nothing more
	ResetIdle                     // asked into restoration mode with a right image, and nobody came
	CableFailed                   // the cable cannot be read or written
)

func (e Ending) String() string {
	switch e {
	case ResetAsked:
		return "reset asked"
	case ResetDone:
		return "restored"
	case ResetIdle:
		return "nobody came"
	case CableFailed:
		return "cable failed"
	}
	return "unknown"
}

// How long Serve waits in silence before it ends by itself: with the wanted image in the flash, or with a right one and no
// restoration begun. Otherwise it waits for ever.
const (
	doneSilence = 10 * time.Second
	idleSilence = 30 * time.Minute
)

// Serve is restoration mode: it answers hosts on the cable and stores what they bring (S15 to S20), until a reset is due. A
// host that vanishes leaves no trace but what is in the flash: the next one begins again.
func (t *Terminal) Serve() Ending {
	h := &t.restoration
	h.why = t.why
	h.open()
	heard := h.clock.Now()
	for h.ending == 0 {
		packet, err := h.await(heard)
		switch {
		case err != nil, packet != nil && h.handle(packet) != nil:
			h.ending = CableFailed
		case h.ending != 0:
		case h.phase.Busy():
			h.work()
		case packet == nil && h.line.heardBreak():
			continue // it says nothing but "I am here"
		case packet == nil:
			h.ending = h.silent(h.clock.Now() - heard)
			continue
		}
		heard = h.clock.Now()
	}
	if h.ending == ResetAsked {
		h.note(0, 119, EventResetAsked, 0, 0)
	}
	return h.ending
}

// open begins restoration mode: it takes all RAM, and looks at the flash.
func (h *restoration) open() {
	h.step = 20
	h.rewrite.between = h
	h.note(15, 119, EventWaiting, uint32(h.why), 0)
	if err := h.ram.seize(0); err != nil {
		// Identification still works; begin refuses for want of memory.
		h.ram.release()
	}
	h.tellOldDeath()
	h.survey()
	h.describe()
	h.ahead.begin(h)
}

// tellOldDeath tells of a sector that takes no data, which is perhaps why the device is here.
func (h *restoration) tellOldDeath() {
	addr, dead := h.survivor.dead()
	if all := h.records.Dead(); !dead && len(all) > 0 {
		addr, dead = all[0], true
	}
	if !dead {
		return
	}
	h.fault, h.addr = smp.FaultProgram, addr
	if addr < h.area.Base {
		h.fault = smp.FaultRecord
	}
	h.emit(Event{Step: 15, Element: 119, Code: EventDead, Sector: int32(h.hw.Layout.Geometry.SectorAt(addr)), A: addr})
}

// survey looks for sectors that cannot be read or read differently twice. They are doubtful whatever the record says, and no
// interrupted operation need be the cause.
func (h *restoration) survey() {
	for s := range h.area.Software.Sectors() {
		if !h.records.Doubtful(s) && !h.area.Stable(s, h.chunk[:]) {
			h.records.SetDoubt(s)
			h.emit(Event{Step: 15, Element: 119, Code: EventDoubtful, Sector: int32(h.area.First + s)})
		}
	}
}

// await waits for a packet, as long as silence since then may last. None is nil, which a break also causes, and work.
func (h *restoration) await(heard time.Duration) ([]byte, error) {
	if packet := h.first; packet != nil {
		h.first = nil
		return packet, nil
	}
	wait := h.patience()
	if wait != forever {
		wait -= h.clock.Now() - heard
	}
	return h.line.hear(wait)
}

// patience returns how long silence may last.
func (h *restoration) patience() time.Duration {
	switch {
	case h.phase == smp.PhaseDone:
		return doneSilence
	case h.why == smp.WhyAsked && h.phase == smp.PhaseIdle && h.software.match != matchNone:
		return idleSilence
	}
	return forever
}

// silent returns how Serve ends after so much silence, 0: not yet.
func (h *restoration) silent(quiet time.Duration) Ending {
	switch p := h.patience(); {
	case p == forever || quiet < p:
		return 0
	case h.phase == smp.PhaseDone:
		return ResetDone
	}
	return ResetIdle
}

// due implements lineUser.
func (h *restoration) due() bool { return h.phase.Busy() }

// work does what the phase says, to its end.
func (h *restoration) work() {
	start := h.clock.Now()
	switch h.phase {
	case smp.PhasePreparing:
		h.prepare()
	case smp.PhaseProving:
		h.applyFiles()
	case smp.PhaseFinishing:
		h.conclude()
	case smp.PhaseErasing:
		h.eraseSettings()
	case smp.PhaseIdle, smp.PhaseReady, smp.PhaseRewriting, smp.PhaseDone, smp.PhaseFailed, smp.PhaseUploading:
	}
	h.worked += h.clock.Now() - start
	h.acknowledge() // the host need not ask
}

// poll implements between: it answers a host between two sectors of long work, while the flash is idle.
func (h *restoration) poll() {
	for {
		packet := h.line.next()
		if packet == nil {
			switch n, err := h.line.read(0); {
			case err != nil:
				return // the next read outside meets it as well
			case n == 0:
				h.line.heardBreak()
				return
			}
			continue
		}
		if h.handle(packet) != nil {
			return
		}
	}
}

// Poller is a flash.Device that tells whether it is busy, so that the resident code need not wait in it: it then listens to
// the cable while the flash erases and programs.
type Poller interface {
	// Busy reports whether the operation that was begun last is still under way. It changes nothing; Wait must be called all
	// the same.
	Busy() bool
}

// attentive reports whether the cable is listened to while the flash is busy.
func (d *device) attentive() bool { return d.poller != nil }

// Wait implements flashWaiter. Where the hardware allows it, a host that speaks frames is listened to meanwhile:
// everything that is done here runs from RAM and touches no flash.
func (h *restoration) Wait() error {
	told := h.to
	h.to = nil // it may not run from RAM
	for h.attentive() && h.phase.Busy() && h.line.guard.On() {
		for packet := h.line.parse(); packet != nil; packet = h.line.parse() {
			if h.handle(packet) != nil {
				break
			}
		}
		if h.line.owed {
			h.acknowledge()
		}
		if !h.line.guard.On() || !h.poller.Busy() || h.line.glance() {
			break
		}
	}
	h.to = told
	return h.hw.Flash.Wait()
}
