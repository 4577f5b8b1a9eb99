//go:build linux

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/internal/webserial"
	"unbrick/lab"
	"unbrick/model"
	"unbrick/terminal"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// The adapters that the technician's browser has been allowed.
var (
	cableAdapter = webserial.Adapter{Name: "ttyUSB0", Vendor: 0x0403, Product: 0x6001, Serial: "CABLE1", Words: "Serial Cable"}
	otherAdapter = webserial.Adapter{Name: "ttyUSB1", Vendor: 0x10c4, Product: 0xea60, Serial: "CABLE2", Words: "Other Cable"}
)

// technician is a person at the page, in a browser that has nothing but the bench's adapters. What a
// technician does is a press of the mouse on what can be seen.
type technician struct {
	t     *testing.T
	ctx   context.Context
	bench *webserial.Bench
	shots int
}

// newTechnician opens the page of a server. The adapters in allowed were chosen in an earlier visit.
func newTechnician(t *testing.T, url string, allowed ...webserial.Adapter) *technician {
	t.Helper()
	b := webserial.Need(t)
	profile := t.TempDir()
	if err := webserial.Allow(profile, url, allowed...); err != nil {
		t.Fatal(err)
	}
	var logs sync.WaitGroup
	t.Cleanup(logs.Wait) // after the browser has ended
	ctx, stop := chromedp.NewExecAllocator(context.Background(), append(b.Options(profile), chromedp.WindowSize(1280, 900))...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	console, dialogs := chromedp.Console(ctx), chromedp.Events(ctx, page.JavascriptDialogOpening)
	logs.Go(func() {
		for m, err := range console {
			if err != nil {
				return
			}
			t.Logf("console: %v", m)
		}
	})
	logs.Go(func() { // "leave this page?": the technician insists
		for _, err := range dialogs {
			if err != nil {
				return
			}
			_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}
	})
	p := &technician{t: t, ctx: ctx, bench: b}
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	return p
}

// ask evaluates an expression in the page until it is neither null nor "", and returns it. The page
// itself waits between two looks; a page that is being replaced is asked again.
func (p *technician) ask(what, expression string) string {
	p.t.Helper()
	script := fmt.Sprintf(`(async () => {
		for (let i = 0; i < 40; i++) {
			const got = (() => { %s; return (%s); })();
			if (got) return String(got);
			await new Promise(done => setTimeout(done, 25));
		}
		return '';
	})()`, visibleScript, expression)
	ctx, stop := context.WithTimeout(p.ctx, pollFor)
	defer stop()
	for {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
		if err == nil && got != "" {
			return got
		}
		if ctx.Err() != nil {
			p.shot("stuck")
			p.t.Fatalf("the page never shows %s (%v); it shows:\n%s", what, err, p.text())
		}
	}
}

// visibleScript finds elements that a person can see, by their words.
const visibleScript = `
	const seen = q => [...document.querySelectorAll(q)].filter(e => e.checkVisibility({ visibilityProperty: true }) && e.getBoundingClientRect().width > 1);
	const words = e => e.textContent.trim().replace(/\s+/g, ' ');
	const heading = () => seen('h1').map(words).join(' | ')`

// text is all that can be read on the page.
func (p *technician) text() string {
	ctx, stop := context.WithTimeout(p.ctx, 10*time.Second)
	defer stop()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return s
}

// sees waits for the heading of the screen. When another of the headings in not comes instead, it fails
// at once.
func (p *technician) sees(want string, not ...string) {
	p.t.Helper()
	list, err := json.Marshal(append(not, want))
	if err != nil {
		p.t.Fatal(err)
	}
	if got := p.ask(fmt.Sprintf("%q", want), fmt.Sprintf(`%s.find(h => heading().includes(h))`, list)); got != want {
		p.shot("unwanted")
		p.t.Fatalf("the page shows %q, want %q; all of it:\n%s", got, want, p.text())
	}
}

// reads waits until the text can be read anywhere on the page.
func (p *technician) reads(texts ...string) {
	p.t.Helper()
	for _, s := range texts {
		p.ask(fmt.Sprintf("%q", s), fmt.Sprintf(`document.body.innerText.includes(%q)`, s))
	}
}

// presses presses the button with these words, once it can be pressed.
func (p *technician) presses(label string) {
	p.t.Helper()
	place := p.ask(fmt.Sprintf("a button %q", label), fmt.Sprintf(`(() => {
		const button = seen('button').find(e => words(e) === %q && !e.disabled && e.getAttribute('aria-disabled') !== 'true');
		if (!button) return '';
		button.scrollIntoView({ block: 'center', behavior: 'instant' });
		const r = button.getBoundingClientRect();
		const x = r.x + r.width / 2, y = r.y + r.height / 2;
		return button.contains(document.elementFromPoint(x, y)) ? x + ' ' + y : '';
	})()`, label))
	var x, y float64
	if _, err := fmt.Sscan(place, &x, &y); err != nil {
		p.t.Fatal(err)
	}
	if err := chromedp.Do(p.ctx, chromedp.MouseClickXY(x, y)); err != nil {
		p.t.Fatalf("press %q: %v", label, err)
	}
}

// reloads loads the page anew, as a person does who does not wait.
func (p *technician) reloads() {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Reload()); err != nil {
		p.t.Fatal(err)
	}
}

