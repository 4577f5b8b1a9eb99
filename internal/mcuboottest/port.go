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
	ready   time.Duration // the device works until then
	deaf    time.Duration // it does not listen until then
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
func (p *Port) Plug() { p.out, p.waiting, p.Out = false, nil, nil }

func (p *Port) line(n int) time.Duration {
	baud := p.Baud
	if baud == 0 {
		baud = 115200
	}
	return time.Duration(n) * 10 * time.Second / time.Duration(baud)
}

// Now is the virtual time.
func (p *Port) Now() time.Duration { return p.now }

// Write hands bytes to the device. It works on them when they have arrived and the work before is done.
func (p *Port) Write(b []byte) error {
	for i := range b {
		if p.out = p.out || p.Out != nil && p.Out(p.sent+1); p.out {
			return ErrOut
		}
		p.sent++
		p.now += p.line(1)
		if p.Device.Silent() || p.now < p.deaf {
			continue
		}
		answer, worked, away := p.Device.Take(b[i : i+1])
		p.ready = max(p.ready, p.now) + worked
		if away > 0 {
			p.deaf = p.ready + away
		}
		if len(answer) > 0 {
			answer = append([]byte(p.Log), answer...)
			p.waiting = append(p.waiting, arrival{p.ready + p.line(len(answer)) + p.Late, answer})
		}
	}
	return nil
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
