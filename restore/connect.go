package restore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/protocol/smp"
)

// Way is a way into restoration mode.
type Way uint8

// The ways, in the order in which they are tried.
const (
	WayNone  Way = iota
	WayEcho      // it answers: it was in restoration mode already
	WayBreak     // a break, for a device that starts just now or was in another framing
	WayDTR       // reset by DTR
	WayRTS       // reset by RTS
	WayPin       // reset by RTS with the restoration pin at DTR
	WayWait      // a person resets it, or switches it off and on, while it is called
)

var wayNames = [...]string{"none", "echo", "break", "reset by DTR", "reset by RTS", "reset by RTS, pin by DTR", "reset by hand"}

func (w Way) String() string {
	if int(w) < len(wayNames) {
		return wayNames[w]
	}
	return fmt.Sprintf("way %d", uint8(w))
}

// Times of Connect.
const (
	DefaultPatience = 5 * time.Second
	pulse           = 100 * time.Millisecond // of a reset line
	breakTime       = 120 * time.Millisecond // covers the 100 ms in which a device listens after its reset
	settleTime      = 20 * time.Millisecond
)

// Patience for an echo: of a device that is there; of one that may be in the fast framing, which it leaves
// after a second without a break; of one that boots, which computes the digest of its
// image first; and of one that will listen for 100 ms at some time.
var (
	echoOnce = patience{wait: 300 * time.Millisecond, tries: 1, answer: echoSize}
	echoLong = patience{wait: 300 * time.Millisecond, tries: 6, answer: echoSize}
	echoBoot = patience{wait: 500 * time.Millisecond, tries: 4, answer: echoSize}
	echoGap  = 40 * time.Millisecond
)

// echoSize is the size of an echo's packet.
const echoSize = smp.HeaderSize + 16

// echoText is what a device is asked to repeat.
const echoText = "unbrick"

// Connect gets a device in restoration mode to answer, trying the ways into it in turn, and learns its
// buffers. It writes nothing to the flash. The port has the speed of the options; it is the session's to close,
// or the caller's when Connect fails.
func Connect(ctx context.Context, port Port, o *Options) (*Session, error) {
	s := newSession(port, o)
	ways := []Way{WayEcho, WayBreak, WayDTR, WayRTS, WayPin, WayWait}
	if s.opt.First != WayNone {
		ways = append([]Way{s.opt.First}, ways...)
	}
	if s.opt.Only {
		ways = []Way{s.opt.First}
	}
	noisy := false
	for i, way := range ways {
		if i > 0 && way == s.opt.First {
			continue
		}
		err := s.try(ctx, way)
		s.tell()
		var e *Error
		switch {
		case err == nil:
			s.way = way
			return s, s.learn(ctx)
		case errors.As(err, &e) && (e.Code == CodeSilent || e.Code == CodeNoisy || e.Code == CodeProtocol):
			noisy = noisy || e.Code != CodeSilent
		default:
			return nil, fmt.Errorf("connect: %w", err)
		}
	}
	if noisy {
		return nil, &Error{Code: CodeNoisy, Heard: s.heard, Err: errors.New("connect: what arrives is damaged")}
	}
	return nil, &Error{Code: CodeSilent, Heard: s.heard, Err: errors.New("connect: every way was tried")}
}

// errNoWay says that this port cannot go a way.
var errNoWay = &Error{Code: CodeSilent, Err: ErrUnsupported}

// try goes one way and calls.
func (s *Session) try(ctx context.Context, way Way) error {
	breaker, canBreak := s.port.(Breaker)
	signals, canSignal := s.port.(Signals)
	p := echoBoot
	switch way {
	case WayEcho, WayNone:
		p = echoOnce
		if !canBreak {
			p = echoLong
		}
	case WayBreak:
		if !canBreak {
			return errNoWay
		}
	case WayDTR, WayRTS, WayPin:
		if !canSignal {
			return errNoWay
		}
	case WayWait:
		patient := s.opt.Patience
		if patient == 0 {
			patient = DefaultPatience
		}
		if patient < 0 {
			return errNoWay
		}
		// Each call also costs its time on the line.
		p = patience{wait: echoGap, tries: max(1, int(patient/echoGap)), answer: echoSize}
	}
	if s.opt.OnWay != nil {
		s.opt.OnWay(way)
	}
	if way == WayWait {
		return s.echo(ctx, p, false)
	}
	if way == WayEcho {
		// Whoever answers the one question that is asked of everybody anyway need not be called first.
		if err := s.ask(ctx, echoOnce); err == nil || !retryable(err) {
			return err
		}
		// It may speak frames, with a host that went away without a word.
		if err := s.hangUp(); err != nil {
			return err
		}
		if err := s.pause(ctx, settleTime); err != nil {
			return err
		}
	}
	if err := s.reset(ctx, way, signals); err != nil {
		return err
	}
	if canBreak && way != WayEcho {
		err := breaker.Break(breakTime)
		switch {
		case errors.Is(err, ErrUnsupported) && way == WayBreak:
			return errNoWay
		case errors.Is(err, ErrUnsupported):
			canBreak = false
		case err != nil:
			return &Error{Code: CodeVanished, Err: err}
		}
	}
	if !canBreak && way != WayEcho {
		// Without a break the device must hear an echo within 100 ms: call it without waiting long.
		if err := s.echo(ctx, patience{wait: echoGap, tries: 5, answer: echoSize}, false); err == nil || !retryable(err) {
			return err
		}
	}
	return s.echo(ctx, p, true)
}

