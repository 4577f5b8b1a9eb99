package server

import (
	"context"
	"errors"
	"sync"
	"time"
)

// live knows the sessions that run now: at most one for a device.
type live struct {
	mu       sync.Mutex
	sessions map[deviceID]*session
	count    int // including those that have not said who they are
	idle     chan struct{}
}

var errBusy = errors.New("too many sessions")

// enter counts a session in.
func (l *live) enter(limit int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count >= limit {
		return errBusy
	}
	l.count++
	return nil
}

// leave counts a session out.
func (l *live) leave(v *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sessions[v.id] == v {
		delete(l.sessions, v.id)
	}
	l.count--
	if l.count == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
}

// take makes v the session of its device. An older one is closed: its peer has come back by another way.
func (l *live) take(v *session) (replaced bool) {
	l.mu.Lock()
	old := l.sessions[v.id]
	l.sessions[v.id] = v
	l.mu.Unlock()
	if old == nil {
		return false
	}
	old.conn.Close()
	return true
}

// current says whether v is still the session of its device.
func (l *live) current(v *session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions[v.id] == v
}

// progress of a transfer that runs now.
func (l *live) progress(id deviceID) (sent, size uint32, ok bool) {
	l.mu.Lock()
	v := l.sessions[id]
	l.mu.Unlock()
	if v == nil {
		return 0, 0, false
	}
	size = v.size.Load()
	return v.sent.Load(), size, size > 0
}

func (l *live) number() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

func (l *live) all() []*session {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*session, 0, len(l.sessions))
	for _, v := range l.sessions {
		all = append(all, v)
	}
	return all
}

// closeAll breaks off what is left.
func (l *live) closeAll() {
	for _, v := range l.all() {
		v.conn.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	l.wait(ctx)
}

// wait returns when no session is left.
func (l *live) wait(ctx context.Context) error {
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
