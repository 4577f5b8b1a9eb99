package repair

import (
	"fmt"
	"sync"

	"unbrick/internal/pack"
	"unbrick/restore"
	"unbrick/webui/diagnostic"
	"unbrick/webui/state"
)

// trace keeps the last commands of an attempt for support. It may be used concurrently.
type trace struct {
	mu    sync.Mutex
	lines []string
	calls int
}

func (t *trace) add(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) >= 4*state.MaxTrace {
		t.lines = append([]string(nil), t.lines[2*state.MaxTrace:]...)
	}
	t.lines = append(t.lines, pack.Clip(fmt.Sprintf(format, args...), state.MaxTraceLen))
}

// call is restore.Options.Trace.
func (t *trace) call(c restore.Call) {
	t.calls++
	outcome := "answered"
	if c.Err != nil {
		outcome = c.Err.Error()
	}
	t.add(diagnostic.CallLine, c.At.Seconds(), c.Group, c.ID, c.Bytes, c.Took.Milliseconds(), c.Tries, outcome)
}

// last returns at most n lines, oldest first.
func (t *trace) last(n int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.lines[max(0, len(t.lines)-n):]...)
}
