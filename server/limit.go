package server

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// limiter is a token bucket for each client address. It holds at most maxBuckets of them: full buckets are
// forgotten, and when all are in use, strangers share one.
type limiter struct {
	rate  float64 // tokens per second
	burst float64
	now   func() time.Time

	mu      sync.Mutex
	buckets map[string]bucket
	swept   time.Time
}

type bucket struct {
	tokens float64
	at     time.Time
}

const (
	maxBuckets  = 100_000
	sharedOwner = ""
)

func newLimiter(rate float64, burst int, now func() time.Time) *limiter {
	return &limiter{rate: rate, burst: float64(burst), now: now, buckets: make(map[string]bucket)}
}

// allow takes one token of the owner; when there is none it says how long to wait.
func (l *limiter) allow(owner string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if len(l.buckets) >= maxBuckets {
		l.sweep(now)
	}
	b, known := l.buckets[owner]
	if !known && len(l.buckets) >= maxBuckets {
		owner = sharedOwner
		b, known = l.buckets[owner]
	}
	if !known {
		b = bucket{tokens: l.burst, at: now}
	}
	b = l.fill(b, now)
	if b.tokens < 1 {
		l.buckets[owner] = b
		return time.Duration((1 - b.tokens) / l.rate * float64(time.Second)), false
	}
	b.tokens--
	l.buckets[owner] = b
	return 0, true
}

func (l *limiter) fill(b bucket, now time.Time) bucket {
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.tokens = min(l.burst, b.tokens+passed*l.rate)
		b.at = now
	}
	return b
}

// sweep forgets full buckets, at most once a second.
func (l *limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for owner, b := range l.buckets {
		if l.fill(b, now).tokens >= l.burst {
			delete(l.buckets, owner)
		}
	}
}

// client is the address a request is counted for: a single IPv4 address, or an IPv6 /64, which one customer has.
// X-Forwarded-For is believed only where the operator says that a proxy sets it, and then only its last entry.
func (s *Server) client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if s.cfg.Proxied {
		all := r.Header.Values("X-Forwarded-For")
		if len(all) > 0 {
			last := all[len(all)-1]
			host = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
		}
	}
	ip := net.ParseIP(host)
	if ip == nil {
		return "unknown"
	}
	if ip.To4() != nil {
		return ip.String()
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}
