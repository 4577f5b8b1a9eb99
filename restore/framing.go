package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

// fastSpeed is the speed that is asked for when it pays, unless the options say otherwise.
const fastSpeed = 921600

// Times of the fast framing.
const (
	// staleTime is how long a host may be silent and still believe that the device speaks frames.
	staleTime = 700 * time.Millisecond
	// returnTime is how long a device takes at most to come back to the console framing without a break.
	returnTime = 1200 * time.Millisecond
	// callBack is a break that any device notices, at any speed.
	callBack = 20 * time.Millisecond
	// speedPays is the time on the line at base speed from which on another speed is worth the change.
	speedPays = 3 * time.Second
)

// framing is the part of a session that is on while frames are spoken.
type framing struct {
	guard  frame.Guard
	dec    frame.Decoder
	buf    []byte
	agreed smp.Frames
	speed  uint32        // of the port, in bits a second
	heard  time.Duration // when the last valid frame came
	over   bool          // too many damaged frames: the framing has ended, and the port does not know it yet
	ack    frame.Ack     // the last one
	acks   uint64
	probe  uint8   // number of the last pattern
	tried  []uint8 // numbers of the patterns that have not come back
	echoed int     // patterns that have
	slow   bool    // the other speed does not work
	none   bool    // frames do not work
}

// canFrame reports whether frames are worth a try with this device.
func (s *Session) canFrame(d *Device) bool {
	return d.Frames == smp.FramesVersion && !s.opt.Plain && !s.framing.none
}

// fast returns the speed to ask for when the work takes so long on the line at base speed; 0 is the base
// speed.
func (s *Session) fast(d *Device, line time.Duration) uint32 {
	speed := s.opt.Fast
	if speed == 0 {
		speed = fastSpeed
	}
	if _, can := s.port.(Speeder); !can || s.framing.slow || line < speedPays || min(speed, d.Speed) <= s.opt.Baud {
		return 0
	}
	return min(speed, d.Speed)
}

// agree asks for frames at a speed, 0 being the base speed or any at which they are spoken already, and tries
// them with patterns. If it does not come to that, the console framing at base speed goes on; that is no error.
// riders may be asked for on the way, where the speed stays: they are done then, or not.
func (s *Session) agree(ctx context.Context, d *Device, speed uint32, riders ...ask) error {
	f := &s.framing
	for s.canFrame(d) {
		if err := s.refresh(ctx); err != nil {
			return err
		}
		if f.guard.On() && (speed == 0 || speed == f.speed) {
			return nil
		}
		err := s.change(ctx, speed, riders)
		var said *smp.Error
		switch {
		case errors.As(err, &said):
			f.none = true
			return nil
		case err != nil:
			return fmt.Errorf("agree on frames: %w", err)
		case f.guard.Proven():
			return nil
		}
		// Both ends return alone. A device whose last echo was lost takes longer.
		if err := s.console(ctx, true); err != nil {
			return err
		}
		if err := s.pause(ctx, frame.TrialTime); err != nil {
			return err
		}
		f.none = speed == 0
		f.slow, speed = true, 0
	}
	return nil
}

// change asks, changes the speed, and lets two patterns go to the device and back. Where the speed stays,
// patterns and riders follow the question at once.
func (s *Session) change(ctx context.Context, speed uint32, riders []ask) error {
	f := &s.framing
	f.tried = f.tried[:0]
	stays := speed == 0 && f.speed == s.opt.Baud && !f.guard.On()
	n := 0 // riders on their way
	if stays {
		var err error
		if s.behind, n, err = s.bundle(s.probes(nil, frame.Probes), riders, besides); err != nil {
			return err
		}
	}
	behind, repeated := len(s.behind), s.repeated
	var a smp.Frames
	if err := s.call(ctx, &smp.FramesRequest{Speed: speed}, &a, prompt); err != nil {
		return err
	}
	if s.repeated != repeated {
		behind, n = 0, 0 // they followed the first question, which was lost
	}
	if a.Block < frame.MinBlock || a.Block > frame.MaxBlock || a.Block&(a.Block-1) != 0 || a.Ahead < a.Block || a.Speed > speed {
		return &Error{Code: CodeProtocol, Err: fmt.Errorf("frames of %d bytes, %d ahead, at speed %d", a.Block, a.Ahead, a.Speed)}
	}
	if a.Speed == 0 {
		a.Speed = s.opt.Baud
	}
	f.agreed = a
	if err := s.setSpeed(a.Speed); err != nil {
		if errors.Is(err, ErrUnsupported) {
			return nil // the trial has failed
		}
		return err
	}
	if f.buf == nil {
		f.buf = make([]byte, frame.DecoderSize(answerSize))
	}
	f.dec.Reset(f.buf)
	if !stays {
		s.rest = nil
	}
	f.over = false
	f.guard.Begin(frame.HostSilence)
	end := s.port.Now() + frame.TrialTime
	// All patterns at once at first, which a device with a small receive buffer cannot take.
	for k := frame.Probes; f.guard.On() && !f.guard.Proven() && s.port.Now() < end; k = 1 {
		if behind == 0 {
			s.framed = s.probes(s.framed[:0], k)
			if err := s.write(s.framed); err != nil {
				return err
			}
			behind = len(s.framed)
		}
		again := min(end, s.port.Now()+2*s.lineTime(behind)+100*time.Millisecond)
		behind = 0
		for want := f.echoed + k; f.guard.On() && !f.guard.Proven() && f.echoed < want; {
			if _, err := s.event(ctx, again); IsTimeout(err) {
				break
			} else if err != nil {
				return err
			}
		}
	}
	if n > 0 && f.guard.Proven() {
		var said *smp.Error
		if err := s.gather(ctx, hashes, riders[:n], 0); !errors.As(err, &said) {
			return err
		}
	}
	return nil
}

