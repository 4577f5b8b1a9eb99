//go:build linux

package webserial

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is for one step of the page; a step that takes longer hangs.
const patience = 60 * time.Second

var (
	first  = Adapter{Name: "ttyUSB0", Vendor: 0x0403, Product: 0x6001, Serial: "BENCH1", Words: "First Adapter"}
	second = Adapter{Name: "ttyACM0", Vendor: 0x10c4, Product: 0xea60, Serial: "BENCH2", Words: "Second Adapter"}
	barred = Adapter{Name: "ttyUSB9", Vendor: 0x1a86, Product: 0x7523, Serial: "BENCH9", Words: "Not Allowed"}
)

// TestWebSerial runs everything in one browser, each part in a tab and with adapters of its own.
func TestWebSerial(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	b := Need(t)
	server := httptest.NewServer(http.FileServer(http.Dir("testdata")))
	t.Cleanup(server.Close)
	profile := t.TempDir()
	if err := Allow(profile, server.URL, first, second); err != nil {
		t.Fatal(err)
	}
	ctx, stop := chromedp.NewExecAllocator(context.Background(), b.Options(profile)...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct {
		name string
		run  func(*testing.T, *tab)
	}{
		{"Echo", testEcho}, {"Replug", testReplug}, {"Signals", testSignals}, {"TwoPorts", testTwoPorts},
		{"HangUp", testHangUp}, {"PageThatDoesNotRead", testDeafPage}, {"ChooserCancelled", testChooserCancelled},
	} {
		t.Run(part.name, func(t *testing.T) {
			ctx, stop := chromedp.NewContext(ctx)
			t.Cleanup(stop)
			if err := chromedp.Do(ctx, chromedp.Navigate(server.URL+"/page.html")); err != nil {
				t.Fatal(err)
			}
			part.run(t, &tab{t: t, ctx: ctx, bench: b})
		})
	}
}

// tab is one page, with what it made the adapters hear.
type tab struct {
	t     *testing.T
	ctx   context.Context
	bench *Bench

	mu     sync.Mutex
	events []Event
}

// plug puts an adapter in that sends back what the page sends.
func (p *tab) plug(a Adapter) *Port {
	p.t.Helper()
	port := p.plugSilent(a)
	go io.Copy(struct{ io.Writer }{port}, struct{ io.Reader }{port})
	return port
}

func (p *tab) plugSilent(a Adapter) *Port {
	p.t.Helper()
	port, err := p.bench.Plug(a, func(e Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.events = append(p.events, e)
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { port.Unplug() })
	return port
}

// heard returns the events of one kind since the last call, and forgets all.
func (p *tab) heard(k Kind) []Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := slices.DeleteFunc(p.events, func(e Event) bool { return e.Kind != k })
	p.events = nil
	return got
}

// js runs the body of an async function in the page, as if the person had just pressed something, and
// returns its value as JSON.
func (p *tab) js(body string) string {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, patience)
	defer stop()
	raw, err := chromedp.Run(ctx, chromedp.Evaluate[json.RawMessage]("(async () => {"+body+"})()", chromedp.EvalAwaitPromise,
		func(e *runtime.EvaluateParams) { e.UserGesture = new(true) }))
	if err != nil {
		p.t.Fatalf("%s: %v", body, err)
	}
	return string(raw)
}

func (p *tab) want(want, body string) {
	p.t.Helper()
	if got := p.js(body); got != want {
		p.t.Errorf("%s\n got %s\nwant %s", body, got, want)
	}
}

