package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"unbrick/protocol"
	"unbrick/protocol/conntest"
	"unbrick/protocol/wsconn"
	"unbrick/server/offer"
	"unbrick/server/session"
	"unbrick/server/storage"

	"github.com/coder/websocket"
)

// converse holds a session in memory, without HTTP.
func (r *rig) converse() *client {
	r.Helper()
	near, far := conntest.Pair()
	go r.s.Converse(far, "pair")
	r.Cleanup(func() { near.Close() })
	return &client{TB: r.TB, conn: near}
}

// TestChallenge: the server speaks first, with another challenge on each connection, and finds out whether a hello is signed over it.
func TestChallenge(t *testing.T) {
	var said bytes.Buffer
	r := newRig(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&said, nil)) })
	one := r.publish("1", 1, image(1, 20_000))
	key := deviceKey("A-1")
	seen := map[protocol.Nonce]bool{{}: true}
	for _, test := range []struct {
		name, want string
		sign       func(h *protocol.Hello, c *client) *protocol.Hello
	}{
		{"unsigned", "standing=unsigned", func(h *protocol.Hello, _ *client) *protocol.Hello { return unsigned(h) }},
		{"signed", "standing=proven", func(h *protocol.Hello, c *client) *protocol.Hello {
			return sign(t, h, key, &c.nonce, conntest.PairHost)
		}},
		{"over another nonce", "standing=bad-signature", func(h *protocol.Hello, _ *client) *protocol.Hello {
			return sign(t, h, key, &protocol.Nonce{1}, conntest.PairHost)
		}},
		{"for another host", "standing=bad-signature", func(h *protocol.Hello, c *client) *protocol.Hello {
			return sign(t, h, key, &c.nonce, "other.test")
		}},
	} {
		said.Reset()
		c := r.converse()
		if c.nonce = hears[*protocol.Challenge](c).Nonce; seen[c.nonce] {
			t.Fatalf("%s: challenge %x again", test.name, c.nonce)
		}
		seen[c.nonce] = true
		c.say(test.sign(r.hello("A-1", one), c))
		hears[*protocol.Info](c) // whoever signed it
		c.bye()
		r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
		if !strings.Contains(said.String(), test.want) {
			t.Errorf("%s: the log has %s, want %s", test.name, said.String(), test.want)
		}
	}
}

// TestHelloBeforeTheChallenge: a client that speaks before it has read anything is heard.
func TestHelloBeforeTheChallenge(t *testing.T) {
	r := newRig(t)
	c := &client{TB: t}
	var far protocol.Conn
	c.conn, far = conntest.Pair()
	c.say(r.hello("A-1", r.publish("1", 1, image(1, 20_000))))
	go r.s.Converse(far, "pair")
	hears[*protocol.Challenge](c)
	hears[*protocol.Info](c)
	c.bye()
}

// TestDeafFromTheStart: who takes nothing, not even the challenge, has its place no longer than who is silent later, and one who
// takes the challenge and says nothing is told so after the time for the hello.
func TestDeafFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostileRig(t)
		p := h.connect(t)
		time.Sleep(h.s.cfg.Limits.Hello + silence)
		synctest.Wait()
		if n := h.s.live.Number(); n != 0 {
			t.Errorf("deaf: %d places are taken", n)
		}
		p.conn.Close()
		p = h.dial(t)
		time.Sleep(h.s.cfg.Limits.Hello - time.Millisecond)
		synctest.Wait()
		if n := h.s.live.Number(); n != 1 {
			t.Errorf("silent: %d places are taken before the time", n)
		}
		time.Sleep(time.Second)
		if e := hearsNow[*protocol.Error](p); e.Fault != protocol.FaultTimeout {
			t.Errorf("silent: fault %s", e.Fault)
		}
		p.end()
	})
}

