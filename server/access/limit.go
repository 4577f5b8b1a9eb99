package access

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter is a token bucket for each client address. It holds at most maxBuckets of them: full buckets are
// forgotten, and when all are in use, strangers share one. It counts time that passed, not the time of day: a clock that
// is set back locks nobody out, and one that is set forward lets nobody in.
type Limiter struct {
	rate   rate.Limit // tokens per second
	burst  int
	passed func() time.Duration // since any moment; never falls

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
	swept   time.Time
}

const (
	maxBuckets  = 100_000
	sharedOwner = ""
)

// NewLimiter returns a limiter of so many tokens per second, and burst at once. passed is the time since any moment; it never falls.
func NewLimiter(perSecond float64, burst int, passed func() time.Duration) *Limiter {
	return &Limiter{rate: rate.Limit(perSecond), burst: burst, passed: passed, buckets: make(map[string]*rate.Limiter)}
}

// Allow takes one token of the owner; when there is none it says how long to wait.
func (l *Limiter) Allow(owner string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Time{}.Add(l.passed())
	if len(l.buckets) >= maxBuckets {
		l.sweep(now)
	}
	owner, b := l.bucket(owner)
	if b == nil {
		b = rate.NewLimiter(l.rate, l.burst)
		l.buckets[owner] = b
	}
	r := b.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait, false
	}
	return 0, true
}

// Left says whether a token of the owner is left, which it leaves there; when there is none, how long to wait.
func (l *Limiter) Left(owner string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, b := l.bucket(owner)
	if b == nil {
		return 0, true
	}
	if missing := 1 - b.TokensAt(time.Time{}.Add(l.passed())); missing > 0 {
		return time.Duration(missing / float64(l.rate) * float64(time.Second)), false
	}
	return 0, true
}

// bucket is the owner's, or that of strangers if there are as many as may be; nil: it is full, and was never needed.
func (l *Limiter) bucket(owner string) (string, *rate.Limiter) {
	b := l.buckets[owner]
	if b == nil && len(l.buckets) >= maxBuckets {
		owner = sharedOwner
		b = l.buckets[owner]
	}
	return owner, b
}

// sweep forgets full buckets, at most once a second.
func (l *Limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Second {
		return
	}
	l.swept = now
	for owner, b := range l.buckets {
		if b.TokensAt(now) >= float64(l.burst) {
			delete(l.buckets, owner)
		}
	}
}

// Crowd counts who is inside at this moment, and lets at most limit in for each owner and total for all.
type Crowd struct {
	limit, total int

	mu     sync.Mutex
	all    int
	inside map[string]int
}

// NewCrowd returns a crowd of at most limit of each owner, and total of all.
func NewCrowd(limit, total int) *Crowd {
	return &Crowd{limit: limit, total: total, inside: make(map[string]int)}
}

// Enter lets the owner in until leave is called, or says which bound is reached. An exempt owner is bounded by the total alone.
func (c *Crowd) Enter(owner string, exempt bool) (leave func(), bound string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.all >= c.total:
		return nil, "total"
	case !exempt && c.inside[owner] >= c.limit:
		return nil, "address"
	}
	c.all++
	c.inside[owner]++
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all--
		if c.inside[owner]--; c.inside[owner] == 0 {
			delete(c.inside, owner)
		}
	}), ""
}

// Client is the address a request is counted for. X-Forwarded-For is believed only where the operator says that a proxy sets
// it, and then only its last entry.
func Client(r *http.Request, proxied bool) string {
	host := hostOf(r.RemoteAddr)
	if proxied {
		all := r.Header.Values("X-Forwarded-For")
		if len(all) > 0 {
			last := all[len(all)-1]
			host = strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])
			if h, _, err := net.SplitHostPort(host); err == nil {
				host = h // some proxies name the port, too
			}
		}
	}
	return ownerOf(host)
}

// onSocket is the address of who came by a socket in the file system: no network has it.
const onSocket = "local"

// hostOf is the host of a connection's other end.
func hostOf(remote string) string {
	if h, _, err := net.SplitHostPort(remote); err == nil {
		return h
	}
	if remote == "" || remote == "@" {
		return onSocket
	}
	return remote
}

// ownerOf is what one customer has: a single IPv4 address, or an IPv6 /64.
func ownerOf(host string) string {
	if host == onSocket {
		return host
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return "unknown"
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	return netip.PrefixFrom(ip, 64).Masked().Addr().String()
}
