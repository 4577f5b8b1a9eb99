//go:build js && wasm

package serial

import (
	"context"
	"errors"
	"runtime"
	"syscall/js"
	"testing"
	"time"

	"unbrick/restore"
	"unbrick/wasm/await"
)

// fake is a SerialPort as the browser makes one, with the other end in the test's hands: feed(bytes),
// fail(name), unplug(); written and signals tell what the program did.
const fake = `
const port = new EventTarget();
Object.assign(port, { written: [], signals: [], opens: [], closed: 0, controller: null, readable: null, writable: null });
const stream = () => new ReadableStream({ start(c) { port.controller = c; } });
port.open = async o => {
	if (port.refuse && (port.refuse === true || port.refuse--)) throw new DOMException("Failed to open serial port.", "NetworkError");
	if (port.readable) throw new DOMException("The port is already open.", "InvalidStateError");
	port.opens.push(o.baudRate);
	port.readable = stream();
	port.writable = new WritableStream({ write(b) { if (port.stuck) return new Promise(() => {}); port.written.push(...b); } });
};
port.close = async () => {
	if (port.readable && port.readable.locked) throw new TypeError("Cannot cancel a locked stream");
	port.readable = port.writable = null; port.closed++;
};
port.setSignals = async s => { if (port.dumb) throw new DOMException("Failed to set control signals.", "NetworkError"); port.signals.push(JSON.stringify(s)); };
port.feed = b => port.controller.enqueue(new Uint8Array(b));
port.fail = name => { const c = port.controller; port.readable = stream(); c.error(new DOMException(name, name)); };
port.unplug = () => { const c = port.controller; port.readable = null; c.error(new DOMException("The device has been lost.", "NetworkError")); port.dispatchEvent(new Event("disconnect")); };
return port;`

func open(t *testing.T) (*Port, js.Value) {
	t.Helper()
	v := js.Global().Get("Function").New(fake).Invoke()
	p, err := Open(t.Context(), v, 115200)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, v
}

// event lets the browser's callbacks run until something is so.
func event(t *testing.T, p *Port, what string, so func() bool) {
	t.Helper()
	turn := js.Global().Get("Promise").Call("resolve")
	for range 10_000 {
		if so() {
			return
		}
		if _, err := await.Promise(t.Context(), turn); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("%s never came", what)
}

// A port that the system still holds when its speed is changed is asked for again.
func TestSpeedOfAPortThatIsStillHeld(t *testing.T) {
	p, v := open(t)
	v.Set("refuse", 3)
	if err := p.SetSpeed(57600); err != nil {
		t.Fatal(err)
	}
	v.Call("feed", []any{104})
	if got := read(t, p, 1); got != "h" {
		t.Errorf("after the change: got %q", got)
	}
}

// Opening a port raises its modem lines: what was set before the speed changed is set again, RTS first where both are released, so that no
// chip whose reset is at RTS alone is reset on the way.
func TestSpeedKeepsModemLines(t *testing.T) {
	p, v := open(t)
	for _, err := range []error{p.SetDTR(true), p.SetDTR(false), p.SetRTS(false)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	before := v.Get("signals").Length()
	if err := p.SetSpeed(921600); err != nil {
		t.Fatal(err)
	}
	if got := v.Get("signals").Call("slice", before).Call("join", " ").String(); got != `{"requestToSend":false} {"dataTerminalReady":false}` {
		t.Errorf("signals after the change: %s", got)
	}
}

func read(t *testing.T, p *Port, n int) string {
	t.Helper()
	var got []byte
	b := make([]byte, 64)
	for len(got) < n {
		k, err := p.Read(b, 5*time.Second)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, b[:k]...)
	}
	return string(got)
}

func TestReadAndWrite(t *testing.T) {
	p, v := open(t)
	v.Call("feed", []any{104, 105})
	v.Call("feed", []any{33})
	if got := read(t, p, 3); got != "hi!" {
		t.Errorf("got %q, want hi!", got)
	}
	if n, err := p.Read(make([]byte, 8), 10*time.Millisecond); n != 0 || !errors.Is(err, restore.ErrTimeout) {
		t.Errorf("got %d, %v, want %v", n, err, restore.ErrTimeout)
	}
	if err := p.Write([]byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if got := v.Get("written").Call("join").String(); got != "1,2,3" {
		t.Errorf("wrote %s, want 1,2,3", got)
	}
}

// What a line does to bytes now and then ends nothing.
func TestLineErrorsAreSurvived(t *testing.T) {
	p, v := open(t)
	for i, name := range []string{"BreakError", "FramingError", "ParityError", "BufferOverrunError"} {
		v.Call("fail", name)
		event(t, p, "the error", func() bool { return p.LineErrors() == i+1 })
		v.Call("feed", []any{65 + i})
		if got := read(t, p, 1); got != string(rune('A'+i)) {
			t.Errorf("after %s: got %q", name, got)
		}
	}
}

func TestUnplug(t *testing.T) {
	p, v := open(t)
	v.Call("feed", []any{104})
	if got := read(t, p, 1); got != "h" {
		t.Fatalf("got %q", got)
	}
	v.Call("unplug")
	if _, err := p.Read(make([]byte, 8), 5*time.Second); !errors.Is(err, restore.ErrVanished) {
		t.Errorf("read: got %v, want %v", err, restore.ErrVanished)
	}
	if err := p.Write([]byte{1}); !errors.Is(err, restore.ErrVanished) {
		t.Errorf("write: got %v, want %v", err, restore.ErrVanished)
	}
}

func TestBusy(t *testing.T) {
	v := js.Global().Get("Function").New(fake).Invoke()
	v.Set("refuse", true)
	if _, err := Open(t.Context(), v, 115200); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v, want %v", err, ErrBusy)
	}
}

func TestCloseUnblocksAndFrees(t *testing.T) {
	p, v := open(t)
	done := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 8), time.Minute)
		done <- err
	}()
	runtime.Gosched() // to where it waits: there is one thread
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-done; !errors.Is(err, restore.ErrClosed) {
		t.Errorf("read: got %v, want %v", err, restore.ErrClosed)
	}
	if v.Get("closed").Int() != 1 || v.Get("readable").Truthy() {
		t.Error("the port is not free")
	}
	if again, err := Open(t.Context(), v, 9600); err != nil {
		t.Errorf("open again: %v", err)
	} else {
		again.Close()
	}
}

