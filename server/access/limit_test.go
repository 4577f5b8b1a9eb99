package access

import (
	"net/http"
	"strconv"
	"testing"
	"time"
)

func TestClientAddress(t *testing.T) {
	for _, test := range []struct {
		remote, forwarded, want string
		proxied                 bool
	}{
		{"192.0.2.1:99", "", "192.0.2.1", false}, {"192.0.2.1:99", "198.51.100.7", "192.0.2.1", false}, {"192.0.2.1:99", "198.51.100.7, 203.0.113.9", "203.0.113.9", true},
		{"[2001:db8:1:2:3::4]:99", "", "2001:db8:1:2::", false}, {"192.0.2.1:99", "203.0.113.9:4711", "203.0.113.9", true}, {"192.0.2.1:99", "[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::", true},
		{"192.0.2.1:99", "2001:db8:1:2:3::4", "2001:db8:1:2::", true}, {"192.0.2.1:99", "nonsense", "unknown", true}, {"192.0.2.1:99", "", "192.0.2.1", true},
	} {
		q := &http.Request{RemoteAddr: test.remote, Header: http.Header{}}
		if test.forwarded != "" {
			q.Header.Set("X-Forwarded-For", test.forwarded)
		}
		if got := Client(q, test.proxied); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func TestLimiterForgets(t *testing.T) {
	var now time.Duration
	l := NewLimiter(1, 1, func() time.Duration { return now })
	for i := range maxBuckets + 10 {
		l.Allow(strconv.Itoa(i))
	}
	if n := len(l.buckets); n > maxBuckets+1 {
		t.Fatalf("%d buckets, at most %d", n, maxBuckets)
	}
	if _, ok := l.Allow("a new one"); ok {
		t.Fatal("strangers beyond the limit must share one bucket")
	}
	now += time.Hour
	if _, ok := l.Allow("a new one"); !ok || len(l.buckets) > 2 {
		t.Fatalf("%d buckets after an hour of silence", len(l.buckets))
	}
}
