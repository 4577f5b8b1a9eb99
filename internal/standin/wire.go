package standin

import (
	"sync"
	"time"
)

// Speeds of a device that are none in bits a second.
const (
	AnySpeed uint32 = 1<<32 - 1 // it hears a host at whatever speed, as a loader does that still measures; it sends at 115200
	USBSpeed uint32 = 1<<32 - 2 // it is on the bus itself, and speeds mean nothing
)

const (
	usbByte   = 2500 * time.Nanosecond // on a bus: 400 KB/s, our choice
	hostRoom  = 64 << 10               // bytes that wait for a host to read
	sendRoom  = 4 << 10                // bytes that a port takes before Write waits
	packet    = 62                     // bytes that an adapter sends without waiting for its timer
	slack     = 3                      // per cent between two speeds that are still understood
	maxGarble = 4                      // bytes that one byte at a wrong speed becomes at most
)

// Device is the far end of a Wire. Its methods are called one after the other, at the time that Wire.Now says.
type Device interface {
	// Attach gives it its wire and switches it on. It is called once, before anything else.
	Attach(w *Wire)
	// Lines tells it of modem lines that changed; true is asserted, which is low at a pin.
	Lines(dtr, rts bool)
	// Byte is one that arrived, sent at a speed. At a speed that it does not listen at, it is garbage.
	Byte(b byte, baud uint32)
	// Break says that the line was low for so long.
	Break(d time.Duration)
}

// Powered is a Device that has its power from the port.
type Powered interface{ Power(on bool) }

// Options are what kind of line it is; the zero value is a good one in virtual time.
type Options struct {
	Seed    uint64
	Real    bool          // time is the wall's
	Latency time.Duration // of the adapter, towards the host; 0: each byte at once
	Ragged  bool          // reads give now a part, now all of what is there
	Asserts bool          // opening asserts both modem lines for a moment, as systems do
	ToHost  Faults        // on the way to the host
	ToDev   Faults        // on the way to the device
}

// Faults spoil one byte in so many; 0: none.
type Faults struct{ Drop, Flip, Double int }

// Wire is a line with a device at its end.
type Wire struct {
	mu     sync.Mutex
	device Device
	o      Options
	rnd    uint64
	now    time.Duration
	start  time.Time
	wake   chan struct{} // closed when something happened that a waiting port must look at
	timers []*Timer      // the next is the first

	port     *Port // the one that is open
	baud     uint32
	dtr, rts bool
	toDev    []byte
	toDevAt  time.Duration // when the first of toDev is there

	devBaud  uint32
	toHost   []byte
	toHostAt time.Duration
	held     []byte        // in the adapter
	flushAt  time.Duration // when its timer ends
	in       []byte        // what a host can read

	away    bool // off the bus, or pulled out
	pulled  bool
	refuse  int
	ratio   [2]uint32 // what is left of a byte at a wrong speed, for each direction
	traffic Traffic
}

// Traffic is what went over a Wire.
type Traffic struct {
	ToDev, ToHost uint64 // bytes, before faults
	Garbled       uint64 // bytes that came at a wrong speed
	Spoiled       uint64 // bytes that a fault hit
	Lost          uint64 // bytes that no host read in time
}

// New makes a line with a device at its end, and switches that on.
func New(d Device, o Options) *Wire {
	w := &Wire{device: d, o: o, rnd: o.Seed, start: time.Now(), wake: make(chan struct{}), devBaud: 115200, baud: 115200}
	d.Attach(w)
	return w
}

// Do runs f between two events: what a person or a test does to the device.
func (w *Wire) Do(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	f()
	w.stir()
}

// Traffic is what went over it so far.
func (w *Wire) Traffic() Traffic {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.traffic
}

// Elapsed is the time since it was made, for whoever is not the device.
func (w *Wire) Elapsed() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	return w.now
}

// Run lets so much virtual time pass, or waits for it.
func (w *Wire) Run(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	for end := w.now + d; w.now < end; {
		w.step(end)
	}
}

// Unplug pulls out the adapter, and Replug puts it back.
func (w *Wire) Unplug() {
	w.Do(func() {
		w.pulled = true
		w.leave()
		if p, ok := w.device.(Powered); ok {
			p.Power(false)
		}
	})
}

// Replug puts an adapter back that was pulled out.
func (w *Wire) Replug() {
	w.Do(func() {
		w.pulled, w.away = false, false
		if p, ok := w.device.(Powered); ok {
			p.Power(true)
		}
	})
}

// Refuse lets the next n openings fail, for reasons of the host's own.
func (w *Wire) Refuse(n int) { w.Do(func() { w.refuse = n }) }

// leave takes the port off the bus. The next event may be its return.
func (w *Wire) leave() {
	w.away = true
	w.toDev, w.toHost, w.held, w.in = nil, nil, nil, nil
	if w.port != nil && !w.port.lost {
		w.port.lost = true
		close(w.port.gone)
	}
	w.lines(false, false)
}

func (w *Wire) lines(dtr, rts bool) {
	if w.dtr == dtr && w.rts == rts {
		return
	}
	w.dtr, w.rts = dtr, rts
	w.device.Lines(dtr, rts)
}

// stir lets a waiting port look again.
func (w *Wire) stir() {
	close(w.wake)
	w.wake = make(chan struct{})
}
