package emulator

import (
	"fmt"
	"math"
	"time"
)

// Defaults and limits of a line.
const (
	DefaultBaud  = 115200
	DefaultDepth = 512     // bytes the device's receive buffer holds
	maxDepth     = 1 << 20 // bytes
	hostOut      = 4096    // bytes a host may have written ahead of the wire
	hostIn       = 1 << 16 // bytes kept for a host that does not read
	frameBits    = 10      // 8N1: start bit, eight data bits, stop bit
	breakBits    = 11      // low for longer than a frame can be
	gapChars     = 2       // a read ends when the line was idle for this many characters
	maxBaud      = 20_000_000
	lookTime     = 10 * time.Microsecond // the least a read takes, so that polling takes time
)

// Signal is a modem line of the host's adapter.
type Signal uint8

// The signals.
const (
	NoSignal Signal = iota
	DTR
	RTS
)

// LineConfig is how the serial line is.
type LineConfig struct {
	Baud       uint32        // of both ends at first; 0 means DefaultBaud
	TurnAround time.Duration // the host's adapter waits this long before it sends on an idle line
	BitErrors  float64       // probability of each bit on the wire to be wrong
	LostBytes  float64       // probability of each byte to vanish
	Depth      int           // bytes the device's receive buffer holds; 0 means DefaultDepth
	Reset      Signal        // the device is held in reset while this is asserted
	Pin        Signal        // asserted is the same as the pin that asks for restoration mode
}

// LineStats counts what went over the wire, framing included.
type LineStats struct {
	ToDevice, ToHost uint64 // bytes sent
	Damaged          uint64 // bytes that arrived wrong
	Lost             uint64 // bytes that vanished on the wire
	Overrun          uint64 // bytes lost because the device's receive buffer was full
	Unheard          uint64 // bytes that arrived where nobody was: no power, or no open port
}

// line is the wire with both ends' buffers. The board's mu guards it.
type line struct {
	b                    *Board
	cfg                  LineConfig
	deviceBaud, hostBaud uint32
	down, up             wire // to the device, to the host
	breaks               []brk
	broken, news         bool // a break was seen; it was not yet told by a read
	bootAt               time.Duration
	dtr, rts             bool
	stats                LineStats
	port                 Port
}

// wire is one direction: bytes under way and bytes that arrived.
type wire struct {
	queue  []arrival
	head   int
	free   time.Duration // when the next byte can begin
	buffer []byte
	last   time.Duration // when the last byte arrived
	random random
}

type arrival struct {
	at time.Duration
	c  byte
}

// brk is a time in which the host holds its line low.
type brk struct {
	start, end time.Duration
	noted      bool
}

func (c *LineConfig) check() error {
	if c.Baud == 0 {
		c.Baud = DefaultBaud
	}
	if c.Depth == 0 {
		c.Depth = DefaultDepth
	}
	if c.Baud > maxBaud {
		return fmt.Errorf("emulator: line of %d baud, at most %d", c.Baud, maxBaud)
	}
	if c.Depth < 1 || c.Depth > maxDepth {
		return fmt.Errorf("emulator: receive buffer of %d bytes", c.Depth)
	}
	if c.TurnAround < 0 || c.TurnAround > time.Minute {
		return fmt.Errorf("emulator: turn-around of %v", c.TurnAround)
	}
	for _, p := range []float64{c.BitErrors, c.LostBytes} {
		if math.IsNaN(p) || p < 0 || p > 1 {
			return fmt.Errorf("emulator: probability %v on the line", p)
		}
	}
	if c.Reset > RTS || c.Pin > RTS || c.Reset != NoSignal && c.Reset == c.Pin {
		return fmt.Errorf("emulator: modem lines wired as %d and %d", c.Reset, c.Pin)
	}
	return nil
}

func (l *line) init(b *Board, cfg LineConfig) error {
	if err := cfg.check(); err != nil {
		return err
	}
	l.b, l.cfg = b, cfg
	l.port.b = b
	l.deviceBaud, l.hostBaud = cfg.Baud, cfg.Baud
	l.down.random = derive(b.cfg.Seed, 'd')
	l.up.random = derive(b.cfg.Seed, 'u')
	return nil
}

// SetLine changes the line. If the speed changes, it changes at both ends.
func (b *Board) SetLine(cfg LineConfig) error {
	if err := cfg.check(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &b.line
	if cfg.Baud != l.cfg.Baud {
		l.deviceBaud, l.hostBaud = cfg.Baud, cfg.Baud
	}
	l.cfg = cfg
	b.wakeAll()
	return nil
}

// LineStats returns what was counted so far.
func (b *Board) LineStats() LineStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	return b.line.stats
}

// chars returns how long n characters take.
func chars(n int, baud uint32) time.Duration {
	return bitTime(n*frameBits, baud)
}

func bitTime(bits int, baud uint32) time.Duration {
	return time.Duration(uint64(bits) * uint64(time.Second) / uint64(baud))
}

// powerUp and boot begin anew at the device's end. What is on the wire still arrives.
func (l *line) powerUp() { l.deviceBaud = l.cfg.Baud }

func (l *line) boot() {
	l.deliver(l.b.now)
	l.deviceBaud = l.cfg.Baud
	l.bootAt = l.b.now
	l.stats.Unheard += uint64(len(l.down.buffer))
	l.down.buffer = l.down.buffer[:0]
	l.broken, l.news = false, false
	for i := range l.breaks {
		l.breaks[i].noted = false
	}
}

