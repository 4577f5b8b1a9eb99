package terminal

import (
	"time"

	"unbrick/protocol/smp"
)

// listenFor is how long after a reset a host may ask for restoration mode.
const listenFor = 100 * time.Millisecond

// maxFaults is how many watchdog or fault resets in a row, without confirmation, mean that the release
// hangs.
const maxFaults = 3

// asked listens to the cable for listenFor and reports whether a host asked for restoration mode: with a
// break, or with one of the two questions that a host begins with, an SMP echo or which boot loader this is, which
// Serve then answers. Whatever else arrives is dropped.
func (t *Terminal) asked() bool {
	start := t.hw.Clock.Now()
	for {
		if t.hw.Cable.Break() {
			return true
		}
		left := listenFor - (t.hw.Clock.Now() - start)
		if left <= 0 {
			return false
		}
		packet, err := t.hear(left)
		if err != nil {
			return false
		}
		if h, _, err := smp.ParsePacket(packet); err == nil && h.Op&1 == 0 && h.Group == smp.GroupOS && (h.ID == smp.OSEcho || h.ID == smp.OSBootloader) {
			t.host.pending = packet
			return true
		}
	}
}

// countFault counts watchdog and fault resets in a row and returns how many there were.
func (t *Terminal) countFault() uint8 {
	n := uint8(0)
	switch t.hw.Cause {
	case Watchdog, FaultReset:
		n = min(t.survivor.faults()+1, 255-1)
	case PowerOn, SoftwareReset, ExternalReset:
	}
	if n != t.survivor.faults() {
		t.survivor.setFaults(n)
	}
	return n
}

// mayHang reports whether faults speak against the installed release: it has not confirmed itself. One
// that has is known to work; stopping it would turn a passing trouble into a dead device.
func (t *Terminal) mayHang() bool {
	rec := t.records.current()
	return rec != nil && !rec.confirmed
}
