package access

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestPace: a connection lasts as long as it gets on, and no longer.
func TestPace(t *testing.T) {
	const size = 4 << 20
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/take":
			b, err := Body(w, r, size)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			fmt.Fprint(w, len(b))
		case "/give":
			w.Header().Set("Content-Length", fmt.Sprint(size))
			Sending(w).Write(make([]byte, size))
		}
	})
	for _, test := range []struct {
		name  string
		talk  func(c net.Conn) error // as the client; nil: it was served
		whole bool
	}{
		{"header never ends", func(c net.Conn) error {
			return drip(c, "GET / HTTP/1.1\r\nHost: x\r\n", "a: b\r\n", 9*time.Second, 100)
		}, false},
		{"one byte of a body", func(c net.Conn) error {
			return drip(c, "POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "x", time.Hour, 2)
		}, false},
		{"body of single bytes", func(c net.Conn) error {
			return drip(c, "POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "x", 15*time.Second, 1000)
		}, false},
		{"body that nobody wants", func(c net.Conn) error {
			return drip(c, "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "x", 15*time.Second, 1000)
		}, false},
		{"body of a request that has none", func(c net.Conn) error {
			return drip(c, "GET /give HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "x", 15*time.Second, 1000)
		}, false},
		{"long body at a fair pace", func(c net.Conn) error { // ten minutes
			return drip(c, "POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 4194304\r\n\r\n", strings.Repeat("x", 64<<10), 10*time.Second, 64)
		}, true},
		{"nothing between requests", func(c net.Conn) error {
			if err := drip(c, "POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", "x", 0, 1); err != nil {
				return err
			}
			_, err := c.Read(make([]byte, 1))
			return err
		}, false},
		{"answer that is not taken", func(c net.Conn) error {
			fmt.Fprint(c, "GET /give HTTP/1.1\r\nHost: x\r\n\r\n")
			time.Sleep(time.Hour)
			return taken(c, size, 0)
		}, false},
		{"answer taken byte by byte", func(c net.Conn) error {
			fmt.Fprint(c, "GET /give HTTP/1.1\r\nHost: x\r\n\r\n")
			return taken(c, 1, time.Second)
		}, false},
		{"long answer at a fair pace", func(c net.Conn) error { // twenty minutes
			fmt.Fprint(c, "GET /give HTTP/1.1\r\nHost: x\r\n\r\n")
			return taken(c, 32<<10, 10*time.Second)
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := make(wires, 1)
				web := NewHTTP(handler, slog.New(slog.DiscardHandler))
				go web.Serve(l)
				ours, theirs := net.Pipe()
				began, ended := time.Now(), make(chan time.Duration, 1)
				l <- &watchedConn{Conn: theirs, closed: sync.OnceFunc(func() { ended <- time.Since(began) })}
				err := test.talk(ours)
				if test.whole && err != nil {
					t.Errorf("not served: %v after %s", err, time.Since(began))
				}
				if !test.whole && err == nil {
					t.Errorf("served, in %s", time.Since(began))
				}
				ours.Close()
				if took := <-ended; !test.whole && took > 2*time.Minute {
					t.Errorf("the connection was held for %s", took)
				}
				web.Close()
			})
		})
	}
}

// wires is a listener of connections within this process, whose time a test can move.
type wires chan net.Conn

func (p wires) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p wires) Close() error   { close(p); return nil }
func (p wires) Addr() net.Addr { return &net.TCPAddr{} }

// watchedConn tells when the server closes it.
type watchedConn struct {
	net.Conn
	closed func()
}

func (c *watchedConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

// drip writes head, and then piece a number of times, and waits for the answer.
func drip(c net.Conn, head, piece string, every time.Duration, times int) error {
	if _, err := io.WriteString(c, head); err != nil {
		return err
	}
	answer := make(chan error, 1)
	go func() {
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil && a.StatusCode != 200 {
			err = errors.New(a.Status)
		}
		answer <- err
	}()
	for range times {
		select {
		case err := <-answer:
			if err == nil {
				err = errors.New("answered too early")
			}
			return err
		case <-time.After(every):
		}
		if _, err := io.WriteString(c, piece); err != nil {
			return err
		}
	}
	return <-answer
}

// taken reads an answer in pieces of n bytes.
func taken(c net.Conn, n int, every time.Duration) error {
	a, err := http.ReadResponse(bufio.NewReaderSize(c, 16), nil)
	if err != nil {
		return err
	}
	for {
		time.Sleep(every)
		if _, err := io.CopyN(io.Discard, a.Body, int64(n)); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
