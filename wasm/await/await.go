//go:build js && wasm

// Package await turns promises, events and exceptions of a browser into plain Go calls.
//
// Everything that waits here must run in a goroutine of its own, never inside a callback: the browser
// delivers nothing while a callback blocks. Every callback that is made is released when it has done its
// work.
package await

import (
	"context"
	"fmt"
	"syscall/js"
	"time"
)

// Error is an exception or rejection. Name is the DOM's own word for it ("NetworkError").
type Error struct{ Name, Message string }

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Name
	}
	return e.Name + ": " + e.Message
}

// ErrorOf reads what a promise was rejected with, whatever its type.
func ErrorOf(v js.Value) *Error {
	if v.Type() != js.TypeObject {
		return &Error{Name: "Error", Message: fmt.Sprint(v)}
	}
	e := &Error{Name: "Error"}
	if n := v.Get("name"); n.Type() == js.TypeString {
		e.Name = n.String()
	}
	if m := v.Get("message"); m.Type() == js.TypeString {
		e.Message = m.String()
	}
	return e
}

// Call calls a method and returns its exception, if any, as an *Error.
func Call(v js.Value, method string, args ...any) (result js.Value, err error) {
	if t := v.Type(); (t != js.TypeObject && t != js.TypeFunction) || v.Get(method).Type() != js.TypeFunction {
		return js.Undefined(), &Error{Name: "TypeError", Message: "there is no " + method}
	}
	defer catch(&err)
	return v.Call(method, args...), nil
}

// Get reads a property, and returns undefined where reading it throws: a browser forbids some to a page. An exception
// in js.Value.Get ends the program, recover or not, as Go catches those of calls only; so it is read by a call.
func Get(v js.Value, property string) js.Value {
	value, err := Call(js.Global().Get("Reflect"), "get", v, property)
	if err != nil {
		return js.Undefined()
	}
	return value
}

// New calls a constructor and returns its exception, if any, as an *Error.
func New(class js.Value, args ...any) (object js.Value, err error) {
	defer catch(&err)
	return class.New(args...), nil
}

// catch turns a JavaScript exception into an error; any other panic is our own and goes on.
func catch(err *error) {
	switch e := recover().(type) {
	case nil:
	case js.Error:
		*err = ErrorOf(e.Value)
	default:
		panic(e)
	}
}

// settled is how a promise ended.
type settled struct {
	value js.Value
	err   error
}

// Promise waits until a promise is settled or the context ends. A rejection is an *Error. The promise
// itself cannot be called off; its late outcome is dropped.
func Promise(ctx context.Context, promise js.Value) (js.Value, error) {
	done := make(chan settled, 1)
	Then(promise, func(v js.Value, err error) { done <- settled{v, err} })
	select {
	case s := <-done:
		return s.value, s.err
	case <-ctx.Done():
		return js.Undefined(), ctx.Err()
	}
}

// Then calls f once when a promise is settled, inside the browser's callback: f must not block.
func Then(promise js.Value, f func(js.Value, error)) {
	var good, bad js.Func
	end := func(v js.Value, err error) {
		good.Release()
		bad.Release()
		f(v, err)
	}
	good = js.FuncOf(func(_ js.Value, args []js.Value) any {
		end(first(args), nil)
		return nil
	})
	bad = js.FuncOf(func(_ js.Value, args []js.Value) any {
		end(js.Undefined(), ErrorOf(first(args)))
		return nil
	})
	promise.Call("then", good, bad)
}

// Method calls a method that returns a promise and waits for it.
func Method(ctx context.Context, v js.Value, method string, args ...any) (js.Value, error) {
	p, err := Call(v, method, args...)
	if err != nil {
		return js.Undefined(), err
	}
	return Promise(ctx, p)
}

// Listen calls f for each event until remove is called. f runs inside the browser's callback and must
// not block. remove may be called more than once, and inside f.
func Listen(target js.Value, event string, f func(js.Value)) (remove func()) {
	fn := js.FuncOf(func(_ js.Value, args []js.Value) any {
		f(first(args))
		return nil
	})
	target.Call("addEventListener", event, fn)
	removed := false
	return func() {
		if removed {
			return
		}
		removed = true
		target.Call("removeEventListener", event, fn)
		fn.Release()
	}
}

// Signal sets the one pending bit of a channel that has room for one. It never waits.
func Signal(pending chan struct{}) {
	select {
	case pending <- struct{}{}:
	default:
	}
}

// Sleep waits for d. It reports whether stop was closed before that.
func Sleep(d time.Duration, stop <-chan struct{}) (stopped bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-stop:
		return true
	}
}

// Post sends bytes to a worker or to the page. They move there without a copy.
func Post(to js.Value, b []byte) {
	array := Array(b)
	to.Call("postMessage", array, []any{array.Get("buffer")})
}

// PostIn sends bytes as the field of a message, beside others. They move there without a copy.
func PostIn(to js.Value, field string, b []byte, others map[string]any) {
	array := Array(b)
	message := js.ValueOf(others)
	message.Set(field, array)
	to.Call("postMessage", message, []any{array.Get("buffer")})
}

// Array copies bytes into a new Uint8Array.
func Array(b []byte) js.Value {
	a := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(a, b)
	return a
}

// Bytes copies the bytes of a Uint8Array or an ArrayBuffer.
func Bytes(v js.Value) []byte {
	if v.InstanceOf(js.Global().Get("ArrayBuffer")) {
		v = js.Global().Get("Uint8Array").New(v)
	}
	b := make([]byte, v.Get("byteLength").Int())
	js.CopyBytesToGo(b, v)
	return b
}

func first(args []js.Value) js.Value {
	if len(args) == 0 {
		return js.Undefined()
	}
	return args[0]
}
