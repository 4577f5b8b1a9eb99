package mcuboottest

import (
	"errors"
	"time"
)

// Port is a cable to a Device in virtual time: restore.Port. Bytes take ten bits each; Late is added to
// every answer.
type Port struct {
	Device *Device
	Baud   uint32 // 0: 115200
	Late   time.Duration
	Log    string              // said before every answer, as a boot loader's console does
	Out    func(sent int) bool // whether the cable is out after so many bytes of the host; nil: never

	now     time.Duration
	sent    int
	out     bool
	waiting []arrival
	ready   time.Duration   // the device works until then
	deaf    time.Duration   // it does not listen until then
	window  time.Duration   // until then any command keeps it in recovery
	line    []byte          // of the host, not complete yet
	queue   []time.Duration // when the lines that wait for the device are taken
}

// arrival is bytes on their way to the host.
type arrival struct {
	at    time.Duration
	bytes []byte
}

type timeout struct{}

func (timeout) Error() string { return "nothing came in time" }
func (timeout) Timeout() bool { return true }

// ErrOut is what a Port fails with whose cable is out.
var ErrOut = errors.New("cable is out")

// Plug puts the cable in again. What was on its way is lost.
func (p *Port) Plug() { p.out, p.waiting, p.Out, p.line = false, nil, nil, nil }

func (p *Port) duration(n int) time.Duration {
	baud := p.Baud
	if baud == 0 {
		baud = 115200
	}
	return time.Duration(n) * 10 * time.Second / time.Duration(baud)
}

// Now is the virtual time.
func (p *Port) Now() time.Duration { return p.now }

// Write hands bytes to the device. It works on a line when that has arrived and the work before is done; while
// it works a few lines wait, and the others are lost.
func (p *Port) Write(b []byte) error {
	for _, c := range b {
		if p.out = p.out || p.Out != nil && p.Out(p.sent+1); p.out {
			return ErrOut
		}
		p.sent++
		p.now += p.duration(1)
		if p.line = append(p.line, c); c == '\n' || len(p.line) > 4*maxLine {
			p.take(p.line)
			p.line = nil
		}
	}
	return nil
}

// take hands over a line that has arrived.
func (p *Port) take(line []byte) {
	d := p.Device
	if p.now < p.window {
		// It starts. What comes now waits in its buffers, and is the command that it waits for.
		d.Pin()
		p.ready = max(p.ready, p.deaf)
	} else if d.Silent() || p.now < p.deaf {
		return
	}
	for len(p.queue) > 0 && p.queue[0] <= p.now {
		p.queue = p.queue[1:]
	}
	most := d.Lines
	if most == 0 {
		most = 8
	}
	if p.now < p.ready {
		if len(p.queue) == most {
			return
		}
		p.queue = append(p.queue, p.ready)
	}
	answer, worked, away := d.Take(line)
	p.ready = max(p.ready, p.now) + worked
	if away > 0 {
		p.deaf = p.ready + away
		if d.Window > 0 {
			p.window = p.deaf + d.Window
		}
	}
	if len(answer) > 0 {
		answer = append([]byte(p.Log), answer...)
		p.waiting = append(p.waiting, arrival{p.ready + p.duration(len(answer)) + p.Late, answer})
	}
}

// Read waits in virtual time.
func (p *Port) Read(b []byte, wait time.Duration) (int, error) {
	if p.out {
		return 0, ErrOut
	}
	if len(p.waiting) == 0 || p.waiting[0].at > p.now+wait {
		p.now += wait
		return 0, timeout{}
	}
	a := &p.waiting[0]
	p.now = max(p.now, a.at)
	n := copy(b, a.bytes)
	if a.bytes = a.bytes[n:]; len(a.bytes) == 0 {
		p.waiting = p.waiting[1:]
	}
	return n, nil
}

// Close does nothing: the device stays as it is.
func (p *Port) Close() error { return nil }
