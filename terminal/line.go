package terminal

import (
	"math"
	"time"

	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

// Speeder is a Cable that can change its speed.
type Speeder interface {
	// SetSpeed sets the speed in bits a second, 0 the base speed, for what is sent and received from now on. A reset sets
	// the base speed.
	SetSpeed(baud uint32) error
}

// forever is a wait without end.
const forever = time.Duration(math.MaxInt64)

// Memory of a line: packets of smp.BufSize bytes in either framing, with what the framings add.
const (
	answerSize = smp.BufSize + 64 // a packet under construction, with the header
	wireSize   = 2 * answerSize   // the same, framed: base64 and line marks are less than half as much again
	frameSize  = smp.BufSize + 64 // a frame that comes in
)

// line is the conversation over the cable as packets: console framing at the base speed, or frames once a host has asked for
// them. What the packets say is its user's business.
type line struct {
	cable   Cable
	clock   Clock
	speeder Speeder // the cable, nil: it has one speed
	user    lineUser

	deframer smp.Deframer
	guard    frame.Guard
	dec      frame.Decoder
	still    time.Duration // nothing came for so long, inside of a frame; -1: it was counted
	owed     bool          // blocks came that are not acknowledged
	at, have int           // of rx, not looked at yet

	rx     [256]byte
	inbox  [frameSize]byte // of deframer and frame decoder, of which one is in use
	packet [answerSize]byte
	wire   [wireSize]byte
}

// lineUser is who speaks over a line.
type lineUser interface {
	// takeBlock takes a block of a file, of which file has the low byte of its number.
	takeBlock(file uint8, block uint32, p []byte)
	// acknowledge says which blocks are there.
	acknowledge()
	// spare does a piece of work that can wait, and reports whether there was any.
	spare() bool
	// due reports whether there is work for which listening ends.
	due() bool
}

func (l *line) begin(hw *Hardware, user lineUser) {
	l.cable, l.clock, l.user = hw.Cable, hw.Clock, user
	l.speeder, _ = hw.Cable.(Speeder)
	l.deframer.Reset(l.inbox[:])
}

// send sends a packet in the framing of the moment.
func (l *line) send(packet []byte) error {
	if l.guard.On() {
		return l.cable.Write(frame.AppendPacket(l.wire[:0], packet))
	}
	return l.cable.Write(smp.AppendFrames(l.wire[:0], packet))
}

// toFrames goes over to frames, at another speed if the cable can.
func (l *line) toFrames(speed uint32) {
	if l.speeder != nil && l.speeder.SetSpeed(speed) != nil {
		l.toConsole() // the host finds out in its trial
		return
	}
	l.dec.Reset(l.inbox[:])
	l.still, l.owed = 0, false
	l.guard.Begin(frame.DeviceSilence)
}

// toConsole returns to the console framing at base speed, whatever there was. What was read and not looked at yet stays: a
// host that made it return may have gone on with its first question.
func (l *line) toConsole() {
	l.guard.End()
	l.dec.Reset(l.inbox[:])
	l.deframer.Reset(l.inbox[:])
	if l.speeder != nil {
		// A driver that cannot go back to its own base speed has a reset, which the host can ask for.
		_ = l.speeder.SetSpeed(0)
	}
}

// heardBreak looks for a break, which ends frames, and reports whether there was one.
func (l *line) heardBreak() bool {
	if !l.cable.Break() {
		return false
	}
	l.toConsole()
	return true
}

// parse takes what was read until there is a packet.
func (l *line) parse() []byte {
	for l.at < l.have {
		if l.guard.On() {
			content, used, bad := l.dec.Next(l.rx[l.at:l.have])
			l.at += used
			switch {
			case bad && l.guard.Damaged():
				l.toConsole()
			case content != nil:
				l.guard.Valid()
				if packet := l.takeFrame(content); packet != nil {
					return packet
				}
			}
			continue
		}
		packet, used := l.deframer.Next(l.rx[l.at:l.have])
		l.at += used
		if packet != nil {
			return packet
		}
	}
	return nil
}

// takeFrame does what a frame asks for. It returns the packet if the frame carries one.
func (l *line) takeFrame(content []byte) []byte {
	switch frame.Kind(content[0]) {
	case frame.KindPacket:
		return content[1:]
	case frame.KindData:
		if m, ok := frame.ParseData(content); ok {
			l.owed = true // also what is not wanted: the answer says what is
			l.user.takeBlock(m.File, uint32(m.Block), m.Bytes)
		}
	case frame.KindProbe:
		if pattern, ok := frame.ParsePattern(content, frame.KindProbe); ok {
			l.guard.Probed()
			// An error is the cable's, which the next read meets as well.
			_ = l.cable.Write(frame.AppendPattern(l.wire[:0], frame.KindEcho, pattern))
		}
	case frame.KindAck, frame.KindEcho:
		// A host's own frames, reflected.
	}
	return nil
}

// sendAck sends an acknowledgement if the framing stands.
func (l *line) sendAck(m *frame.Ack) {
	l.owed = false
	if l.guard.Proven() {
		// An error is the cable's, which the next read meets as well.
		_ = l.cable.Write(frame.AppendAck(l.wire[:0], m))
	}
}

// hear waits for a packet, at most for wait. None is nil, which a break also causes, and work that is due.
func (l *line) hear(wait time.Duration) ([]byte, error) {
	start := l.clock.Now()
	for {
		if packet := l.next(); packet != nil {
			return packet, nil
		}
		if l.user.due() {
			return nil, nil
		}
		asked := l.clock.Now()
		left := wait
		if wait != forever {
			left = max(0, wait-(asked-start))
		}
		if l.guard.On() {
			left = min(left, l.guard.Left(), frame.Listen)
			if l.dec.Open() && l.still >= 0 {
				left = min(left, frame.CutShort)
			}
		}
		if left > 0 && l.user.spare() {
			left = 0 // there may be more to do
		}
		n, err := l.read(left)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			continue
		}
		if l.guard.On() {
			quiet := l.clock.Now() - asked
			if l.stalled(quiet) || l.guard.Listened(quiet) {
				l.toConsole()
			}
		}
		return nil, nil
	}
}