func TestSpeedAndSignals(t *testing.T) {
	p, v := open(t)
	if err := p.SetSpeed(921600); err != nil {
		t.Fatal(err)
	}
	if got := v.Get("opens").Call("join").String(); got != "115200,921600" {
		t.Errorf("opened at %s", got)
	}
	v.Call("feed", []any{104})
	if got := read(t, p, 1); got != "h" {
		t.Errorf("after the change: got %q", got)
	}
	if err := p.Break(time.Millisecond); err != nil {
		t.Error(err)
	}
	if err := p.SetDTR(true); err != nil {
		t.Error(err)
	}
	if got := v.Get("signals").Call("join", " ").String(); got != `{"break":true} {"break":false} {"dataTerminalReady":true}` {
		t.Errorf("signals: %s", got)
	}
	v.Set("dumb", true)
	if err := p.SetRTS(true); err != nil {
		t.Errorf("an adapter without modem lines: got %v, want no error", err)
	}
	v.Call("unplug")
	<-p.gone
	if err := p.SetRTS(true); !errors.Is(err, restore.ErrVanished) {
		t.Errorf("without a port: got %v, want %v", err, restore.ErrVanished)
	}
}

// What the page has itself is not another program's, and a port that is gone is nobody's.
func TestWhyAPortIsNotOpened(t *testing.T) {
	p, v := open(t)
	if _, err := Open(t.Context(), v, 115200); !errors.Is(err, ErrOurs) || errors.Is(err, ErrBusy) {
		t.Errorf("open already: got %v, want %v", err, ErrOurs)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	v.Set("refuse", true)
	for connected, want := range map[bool]error{true: ErrBusy, false: restore.ErrVanished} {
		v.Set("connected", connected)
		if _, err := Open(t.Context(), v, 115200); !errors.Is(err, want) {
			t.Errorf("connected %t: got %v, want %v", connected, err, want)
		}
	}
}

// An opening that nobody waits for any more leaves no open port.
func TestOpenThatComesTooLate(t *testing.T) {
	v := js.Global().Get("Function").New(fake).Invoke()
	js.Global().Get("Function").New("port", `const open = port.open; port.open = async o => { await new Promise(go => port.go = go); return open(o); };`).Invoke(v)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := Open(ctx, v, 115200)
		done <- err
	}()
	runtime.Gosched() // to where it waits: there is one thread
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	v.Call("go")
	turn := js.Global().Get("Promise").Call("resolve")
	for range 100 {
		if _, err := await.Promise(t.Context(), turn); err != nil {
			t.Fatal(err)
		}
	}
	if v.Get("closed").Int() != 1 || v.Get("readable").Truthy() {
		t.Error("the port is left open")
	}
}

// A port that is closed while its speed changes stays closed.
func TestCloseWhileTheSpeedChanges(t *testing.T) {
	p, v := open(t)
	done := make(chan error, 1)
	go func() { done <- p.SetSpeed(57600) }()
	runtime.Gosched()
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	<-done
	if v.Get("readable").Truthy() {
		t.Error("the port is left open")
	}
	if err := p.SetSpeed(9600); !errors.Is(err, restore.ErrClosed) {
		t.Errorf("speed of a closed port: got %v, want %v", err, restore.ErrClosed)
	}
}
