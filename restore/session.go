package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/protocol/smp"
	"unbrick/restore/boottext"
)

// DefaultBaud is the base speed of a cable unless the model says otherwise.
const DefaultBaud = 115200

// answerSize is the longest packet that is taken from a device.
const answerSize = 4096

// look is how long one read waits, so that a context that ended is noticed.
const look = 100 * time.Millisecond

// Options tune a Session; nil means the defaults.
type Options struct {
	Baud     uint32        // speed of the line, for deadlines and estimates; 0: DefaultBaud
	First    Way           // tried first, because it worked before
	Only     bool          // First is the only way that is tried
	Patience time.Duration // how long Connect listens for a device that a person switches on; 0: DefaultPatience; negative: not at all
	OnWay    func(Way)     // told which way into restoration mode is tried; may be nil
	Trace    func(Call)    // told of every command when it is over; may be nil
	Plain    bool          // never speaks the fast framing
	Fast     uint32        // speed to change to when it pays and both ends can; 0: 921600

	// Heard is told, while Connect calls, what the device has said first and last, packets included, when it has said more. It
	// must not keep the bytes; may be nil.
	Heard func([]byte)
}

// Call is one command and how it went, for a diagnostic file.
type Call struct {
	At, Took time.Duration // on the port's clock
	Group    uint16
	ID       uint8
	Tries    int
	Bytes    int // of the request's packet
	Err      error
}

// Session is a conversation with one device. Make it with Connect.
type Session struct {
	port Port
	opt  Options

	deframer smp.Deframer
	inbox    []byte // of the deframer
	framing  framing
	input    [512]byte
	rest     []byte // of input, not looked at yet
	packet   []byte
	behind   []byte // what follows the next request at once
	framed   []byte
	sequence uint8

	way      Way
	params   smp.Parameters
	identity smp.Identity  // as Connect has learned it
	refusal  error         // that the question for it was answered with, nil: none
	asked    bool          // one of the two is what a device has said, and Identify has not looked at it
	answered bool          // the question for its boot loader
	foreign  bool          // no terminal of ours: nothing of our own group is sent
	sized    bool          // it has told its buffers
	plain    bool          // the other side is no terminal of ours: version 0 throughout
	latency  time.Duration // of an answer, beyond the time of its bytes
	began    time.Duration
	sent     uint64
	received uint64
	line     time.Duration // that both took, at the speed of the time
	repeated int           // requests that had to be sent again
	damaged  uint64
	heard    []byte // what came first and last in the console framing, packets included
	said     bool   // more of it came since Heard was told
}

// maxHeard is how many bytes of what a device says are kept.
const maxHeard = boottext.MaxRaw

// hear keeps what came.
func (s *Session) hear(p []byte) {
	if len(s.heard)+len(p) > 2*maxHeard { // its first words stay
		s.heard = append(s.heard[:maxHeard/2], s.heard[len(s.heard)-maxHeard/2:]...)
	}
	s.heard = append(s.heard, p...)
	s.said = true
}

// tell tells what was heard, if that is more than before.
func (s *Session) tell() {
	if s.said && s.opt.Heard != nil {
		s.opt.Heard(s.heard)
	}
	s.said = false
}

func newSession(port Port, o *Options) *Session {
	s := &Session{port: port, began: port.Now(), latency: defaultLatency}
	if o != nil {
		s.opt = *o
	}
	if s.opt.Baud == 0 {
		s.opt.Baud = DefaultBaud
	}
	s.inbox = make([]byte, smp.DeframerSize(answerSize))
	s.deframer.Reset(s.inbox)
	s.framing.speed = s.opt.Baud
	s.params = smp.Parameters{BufSize: fallbackBuffer, BufCount: 1}
	return s
}

// defaultLatency stands until one was measured: a USB adapter's.
const defaultLatency = 4 * time.Millisecond

// fallbackBuffer is what a device that does not tell its buffer takes at least.
const fallbackBuffer = 256

// Close ends the conversation and closes the port. A device that speaks frames is made to give them up, so
// that whoever opens its cable next is answered at once.
func (s *Session) Close() error {
	if s.framing.guard.On() {
		_ = s.hangUp() // best effort: a device gives them up by itself as well, only later
	}
	return s.port.Close()
}

// Way returns the way into restoration mode that worked.
func (s *Session) Way() Way { return s.way }

// Foreign reports whether the other end is no terminal of ours.
func (s *Session) Foreign() bool { return s.foreign }

// Parameters returns the device's buffers.
func (s *Session) Parameters() smp.Parameters { return s.params }

// Bytes returns how many bytes went over the wire since Connect, framing included.
func (s *Session) Bytes() (sent, received uint64) { return s.sent, s.received }

// lineTime returns how long n bytes take on the line.
func (s *Session) lineTime(n int) time.Duration { return lineTime(n, s.framing.speed) }

func lineTime(n int, baud uint32) time.Duration {
	return time.Duration(int64(n) * 10 * int64(time.Second) / int64(baud))
}

// patience is how often a request is sent and how long each time an answer is waited for, beyond the
// time that the bytes take: first at the first try, twice as long at each next one, at most wait.
type patience struct {
	wait   time.Duration
	first  time.Duration // 0: wait
	tries  int
	answer int // longest packet that may answer, in bytes; 0: any
}

// framedWait is how long the answer to a prompt command is waited for at first in the fast framing.
const framedWait = 120 * time.Millisecond

