package terminal

import (
	"time"

	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

// Speeder is a Cable that can change its speed.
type Speeder interface {
	// SetSpeed sets the speed in bits a second, 0 the base speed, for what is sent and received from now
	// on. A reset sets the base speed.
	SetSpeed(baud uint32) error
}

// Poller is a flash.Device that tells whether it is busy, so that the resident code need not wait in it: it
// then listens to the cable while the flash erases and programs.
type Poller interface {
	// Busy reports whether the operation that was begun last is still under way. It changes nothing; Wait
	// must be called all the same.
	Busy() bool
}

// leastAhead is how many bytes of blocks may be on their way at least.
const leastAhead = 2 * frame.MinBlock

// framing is the cable in binary frames, the part of host that is on only once a host has asked for it.
type framing struct {
	guard frame.Guard
	dec   frame.Decoder
	buf   []byte
	still time.Duration // nothing came for so long, inside of a frame; -1: it was counted
	owed  bool          // blocks came that are not acknowledged
}

// attentive reports whether the cable is listened to while the flash is busy.
func (t *Terminal) attentive() bool { return t.poller != nil }

// ahead returns how many bytes of blocks may be on their way, and the largest block.
func (t *Terminal) ahead() (ahead, block uint32) {
	if t.attentive() {
		return frame.Window * frame.MaxBlock, frame.MaxBlock
	}
	depth := uint32(t.hw.Cable.Depth())
	ahead, block = leastAhead, frame.MinBlock
	for ; block < frame.MaxBlock && uint32(frame.DataSize(int(2*block)))*2 <= depth; block *= 2 {
		ahead = 4 * block
	}
	return ahead, block
}

// takeFrames agrees on frames and on a speed: it answers as before, and changes both when the last stop bit
// is out.
func (t *Terminal) takeFrames(q *smp.Header, body []byte) error {
	var m smp.FramesRequest
	if m.DecodeBody(body) != nil {
		return t.deny(q, smp.FaultMalformed)
	}
	speed := min(m.Speed, t.hw.MaxSpeed)
	if t.speeder == nil {
		speed = 0
	}
	ahead, block := t.ahead()
	if err := t.answer(q, &smp.Frames{Speed: speed, Block: block, Ahead: ahead}); err != nil {
		return err
	}
	f := &t.host.framing
	if t.speeder != nil {
		if t.speeder.SetSpeed(speed) != nil {
			t.console() // the host finds out in its trial
			return nil
		}
	}
	f.dec.Reset(f.buf)
	f.still, f.owed = 0, false
	f.guard.Begin(frame.DeviceSilence)
	return nil
}

// console returns to the console framing at base speed, whatever there was. What was read and not looked at
// yet stays: a host that made it return may have gone on with its first question.
func (t *Terminal) console() {
	h := &t.host
	h.framing.guard.End()
	h.framing.dec.Reset(h.framing.buf)
	h.deframer.Reset(h.frame)
	if t.speeder != nil {
		// A driver that cannot go back to its own base speed has a reset, which the host can ask for.
		_ = t.speeder.SetSpeed(0)
	}
}

// parse takes what was read until there is a packet.
func (t *Terminal) parse() []byte {
	h := &t.host
	for h.at < h.have {
		if h.framing.guard.On() {
			content, used, bad := h.framing.dec.Next(h.rx[h.at:h.have])
			h.at += used
			switch {
			case bad && h.framing.guard.Damaged():
				t.console()
			case content != nil:
				h.framing.guard.Valid()
				if packet := t.takeFrame(content); packet != nil {
					return packet
				}
			}
			continue
		}
		packet, used := h.deframer.Next(h.rx[h.at:h.have])
		h.at += used
		if packet != nil {
			return packet
		}
	}
	return nil
}

// takeFrame does what a frame asks for. It returns the packet if the frame carries one.
func (t *Terminal) takeFrame(content []byte) []byte {
	h := &t.host
	switch frame.Kind(content[0]) {
	case frame.KindPacket:
		return content[1:]
	case frame.KindData:
		if m, ok := frame.ParseData(content); ok {
			t.takeBlock(&m)
		}
	case frame.KindProbe:
		if pattern, ok := frame.ParsePattern(content, frame.KindProbe); ok {
			h.framing.guard.Probed()
			// An error is the cable's, which the next read meets as well.
			_ = t.hw.Cable.Write(frame.AppendPattern(h.wire[:0], frame.KindEcho, pattern))
		}
	case frame.KindAck, frame.KindEcho:
		// A host's own frames, reflected.
	}
	return nil
}

// hear waits for a packet, at most for wait. None is nil, which a break also causes, and work that is
// due.
func (t *Terminal) hear(wait time.Duration) ([]byte, error) {
	h := &t.host
	f := &h.framing
	start := t.hw.Clock.Now()
	for {
		if packet := t.parse(); packet != nil {
			return packet, nil
		}
		if f.owed {
			t.acknowledge()
		}
		if h.job != jobNone {
			return nil, nil
		}
		asked := t.hw.Clock.Now()
		left := wait
		if wait != forever {
			left = max(0, wait-(asked-start))
		}
		if f.guard.On() {
			left = min(left, f.guard.Left(), frame.Listen)
			if f.dec.Open() && f.still >= 0 {
				left = min(left, frame.CutShort)
			}
		}
		if left > 0 && t.lookAhead() {
			left = 0 // there may be more to compute
		}
		n, err := t.hw.Cable.Read(h.rx[:], left)
		if err != nil {
			return nil, err
		}
		h.at, h.have = 0, n
		if n > 0 {
			f.still = 0
			continue
		}
		if f.guard.On() {
			quiet := t.hw.Clock.Now() - asked
			if t.stalled(quiet) || f.guard.Listened(quiet) {
				t.console()
			}
		}
		return nil, nil
	}
}

// stalled notes that nothing came for so long. A frame that was begun then counts as damaged, once: a host
// in another framing or at another speed makes such ones. It reports whether that was one too many. What is
// there stays, for a host may only have been slow.
func (t *Terminal) stalled(quiet time.Duration) bool {
	f := &t.host.framing
	if !f.dec.Open() || f.still < 0 {
		return false
	}
	if f.still += quiet; f.still < frame.CutShort {
		return false
	}
	f.still = -1
	return f.guard.Damaged()
}

// awaitFlash waits for the flash. Where the hardware allows it, a host that speaks frames is listened to
// meanwhile: everything that is done here runs from RAM and touches no flash.
func (t *Terminal) awaitFlash() error {
	h := &t.host
	f := &h.framing
	told := t.hw.Event
	t.hw.Event = nil // it may not run from RAM
	for t.attentive() && h.phase.Busy() && f.guard.On() {
		for packet := t.parse(); packet != nil; packet = t.parse() {
			if t.handle(packet) != nil {
				break
			}
		}
		if f.owed {
			t.acknowledge()
		}
		if !f.guard.On() || !t.poller.Busy() {
			break
		}
		asked := t.hw.Clock.Now()
		n, err := t.hw.Cable.Read(h.rx[:], frame.CutShort)
		if err != nil {
			break // the next read outside meets it as well
		}
		h.at, h.have = 0, n
		if n > 0 {
			f.still = 0
		} else if t.stalled(t.hw.Clock.Now()-asked) || t.hw.Cable.Break() {
			t.console()
			break
		}
	}
	t.hw.Event = told
	return t.hw.Flash.Wait()
}

// acknowledge says which blocks are there and where the work stands.
func (t *Terminal) acknowledge() {
	h := &t.host
	h.framing.owed = false
	if !h.framing.guard.Proven() {
		return
	}
	about := &h.files.in
	if about.size == 0 {
		about = &h.files.cur
	}
	m := frame.Ack{File: uint8(about.number), Applied: uint16(h.applied), Phase: uint8(h.phase), Fault: uint8(h.fault)}
	m.Next, m.Have = about.blocks.State()
	// An error is the cable's, which the next read meets as well.
	_ = t.hw.Cable.Write(frame.AppendAck(h.wire[:0], &m))
}
