package apparatus

import "sync"

// latest hands the newest of many values to Run's goroutine: those that come faster than it looks are
// skipped.
type latest[T any] struct {
	e    *Engine
	take func(T)

	mu      sync.Mutex
	value   T
	pending bool
}

func (l *latest[T]) set(v T) {
	l.mu.Lock()
	l.value = v
	pending := l.pending
	l.pending = true
	l.mu.Unlock()
	if pending {
		return
	}
	l.e.post(func() {
		l.mu.Lock()
		v := l.value
		l.pending = false
		l.mu.Unlock()
		l.take(v)
	})
}