func testEcho(t *testing.T, p *tab) {
	p.plug(first) // before the page asks: found by enumeration
	p.js(fmt.Sprintf(`globalThis.port = await find(%d)`, first.Product))
	const (
		even = 0o400       // PARENB
		two  = 0o100       // CSTOPB
		hard = 0x8000_0000 // CRTSCTS
	)
	for _, c := range []struct {
		options string
		size    int
		speed   uint32
		flags   uint32
	}{
		{`baudRate: 115200`, 256 << 10, 115200, 0},
		{`baudRate: 74880, parity: 'even', stopBits: 2`, 64 << 10, 74880, even | two},
		{`baudRate: 921600, flowControl: 'hardware'`, 64 << 10, 921600, hard},
		{`baudRate: 2000000, bufferSize: 65536`, 1 << 20, 2000000, 0},
	} {
		seed := rand.Uint32()
		t.Logf("%s: seed %d", c.options, seed)
		p.want("-1", fmt.Sprintf(`await port.open({%s}); const bad = await exchange(port, noise(%d, %d)); await port.close(); return bad`,
			c.options, c.size, seed))
		var speeds []uint32
		var flags uint32
		for _, e := range p.heard(Settings) {
			speeds = append(speeds, e.Speed)
			flags = e.Flags & (even | two | hard)
		}
		if !slices.Contains(speeds, c.speed) || flags != c.flags {
			t.Errorf("%s: the device heard speeds %v and flags %#x, want %d and %#x", c.options, speeds, flags, c.speed, c.flags)
		}
	}
	p.want("-1", `await port.open({baudRate: 115200}); return exchange(port, new Uint8Array([0xff, 0, 0xff, 0xff, 0x11, 0x13, 0, 0x7f]))`)
}

func testReplug(t *testing.T, p *tab) {
	p.want(`0`, `return (await ports()).length`)
	port := p.plug(first) // after the page asked: found by the monitor
	p.want(`["connect 24577"]`, `await eventually(() => happened.length); return happened.splice(0)`)
	for round := range 5 {
		seed := rand.Uint32()
		t.Logf("round %d: seed %d", round, seed)
		p.want("-1", fmt.Sprintf(`globalThis.port = await find(%d); await port.open({baudRate: 115200});
			const bad = await exchange(port, noise(10000, %d));
			globalThis.reading = port.readable.getReader().read().then(() => 'data', words); return bad`, first.Product, seed))
		if !port.IsOpen() {
			t.Error("the port is not open, but the page has it")
		}
		if err := port.Unplug(); err != nil {
			t.Fatal(err)
		}
		p.want(`"NetworkError: The device has been lost."`, `return reading`)
		p.want(`["disconnect 24577"]`, `await eventually(() => happened.length); return happened.splice(0)`)
		p.want(`0`, `return (await ports()).length`)
		p.want(`"NetworkError"`, `return port.open({baudRate: 9600}).then(() => 'opened', e => e.name === 'InvalidStateError' ? 'NetworkError' : e.name)`)
		port = p.plug(first)
		p.want(`[["connect 24577"],true]`, fmt.Sprintf(`await eventually(() => happened.length);
			return [happened.splice(0), await find(%d) !== port]`, first.Product))
	}
}

func testSignals(t *testing.T, p *tab) {
	port := p.plugSilent(first)
	p.js(fmt.Sprintf(`globalThis.port = await find(%d); await port.open({baudRate: 115200})`, first.Product))
	if got := p.heard(Opened); len(got) != 1 || !got[0].DTR || !got[0].RTS {
		t.Errorf("opening was heard as %+v, want one with DTR and RTS on", got)
	}
	for _, c := range []struct {
		signals string
		want    []Event
	}{
		{`dataTerminalReady: false`, []Event{{Kind: Signals, RTS: true}}},
		{`requestToSend: false`, []Event{{Kind: Signals}}},
		{`dataTerminalReady: true, requestToSend: true`, []Event{{Kind: Signals, DTR: true}, {Kind: Signals, DTR: true, RTS: true}}},
		{`break: true`, []Event{{Kind: Signals, DTR: true, RTS: true, Break: true}}},
		{`break: false`, []Event{{Kind: Signals, DTR: true, RTS: true}}},
	} {
		p.js(`await port.setSignals({` + c.signals + `})`)
		if got := p.heard(Signals); !slices.Equal(got, c.want) {
			t.Errorf("%s: heard %+v, want %+v", c.signals, got, c.want)
		}
	}
	for inputs, want := range map[uint32]string{
		CTS | DCD | DSR: `{"clearToSend":true,"dataCarrierDetect":true,"dataSetReady":true,"ringIndicator":false}`,
		RI:              `{"clearToSend":false,"dataCarrierDetect":false,"dataSetReady":false,"ringIndicator":true}`,
		0:               `{"clearToSend":false,"dataCarrierDetect":false,"dataSetReady":false,"ringIndicator":false}`,
	} {
		port.SetInputs(inputs)
		p.want(want, `return port.getSignals()`)
	}
	// A pulse comes before the bytes written after it: nothing can have been read when it is heard.
	p.heard(Signals)
	p.js(`await port.setSignals({requestToSend: false}); const w = port.writable.getWriter(); await w.write(new Uint8Array([42])); w.releaseLock()`)
	if got := p.heard(Signals); len(got) != 1 || got[0].RTS {
		t.Errorf("heard %+v, want RTS off", got)
	}
	b := make([]byte, 8)
	if n, err := port.Read(b); n != 1 || b[0] != 42 || err != nil {
		t.Errorf("read %v, %v, want one byte 42", b[:n], err)
	}
}