// silence takes back what the device has not sent by now.
func (l *line) silence(now time.Duration) {
	l.deliver(now)
	l.up.queue, l.up.head = l.up.queue[:0], 0
	l.up.free = now
}

func (l *line) asserted(s Signal) bool {
	switch s {
	case DTR:
		return l.dtr
	case RTS:
		return l.rts
	case NoSignal:
	}
	return false
}

func (l *line) held() bool { return l.asserted(l.cfg.Reset) }

// send puts p on a wire from start on and returns when the last byte has arrived.
func (l *line) send(w *wire, p []byte, start time.Duration, from, to uint32) time.Duration {
	if w.head > len(w.queue)/2 {
		w.queue, w.head = w.queue[:copy(w.queue, w.queue[w.head:])], 0
	}
	other := max(from, to) - min(from, to)
	deaf := uint64(other)*100 > uint64(from)*3
	wrong := 0.0
	if l.cfg.BitErrors > 0 {
		wrong = 1 - math.Pow(1-l.cfg.BitErrors, frameBits)
	}
	for i, c := range p {
		at := start + chars(i+1, from)
		lost := w.random.chance(l.cfg.LostBytes)
		switch {
		case deaf:
			// At another speed the bits fall anywhere.
			v := w.random.next()
			c, lost = byte(v), lost || v>>8&1 != 0
			l.stats.Damaged++
		case w.random.chance(wrong):
			if bit := w.random.next() % frameBits; bit == 0 || bit == frameBits-1 {
				lost = true // no start bit, or a framing error
			} else {
				c ^= 1 << (bit - 1)
				l.stats.Damaged++
			}
		}
		if lost {
			l.stats.Lost++
			continue
		}
		w.queue = append(w.queue, arrival{at, c})
	}
	w.free = start + chars(len(p), from)
	return w.free
}

// hostSend sends from the host and returns when all has arrived.
func (l *line) hostSend(p []byte) time.Duration {
	l.stats.ToDevice += uint64(len(p))
	return l.send(&l.down, p, l.hostStart(), l.hostBaud, l.deviceBaud)
}

// hostStart returns when the host's adapter begins to send what it is given now.
func (l *line) hostStart() time.Duration {
	if l.down.free > l.b.now {
		return l.down.free
	}
	return l.b.now + l.cfg.TurnAround
}

// deviceSend sends from the device and returns when all has arrived.
func (l *line) deviceSend(p []byte) time.Duration {
	l.stats.ToHost += uint64(len(p))
	return l.send(&l.up, p, max(l.b.now, l.up.free), l.deviceBaud, l.hostBaud)
}

// deliver moves what has arrived by now into the buffers.
func (l *line) deliver(now time.Duration) {
	depth := max(l.cfg.Depth, l.b.dev.read)
	for w := &l.down; w.due(now); {
		c := w.pop()
		switch {
		case l.b.power == off:
			l.stats.Unheard++
		case len(w.buffer) >= depth:
			l.stats.Overrun++
		default:
			w.buffer = append(w.buffer, c)
		}
	}
	for w := &l.up; w.due(now); {
		c := w.pop()
		switch {
		case l.b.att != nil && l.b.att.take(c):
		case l.port.state == portOpen && len(w.buffer) < hostIn:
			w.buffer = append(w.buffer, c)
		default:
			l.stats.Unheard++
		}
	}
	kept := l.breaks[:0]
	for _, k := range l.breaks {
		if at := l.noticed(k); !k.noted && at <= k.end && at <= now && l.b.power != off {
			k.noted = true
			l.broken, l.news = true, true
		}
		if now < k.end {
			kept = append(kept, k)
		}
	}
	l.breaks = kept
}

// noticed returns when the device knows that k is a break, if it lasts that long.
func (l *line) noticed(k brk) time.Duration {
	return max(k.start, l.bootAt) + bitTime(breakBits, l.deviceBaud)
}

func (w *wire) due(now time.Duration) bool {
	return w.head < len(w.queue) && w.queue[w.head].at <= now
}

func (w *wire) pop() byte {
	a := w.queue[w.head]
	w.head++
	w.last = a.at
	return a.c
}

// take moves bytes from the buffer to p.
func (w *wire) take(p []byte) int {
	n := copy(p, w.buffer)
	w.buffer = w.buffer[:copy(w.buffer, w.buffer[n:])]
	return n
}

// wake returns when a read of n bytes ends: when n are there, or when the line was idle for a gap
// behind at least one. It is never if nothing is under way.
func (w *wire) wake(n int, gap time.Duration) time.Duration {
	have, last := len(w.buffer), w.last
	if have >= n {
		return 0
	}
	for _, a := range w.queue[w.head:] {
		if have > 0 && a.at > last+gap {
			break
		}
		have++
		last = a.at
		if have == n {
			return last
		}
	}
	if have == 0 {
		return never
	}
	return last + gap
}

func (l *line) deviceWake(n int) time.Duration {
	t := l.down.wake(n, chars(gapChars, l.deviceBaud))
	if l.news {
		return 0
	}
	for _, k := range l.breaks {
		if at := l.noticed(k); !k.noted && at <= k.end {
			t = min(t, at)
		}
	}
	return t
}

func (l *line) hostWake(n int) time.Duration {
	return l.up.wake(n, chars(gapChars, l.hostBaud))
}
