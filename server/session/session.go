package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/fleet"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

// maxRequests bounds how often a terminal may ask for a file in one session: once, and again after each Gone.
const maxRequests = 4

// session is one conversation with one terminal.
type session struct {
	s    *Sessions
	conn protocol.Conn
	log  *slog.Logger
	id   fleet.ID
	peer Peer
	in   *inbox

	buf        []byte
	nonce      protocol.Nonce // of this connection, for one hello
	hello      *protocol.Hello
	standing   storage.Standing // of who said it
	offer      *offer.Choice
	started    time.Duration
	sent, size atomic.Uint32 // of the transfer that runs, for the fleet's list
	changed    chan struct{} // holds a value when an operator changed what the device may have
	stray      uint32        // credit that may still be under way for a transfer that ended with Gone
	over       bool          // the terminal said Error: nothing but Bye may follow

	newer    atomic.Pointer[string] // the peer of a younger session of the same device, nil if there is none
	met      atomic.Bool            // this peer spoke after that one did: both live
	conflict bool                   // that was recorded
	stranger bool                   // it is counted as one
	full     error                  // why the device's key could not be enrolled: storage is full

	device storage.Device // with the hello taken into it, as it is to be recorded
	news   fleet.Heard    // that the hello brought
}

// faultError is a fault to tell the terminal before the session ends.
type faultError struct {
	fault protocol.Fault
	text  string
}

func (e *faultError) Error() string { return fmt.Sprintf("%s: %s", e.fault, e.text) }

func fault(f protocol.Fault, format string, args ...any) error {
	return &faultError{f, fmt.Sprintf(format, args...)}
}

// heard notes a message of the peer's at the moment when it arrives.
func (v *session) heard() {
	if v.newer.Load() != nil {
		v.met.Store(true)
	}
}

// next waits for a message, at most for patience. Unless a transfer runs, the server's closing ends the wait; while one
// runs, a change of what the device may have does (errChanged).
func (v *session) next(ctx context.Context, patience time.Duration, transfer bool) (protocol.Message, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	draining, changed := v.s.cfg.Ending, v.changed
	if transfer {
		draining = nil
	} else {
		changed = nil
	}
	for {
		if m := v.in.take(); m != nil { // what has arrived comes before the end of the connection
			v.meet()
			return m, nil
		}
		select {
		case <-v.in.more:
		case <-v.in.over:
			if m := v.in.take(); m != nil {
				v.meet()
				return m, nil
			}
			return nil, v.in.why()
		case <-draining:
			return nil, fault(protocol.FaultShutdown, "server stops, come again")
		case <-changed:
			return nil, errChanged
		case <-timer.C:
			return nil, fault(protocol.FaultTimeout, "no message for %v", patience)
		case <-ctx.Done():
			if v.s.ctx.Err() != nil {
				return nil, fault(protocol.FaultShutdown, "server stops, come again")
			}
			return nil, fault(protocol.FaultTimeout, "session took longer than %v", v.s.cfg.Limits.SessionTime)
		}
	}
}

var errChanged = errors.New("what the device may have has changed")

func (v *session) send(m protocol.Message) (err error) {
	v.buf, err = protocol.Send(v.conn, m, v.buf)
	return err
}

// tell sends a fault and Bye, if err is one; the connection may be gone by now.
func (v *session) tell(err error) {
	f, is := errors.AsType[*faultError](err)
	if !is {
		return
	}
	if v.send(&protocol.Error{Fault: f.fault, Text: []byte(release.Clean(f.text, protocol.MaxReason)), Wait: waitFor(f.fault)}) == nil {
		v.send(&protocol.Bye{})
	}
}

// run leads the session: Challenge, Hello, Info, requests, Bye.
func (v *session) run(ctx context.Context) error {
	if err := v.greet(ctx); err != nil {
		return err
	}
	if err := v.inform(ctx, false); err != nil {
		return err
	}
	for requests := 0; ; {
		m, err := v.next(ctx, v.s.cfg.Limits.Answer, false)
		if err != nil {
			return err
		}
		_, bye := m.(*protocol.Bye)
		if v.over && !bye {
			return fault(protocol.FaultUnexpected, "%s after error", m.Code())
		}
		switch m := m.(type) {
		case *protocol.Request:
			if requests++; requests > maxRequests {
				return fault(protocol.FaultUnexpected, "request %d in one session", requests)
			}
			v.stray = 0
			err := v.transfer(ctx, m)
			if noRoom(err) {
				err = v.gone(ctx)
			}
			if err != nil {
				return err
			}
		case *protocol.Credit:
			if m.Bytes > v.stray {
				return fault(protocol.FaultUnexpected, "%s without a transfer", m.Code())
			}
			v.stray -= m.Bytes
		case *protocol.Error:
			v.refusal(m)
		case *protocol.Bye:
			v.send(&protocol.Bye{})
			v.await(ctx)
			return nil
		default:
			return fault(protocol.FaultUnexpected, "%s without a transfer", m.Code())
		}
	}
}

