package sweep

import (
	"time"

	"unbrick/restore"
)

// FrameFault is what befalls one frame of the cable: what the host writes or reads in one piece.
type FrameFault uint8

// The faults of a frame.
const (
	FrameFine FrameFault = iota
	FrameLost
	FrameTwice
	FrameDamaged
	FrameLate    // delayed past the time-out
	FrameUnplugs // the cable is pulled before it, and plugged in again later
	frameFaults
)

var frameNames = [frameFaults]string{"fine", "lost", "duplicated", "damaged", "delayed", "cable pulled"}

func (f FrameFault) String() string { return frameNames[f] }

// lateBy is longer than any time-out of the host, unplugged how long a person takes to plug in again.
const (
	lateBy    = 30 * time.Second
	unplugged = 5 * time.Second
)

// faulty is a port that does something to one frame and hands everything else on.
type faulty struct {
	restore.Port
	hit   FrameHit
	count uint32
	kept  []byte        // read, to be read again
	away  time.Duration // unplugged until then
}

func (p *faulty) next() FrameFault {
	p.count++
	if p.count == p.hit.At {
		return p.hit.Fault
	}
	return FrameFine
}

// Write implements restore.Port.
func (p *faulty) Write(b []byte) error {
	if p.Now() < p.away {
		return restore.ErrVanished
	}
	switch p.next() {
	case FrameLost:
		return nil
	case FrameTwice:
		if err := p.Port.Write(b); err != nil {
			return err
		}
	case FrameDamaged:
		b = append([]byte(nil), b...)
		b[len(b)/2] ^= 0x04
	case FrameLate:
		p.sleep(lateBy)
	case FrameUnplugs:
		p.away = p.Now() + unplugged
		return restore.ErrVanished
	case FrameFine, frameFaults:
	}
	return p.Port.Write(b)
}

// Read implements restore.Port.
func (p *faulty) Read(b []byte, wait time.Duration) (int, error) {
	if p.Now() < p.away {
		p.sleep(p.away - p.Now())
		return 0, restore.ErrVanished
	}
	if len(p.kept) > 0 {
		n := copy(b, p.kept)
		p.kept = p.kept[n:]
		return n, nil
	}
	n, err := p.Port.Read(b, wait)
	if n == 0 || err != nil {
		return n, err
	}
	switch p.next() {
	case FrameLost:
		return 0, restore.ErrTimeout
	case FrameTwice:
		p.kept = append(p.kept, b[:n]...)
	case FrameDamaged:
		b[n/2] ^= 0x04
	case FrameLate:
		p.sleep(lateBy)
	case FrameUnplugs:
		p.away = p.Now() + unplugged
		return 0, restore.ErrVanished
	case FrameFine, frameFaults:
	}
	return n, nil
}

// sleep lets time pass at the host's end, dropping what comes.
func (p *faulty) sleep(d time.Duration) {
	var drop [256]byte
	for end := p.Now() + d; p.Now() < end; {
		if _, err := p.Port.Read(drop[:], end-p.Now()); err != nil && !timedOut(err) {
			return
		}
	}
}

func timedOut(err error) bool {
	t, ok := err.(interface{ Timeout() bool })
	return ok && t.Timeout()
}

// Break implements restore.Breaker, if the port does.
func (p *faulty) Break(d time.Duration) error {
	if b, ok := p.Port.(restore.Breaker); ok {
		return b.Break(d)
	}
	return restore.ErrUnsupported
}
