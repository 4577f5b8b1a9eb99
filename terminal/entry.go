package terminal

import (
	"time"

	"unbrick/protocol/smp"
)

// listenFor is how long after a reset a host may ask for restoration mode.
const listenFor = 100 * time.Millisecond

// maxFaults is how many watchdog or fault resets in a row, without confirmation, mean that the release hangs.
const maxFaults = 3

// manyFaults is where counting them ends.
const manyFaults = 254

// asked listens to the cable for listenFor and reports whether a host asked for restoration mode: with a break, or with one of
// the two questions that a host begins with, an SMP echo or which boot loader this is, which Serve then answers. Whatever else
// arrives is dropped.
func (h *restoration) asked() bool {
	start := h.clock.Now()
	for {
		if h.line.cable.Break() {
			return true
		}
		left := listenFor - (h.clock.Now() - start)
		if left <= 0 {
			return false
		}
		packet, err := h.line.hear(left)
		if err != nil {
			return false
		}
		q, _, err := smp.ParsePacket(packet)
		if err != nil || q.Op&1 != 0 || q.Group != smp.GroupOS {
			continue
		}
		if q.ID == smp.OSEcho || q.ID == smp.OSBootloader {
			h.first = packet
			return true
		}
	}
}

// countFault counts watchdog and fault resets in a row and returns how many there were.
func (d *device) countFault() uint8 {
	n := uint8(0)
	switch d.hw.Cause {
	case Watchdog, FaultReset:
		n = min(d.survivor.faults(), manyFaults-1) + 1
	case PowerOn, SoftwareReset, ExternalReset:
	}
	if n != d.survivor.faults() {
		d.survivor.setFaults(n)
	}
	return n
}
