package access

import (
	"log"
	"log/slog"
	"net"
	"net/http"
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
// nobody waits in a queue behind a flood; refused is told which bound was reached. Behind a proxy of ours every connection is the
// proxy's: such a listener is exempt, only the total counts in it, and requests are counted for each client instead.
func Listen(l net.Listener, c *Crowd, exempt bool, refused func(bound string)) net.Listener {
	return &bounded{Listener: l, crowd: c, exempt: exempt, refused: refused}
}

type bounded struct {
	net.Listener
	crowd   *Crowd
	exempt  bool
	refused func(bound string)
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(c.RemoteAddr().String())
		if err != nil {
			host = ""
		}
		leave, bound := b.crowd.Enter(ownerOf(host), b.exempt)
		if leave != nil {
			return &boundedConn{Conn: c, leave: leave}, nil
		}
		b.refused(bound)
		c.Close()
	}
}

type boundedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *boundedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// NewHTTP returns the HTTP server that handlers of this package are made for: with its times and lengths.
func NewHTTP(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: 16 << 10, ErrorLog: log.New(quiet{logger}, "", 0)}
}

// quiet turns the HTTP library's own lines into log records of low rank: most are about strangers who leave.
type quiet struct{ logger *slog.Logger }

// Write implements io.Writer.
func (q quiet) Write(p []byte) (int, error) {
	q.logger.Debug("http", "text", string(p))
	return len(p), nil
}
