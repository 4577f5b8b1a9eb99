package server

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"unbrick/server/access"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// shapes are strangers who take a place and give nothing for it, by what they say.
var shapes = []struct {
	name, says string
	tls        bool
}{
	{"silent", "", false},
	{"half a header", "GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: ", false},
	{"silent before TLS", "", true},
	{"half a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", true},
	{"half a body", "POST /api/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/cbor\r\nContent-Length: 1000\r\n\r\nx", false},
	{"link without a hello", "GET /link HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: unbrick.2\r\n\r\n", false},
}

// testTLS is the configuration of a TLS listener of the tests.
func testTLS() *tls.Config {
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	defer web.Close()
	return &tls.Config{Certificates: web.TLS.Certificates}
}

func single(c prometheus.Counter) int {
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		panic(err)
	}
	return int(m.GetCounter().GetValue())
}

// TestStrangersCost: what one who says nothing, or half of something, costs in memory, with his own end of the connection, which lies in
// this process, too.
func TestStrangersCost(t *testing.T) {
	const strangers, most = 400, 64 << 10
	for _, shape := range shapes {
		t.Run(shape.name, func(t *testing.T) {
			r := newRig(t, func(c *Config) { c.Limits.PerAddress = strangers })
			addr := serveOn(t, r.s.Handler(), func(l net.Listener) net.Listener {
				if l = r.s.Listen(l); shape.tls {
					l = tls.NewListener(l, testTLS())
				}
				return l
			})
			memory := func() int {
				runtime.GC()
				var s runtime.MemStats
				runtime.ReadMemStats(&s)
				return int(s.HeapAlloc + s.StackInuse)
			}
			before, routines := memory(), runtime.NumGoroutine()
			for range strangers {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				io.WriteString(c, shape.says)
				if strings.HasPrefix(shape.says, "GET /link") {
					b := make([]byte, 12)
					if _, err := io.ReadFull(c, b); err != nil || string(b) != "HTTP/1.1 101" {
						t.Fatalf("%q, %v", b, err)
					}
				}
			}
			r.until("all are inside", func() bool { return runtime.NumGoroutine() >= routines+strangers })
			each := (memory() - before) / strangers
			t.Logf("%d bytes for each", each)
			if each > most {
				t.Errorf("%d bytes for each of %d, at most %d wanted", each, strangers, most)
			}
			// One more of this address is closed at once, under TLS as without.
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.Copy(io.Discard, c)
			if n := counted(r.s.metrics.RefusedConns, "public", "address"); n != 1 {
				t.Errorf("%d were refused, want 1", n)
			}
		})
	}
}

// lines counts what is logged.
type lines struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

// TestStrangersLog: of 10,000 who misbehave each is counted, by what he did, and the log has no more than its budget.
func TestStrangersLog(t *testing.T) {
	const all, kinds = 10_000, 5
	var log lines
	r := newRig(t, func(c *Config) {
		c.Limits.PerAddress = all
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	addr := serveOn(t, r.s.Handler(), r.s.Listen)
	secure := serveOn(t, r.s.Handler(), func(l net.Listener) net.Listener { return tls.NewListener(r.s.Listen(l), testTLS()) })
	link := shapes[len(shapes)-1].says
	began := time.Now()
	var work sync.WaitGroup
	for kind := range kinds {
		work.Go(func() {
			for range all / kinds {
				to, says := addr, ""
				switch kind {
				case 0:
					says = "nonsense\r\n\r\n"
				case 1:
					to, says = secure, "GET / HTTP/1.1\r\n\r\n" // no TLS
				case 2:
					says = "GET /link HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
				case 3:
					says = link + "\x82\x85\x00\x00\x00\x00hello" // a message that is none
				case 4:
					says = "GET /api/devices HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer wrong\r\n\r\n"
				}
				c, err := net.Dial("tcp", to)
				if err != nil {
					t.Error(err)
					return
				}
				io.WriteString(c, says)
				c.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, c)
				c.Close()
			}
		})
	}
	work.Wait()
	const each = all / kinds
	r.until("all are counted", func() bool {
		return counted(r.s.metrics.Wasted, "public") == 2*each && single(r.s.metrics.NoLinks) == each && counted(r.s.metrics.Requests, "4xx") == each &&
			counted(r.s.metrics.Sessions, "malformed")+counted(r.s.metrics.Sessions, "vanished") == each
	})
	log.mu.Lock()
	defer log.mu.Unlock()
	n := strings.Count(log.String(), "\n")
	const logged = 2 // kinds of lines: of what is no link, and of a session that ended
	budget := access.Lines(logged, time.Since(began))
	t.Logf("%d lines, %d left out, budget %d", n, single(r.s.metrics.Lines), budget)
	if n > budget || n+single(r.s.metrics.Lines) < 2*each {
		t.Errorf("%d lines, %d left out; of links and sessions there were %d", n, single(r.s.metrics.Lines), 2*each)
	}
	if strings.Contains(log.String(), "nonsense") {
		t.Error("what strangers say is logged")
	}
}
