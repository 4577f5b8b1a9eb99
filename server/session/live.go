package session

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"unbrick/server/fleet"
)

// Live knows the sessions that run now. Two that sign with one key may run at once: which of them is the device nobody knows. Both
// are served; that they met is recorded (session.conflict). Strangers meet nobody.
type Live struct {
	mu       sync.Mutex
	sessions map[fleet.ID][]*session // oldest first
	count    int                     // including those that have not said who they are
	strange  int                     // of strangers
	dropped  int                     // how often sessions were broken off because keys had changed
	idle     chan struct{}
}

// NewLive knows no session yet.
func NewLive() *Live { return &Live{sessions: make(map[fleet.ID][]*session)} }

var (
	errBusy    = errors.New("too many sessions")
	errDropped = errors.New("device keys change at this moment")
)

// enter counts a session in.
func (l *Live) enter(limit int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count >= limit {
		return errBusy
	}
	l.count++
	return nil
}

// leave counts a session out.
func (l *Live) leave(v *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if rest := slices.DeleteFunc(l.sessions[v.id], func(o *session) bool { return o == v }); len(rest) > 0 {
		l.sessions[v.id] = rest
	} else {
		delete(l.sessions, v.id)
	}
	l.count--
	if v.stranger {
		l.strange--
	}
	if l.count == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
}

// take counts v, which has said hello, among the sessions under its serial, of which there may be limit in all. The older ones of the
// device learn of it. A quarter of the places is kept from strangers. If keys have changed since dropped was asked for, Drop did not
// see v: who it is has to be judged anew (errDropped).
func (l *Live) take(v *session, limit, dropped int) (met int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dropped != dropped {
		return 0, errDropped
	}
	if !v.proven() {
		if l.strange >= limit-limit/4 {
			return 0, errBusy
		}
		l.strange++
		v.stranger = true
	}
	for _, old := range l.sessions[v.id] {
		if v.proven() && old.proven() {
			met++
			old.newer.Store(&v.peer.Address)
		}
	}
	l.sessions[v.id] = append(l.sessions[v.id], v)
	return met, nil
}

// transfers says whether a session of the device other than v transfers an update file now.
func (l *Live) transfers(id fleet.ID, v *session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.sessions[id], func(o *session) bool { return o != v && o.proven() && o.size.Load() > 0 })
}

// Progress is that of a transfer that runs now.
func (l *Live) Progress(id fleet.ID) (sent, size uint32, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, v := range l.sessions[id] {
		if size = v.size.Load(); size > 0 && v.proven() {
			return v.sent.Load(), size, true
		}
	}
	return 0, 0, false
}

// Look makes the sessions of a model look again whether what they transfer may still be had.
func (l *Live) Look(model string) {
	for _, v := range l.all() {
		if v.id.Model == model {
			select {
			case v.changed <- struct{}{}:
			default:
			}
		}
	}
}

// Drop breaks off the sessions under a serial, whose keys have changed: who speaks there has to prove himself anew.
func (l *Live) Drop(id fleet.ID) { l.drop(func(v *session) bool { return v.id == id }) }

// DropModel breaks off the sessions of devices of a model, as Drop does.
func (l *Live) DropModel(model string) {
	l.drop(func(v *session) bool { return v.id.Model == model && v.proven() })
}

func (l *Live) drop(which func(*session) bool) {
	l.mu.Lock()
	l.dropped++
	l.mu.Unlock()
	for _, v := range l.all() {
		if which(v) {
			v.conn.Close()
		}
	}
}

// drops is how often Drop was called.
func (l *Live) drops() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Number is how many run, those included that have not said who they are.
func (l *Live) Number() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

func (l *Live) all() []*session {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*session, 0, len(l.sessions))
	for _, list := range l.sessions {
		all = append(all, list...)
	}
	return all
}

// CloseAll breaks off what is left.
func (l *Live) CloseAll() {
	for _, v := range l.all() {
		v.conn.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	l.Wait(ctx)
}

// Wait returns when no session is left.
func (l *Live) Wait(ctx context.Context) error {
	l.mu.Lock()
	if l.count == 0 {
		l.mu.Unlock()
		return nil
	}
	if l.idle == nil {
		l.idle = make(chan struct{})
	}
	idle := l.idle
	l.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
