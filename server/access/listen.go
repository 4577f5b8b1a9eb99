package access

import (
	"context"
	"crypto/tls"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Times of one HTTP connection. What takes longer by its nature asks for more as it gets on: see Body and Sending.
const (
	headerTime = 10 * time.Second // until a request's header is there
	bodyTime   = 20 * time.Second // until its body is there, too
	answerTime = 2 * time.Minute  // until its answer is taken
	idleTime   = time.Minute      // between requests
)

// Listen bounds a listener before a byte is read: connections of one address, and of all. What is beyond is closed at once, so that
// nobody waits in a queue behind a flood. Behind a proxy of ours every connection is the
// proxy's: such a listener is exempt, only the total counts in it, and requests are counted for each client instead.
func Listen(l net.Listener, c *Crowd, exempt bool, told Told) net.Listener {
	return &bounded{Listener: l, crowd: c, exempt: exempt, told: told}
}

// Told is told of strangers who come to a listener for nothing.
type Told struct {
	Refused func(bound string) // a connection was closed at once: which bound was reached
	Wasted  func()             // a connection is over on which no whole request came
}

type bounded struct {
	net.Listener
	crowd  *Crowd
	exempt bool
	told   Told
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		leave, bound := b.crowd.Enter(ownerOf(hostOf(c.RemoteAddr().String())), b.exempt)
		if leave != nil {
			return &boundedConn{Conn: c, leave: leave, wasted: b.told.Wasted}, nil
		}
		b.told.Refused(bound)
		c.Close()
	}
}

type boundedConn struct {
	net.Conn
	leave  func()
	wasted func()
	asked  atomic.Bool // a request came
}

// Close implements net.Conn.
func (c *boundedConn) Close() error {
	defer c.leave()
	if !c.asked.Swap(true) {
		c.wasted()
	}
	return c.Conn.Close()
}

type connKey struct{}

// noting keeps a request's connection, for asked.
func noting(ctx context.Context, c net.Conn) context.Context {
	if t, is := c.(*tls.Conn); is {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// asked notes on a connection that a request came on it, and has a browser that came over TLS come by nothing else from now on.
func asked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, is := r.Context().Value(connKey{}).(*boundedConn); is {
			c.asked.Store(true)
		}
		if r.TLS != nil {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// NewHTTP returns the HTTP server that handlers of this package are made for: with its times and lengths.
func NewHTTP(h http.Handler, logger *slog.Logger) *http.Server {
	var http1 http.Protocols // every time and bound here is one of HTTP/1
	http1.SetHTTP1(true)
	return &http.Server{Handler: asked(h), ConnContext: noting, Protocols: &http1,
		ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: 16 << 10, ErrorLog: log.New(quiet{logger}, "", 0)}
}

// quiet turns the HTTP library's own lines into log records of low rank: most are about strangers who leave.
type quiet struct{ logger *slog.Logger }

// Write implements io.Writer.
func (q quiet) Write(p []byte) (int, error) {
	q.logger.Debug("http", "text", string(p))
	return len(p), nil
}
