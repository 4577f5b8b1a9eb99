package access

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Budget of log lines of one kind. A kind is what the code says in a line, and so there is a fixed number of them.
const (
	linesPerSecond = 20
	linesAtOnce    = 200
	maxKinds       = 256              // of lines; were there more, they would share one budget
	tellOmitted    = 10 * time.Second // after which it is told how many lines were left out
)

// Quieten returns a logger of which strangers cannot make more than a budget: lines that say the same beyond it are left out, omitted is
// told of each, and one line says later how many there were. Kinds of lines have budgets of their own, so that many of one hide none of
// another.
func Quieten(logger *slog.Logger, omitted func()) *slog.Logger {
	return slog.New(&quieter{logger.Handler(), &budgets{kinds: make(map[string]*budget), out: logger.Handler(), omitted: omitted}})
}

// Lines is how many lines a quiet logger writes at most in a time of so many kinds, with those that tell of what was left out.
func Lines(kinds int, d time.Duration) int {
	return kinds * (linesAtOnce + int(linesPerSecond*d.Seconds()) + 1 + int(d/tellOmitted) + 1)
}

type quieter struct {
	slog.Handler
	*budgets
}

// budgets are shared by a logger and all that With makes of it.
type budgets struct {
	out     slog.Handler
	omitted func()

	mu    sync.Mutex
	kinds map[string]*budget
}

type budget struct {
	lines   *rate.Limiter
	missing int // lines that were left out and not told yet
}

// Handle implements slog.Handler.
func (q *quieter) Handle(ctx context.Context, r slog.Record) error {
	if !q.allow(r.Message) {
		q.omitted()
		return nil
	}
	return q.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (q *quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &quieter{q.Handler.WithAttrs(attrs), q.budgets}
}

// WithGroup implements slog.Handler.
func (q *quieter) WithGroup(name string) slog.Handler {
	return &quieter{q.Handler.WithGroup(name), q.budgets}
}

func (b *budgets) allow(kind string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.kinds[kind]
	if k == nil && len(b.kinds) >= maxKinds {
		kind = "others"
		k = b.kinds[kind]
	}
	if k == nil {
		k = &budget{lines: rate.NewLimiter(linesPerSecond, linesAtOnce)}
		b.kinds[kind] = k
	}
	if k.lines.Allow() { // by time that passed: time.Now has a monotonic reading
		return true
	}
	if k.missing++; k.missing == 1 {
		time.AfterFunc(tellOmitted, func() { b.tell(kind, k) })
	}
	return false
}

// tell says how many lines of a kind were left out.
func (b *budgets) tell(kind string, k *budget) {
	b.mu.Lock()
	n := k.missing
	k.missing = 0
	b.mu.Unlock()
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines were left out", 0)
	r.AddAttrs(slog.String("line", kind), slog.Int("number", n))
	b.out.Handle(context.Background(), r)
}
