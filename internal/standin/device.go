package standin

import "time"

// What follows is for the device, in its own methods and timers (or in Wire.Do).

// Timer is a moment that a device asked for.
type Timer struct {
	at time.Duration
	f  func()
}

// Stop lets it not come. A nil Timer is none.
func (t *Timer) Stop() {
	if t != nil {
		t.f = nil
	}
}

// Now is the time.
func (w *Wire) Now() time.Duration { return w.now }

// After calls f when d is over.
func (w *Wire) After(d time.Duration, f func()) *Timer {
	t := &Timer{at: w.now + max(d, 0), f: f}
	i := len(w.timers)
	for i > 0 && w.timers[i-1].at > t.at {
		i--
	}
	w.timers = append(w.timers, nil)
	copy(w.timers[i+1:], w.timers[i:])
	w.timers[i] = t
	return t
}

// Send puts p on the line, at the device's speed, behind what is on its way.
func (w *Wire) Send(p []byte) {
	if w.away || len(p) == 0 {
		return
	}
	if len(w.toHost) == 0 {
		w.toHostAt = w.now + byteTime(w.devBaud)
	}
	w.toHost = append(w.toHost, p...)
}

// Sending says whether bytes of the device are still on their way.
func (w *Wire) Sending() bool { return len(w.toHost) > 0 }

// Silence forgets what the device has not sent yet, as a reset does.
func (w *Wire) Silence() { w.toHost = w.toHost[:0] }

// Listen sets the speed at which the device sends and hears. What it has not sent yet goes out at that speed.
func (w *Wire) Listen(baud uint32) { w.devBaud = baud }

// Speed is the one that the device listens at.
func (w *Wire) Speed() uint32 { return w.devBaud }

// Leave takes the device off the bus, which takes its port with it, for so long; afterwards it is another one.
func (w *Wire) Leave(d time.Duration) {
	w.leave()
	w.stir()
	w.After(d, func() {
		if !w.pulled {
			w.away = false
			w.stir()
		}
	})
}

// Asserted tells the modem lines.
func (w *Wire) Asserted() (dtr, rts bool) { return w.dtr, w.rts }

// Random is the next number of the run's own.
func (w *Wire) Random() uint64 { // splitmix64
	w.rnd += 0x9e3779b97f4a7c15
	z := w.rnd
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Between is a random time of at least a, at most b.
func (w *Wire) Between(a, b time.Duration) time.Duration {
	return a + time.Duration(w.Random()%uint64(b-a+1))
}
