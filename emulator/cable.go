package emulator

import "time"

// Cable is the device's end of the line. Its methods are the agent's.
type Cable struct{ b *Board }

// Read waits until bytes come, at most wait, and returns them: as many as p holds, or fewer when the
// line became idle behind them. It returns 0 and nil when none came, and early when a break did or the
// flash operation under way ended. A read takes at least some microseconds, so that polling lets time pass.
func (c *Cable) Read(p []byte, wait time.Duration) (int, error) {
	b := c.b
	b.mu.Lock()
	n := 0
	err := b.awake("cable read")
	if err == nil && len(p) > 0 {
		wait = max(wait, lookTime)
		outer := true
		if b.pending.Kind != 0 {
			// What the flash takes is virtual time, also while a host outside is attached.
			wait, outer = min(wait, max(lookTime, b.pending.end-b.now-b.debt)), false
		}
		if err = b.deviceWait(wait, len(p), outer); err == nil {
			b.line.news = false
			n = b.line.down.take(p)
			b.cond.Broadcast()
		}
	}
	return n, b.leave(err)
}

// Write sends p and returns when the last byte is out.
func (c *Cable) Write(p []byte) error {
	b := c.b
	b.mu.Lock()
	err := b.awake("cable write")
	if err == nil {
		err = b.deviceWrite(p)
	}
	return b.leave(err)
}

func (b *Board) deviceWrite(p []byte) error {
	if err := b.deviceWait(0, 0, false); err != nil {
		return err
	}
	end := b.line.deviceSend(p)
	if err := b.deviceWait(end-b.now, 0, false); err != nil {
		return err
	}
	return nil
}

// Break says whether the host sent a break since the last call.
func (c *Cable) Break() bool {
	b := c.b
	b.mu.Lock()
	seen := false
	err := b.awake("cable break")
	if err == nil {
		b.settle()
		seen = b.line.broken
		b.line.broken, b.line.news = false, false
	}
	_ = b.leave(err)
	return seen
}

// Depth returns how many bytes the receive buffer holds between two reads.
func (c *Cable) Depth() int {
	c.b.mu.Lock()
	defer c.b.mu.Unlock()
	return c.b.line.cfg.Depth
}

// SetSpeed changes the speed of the device's end, 0 back to that of the line; a reset sets it back, too.
func (c *Cable) SetSpeed(baud uint32) error {
	b := c.b
	b.mu.Lock()
	err := b.awake("cable speed")
	if err == nil {
		if baud == 0 {
			baud = b.line.cfg.Baud
		}
		if err = checkBaud(baud); err == nil {
			b.line.deviceBaud = baud
		}
	}
	return b.leave(err)
}