// next returns a packet of what was read, nil without one, and acknowledges blocks that came before it.
func (l *line) next() []byte {
	packet := l.parse()
	if packet == nil && l.owed {
		l.user.acknowledge()
	}
	return packet
}

// read reads what comes within wait.
func (l *line) read(wait time.Duration) (int, error) {
	n, err := l.cable.Read(l.rx[:], wait)
	if err != nil {
		return 0, err
	}
	l.at, l.have = 0, n
	if n > 0 {
		l.still = 0
	}
	return n, nil
}

// glance listens for a moment, in frames, and reports whether these have ended, or the cable.
func (l *line) glance() (ended bool) {
	asked := l.clock.Now()
	n, err := l.read(frame.CutShort)
	switch {
	case err != nil:
		return true // the next read outside meets it as well
	case n > 0:
		return false
	case l.stalled(l.clock.Now() - asked):
		l.toConsole()
		return true
	}
	return l.heardBreak()
}

// stalled notes that nothing came for so long. A frame that was begun then counts as damaged, once: a host in another
// framing or at another speed makes such ones. It reports whether that was one too many. What is there stays, for a host may
// only have been slow.
func (l *line) stalled(quiet time.Duration) bool {
	if !l.guard.On() || !l.dec.Open() || l.still < 0 {
		return false
	}
	if l.still += quiet; l.still < frame.CutShort {
		return false
	}
	l.still = -1
	return l.guard.Damaged()
}

// leastAhead is how many bytes of blocks may be on their way at least.
const leastAhead = 2 * frame.MinBlock

// ahead returns how many bytes of blocks may be on their way, and the largest block. attentive: the line is listened to while
// the flash is busy.
func (l *line) ahead(attentive bool) (ahead, block uint32) {
	if attentive {
		return frame.Window * frame.MaxBlock, frame.MaxBlock
	}
	depth := uint32(l.cable.Depth())
	ahead, block = leastAhead, frame.MinBlock
	for ; block < frame.MaxBlock && uint32(frame.DataSize(int(2*block)))*2 <= depth; block *= 2 {
		ahead = 4 * block
	}
	return ahead, block
}
