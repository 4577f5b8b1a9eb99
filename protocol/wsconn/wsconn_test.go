package wsconn_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"unbrick/protocol"
	"unbrick/protocol/conntest"
	"unbrick/protocol/wsconn"
)

func TestContract(t *testing.T) {
	conntest.Run(t, func(t *testing.T) (client, server protocol.Conn) { return dial(t, nil) })
}

func dial(t *testing.T, o *wsconn.Options) (client, server protocol.Conn) {
	t.Helper()
	accepted := make(chan protocol.Conn, 1)
	gone := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := wsconn.Accept(w, r, o)
		if err != nil {
			t.Error(err)
			return
		}
		accepted <- c
		<-gone
	}))
	t.Cleanup(func() { close(gone); s.Close() })
	c, err := wsconn.Dial(context.Background(), s.URL, o)
	if err != nil {
		t.Fatal(err)
	}
	return c, <-accepted
}

func TestFaults(t *testing.T) {
	conntest.RunFaults(t, conntest.Faults{
		Dead: func(t *testing.T) protocol.Conn { return raw(t, func(net.Conn) {}) },
		Half: func(t *testing.T) protocol.Conn {
			return raw(t, func(c net.Conn) {
				c.Write([]byte{0x82, 10, 1, 2, 3})
				c.Close()
			})
		},
		Oversize: func(t *testing.T) protocol.Conn {
			return raw(t, func(c net.Conn) {
				n := protocol.MaxMessage + 1
				c.Write([]byte{0x82, 127, 0, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
				c.Write(make([]byte, n))
			})
		},
	})
}

// raw connects to a peer that shakes hands, lets peer do what it wants with the bare connection, and
// says nothing more.
func raw(t *testing.T, peer func(net.Conn)) protocol.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop); l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		q, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		sum := sha1.Sum([]byte(q.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: " +
			protocol.Subprotocol + "\r\nSec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"))
		peer(c)
		<-stop
	}()
	c, err := wsconn.Dial(context.Background(), "http://"+l.Addr().String(), &wsconn.Options{Interval: 20 * time.Millisecond, Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bubble runs a test with both ends of a link whose time is virtual: no machine is too slow for it. The way between them
// holds nothing: who sends waits for the other's Recv.
func bubble(t *testing.T, f func(t *testing.T, a, b protocol.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		accepted := make(chan protocol.Conn, 1)
		web := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := wsconn.Accept(w, r, &wsconn.Options{WriteTimeout: time.Hour})
			if err != nil {
				t.Error(err)
				return
			}
			accepted <- c
		})}
		l := make(wire, 1)
		l <- server
		go web.Serve(l)
		defer web.Close()
		way := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return client, nil }}}
		a, err := wsconn.Dial(t.Context(), "http://wire", &wsconn.Options{Client: way, WriteTimeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		b := <-accepted
		f(t, a, b)
		var ends sync.WaitGroup // one waits for the other's goodbye
		ends.Go(func() { a.Close() })
		ends.Go(func() { b.Close() })
		ends.Wait()
	})
}

// wire is a listener that hands out the connections that are put into it.
type wire chan net.Conn