// shot keeps a picture of the page.
func (p *technician) shot(name string) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, pollFor)
	defer stop()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Logf("screenshot %s: %v", name, err)
		return
	}
	p.shots++
	file := fmt.Sprintf("%s-%02d-%s.png", strings.ReplaceAll(p.t.Name(), "/", "-"), p.shots, name)
	if err := os.WriteFile(filepath.Join(shots(p.t), file), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// patient is an emulated device that does not start, with its end of a cable.
type patient struct {
	t      *testing.T
	bench  *webserial.Bench
	device *lab.Device
	image  []byte // what it is to run in the end

	mu       sync.Mutex
	port     *webserial.Port
	line     *emulator.Attachment
	next     *accident     // armed; nil: nothing happens
	pulled   chan struct{} // one for each cable that came out
	held     chan struct{} // the device stands still
	goOn     chan struct{} // let it go on
	breaking time.Time     // the break began; zero: there is none
}

// accident is what happens to a device that is being restored.
type accident struct {
	at    terminal.EventCode // at the count-th such event from now on
	count int
	kind  mishap
}

type mishap uint8

const (
	cableOut  mishap = iota // the cable comes out; the device has power of its own and goes on
	powerOut                // the cable comes out, and the device lived on its power
	hangUp                  // the emulator dies: the line is dead, but nothing was unplugged; no power
	holdStill               // the device stands still until meanwhile lets it go on
)

// brick makes a device with release 1, and cuts its power inside a flash operation of the update to
// release 2, so that neither is whole.
func brick(t *testing.T, sh *shell, bench *webserial.Bench, serial string, operation int, image []byte) *patient {
	t.Helper()
	flash := serial + ".flash"
	o := sh.run(t, append(factory(serial, flash), "--update", "--cut-at", strconv.Itoa(operation), "--tear", "half")...)
	if o.code != exitBricked {
		t.Fatalf("a cut in operation %d ends with code %d, want %d\n%s", operation, o.code, exitBricked, o.stderr)
	}
	d := &patient{t: t, bench: bench, image: image, pulled: make(chan struct{}, 1), held: make(chan struct{}), goOn: make(chan struct{})}
	m := modelOf(t, sh.url, "0001")
	var err error
	if d.device, err = lab.New(m, &lab.Options{Event: d.event}); err != nil {
		t.Fatal(err)
	}
	if err := d.device.LoadFile(filepath.Join(sh.dir, flash)); err != nil {
		t.Fatal(err)
	}
	if err := d.device.PowerOn(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.device.PowerOff(emulator.NotBegun) })
	d.settles(lab.Restoration)
	return d
}

func modelOf(t *testing.T, url, id string) *model.Model {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/models/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Accept", "application/cbor")
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	record, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Decode(record)
	if err != nil {
		t.Fatalf("model %s: %v", id, err)
	}
	return &m
}

// plug puts the cable in, and gives power to a device without.
func (d *patient) plug(a webserial.Adapter) {
	d.t.Helper()
	if d.device.State() == lab.Off {
		if err := d.device.PowerOn(context.Background()); err != nil {
			d.t.Fatal(err)
		}
		d.settles(lab.Restoration)
	}
	port, err := d.bench.Plug(a, d.signal)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { port.Unplug() })
	line, err := d.device.Attach(port)
	if err != nil {
		d.t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.port, d.line = port, line
}