// TestOldSubprotocol: who offers another version of the link is told so in words, before the upgrade.
func TestOldSubprotocol(t *testing.T) {
	var said bytes.Buffer
	r := newRig(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&said, nil)) })
	for _, offer := range []string{"unbrick.1", "", "unbrick.20, xunbrick.2"} {
		said.Reset()
		_, a, err := websocket.Dial(context.Background(), r.web.URL+"/link", &websocket.DialOptions{Subprotocols: strings.Split(offer, ", ")})
		if err == nil {
			t.Fatalf("%q: taken", offer)
		}
		body := make([]byte, 200)
		n, _ := a.Body.Read(body)
		for what, text := range map[string]string{"answer": string(body[:n]), "log": said.String()} {
			if a.StatusCode != http.StatusBadRequest || !strings.Contains(text, "this server speaks unbrick.2, the client offers") {
				t.Errorf("%q: status %d, the %s says %q", offer, a.StatusCode, what, text)
			}
		}
	}
	// The log belongs to a session from here on.
	ws, _, err := websocket.Dial(context.Background(), r.web.URL+"/link", &websocket.DialOptions{Subprotocols: []string{"unbrick.1", protocol.Subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	ws.CloseNow()
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
}

// troubled is a store that does not find models while it is on fire.
type troubled struct {
	storage.Store
	fire atomic.Bool
}

func (s *troubled) Model(ctx context.Context, id string) (storage.Model, error) {
	if s.fire.Load() {
		return storage.Model{}, errors.New("disk on fire")
	}
	return s.Store.Model(ctx, id)
}

// TestWaitsAreTold: whatever ends in waiting says for how long, with the same seconds before the upgrade and behind it. The rig looks at
// every answer of every other test besides.
func TestWaitsAreTold(t *testing.T) {
	var store troubled
	r := newRig(t, func(c *Config) { store.Store, c.Store, c.Limits.Sessions = c.Store, &store, 1 })
	one := r.publish("1", 1, image(1, 20_000))
	if info := r.session(r.hello("A-1", one)); info.Reason != protocol.ReasonUpToDate || info.Wait != offer.WaitUsual {
		t.Errorf("%s: wait %d", info.Reason, info.Wait)
	}
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
	foreign := r.hello("A-1", one)
	foreign.Model = "0099"
	if info := r.session(foreign); info.Reason != protocol.ReasonUnknownModel || info.Wait != offer.WaitUsual {
		t.Errorf("%s: wait %d", info.Reason, info.Wait)
	}
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
	c := r.dial()
	refused := func(want uint32) {
		t.Helper()
		var e *wsconn.Refusal
		if _, err := wsconn.Dial(context.Background(), r.web.URL+"/link", nil); !errors.As(err, &e) || e.Status != http.StatusServiceUnavailable || e.Wait != want {
			t.Errorf("%v, %+v: want 503 and a wait of %d", err, e, want)
		}
	}
	refused(session.WaitBusy)
	late := r.converse() // came to a place that was there when it was looked for
	if e := hears[*protocol.Error](late); e.Fault != protocol.FaultBusy || e.Wait != session.WaitBusy {
		t.Errorf("%s: wait %d", e.Fault, e.Wait)
	}
	store.fire.Store(true)
	c.say(r.hello("A-1", one))
	if e := hears[*protocol.Error](c); e.Fault != protocol.FaultInternal || e.Wait != session.WaitInternal {
		t.Errorf("%s: wait %d", e.Fault, e.Wait)
	}
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
	store.fire.Store(false)
	c = r.dial()
	go r.s.Close(context.Background())
	if e := hears[*protocol.Error](c); e.Fault != protocol.FaultShutdown || e.Wait != session.WaitShutdown {
		t.Errorf("%s: wait %d", e.Fault, e.Wait)
	}
	refused(session.WaitShutdown)
}

// TestNoWaitIsTooLong: no wait of ours is one that a terminal refuses.
func TestNoWaitIsTooLong(t *testing.T) {
	for _, wait := range []uint32{session.WaitBusy, session.WaitShutdown, session.WaitInternal, offer.WaitPreparing, offer.WaitFailed, offer.WaitUsual} {
		if wait == 0 || wait > protocol.MaxWait {
			t.Errorf("%d s", wait)
		}
	}
}