func retryable(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Code == CodeSilent || e.Code == CodeNoisy || e.Code == CodeProtocol)
}

// reset resets the device over a modem line, the way that adapters are wired. Lines end released.
func (s *Session) reset(ctx context.Context, way Way, signals Signals) error {
	var line func(bool) error
	switch way {
	case WayDTR:
		line = signals.SetDTR
	case WayRTS, WayPin:
		line = signals.SetRTS
	case WayNone, WayEcho, WayBreak, WayWait:
		return nil
	}
	steps := []func() error{
		func() error { return line(true) },
		func() error { return s.pause(ctx, pulse) },
		func() error { return line(false) },
	}
	if way == WayPin {
		// The pin is read after the reset, so it is held a little longer.
		steps = append([]func() error{func() error { return signals.SetDTR(true) }}, steps...)
		steps = append(steps, func() error { return s.pause(ctx, pulse) }, func() error { return signals.SetDTR(false) })
	}
	for _, step := range steps {
		if err := step(); err != nil {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.Is(err, ErrUnsupported):
				return errNoWay
			}
			return fail(CodeVanished, err)
		}
	}
	return nil
}

// echo calls until the device repeats the text. An error that it answers is an answer as well: MCUboot
// may have no echo. measure takes the time of a prompt answer as latency.
func (s *Session) echo(ctx context.Context, p patience, measure bool) error {
	var got smp.EchoResponse
	start, line := s.port.Now(), s.line
	err := s.call(ctx, &smp.EchoRequest{Text: []byte(echoText)}, &got, p)
	var said *smp.Error
	if errors.As(err, &said) {
		err = nil
	} else if err == nil && string(got.Text) != echoText {
		return &Error{Code: CodeProtocol, Err: fmt.Errorf("echo of %q", got.Text)}
	}
	if err == nil && measure {
		s.measure(start, line)
	}
	return err
}

// once is patience for a question that not every server knows, before another one is asked.
var once = patience{first: 700 * time.Millisecond, wait: 1400 * time.Millisecond, tries: 2}

// ask asks for the name of the boot loader. A server that does not know the question has said so: it is nobody
// of ours, and that is no error.
func (s *Session) ask(ctx context.Context, p patience) error {
	var got smp.Bootloader
	start, line := s.port.Now(), s.line
	err := s.call(ctx, &smp.BootloaderRequest{}, &got, p)
	var said *smp.Error
	if err != nil && !errors.As(err, &said) {
		return err
	}
	s.measure(start, line)
	s.answered, s.foreign = true, string(got.Name) != smp.BootloaderName
	return nil
}

// measure takes the time of a prompt answer as latency.
func (s *Session) measure(start, line time.Duration) {
	s.latency = min(max(s.port.Now()-start-(s.line-line), 0), 20*time.Millisecond)
}

// learn finds out whether this is a terminal of ours, by the standard question for its boot loader. Only a
// terminal is then asked who it is, which tells its buffers: what the commands of our own group do
// elsewhere nobody knows. Anybody else is asked for the buffers in the standard way.
// What the identification leads to is Identify's.
func (s *Session) learn(ctx context.Context) error {
	if s.repeated > 0 {
		if err := s.pause(ctx, settleTime); err != nil { // for late echoes
			return err
		}
	}
	var err error
	if !s.answered {
		s.foreign = true
		if err = s.ask(ctx, once); err != nil && !retryable(err) {
			return fmt.Errorf("connect: %w", err)
		}
	}
	if !s.foreign {
		return s.meet(ctx)
	}
	s.plain = true
	var p smp.Parameters
	failed := s.call(ctx, &smp.ParametersRequest{}, &p, prompt)
	var said *smp.Error
	if failed != nil && !errors.As(failed, &said) {
		return fmt.Errorf("connect: %w", failed)
	}
	if err != nil {
		// It answers, and the one question got lost twice, or it drops what it does not know.
		if err := s.ask(ctx, once); err != nil && !retryable(err) {
			return fmt.Errorf("connect: %w", err)
		}
		if !s.foreign {
			s.plain = false
			return s.meet(ctx)
		}
	}
	if failed == nil {
		s.sized = true
		s.params = p
		s.params.BufSize = min(p.BufSize, smp.BufSize)
	}
	return nil
}

// meet asks a terminal of ours who it is. One that is busy is asked again by Identify.
func (s *Session) meet(ctx context.Context) error {
	err := s.who(ctx, slow)
	var said *smp.Error
	if err != nil && !errors.As(err, &said) {
		return fmt.Errorf("connect: %w", err)
	}
	s.asked = true
	if err != nil || s.identity.Buffer == 0 {
		return nil // the fallback stands
	}
	s.sized = true
	s.params = smp.Parameters{BufSize: min(s.identity.Buffer, smp.BufSize), BufCount: 1}
	return nil
}