// Patience for what a device answers at once; for what it answers between two sectors; and for what it
// answers after hashing its flash. A repeated question is answered again and does no harm.
var (
	prompt = patience{wait: 800 * time.Millisecond, tries: 12}
	slow   = patience{first: 700 * time.Millisecond, wait: 4 * time.Second, tries: 8}
	hashes = patience{first: 2 * time.Second, wait: 8 * time.Second, tries: 6}
)

// call sends a request until it is answered, and reads the answer's body. An error that the device
// answered with is a *smp.Error; everything else is an *Error or the context's.
func (s *Session) call(ctx context.Context, q smp.Request, answer smp.Body, p patience) error {
	h := s.head(q)
	packet, err := smp.AppendPacket(s.packet[:0], h, q)
	if err != nil {
		return &Error{Code: CodeProtocol, Err: err}
	}
	s.packet = packet
	if err := s.refresh(ctx); err != nil {
		return err
	}
	start := s.port.Now()
	tries, err := s.exchange(ctx, h, answer, p)
	s.repeated += tries - 1
	s.trace(Call{At: start, Took: s.port.Now() - start, Group: h.Group, ID: h.ID, Tries: tries, Bytes: len(packet), Err: err})
	return err
}

// head returns the header of a request that was not sent before.
func (s *Session) head(q smp.Request) smp.Header {
	s.sequence++
	h := q.Head()
	if h.Group == smp.GroupOS || s.plain {
		h.Version = 0 // every server takes it; MCUboot's recovery drops all else without a word
	}
	h.Sequence = s.sequence
	return h
}

func (s *Session) trace(c Call) {
	if s.opt.Trace != nil {
		s.opt.Trace(c)
	}
}

// patient returns how long an answer is waited for at first, beyond the time of its bytes, and how many
// bytes those are at most.
func (s *Session) patient(p patience) (wait time.Duration, longest int) {
	longest = p.answer
	if longest == 0 {
		longest = smp.BufSize
	}
	switch framed := s.framing.guard.On(); {
	case framed && p.first != 0:
		return min(p.first, staleTime), longest
	case framed:
		return min(p.wait, framedWait), longest
	case p.first != 0:
		return p.first, longest
	}
	return p.wait, longest
}

func (s *Session) exchange(ctx context.Context, h smp.Header, answer smp.Body, p patience) (tries int, err error) {
	heard, damaged := s.received, s.deframer.Damaged()
	var broken error
	wait, longest := s.patient(p)
	for tries = 1; tries <= p.tries; tries, wait = tries+1, min(2*wait, p.wait) {
		if s.framing.guard.On() {
			wait = min(wait, staleTime) // silence for longer ends the framing
		}
		if err := ctx.Err(); err != nil {
			return tries, err
		}
		wire := s.wrap(s.packet)
		if tries == 1 {
			wire = append(wire, s.behind...)
			s.framed, s.behind = wire, nil
		}
		if err := s.write(wire); err != nil {
			return tries, err
		}
		if s.way == WayNone {
			s.tell()
		}
		asked := s.port.Now()
		deadline := asked + s.lineTime(len(s.framed)+smp.FramedSize(longest)) + wait
		for {
			body, err := s.answer(ctx, &h, deadline)
			if IsTimeout(err) {
				break
			}
			if err != nil {
				return tries, err
			}
			err = smp.ResponseError(body)
			var said *smp.Error
			if errors.As(err, &said) {
				return tries, err
			}
			if err == nil {
				err = answer.DecodeBody(body)
			}
			if err == nil {
				return tries, nil
			}
			// The CRC was right and the body is not: asking again may help once, not for ever.
			broken = err
			break
		}
	}
	tries = p.tries
	switch {
	case broken != nil:
		return tries, &Error{Code: CodeProtocol, Err: broken}
	case s.deframer.Damaged() != damaged || s.received-heard > 64 && h.Group != smp.GroupOS:
		return tries, &Error{Code: CodeNoisy, Err: fmt.Errorf("command %d/%d: %d tries", h.Group, h.ID, tries)}
	}
	return tries, &Error{Code: CodeSilent, Err: fmt.Errorf("command %d/%d: %d tries", h.Group, h.ID, tries)}
}

// answer waits for the packet that answers h and returns its body. Others are late answers to repeated
// requests, and are dropped.
func (s *Session) answer(ctx context.Context, h *smp.Header, deadline time.Duration) ([]byte, error) {
	for {
		packet, err := s.receive(ctx, deadline)
		if err != nil {
			return nil, err
		}
		got, body, err := smp.ParsePacket(packet)
		if err == nil && got.Answers(h) {
			return body, nil
		}
	}
}

// receive returns the next packet, or ErrTimeout at the deadline, or when a damaged frame came in the fast
// framing or that ended: what was asked must be asked again.
func (s *Session) receive(ctx context.Context, deadline time.Duration) ([]byte, error) {
	for {
		framed, damaged := s.framing.guard.On(), s.framing.dec.Damaged()
		packet, err := s.event(ctx, deadline)
		if packet != nil || err != nil {
			return packet, err
		}
		if framed && (!s.framing.guard.On() || s.framing.dec.Damaged() != damaged) {
			return nil, ErrTimeout
		}
	}
}

func (s *Session) write(p []byte) error {
	s.sent += uint64(len(p))
	s.line += s.lineTime(len(p))
	if err := s.port.Write(p); err != nil {
		return &Error{Code: CodeVanished, Err: err}
	}
	return nil
}

// pause lets time pass, dropping late answers.
func (s *Session) pause(ctx context.Context, d time.Duration) error {
	deadline := s.port.Now() + d
	for {
		if _, err := s.receive(ctx, deadline); err != nil {
			if IsTimeout(err) {
				return nil
			}
			return err
		}
	}
}
