package engine

import "sync"

// Latest hands the newest of many values to Run's goroutine: those that come faster than it looks are
// skipped.
type Latest[T any] struct {
	Engine *Engine
	Take   func(T)

	mu      sync.Mutex
	value   T
	pending bool
}

func (l *Latest[T]) Set(v T) {
	l.mu.Lock()
	l.value = v
	pending := l.pending
	l.pending = true
	l.mu.Unlock()
	if pending {
		return
	}
	l.Engine.Post(func() {
		l.mu.Lock()
		v := l.value
		l.pending = false
		l.mu.Unlock()
		l.Take(v)
	})
}