// await gives the terminal the time to close: whoever closes first may lose what is under way.
func (v *session) await(ctx context.Context) {
	timer := time.NewTimer(min(5*time.Second, v.s.cfg.Limits.Answer))
	defer timer.Stop()
	select {
	case <-v.in.over:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// inform chooses, records, and sends the update file information (213, 214): as Info, or as Gone in answer to a
// request.
func (v *session) inform(ctx context.Context, gone bool) error {
	c, err := (*offer.Choice)(nil), v.full
	if err == nil {
		c, err = v.choose(ctx, gone)
	}
	if err == nil {
		err = v.record(c, gone)
	}
	switch {
	case noRoom(err): // nothing is begun that could not be recorded; the device keeps what it runs and asks again
		v.s.cfg.Metrics.Unrecorded.Add(1)
		v.log.Error("session cannot be recorded", "error", err)
		c = offer.Later(v.hello)
	case err != nil:
		return err
	}
	v.offer = c
	v.s.cfg.Metrics.Offers.Add(c.Info.Kind.String(), v.proven())
	v.log.Info("update file information", "step", "S04", "element", 214, "kind", c.Info.Kind.String(), "reason", c.Info.Reason.String(),
		"size", c.Info.Size,
		"needs", c.Info.Workspace, "has", c.Info.Has, "to", c.Version(), "steps", c.Info.Steps)
	if gone {
		return v.send(&protocol.Gone{Info: c.Info})
	}
	return v.send(&c.Info)
}

// noRoom says whether storage takes nothing more.
func noRoom(err error) bool { return errors.Is(err, storage.ErrFull) }

// choose selects the release and finds its update file, while it watches the connection: a terminal that leaves
// cancels nothing that is being made, it only is not waited for.
func (v *session) choose(ctx context.Context, again bool) (*offer.Choice, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-v.in.over:
		case <-v.s.cfg.Ending:
		case <-stop:
		}
		cancel()
	}()
	d, err := v.known(ctx, again)
	if err != nil {
		return nil, v.trouble(err)
	}
	c, err := v.s.cfg.Offers.Choose(ctx, v.hello, &d, v.proven())
	if err != nil {
		return nil, v.trouble(err)
	}
	return c, nil
}

// known is what is known of the device. With it goes what the hello says, if that is not stored yet, or never will be.
func (v *session) known(ctx context.Context, heard bool) (storage.Device, error) {
	d, err := v.s.cfg.Fleet.Device(ctx, v.id)
	if err == nil && (!heard || !v.proven()) {
		v.news = v.s.cfg.Fleet.Hear(&d, v.hello, v.version(ctx))
		v.device = d
	}
	return d, err
}

// version returns what names the images of the device's model.
func (v *session) version(ctx context.Context) func(storage.Digest) string {
	return func(image storage.Digest) string {
		r, err := v.s.cfg.Store.Release(ctx, v.id.Model, image)
		if err != nil {
			return "" // the history then lacks a name
		}
		return r.Manifest.Version
	}
}

// trouble turns an error of the server's own into what the terminal is told. That there is no room is for inform to tell.
func (v *session) trouble(err error) error {
	select {
	case <-v.in.over:
		return v.in.why()
	case <-v.s.cfg.Ending:
		return fault(protocol.FaultShutdown, "server stops, come again")
	default:
	}
	if noRoom(err) {
		return err
	}
	v.log.Error("session", "error", err)
	return fault(protocol.FaultInternal, "the server has trouble of its own")
}

// finish logs and counts the end of a session.
func (v *session) finish(err error) {
	var f *faultError
	result := "ended"
	switch {
	case err == nil:
	case errors.As(err, &f):
		result = f.fault.String()
	case errors.Is(err, protocol.ErrDead):
		result = "dead"
	case errors.Is(err, protocol.ErrTooLarge):
		result = "oversize"
	default:
		result = "vanished"
	}
	v.s.cfg.Metrics.Sessions.Add(result)
	v.s.cfg.Metrics.Duration.Observe((v.s.cfg.Passed() - v.started).Seconds())
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
	}
	v.log.Log(context.Background(), level, "session over", "result", result, "error", err, "seconds", (v.s.cfg.Passed() - v.started).Seconds())
}