func (w wire) Accept() (net.Conn, error) {
	c, ok := <-w
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (w wire) Close() error   { close(w); return nil }
func (w wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire", Net: "unix"} }

// TestHeartbeatKeepsIdleAlive: two idle ends outlive many timeouts, and users see no ping.
func TestHeartbeatKeepsIdleAlive(t *testing.T) { bubble(t, heartbeatKeepsIdleAlive) }

func heartbeatKeepsIdleAlive(t *testing.T, a, b protocol.Conn) {
	type result struct {
		m   []byte
		err error
	}
	got := make(chan result, 1)
	go func() {
		m, err := b.Recv()
		got <- result{m, err}
	}()
	select {
	case r := <-got:
		t.Fatalf("idle Recv returned %x, %v", r.m, r.err)
	case <-time.After(10 * protocol.HeartbeatTimeout):
	}
	if err := a.Send([]byte{0x81, 0x0c}); err != nil {
		t.Fatal(err)
	}
	if r := <-got; r.err != nil || len(r.m) != 2 {
		t.Fatalf("got %x, %v", r.m, r.err)
	}
}

// TestSlowReaderIsNotDead: a side that does not Recv for long keeps its connection.
func TestSlowReaderIsNotDead(t *testing.T) { bubble(t, slowReaderIsNotDead) }

func slowReaderIsNotDead(t *testing.T, a, b protocol.Conn) {
	const count = 30 // more than wait in the Conn
	sent := make(chan error, 1)
	go func() {
		for range count {
			if err := a.Send(make([]byte, 1000)); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	<-time.After(10 * protocol.HeartbeatTimeout) // the time is the point
	for range count {
		if _, err := b.Recv(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

// TestRefusesOtherSubprotocol: a server of ours tells a client of another version so before the upgrade, and a client of ours does not
// take a server of another.
func TestRefusesOtherSubprotocol(t *testing.T) {
	for _, offer := range []string{"other", "unbrick.1", "unbrick.22", "xunbrick.2"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Sec-WebSocket-Protocol", offer)
			if _, err := wsconn.Accept(w, r, nil); err == nil || !strings.Contains(err.Error(), offer) {
				t.Errorf("%s: server says %v", offer, err)
			}
		}))
		var refusal *wsconn.Refusal
		if _, err := wsconn.Dial(context.Background(), s.URL, nil); !errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest || !strings.Contains(refusal.Text, protocol.Subprotocol) {
			t.Errorf("%s: client says %v", offer, err)
		}
		s.Close()
	}
	for _, speaks := range []string{"", "unbrick.1"} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Sec-WebSocket-Protocol", "unbrick.1")
			if ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{speaks}}); err == nil {
				ws.Read(r.Context())
			}
		}))
		if _, err := wsconn.Dial(context.Background(), s.URL, nil); err == nil || !strings.Contains(err.Error(), protocol.Subprotocol) && speaks == "" {
			t.Errorf("a server that speaks %q: %v", speaks, err)
		}
		s.Close()
	}
}

// TestRefusal: what a server says that answers no link, and when it wants to be asked again.
func TestRefusal(t *testing.T) {
	for after, want := range map[string]uint32{"": 0, "30": 30, "99999999": protocol.MaxWait, "-1": 0, "soon": 0} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", after)
			http.Error(w, "come again\x1b[2J"+strings.Repeat("!", 1000), http.StatusServiceUnavailable)
		}))
		var e *wsconn.Refusal
		if _, err := wsconn.Dial(context.Background(), s.URL, nil); !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable || e.Wait != want || len(e.Text) > protocol.MaxReason || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("Retry-After %q: %v, %+v; want a wait of %d", after, err, e, want)
		}
		s.Close()
	}
}

// TestHost: a link is named by who answered, as it was dialled.
func TestHost(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := wsconn.Accept(w, r, nil); err == nil {
			protocol.Send(c, &protocol.Error{Fault: protocol.FaultInternal, Text: []byte(c.Host())}, nil)
			c.Recv()
		}
	}))
	defer s.Close()
	away := httptest.NewServer(http.RedirectHandler(s.URL, http.StatusTemporaryRedirect))
	defer away.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	for url, want := range map[string]string{s.URL: "127.0.0.1", "ws://LocalHost:" + port: "localhost", strings.Replace(away.URL, "127.0.0.1", "localhost", 1): "127.0.0.1"} {
		c, err := wsconn.Dial(context.Background(), url, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.Recv()
		if err != nil {
			t.Fatal(err)
		}
		var at protocol.Error
		if err := at.Decode(b); err != nil || c.Host() != want || string(at.Text) != want {
			t.Errorf("%s: the ends say %q and %q, want %q", url, c.Host(), at.Text, want)
		}
		c.Close()
	}
}

func TestDialNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	if c, err := wsconn.Dial(context.Background(), "http://"+addr, nil); err == nil {
		c.Close()
		t.Error("connected to nobody")
	} else if errors.Is(err, protocol.ErrClosed) {
		t.Errorf("got %v: there was no link", err)
	}
}
