//go:build js && wasm

package socket

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"unbrick/protocol"
	"unbrick/protocol/conntest"
)

// relay is where two browser ends meet: a server of the test's own, which a browser cannot be. Without
// one (TestInChromium starts it) there is nobody to talk to.
func relay(t *testing.T) string {
	t.Helper()
	url := os.Getenv("UNBRICK_RELAY")
	if url == "" {
		t.Skip("run by TestInChromium, which brings the other end")
	}
	return url
}

var rooms int

func dial(t *testing.T, url string, o *Options) *Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := Dial(ctx, url, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContract(t *testing.T) {
	url := relay(t)
	conntest.Run(t, func(t *testing.T) (client, server protocol.Conn) {
		rooms++
		room := url + "/relay/" + strconv.Itoa(rooms)
		return dial(t, room, nil), dial(t, room, nil)
	})
}

func TestFaults(t *testing.T) {
	url := relay(t)
	conntest.RunFaults(t, conntest.Faults{
		Dead: func(t *testing.T) protocol.Conn {
			return dial(t, url+"/dead", &Options{Interval: 50 * time.Millisecond, Timeout: 300 * time.Millisecond})
		},
		Half:     func(t *testing.T) protocol.Conn { return dial(t, url+"/half", nil) },
		Oversize: func(t *testing.T) protocol.Conn { return dial(t, url+"/oversize", nil) },
	})
}

func TestDialRefused(t *testing.T) {
	url := relay(t)
	for _, path := range []string{"/nothing", "/other"} { // no WebSocket there; another subprotocol
		if c, err := Dial(t.Context(), url+path, nil); err == nil {
			c.Close()
			t.Errorf("%s: opened", path)
		} else if !strings.HasPrefix(err.Error(), "open link: ") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A peer that reads nothing holds Send back, and either end's close lets it go.
func TestSendHoldsBack(t *testing.T) {
	url := relay(t)
	for name, end := range map[string]func(c *Conn){
		"own close":    func(c *Conn) { c.Close() },
		"peer's close": func(*Conn) { js.Global().Call("fetch", "/deaf/close", map[string]any{"method": "POST"}) },
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, url+"/deaf", nil)
			defer c.Close()
			sent := make(chan struct{}, 1<<12)
			got := make(chan error, 1)
			go func() {
				for {
					if err := c.Send(make([]byte, protocol.MaxMessage)); err != nil {
						got <- err
						return
					}
					sent <- struct{}{}
				}
			}()
			total := 0
			for full := false; !full; {
				select {
				case <-sent:
					total++
				case err := <-got:
					t.Fatalf("before the close: %v", err)
				case <-time.After(time.Second):
					full = true
				}
			}
			if n := c.ws.Get("bufferedAmount").Int(); n > maxBuffered+2*protocol.MaxMessage {
				t.Errorf("%d bytes wait in the browser after %d messages, want at most %d", n, total, maxBuffered)
			}
			end(c)
			select {
			case err := <-got:
				if !errors.Is(err, protocol.ErrClosed) {
					t.Errorf("got %v, want %v", err, protocol.ErrClosed)
				}
			case <-time.After(time.Minute):
				t.Fatal("Send does not come back")
			}
		})
	}
}

// Who sends without end lets the browser do its own work, however small the messages are: till then it tells of no close.
func TestSendLeavesTurns(t *testing.T) {
	c := dial(t, relay(t)+"/dead", nil)
	defer c.Close()
	turn := false
	waiting := js.FuncOf(func(js.Value, []js.Value) any { turn = true; return nil })
	defer waiting.Release()
	js.Global().Call("setTimeout", waiting, 0)
	n := 0
	for ; !turn && n < 100*perTurn; n++ {
		if err := c.Send([]byte{1}); err != nil {
			t.Fatal(err)
		}
	}
	if n > 2*perTurn {
		t.Errorf("%d messages were sent before the browser had its turn, want at most %d", n, 2*perTurn)
	}
}

// A peer that ignores credit ends the link; what arrived before is still there, and no more than a bound.
func TestFloodEndsTheLink(t *testing.T) {
	c := dial(t, relay(t)+"/flood", nil)
	defer c.Close()
	select {
	case <-c.stop:
	case <-time.After(time.Minute):
		t.Fatal("the link does not end")
	}
	for n := 0; ; n++ {
		if _, err := c.Recv(); err != nil {
			if !errors.Is(err, protocol.ErrClosed) {
				t.Errorf("got %v, want %v", err, protocol.ErrClosed)
			}
			if n != maxQueued {
				t.Errorf("got %d messages, want %d", n, maxQueued)
			}
			return
		}
	}
}
