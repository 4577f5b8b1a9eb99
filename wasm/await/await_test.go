//go:build js && wasm

package await

import (
	"context"
	"errors"
	"syscall/js"
	"testing"
)

// script makes a function out of source text; tests run where that is allowed.
func script(body string) js.Value { return js.Global().Get("Function").New(body) }

func TestPromise(t *testing.T) {
	v, err := Promise(t.Context(), script("return Promise.resolve(7)").Invoke())
	if err != nil || v.Int() != 7 {
		t.Fatalf("got %v, %v, want 7", v, err)
	}
	_, err = Promise(t.Context(), script(`return Promise.reject(new DOMException("gone", "NetworkError"))`).Invoke())
	var e *Error
	if !errors.As(err, &e) || e.Name != "NetworkError" || e.Message != "gone" {
		t.Fatalf("got %v, want NetworkError: gone", err)
	}
	_, err = Promise(t.Context(), script(`return Promise.reject("plain")`).Invoke())
	if err == nil || err.Error() != "Error: plain" {
		t.Fatalf("got %v, want Error: plain", err)
	}
}

func TestPromiseEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Promise(ctx, script("return new Promise(() => {})").Invoke()); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want %v", err, context.Canceled)
	}
}

func TestCallReturnsExceptions(t *testing.T) {
	object := script("return { f() { throw new RangeError('no') } }").Invoke()
	_, err := Call(object, "f")
	var e *Error
	if !errors.As(err, &e) || e.Name != "RangeError" {
		t.Fatalf("got %v, want a RangeError", err)
	}
	if _, err := Call(object, "missing"); err == nil {
		t.Fatal("a method that is not there was called")
	}
}

func TestListen(t *testing.T) {
	target := js.Global().Get("EventTarget").New()
	calls := 0
	remove := Listen(target, "x", func(js.Value) { calls++ })
	event := js.Global().Get("Event")
	target.Call("dispatchEvent", event.New("x"))
	remove()
	remove()
	target.Call("dispatchEvent", event.New("x"))
	if calls != 1 {
		t.Fatalf("got %d calls, want 1", calls)
	}
}

func TestBytes(t *testing.T) {
	want := "\x00\xffabc"
	if got := string(Bytes(Array([]byte(want)))); got != want {
		t.Fatalf("got %q, want %q", got, want)
	}
	if got := string(Bytes(Array([]byte(want)).Get("buffer"))); got != want {
		t.Fatalf("got %q from a buffer, want %q", got, want)
	}
}

// A browser throws at the mere name of what it forbids; the program goes on.
func TestGetOfWhatIsForbidden(t *testing.T) {
	v := js.Global().Get("Function").New(`return { good: 7, get bad() { throw new DOMException("denied", "SecurityError"); } }`).Invoke()
	if got := Get(v, "good"); got.Type() != js.TypeNumber || got.Int() != 7 {
		t.Errorf("got %v, want 7", got)
	}
	for _, name := range []string{"bad", "none"} {
		if got := Get(v, name); !got.IsUndefined() {
			t.Errorf("%s: got %v, want undefined", name, got)
		}
	}
}
