package standin

import "time"

func byteTime(baud uint32) time.Duration {
	switch baud {
	case USBSpeed:
		return usbByte
	case AnySpeed, 0:
		baud = 115200
	}
	return 10 * time.Second / time.Duration(baud)
}

// never is after everything.
const never = time.Duration(1<<63 - 1)

// next is when the next thing happens.
func (w *Wire) next() time.Duration {
	at := never
	if len(w.timers) > 0 {
		at = w.timers[0].at
	}
	if len(w.toDev) > 0 {
		at = min(at, w.toDevAt)
	}
	if len(w.toHost) > 0 {
		at = min(at, w.toHostAt)
	}
	if len(w.held) > 0 {
		at = min(at, w.flushAt)
	}
	return at
}

// advance lets everything happen until a moment, and sets the time to it.
func (w *Wire) advance(to time.Duration) {
	for at := w.next(); at <= to; at = w.next() {
		w.now = max(w.now, at)
		switch {
		case len(w.toHost) > 0 && w.toHostAt <= w.now:
			w.sent()
		case len(w.toDev) > 0 && w.toDevAt <= w.now:
			w.arrived()
		case len(w.held) > 0 && w.flushAt <= w.now:
			w.flush()
		default:
			t := w.timers[0]
			w.timers = append(w.timers[:0], w.timers[1:]...)
			if t.f != nil {
				t.f()
			}
		}
	}
	w.now = max(w.now, to)
}

// catchUp is advance to what the clock on the wall says.
func (w *Wire) catchUp() {
	if w.o.Real {
		w.advance(time.Since(w.start))
	}
}

// step goes on to the next event, at most to end. In real time it waits for it, and lets others in meanwhile.
func (w *Wire) step(end time.Duration) {
	at := min(w.next(), end)
	if !w.o.Real {
		w.advance(at)
		return
	}
	if wait := at - time.Since(w.start); wait > 0 {
		wake := w.wake
		w.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-wake:
		}
		timer.Stop()
		w.mu.Lock()
	}
	w.catchUp()
}

// arrived is what happens when a byte of the host's is at the device.
func (w *Wire) arrived() {
	b := w.toDev[0]
	w.toDev = w.toDev[1:]
	w.toDevAt += w.hostByte()
	w.traffic.ToDev++
	var garbage [maxGarble]byte
	for _, c := range w.spoil(w.hear(b, w.baud, w.devBaud, 0, &garbage), w.o.ToDev) {
		w.device.Byte(c, w.baud)
	}
}

// hostByte is how long a byte of the host's takes.
func (w *Wire) hostByte() time.Duration {
	if w.devBaud == USBSpeed {
		return usbByte
	}
	return byteTime(w.baud)
}

// sent is what happens when a byte of the device's is at the adapter.
func (w *Wire) sent() {
	b := w.toHost[0]
	w.toHost = w.toHost[1:]
	w.toHostAt += byteTime(w.devBaud)
	w.traffic.ToHost++
	if w.port == nil || w.port.lost {
		return
	}
	from := w.devBaud
	if from == AnySpeed {
		from = 115200
	}
	var garbage [maxGarble]byte
	out := w.spoil(w.hear(b, from, w.baud, 1, &garbage), w.o.ToHost)
	if len(out) == 0 {
		return
	}
	if len(w.held) == 0 {
		w.flushAt = w.now
		if l := w.o.Latency; l > 0 { // its timer runs all the time
			w.flushAt = w.now + l - w.now%l
		}
	}
	w.held = append(w.held, out...)
	if len(w.held) >= packet {
		w.flushAt = w.now
	}
}

// flush is an adapter handing over what it holds.
func (w *Wire) flush() {
	n := min(len(w.held), hostRoom-len(w.in))
	w.in = append(w.in, w.held[:n]...)
	w.traffic.Lost += uint64(len(w.held) - n)
	w.held = w.held[:0]
}

// hear is what one end understands of a byte that the other sent at its own speed.
func (w *Wire) hear(b byte, from, at uint32, direction int, room *[maxGarble]byte) []byte {
	if from == USBSpeed || at == USBSpeed || at == AnySpeed || within(from, at) {
		room[0] = b
		return room[:1]
	}
	w.traffic.Garbled++
	// Somebody who listens faster hears more bytes, slower fewer.
	part := uint64(at)<<8/uint64(max(from, 1)) + uint64(w.ratio[direction])
	n := int(min(part>>8, maxGarble))
	w.ratio[direction] = uint32(part & 0xff)
	for i := range n {
		room[i] = byte(w.Random())
	}
	return room[:n]
}

func within(a, b uint32) bool {
	d := int64(a) - int64(b)
	return max(d, -d)*100 <= slack*int64(b)
}

// spoil does to bytes what faults do. It may use the array behind p.
func (w *Wire) spoil(p []byte, f Faults) []byte {
	if f == (Faults{}) || len(p) == 0 {
		return p
	}
	hit := func(n int) bool { return n > 0 && w.Random()%uint64(n) == 0 }
	switch {
	case hit(f.Drop):
		w.traffic.Spoiled++
		return p[:len(p)-1]
	case hit(f.Flip):
		w.traffic.Spoiled++
		p[0] ^= 1 << (w.Random() % 8)
	case hit(f.Double):
		w.traffic.Spoiled++
		return append(p, p[len(p)-1])
	}
	return p
}
