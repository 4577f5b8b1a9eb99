package protocol

import "time"

// Default times of a heartbeat.
const (
	HeartbeatInterval = 15 * time.Second // of silence before a Ping
	HeartbeatTimeout  = 45 * time.Second // of silence before the peer counts as dead
)

// Heartbeat decides when a Conn sends a Ping and when its peer is dead. It holds no timer and knows
// no clock: the implementation tells the time, on any scale that does not jump back, and asks again
// after the wait that Beat returned. The zero value with the two durations set is ready; Heard must be
// called once at the beginning. Not for concurrent use.
type Heartbeat struct {
	Interval time.Duration // of silence before a Ping; 0: HeartbeatInterval
	Timeout  time.Duration // of silence before ErrDead; 0: HeartbeatTimeout

	heard  time.Duration
	pinged time.Duration
	number uint32
	out    bool // a Ping is out and nothing was heard since
}

// Heard notes that something arrived, whatever it was.
func (h *Heartbeat) Heard(now time.Duration) {
	h.heard = now
	h.out = false
}

// Beat says what is due at a time: a Ping to send, or the end (ErrDead). wait is how long after now
// Beat should be called again, if nothing is heard before.
func (h *Heartbeat) Beat(now time.Duration) (ping *Ping, wait time.Duration, err error) {
	interval, timeout := h.Interval, h.Timeout
	if interval <= 0 {
		interval = HeartbeatInterval
	}
	if timeout <= 0 {
		timeout = HeartbeatTimeout
	}
	silent := now - h.heard
	if silent >= timeout {
		return nil, 0, ErrDead
	}
	since := silent
	if h.out {
		since = now - h.pinged
	}
	if since >= interval {
		h.number++
		h.out, h.pinged = true, now
		ping, since = &Ping{Number: h.number}, 0
	}
	return ping, min(interval-since, timeout-silent), nil
}