// probes appends so many new patterns.
func (s *Session) probes(dst []byte, n int) []byte {
	f := &s.framing
	var pattern [frame.PatternSize]byte
	for range n {
		f.probe++
		f.tried = append(f.tried, f.probe)
		frame.Fill(&pattern, f.probe)
		dst = frame.AppendPattern(dst, frame.KindProbe, pattern[:])
	}
	return dst
}

// came takes a pattern that came back, and reports whether it is one of this trial, the first time.
func (f *framing) came(pattern []byte) bool {
	for i, n := range f.tried {
		var want [frame.PatternSize]byte
		if frame.Fill(&want, n); string(want[:]) == string(pattern) {
			f.tried = append(f.tried[:i], f.tried[i+1:]...)
			f.echoed++
			f.guard.Probed()
			return true
		}
	}
	return false
}

// setSpeed changes the speed of the port if it is another one.
func (s *Session) setSpeed(speed uint32) error {
	if speed == s.framing.speed {
		return nil
	}
	p, can := s.port.(Speeder)
	if !can {
		return ErrUnsupported
	}
	if err := p.SetSpeed(speed); err != nil {
		if errors.Is(err, ErrUnsupported) {
			return err
		}
		return fail(CodeVanished, err)
	}
	s.framing.speed = speed
	return nil
}

// console returns to the console framing at base speed. With call the device is called back as well, since
// it may not know.
func (s *Session) console(ctx context.Context, call bool) error {
	f := &s.framing
	if call && f.guard.On() {
		if err := s.hangUp(); err != nil {
			return err
		}
	}
	f.guard.End()
	f.over = false
	s.rest = nil
	s.deframer.Reset(s.inbox)
	if err := s.setSpeed(s.opt.Baud); err != nil {
		return err
	}
	if !call {
		return nil
	}
	if b, can := s.port.(Breaker); can {
		err := b.Break(callBack)
		switch {
		case err == nil:
			return s.pause(ctx, settleTime)
		case !errors.Is(err, ErrUnsupported):
			return fail(CodeVanished, err)
		}
	}
	return s.pause(ctx, returnTime)
}

// hangUp makes a device that speaks frames at this speed give them up at once. To any other it is noise.
func (s *Session) hangUp() error {
	s.framed = frame.AppendHangUp(s.framed[:0])
	return s.write(s.framed)
}

// leaveFrames makes the device give the fast framing up, for what is to be said in the plain one.
func (s *Session) leaveFrames(ctx context.Context) error {
	if !s.framing.guard.On() {
		return nil
	}
	return s.console(ctx, true)
}

// refresh gives frames up that the device has given up by now, because nothing was said for long.
func (s *Session) refresh(ctx context.Context) error {
	f := &s.framing
	if !f.guard.On() || s.port.Now()-f.heard < staleTime {
		return nil
	}
	if err := s.console(ctx, false); err != nil {
		return err
	}
	return s.pause(ctx, f.heard+returnTime-s.port.Now())
}

// parse takes what was read. news says that something came: a packet, or with none an acknowledgement or
// an echo, which s.framing then has, or a damaged frame.
func (s *Session) parse() (packet []byte, news bool) {
	f := &s.framing
	for len(s.rest) > 0 {
		if !f.guard.On() {
			packet, used := s.deframer.Next(s.rest)
			s.rest = s.rest[used:]
			if packet != nil {
				return packet, true
			}
			continue
		}
		content, used, bad := f.dec.Next(s.rest)
		s.rest = s.rest[used:]
		if bad {
			s.damaged++
			f.over = f.guard.Damaged()
			return nil, !f.over
		}
		if content == nil {
			continue
		}
		f.guard.Valid()
		f.heard = s.port.Now()
		switch frame.Kind(content[0]) {
		case frame.KindPacket:
			return content[1:], true
		case frame.KindAck:
			if a, ok := frame.ParseAck(content); ok {
				f.ack = a
				f.acks++
				return nil, true
			}
		case frame.KindEcho:
			if p, ok := frame.ParsePattern(content, frame.KindEcho); ok && f.came(p) {
				return nil, true
			}
		case frame.KindData, frame.KindProbe:
			// Our own frames, reflected.
		}
	}
	return nil, false
}

// event waits for a packet; nil without an error is other news: an acknowledgement, an echo, or the end of
// the fast framing. It returns ErrTimeout at the deadline.
func (s *Session) event(ctx context.Context, deadline time.Duration) ([]byte, error) {
	f := &s.framing
	for {
		if packet, news := s.parse(); news {
			return packet, nil
		}
		if f.over {
			return nil, s.console(ctx, true)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		now := s.port.Now()
		if now >= deadline {
			return nil, ErrTimeout
		}
		n, err := s.port.Read(s.input[:], min(deadline-now, look))
		s.received += uint64(n)
		s.line += s.lineTime(n)
		s.rest = s.input[:n]
		if !f.guard.On() {
			s.hear(s.rest)
		}
		if err != nil && !IsTimeout(err) {
			return nil, &Error{Code: CodeVanished, Err: err}
		}
		if f.guard.Proven() && f.guard.Listened(s.port.Now()-now) {
			f.over = true
		}
	}
}

// wrap makes a packet what goes over the line just now.
func (s *Session) wrap(packet []byte) []byte {
	if s.framing.guard.On() {
		s.framed = frame.AppendPacket(s.framed[:0], packet)
	} else {
		s.framed = smp.AppendFrames(s.framed[:0], packet)
	}
	return s.framed
}
