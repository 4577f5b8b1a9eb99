package api

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// pulse knows whether storage takes and gives. Finding out writes to the disk, so however many ask, it happens once in
// pulseEvery, and the others are told the same.
type pulse struct {
	ping   func(context.Context) error
	passed func() time.Duration
	log    *slog.Logger

	mu   sync.Mutex
	felt bool
	at   time.Duration
	err  error
}

const (
	pulseEvery = time.Second
	pulseTime  = 10 * time.Second // a disk that needs longer does not answer
)

// feel returns why storage cannot be used, nil if it can.
func (p *pulse) feel() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.felt && p.passed()-p.at < pulseEvery {
		return p.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), pulseTime)
	defer cancel()
	before := p.err
	p.err = p.ping(ctx)
	p.felt, p.at = true, p.passed()
	switch {
	case p.err != nil && before == nil:
		p.log.Error("storage cannot be used", "error", p.err)
	case p.err == nil && before != nil:
		p.log.Info("storage can be used again")
	}
	return p.err
}
