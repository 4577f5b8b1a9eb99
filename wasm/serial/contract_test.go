//go:build js && wasm

package serial

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall/js"
	"testing"
	"time"

	"unbrick/restore"
	"unbrick/restore/porttest"
	"unbrick/wasm/await"
)

// opener opens one SerialPort of the browser.
func opener(port js.Value) func(uint32) (restore.Port, error) {
	return func(baud uint32) (restore.Port, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		p, err := Open(ctx, port, baud)
		if err != nil {
			return nil, err
		}
		return p, nil
	}
}

// TestContractOnTheFake runs the contract of restore.Port on the port that the other tests are given.
func TestContractOnTheFake(t *testing.T) {
	porttest.Run(t, func(t *testing.T) *porttest.Rig {
		v := js.Global().Get("Function").New(fake).Invoke()
		return &porttest.Rig{
			Open: opener(v),
			Busy: ErrOurs,
			Send: func(b []byte) { v.Call("feed", await.Array(b)) },
			Recv: func(n int) []byte {
				turn := js.Global().Get("Promise").Call("resolve")
				for range 100_000 {
					if v.Get("written").Length() >= n {
						break
					}
					if _, err := await.Promise(t.Context(), turn); err != nil {
						t.Fatal(err)
					}
				}
				all := v.Get("written")
				v.Set("written", js.Global().Get("Array").New())
				b := make([]byte, all.Length())
				for i := range b {
					b[i] = byte(all.Index(i).Int())
				}
				return b
			},
			Unplug: func() { v.Call("unplug") },
			Refuse: func(n int) { v.Set("refuse", n) },
		}
	})
}

// TestContract runs it on the browser's own Web Serial, with a device at the far end that the address in
// UNBRICK_FAR leads to.
func TestContract(t *testing.T) {
	address := os.Getenv("UNBRICK_FAR")
	if address == "" {
		t.Skip("no device here; TestInChromium has one")
	}
	ask := func(method, what string, body []byte) []byte {
		r, err := http.NewRequest(method, address+what, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v: %s", what, answer.Status, err, b)
		}
		return b
	}
	system := js.Global().Get("navigator").Get("serial")
	ports := func() js.Value {
		all, err := await.Method(context.Background(), system, "getPorts")
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	porttest.Run(t, func(t *testing.T) *porttest.Rig {
		// The browser sees what is plugged in and pulled out in its own time.
		until := func(n int) js.Value {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				all := ports()
				if all.Length() == n {
					return all
				}
				<-tick.C
			}
		}
		t.Cleanup(func() { ask("POST", "/unplug", nil); until(0) })
		ask("POST", "/plug", nil)
		all := until(1)
		return &porttest.Rig{
			Open:   opener(all.Index(0)),
			Busy:   ErrOurs,
			Send:   func(b []byte) { ask("POST", "/send", b) },
			Recv:   func(n int) []byte { return ask("GET", fmt.Sprintf("/recv?n=%d", n), nil) },
			Unplug: func() { ask("POST", "/unplug", nil) },
		}
	})
}