// unplug pulls the cable out of the computer.
func (d *patient) unplug() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line.Detach()
	if err := d.port.Unplug(); err != nil {
		d.t.Error(err)
	}
}

// arm lets an accident happen.
func (d *patient) arm(a accident) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = &a
}

// event waits for the armed accident, in the device's goroutine.
func (d *patient) event(e lab.Event) {
	d.mu.Lock()
	a := d.next
	if a == nil || e.Code != a.at {
		d.mu.Unlock()
		return
	}
	if a.count--; a.count > 0 {
		d.mu.Unlock()
		return
	}
	d.next = nil
	line, port := d.line, d.port
	d.mu.Unlock()
	switch a.kind {
	case holdStill:
		d.held <- struct{}{}
		<-d.goOn
		return
	case cableOut, powerOut:
		line.Detach()
		if err := port.Unplug(); err != nil {
			d.t.Error(err)
		}
	case hangUp:
		line.Detach()
		port.HangUp()
	}
	if a.kind != cableOut {
		d.device.Board().Cut(emulator.Half)
	}
	d.pulled <- struct{}{}
}

// comesOut waits until the armed accident has happened, and a device without power is off. p is asked
// what the page shows when it never does.
func (d *patient) comesOut(p *technician, kind mishap) {
	d.t.Helper()
	late := time.After(pollFor)
	select {
	case <-d.pulled:
	case <-late:
		p.shot("never-out")
		d.t.Fatalf("the cable never came out; the page shows:\n%s", p.text())
	}
	if kind == cableOut {
		return
	}
	select {
	case <-d.device.Ended():
	case <-late:
		d.t.Fatalf("the device is %v without power", d.device.State())
	}
}

// meanwhile waits for the device to stand still, does f, and lets it go on. p is asked what the page
// shows when it never does.
func (d *patient) meanwhile(p *technician, f func()) {
	d.t.Helper()
	select {
	case <-d.held:
	case <-time.After(pollFor):
		p.shot("never-still")
		d.t.Fatalf("the device never came to the sector at which it stands still; the page shows:\n%s", p.text())
	}
	defer func() { d.goOn <- struct{}{} }()
	f()
}

// signal passes a break on to the device when it ends, before the page goes on.
func (d *patient) signal(e webserial.Event) {
	if e.Kind != webserial.Signals {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case e.Break && d.breaking.IsZero():
		d.breaking = time.Now()
	case !e.Break && !d.breaking.IsZero():
		d.line.Break(time.Since(d.breaking))
		d.breaking = time.Time{}
	}
}

func (d *patient) settles(want lab.State) {
	d.t.Helper()
	ctx, stop := context.WithTimeout(d.t.Context(), pollFor)
	defer stop()
	if s, err := d.device.Settle(ctx); err != nil || s != want {
		d.t.Fatalf("the device is %v, %v, want %v", s, err, want)
	}
}

// runs checks that the device runs exactly the wanted image, by its own word and by its flash, and that
// its software broke no rule of the hardware.
func (d *patient) runs() {
	d.t.Helper()
	d.settles(lab.Running)
	if v := d.device.About().Installed.Version; v != "2" {
		d.t.Errorf("the device runs release %q, want 2", v)
	}
	if at := d.device.Raw()[softwareBase:]; !bytes.Equal(at[:len(d.image)], d.image) {
		d.t.Error("the flash does not hold release 2")
	}
	if f := d.device.Board().Faults(); len(f) > 0 {
		d.t.Errorf("hardware faults: %v", f)
	}
}

// pressesBesideUntil presses where nothing is until the heading comes: that closes an unseen chooser.
func (p *technician) pressesBesideUntil(want string) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, pollFor)
	defer stop()
	for {
		if err := chromedp.Do(ctx, chromedp.MouseClickXY(3, 500)); err != nil {
			p.t.Fatalf("press beside the chooser: %v", err)
		}
		if got := p.ask("a heading", "heading()"); strings.Contains(got, want) {
			return
		}
	}
}
