//go:build linux

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"unbrick/internal/webserial"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// technician is a person at the page, in a browser that has nothing but the bench's adapters. What a
// technician does is a press of the mouse on what can be seen.
type technician struct {
	t     *testing.T
	ctx   context.Context
	bench *webserial.Bench
	shots int
	logs  *sync.WaitGroup
	leave context.CancelFunc // closes the tab; nil of the first
}

// surgery is the browser that tests with the shared server and one allowed cable have in turn. To start one and to load the
// page into it for the first time takes as long as most of these tests. Whoever comes while it is taken, or wants another
// one, starts a browser.
type surgery struct {
	mu    sync.Mutex // held by the test that has the browser
	bench *webserial.Bench
	ctx   context.Context // of an empty tab that keeps the browser open
	end   context.CancelFunc
}

var theSurgery surgery

func init() { closeSurgery = theSurgery.close }

// enter returns the browser if it is free until the test ends, with nothing kept for the page.
func (s *surgery) enter(t *testing.T, url string, allowed []webserial.Adapter) bool {
	t.Helper()
	if url != common.url() || !slices.Equal(allowed, []webserial.Adapter{cableAdapter}) || !s.mu.TryLock() {
		return false
	}
	t.Cleanup(s.mu.Unlock)
	if s.ctx == nil || s.ctx.Err() != nil { // a browser may have ended under a test
		s.close()
		b, err := webserial.New()
		if err != nil {
			return false // Need says it
		}
		profile, err := os.MkdirTemp(scratch, "profile")
		if err != nil {
			t.Fatal(err)
		}
		s.bench = b
		s.ctx, s.end = startBrowser(t, b, profile, url, allowed)
	}
	everything := storage.ClearDataForOriginParams{Origin: url, StorageTypes: "all"}
	if _, err := chromedp.Call(s.ctx, storage.ClearDataForOrigin, everything); err != nil {
		t.Fatalf("empty the browser: %v", err)
	}
	return true
}

func (s *surgery) close() {
	if s.end != nil {
		s.end()
	}
	if s.bench != nil {
		s.bench.Close()
	}
}

// startBrowser starts a browser on a bench. The adapters in allowed were chosen in an earlier visit.
func startBrowser(t *testing.T, b *webserial.Bench, profile, url string, allowed []webserial.Adapter) (context.Context, context.CancelFunc) {
	t.Helper()
	if err := webserial.Allow(profile, url, allowed...); err != nil {
		t.Fatal(err)
	}
	alloc, end := chromedp.NewExecAllocator(context.Background(), append(b.Options(profile), chromedp.WindowSize(1280, 900))...)
	ctx, leave := chromedp.NewContext(alloc)
	if err := chromedp.Do(ctx); err != nil {
		end()
		t.Fatalf("start the browser: %v", err)
	}
	return ctx, func() { leave(); end() }
}

// newTechnician opens the page of a server, with the shared browser or one of its own. The adapters in allowed were chosen in an
// earlier visit.
func newTechnician(t *testing.T, url string, allowed ...webserial.Adapter) *technician {
	t.Helper()
	if !theSurgery.enter(t, url, allowed) {
		return newHermit(t, url, allowed...)
	}
	p := &technician{t: t, bench: theSurgery.bench, logs: new(sync.WaitGroup)}
	t.Cleanup(p.logs.Wait) // after the tab has ended
	ctx, stop := chromedp.NewContext(theSurgery.ctx, chromedp.WithNewWindow(false))
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	p.opens(ctx, url)
	return p
}

// newHermit is a technician whose browser nobody else has: for tests that are rough with it.
func newHermit(t *testing.T, url string, allowed ...webserial.Adapter) *technician {
	t.Helper()
	p := &technician{t: t, bench: webserial.Need(t), logs: new(sync.WaitGroup)}
	t.Cleanup(p.logs.Wait) // after the browser has ended
	ctx, stop := startBrowser(t, p.bench, t.TempDir(), url, allowed)
	t.Cleanup(stop)
	p.opens(ctx, url)
	return p
}

func (p *technician) opens(ctx context.Context, url string) {
	p.t.Helper()
	p.ctx = ctx
	p.listens()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		p.t.Fatal(err)
	}
}

// listens notes what the page's console says, and insists on leaving it.
func (p *technician) listens() {
	console, dialogs := chromedp.Console(p.ctx), chromedp.Events(p.ctx, page.JavascriptDialogOpening)
	p.logs.Go(func() {
		for m, err := range console {
			if err != nil {
				return
			}
			p.t.Logf("console: %v", m)
		}
	})
	p.logs.Go(func() { // "leave this page?": the technician insists
		for _, err := range dialogs {
			if err != nil {
				return
			}
			_, _ = chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}
	})
}