func testTwoPorts(t *testing.T, p *tab) {
	p.plug(first)
	port := p.plug(second)
	p.plug(barred)
	seed := rand.Uint32()
	t.Logf("seed %d", seed)
	p.want("[-1,-1]", fmt.Sprintf(`globalThis.a = await find(%d); globalThis.b = await find(%d);
		await a.open({baudRate: 115200}); await b.open({baudRate: 921600});
		return Promise.all([exchange(a, noise(200000, %d)), exchange(b, noise(200000, %[3]d + 1))])`, first.Product, second.Product, seed))
	p.want("2", `return (await ports()).length`) // nobody allowed the third
	if err := port.Unplug(); err != nil {
		t.Fatal(err)
	}
	p.want("[-1,1]", `await eventually(() => happened.includes('disconnect 60000')); return [await exchange(a, noise(1000, 7)), (await ports()).length]`)
}

func testHangUp(t *testing.T, p *tab) {
	port := p.plug(first)
	p.js(fmt.Sprintf(`globalThis.port = await find(%d); await port.open({baudRate: 115200});
		globalThis.reading = port.readable.getReader().read().then(() => 'data', words)`, first.Product))
	port.HangUp()
	p.want(`"NetworkError: The device has been lost."`, `return reading`)
	p.want(`[0,1]`, `return [happened.filter(h => h.startsWith('dis')).length, (await ports()).length]`)
	if err := port.Unplug(); err != nil {
		t.Fatal(err)
	}
	p.want(`1`, `await eventually(async () => !(await ports()).length && happened.some(h => h.startsWith('dis')));
		return happened.filter(h => h.startsWith('dis')).length`)
}

// testDeafPage fills every buffer towards a page that does not read, and closes the port under the
// device that waits in Write.
func testDeafPage(t *testing.T, p *tab) {
	port := p.plugSilent(first)
	p.js(fmt.Sprintf(`globalThis.port = await find(%d); await port.open({baudRate: 115200})`, first.Product))
	written := make(chan error, 1)
	go func() {
		_, err := port.Write(make([]byte, 4<<20))
		written <- err
	}()
	p.js(`const r = port.readable.getReader(); await r.read(); await r.cancel(); r.releaseLock(); await port.close()`)
	select {
	case err := <-written:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("a write to a closed port hangs")
	}
}

func testChooserCancelled(t *testing.T, p *tab) {
	p.plug(barred)
	if err := chromedp.Do(p.ctx, chromedp.Click(chromedp.CSS("#choose"))); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for {
		// Nothing tells when the unseen dialog is up; a press beside it closes it.
		if err := chromedp.Do(p.ctx, chromedp.Click(chromedp.CSS("#elsewhere"))); err != nil {
			t.Fatal(err)
		}
		got := p.js(`await tick(); return choice`)
		if got == `"NotFoundError: Failed to execute 'requestPort' on 'Serial': No port selected by the user."` {
			return
		}
		if got != `"asked"` || time.Now().After(deadline) {
			t.Fatalf("the chooser ended with %s", got)
		}
	}
}
