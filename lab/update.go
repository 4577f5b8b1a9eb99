package lab

import (
	"context"
	"time"

	"unbrick/lab/stand"
	"unbrick/protocol"
	"unbrick/terminal"
)

// Session is how one update conversation ended.
type Session struct {
	Outcome terminal.Outcome
	Err     error // of the session, when the outcome has one
	Summary terminal.Summary
	State   State // of the device afterwards, the boot after a rewrite included
}

// Update lets the running release hold one session over the link, and waits for the boot that follows
// a rewrite. It closes c. A power cut on the way is no error: the state says Off.
func (d *Device) Update(ctx context.Context, c protocol.Conn) (Session, error) {
	defer c.Close()
	if _, err := d.Settle(ctx); err != nil {
		return Session{}, err
	}
	var result Session
	t := &task{done: make(chan struct{})}
	t.do = func(term stand.Agent) bool {
		defer func() { result.Summary = term.Last() }() // also when power fails in the middle
		link := &pacedLink{Conn: c, device: d}
		result.Outcome, result.Err = term.Session(link)
		d.look()
		return result.Outcome == terminal.Rewritten || result.Outcome == terminal.Damaged
	}
	if err := d.give(t); err != nil {
		return Session{State: d.State()}, err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	<-t.done
	var err error
	result.State, err = d.Settle(ctx)
	return result, err
}

// Tell lets the running release hold one session that only tells, as every device does once it is up: the server hears what
// came of an update or a repair, and the release confirms itself. An offer reaches the terminal as one that is not for it yet. It closes c.
func (d *Device) Tell(ctx context.Context, c protocol.Conn) (Session, error) {
	return d.Update(ctx, patient{c})
}

// patient is the link of a session that only tells.
type patient struct{ protocol.Conn }

func (p patient) Recv() ([]byte, error) {
	msg, err := p.Conn.Recv()
	if err != nil {
		return nil, err
	}
	if code, err := protocol.CodeOf(msg); err != nil || code != protocol.CodeInfo {
		return msg, nil // the terminal judges it
	}
	var info protocol.Info
	if err := info.Decode(msg); err != nil || info.Kind == protocol.KindNone {
		return msg, nil
	}
	later := protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonNotYet, Has: info.Has}
	return later.Append(nil)
}

// pacedLink is the device's radio: it waits outside of the board, so that the host's time goes on, and
// lets device time pass for the bytes that it carries.
type pacedLink struct {
	protocol.Conn
	device *Device
}

func (l *pacedLink) Send(msg []byte) error {
	var err error
	l.outside(func() { err = l.Conn.Send(msg) })
	l.spend(len(msg))
	return err
}

func (l *pacedLink) Recv() ([]byte, error) {
	var msg []byte
	var err error
	l.outside(func() { msg, err = l.Conn.Recv() })
	l.spend(len(msg))
	return msg, err
}

// outside runs f and closes the link when power fails meanwhile, which is what a server sees of it.
func (l *pacedLink) outside(f func()) {
	done := make(chan struct{})
	gone := l.device.board.Gone()
	go func() {
		select {
		case <-gone:
			l.Conn.Close()
		case <-done:
		}
	}()
	l.device.board.Outside(f)
	close(done)
}

func (l *pacedLink) spend(n int) {
	if rate := l.device.linkRate; rate > 0 {
		l.device.board.Clock().Sleep(time.Duration(n) * time.Second / time.Duration(rate))
	}
}
