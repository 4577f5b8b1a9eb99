package restore

import (
	"context"
	"errors"

	"unbrick/protocol/frame"
	"unbrick/protocol/smp"
)

// besides is how many bytes of requests may wait in a device's receive buffer while it answers the one
// before them: a few short ones.
const besides = 128

// ask is one of several requests that go out together.
type ask struct {
	q      smp.Request
	answer smp.Body
	take   func() error // called when answer is filled in, which is good until the next one is; may be nil
	h      smp.Header
	size   int // of the packet
	done   bool
}

// together asks for several things, none of which depends on the answer to another one. In frames the
// requests go out one behind the other, with at most room bytes behind the first, so that the line turns
// around once; what is not answered then, and everything in the console framing, whose hosts stop and wait, is
// asked for one by one. The error is that of the first that failed, as of call, or of its take.
func (s *Session) together(ctx context.Context, p patience, room int, asks []ask) error {
	for len(asks) > 0 {
		n, err := s.batch(ctx, p, room, asks)
		if err != nil {
			return err
		}
		for i := range asks[:n] {
			a := &asks[i]
			if a.done {
				continue
			}
			if err := s.call(ctx, a.q, a.answer, p); err != nil {
				return err
			}
			if err := a.taken(); err != nil {
				return err
			}
		}
		asks = asks[n:]
	}
	return nil
}

func (a *ask) taken() error {
	a.done = true
	if a.take == nil {
		return nil
	}
	return a.take()
}

// batch sends the first n asks in one go, and takes what is answered in time; the rest may be asked for
// again. In the console framing it does nothing, with the first of them.
func (s *Session) batch(ctx context.Context, p patience, room int, asks []ask) (n int, err error) {
	if err := s.refresh(ctx); err != nil {
		return 0, err
	}
	f := &s.framing
	if !f.guard.On() {
		return 1, nil
	}
	wire, n, err := s.bundle(nil, asks, room)
	if err != nil {
		return n, err
	}
	if err := s.write(wire); err != nil {
		return n, err
	}
	return n, s.gather(ctx, p, asks[:n], len(wire))
}

// bundle appends the frames of the first n asks to dst: at most room bytes behind the first.
func (s *Session) bundle(dst []byte, asks []ask, room int) (wire []byte, n int, err error) {
	wire = dst
	first := 0
	for n < len(asks) {
		a := &asks[n]
		a.h = s.head(a.q)
		packet, err := smp.AppendPacket(s.packet[:0], a.h, a.q)
		if err != nil {
			return nil, n, &Error{Code: CodeProtocol, Err: err}
		}
		s.packet, a.size = packet, len(packet)
		if n > 0 && len(wire)-first+frame.Size(1+len(packet)) > room {
			break
		}
		wire = frame.AppendPacket(wire, packet)
		if n == 0 {
			first = len(wire)
		}
		n++
	}
	return wire, n, nil
}

// gather takes the answers to asks that are on their way, behind so many bytes; what does not come stays
// undone.
func (s *Session) gather(ctx context.Context, p patience, asks []ask, behind int) error {
	f := &s.framing
	start := s.port.Now()
	last := start
	wait, longest := s.patient(p)
	wait += s.lineTime(smp.FramedSize(longest))
	deadline := s.port.Now() + s.lineTime(behind) + wait
	damaged := f.dec.Damaged()
	for left := len(asks); left > 0 && f.guard.On(); {
		packet, err := s.event(ctx, deadline)
		if IsTimeout(err) {
			break
		}
		if err != nil {
			return err
		}
		if f.dec.Damaged() != damaged {
			// One answer will not come; the others are on their way.
			damaged = f.dec.Damaged()
			deadline = min(deadline, s.port.Now()+framedWait+s.lineTime(smp.FramedSize(longest)))
		}
		h, body, err := smp.ParsePacket(packet)
		if err != nil {
			continue
		}
		for i := range asks {
			a := &asks[i]
			if a.done || !h.Answers(&a.h) {
				continue
			}
			err := smp.ResponseError(body)
			var said *smp.Error
			if !errors.As(err, &said) {
				said = nil
				if err == nil {
					err = a.answer.DecodeBody(body)
				}
			}
			took := s.port.Now() - last
			last = s.port.Now()
			s.trace(Call{At: start, Took: last - start, Group: a.h.Group, ID: a.h.ID, Tries: 1, Bytes: a.size, Err: err})
			if said != nil {
				return said
			}
			if err != nil {
				break // asking again may help
			}
			if err := a.taken(); err != nil {
				return err
			}
			left--
			if i == len(asks)-1 {
				left = 0 // answers come in order: what is missing is lost
			}
			deadline = s.port.Now() + min(wait, quietTime+s.lineTime(smp.FramedSize(longest))+2*took)
			break
		}
	}
	for i := range asks {
		if !asks[i].done {
			s.repeated++
		}
	}
	return nil
}