// ask evaluates an expression in the page until it is neither null nor "", and returns it. The page
// itself waits between two looks; a page that is being replaced is asked again, and one that gets on is waited for.
func (p *technician) ask(what, expression string) string {
	p.t.Helper()
	script := fmt.Sprintf(`(async () => {
		for (let i = 0; i < 40; i++) {
			const got = (() => { %s; return (%s); })();
			if (got) return '=' + got;
			await new Promise(done => setTimeout(done, 25));
		}
		return %s;
	})()`, visibleScript, expression, shownScript)
	for w := (watch{}); ; {
		ctx, stop := context.WithTimeout(p.ctx, stillAtMost)
		shown, err := chromedp.Run(ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
		stop()
		if got, found := strings.CutPrefix(shown, "="); err == nil && found {
			return got
		}
		if w.stuck(shown) || p.ctx.Err() != nil {
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

// text is all that can be read on the page, and the details that it has for support.
func (p *technician) text() string {
	ctx, stop := context.WithTimeout(p.ctx, 10*time.Second)
	defer stop()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText + '\n' + [...document.querySelectorAll('.trace')].map(e => e.textContent).join('\n')`))
	if err != nil {
		return err.Error()
	}
	return s
}

// notices waits until the browser has seen a plugged adapter that the page may use. Before that, a press of Connect
// opens the chooser.
func (p *technician) notices() {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, stillAtMost)
	defer stop()
	for n := 0; n == 0; {
		var err error
		if n, err = chromedp.Run(ctx, chromedp.Evaluate[int](`new Promise(done => setTimeout(done, 25)).then(() => navigator.serial.getPorts()).then(l => l.length)`, chromedp.EvalAwaitPromise)); err != nil {
			p.t.Fatalf("the browser never sees the adapter: %v", err)
		}
	}
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

// presses presses the button with these words, once it can be pressed. A press that reaches no such button,
// because the page has moved it meanwhile, is noted and done again, as a person would.
func (p *technician) presses(label string) {
	p.t.Helper()
	for range maxPresses {
		place := p.ask(fmt.Sprintf("a button %q", label), fmt.Sprintf(`(() => {
			if (!document.documentElement.classList.contains('ready')) return ''; // the shell's own Connect is TestSerialConnectEarly's
			const find = () => seen('button').find(e => words(e) === %q && !e.disabled && e.getAttribute('aria-disabled') !== 'true');
			const button = find();
			if (!button) return '';
			button.scrollIntoView({ block: 'center', behavior: 'instant' });
			const r = button.getBoundingClientRect();
			const x = r.x + r.width / 2, y = r.y + r.height / 2;
			if (!button.contains(document.elementFromPoint(x, y))) return '';
			window.pressed = [];
			for (const kind of ['pointerdown', 'pointerup', 'click'])
				document.addEventListener(kind, e => {
					const hit = e.target.closest && e.target.closest('button');
					window.pressed.push(kind + ' ' + (hit ? words(hit) : e.target.nodeName));
				}, { capture: true, once: true });
			return x + ' ' + y;
		})()`, label))
		var x, y float64
		if _, err := fmt.Sscan(place, &x, &y); err != nil {
			p.t.Fatal(err)
		}
		if err := chromedp.Do(p.ctx, chromedp.MouseClickXY(x, y)); err != nil {
			p.t.Fatalf("press %q: %v", label, err)
		}
		what, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`(window.pressed || ['page replaced']).join(', ')`))
		if err != nil || strings.Contains(what, "click "+label) || what == "page replaced" {
			return // a page that goes away has taken the press
		}
		p.t.Logf("a press of %q went astray: %s", label, what)
	}
	p.shot("astray")
	p.t.Fatalf("%d presses of %q reached no button; the page shows:\n%s", maxPresses, label, p.text())
}

// maxPresses is how often a person presses a button that gives way.
const maxPresses = 5

// choosesFile presses a button that opens the browser's file chooser, and chooses a file.
func (p *technician) choosesFile(label, path string) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, stillAtMost)
	defer stop()
	opened := chromedp.Events(ctx, page.FileChooserOpened)
	if _, err := chromedp.Call(ctx, page.SetInterceptFileChooserDialog, page.SetInterceptFileChooserDialogParams{Enabled: true}); err != nil {
		p.t.Fatal(err)
	}
	p.presses(label)
	for e, err := range opened {
		if err != nil {
			p.t.Fatalf("no file chooser: %v", err)
		}
		if _, err := chromedp.Call(ctx, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{path}, BackendNodeID: e.BackendNodeID}); err != nil {
			p.t.Fatalf("choose %s: %v", path, err)
		}
		return
	}
	p.t.Fatal("no file chooser opened")
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
	p.shots++
	keepShot(p.t, fmt.Sprintf("%s-%02d-%s", strings.ReplaceAll(p.t.Name(), "/", "-"), p.shots, name), func() ([]byte, error) {
		ctx, stop := context.WithTimeout(p.ctx, stillAtMost)
		defer stop()
		return chromedp.Run(ctx, chromedp.CaptureScreenshot())
	})
}

// pressesBesideUntil presses where nothing is until the heading comes: that closes an unseen chooser.
func (p *technician) pressesBesideUntil(want string) {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.ctx, stillAtMost)
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

// looksElsewhere puts a new tab in front of the page. The function that it returns closes that tab.
func (p *technician) looksElsewhere() (back func()) {
	p.t.Helper()
	ctx, stop := chromedp.NewContext(p.ctx, chromedp.WithNewWindow(false))
	p.t.Cleanup(stop)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		p.t.Fatal(err)
	}
	return func() {
		stop()
		if _, err := chromedp.Call(p.ctx, page.BringToFront, cdp.Empty{}); err != nil {
			p.t.Fatal(err)
		}
	}
}
