package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"unbrick/internal/browsertest"
)

// screen is one tab, used as a person uses it.
type screen struct {
	t   *testing.T
	ctx context.Context
}

// shared is the browser of the tests of the page; those with a cable or settings of the browser have their own.
var shared browsertest.Browser

// openPage opens an address in a tab whose storage is empty.
func openPage(t *testing.T, url string) *screen {
	t.Helper()
	p := &screen{t: t, ctx: shared.Tab(t)}
	p.do(chromedp.EmulateViewport(1280, 1330))
	p.do(chromedp.Navigate(url))
	return p
}

func (p *screen) do(a chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, a); err != nil {
		p.t.Fatal(err)
	}
}

// until waits for a JavaScript expression to be true.
func (p *screen) until(expression string) {
	p.t.Helper()
	browsertest.Until(p.t, p.ctx, expression)
}

// says waits until the page's visible text has words in it.
func (p *screen) says(words string) {
	p.t.Helper()
	p.until(`document.body.innerText.includes(` + strconv.Quote(words) + `)`)
}

// press clicks the button with a label once it can be clicked.
func (p *screen) press(label string) {
	p.t.Helper()
	find := `[...document.querySelectorAll('button')].find(b => b.offsetParent && !b.disabled && (b.innerText.trim() === ` + strconv.Quote(label) + `))`
	p.until(find)
	p.eval(find + `.click()`)
}

// choose picks an option of the list with an id by its text.
func (p *screen) choose(id, text string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`[...document.querySelectorAll('#%s option')].some(o => o.text.includes(%q))`, id, text))
	p.eval(fmt.Sprintf(`(() => { const s = document.getElementById(%q), o = [...s.options].find(o => o.text.includes(%q));
		s.value = o.value; s.dispatchEvent(new Event('change', {bubbles: true})); })()`, id, text))
}

// enter types into the field with an id.
func (p *screen) enter(id, text string) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`(() => { const f = document.getElementById(%q); f.value = %q; f.dispatchEvent(new Event('input', {bubbles: true})); })()`, id, text))
}

func (p *screen) eval(expression string) {
	p.t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Evaluate[any](`(() => { `+expression+`; return null })()`)); err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
}

func (p *screen) text(expression string) string {
	p.t.Helper()
	s, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return s
}

// keepShot puts a picture where people can look at it: into the folder that UNBRICK_SHOTS names. Without one none is taken;
// that costs as much as a whole update.
func keepShot(t *testing.T, name string, take func() ([]byte, error)) {
	t.Helper()
	dir := os.Getenv("UNBRICK_SHOTS")
	if dir == "" {
		return
	}
	png, err := take()
	if err != nil {
		t.Logf("screenshot %s: %v", name, err)
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (p *screen) shot(name string) {
	p.t.Helper()
	keepShot(p.t, name, func() ([]byte, error) { return chromedp.Run(p.ctx, chromedp.FullScreenshot(100)) })
}

// makeDevice opens the Lab and makes a device of the demo's first model with its first release.
func makeDevice(t *testing.T, s *site) *screen {
	t.Helper()
	p := openPage(t, s.URL+"/#lab")
	p.press("Make a device")
	p.says("Running release 1.")
	p.choose("pace", "as fast as it goes")
	return p
}

// step returns the state of a step in the timeline, which is the class of its mark.
func (p *screen) step(n int) string {
	p.t.Helper()
	return p.text(fmt.Sprintf(`[...document.querySelectorAll('.steps li')].find(l => l.innerText.trim() === 'S%02d').className.trim()`, n))
}

// TestTheStory is what the whole system is for: update over the air, power cut in the middle of the
// rewrite, restoration mode, restoration over the cable, the new release runs.
func TestTheStory(t *testing.T) {
	p := makeDevice(t, startServer(t, "--demo"))
	p.shot("lab-running")
	p.enter("cut-n", "400")
	p.press("Arm")
	p.press("Update over the air")
	p.press("Switch it on")
	p.says("Bricked: a mixture of 1 and 2. In restoration mode, cable open.")
	for n, want := range map[int]string{1: "done", 3: "done", 4: "done", 7: "done", 11: "done", 12: "done", 13: "bad", 15: "live"} {
		if got := p.step(n); got != want {
			t.Errorf("after the cut S%02d is %q, want %q", n, got, want)
		}
	}
	p.shot("lab-bricked")
	p.press("Restore over the cable")
	p.says("Running release 2.")
	for n := 15; n <= 20; n++ {
		if got := p.step(n); got != "done" {
			t.Errorf("after the restoration S%02d is %q, want done", n, got)
		}
	}
	if log := p.text(`document.querySelector('.log').innerText`); !strings.Contains(log, "S20") {
		t.Errorf("the log does not tell of S20:\n%s", log)
	}
	p.shot("lab-restored")
}

// TestReleaseThatHangs takes a release back that verifies and then hangs: three watchdog resets lead to
// restoration mode, and the cable brings the release before it back.
func TestReleaseThatHangs(t *testing.T) {
	p := makeDevice(t, startServer(t, "--demo"))
	p.eval(`document.querySelector('[aria-labelledby~=h-health]').click()`)
	p.press("Update over the air")
	p.says("was started three times and hung")
	p.shot("lab-hung")
	p.choose("lab-wanted", "1")
	p.eval(`document.querySelector('[aria-labelledby~=h-health]').click()`)
	p.press("Restore over the cable")
	p.says("Running release 1.")
}

// TestReloadDuringRestoration reloads the page while the cable writes. The reload is a power cut for the
// emulated device, which then waits in restoration mode and is restored by doing it again.
func TestReloadDuringRestoration(t *testing.T) {
	s := startServer(t, "--demo")
	p := makeDevice(t, s)
	p.enter("cut-n", "300")
	p.press("Arm")
	p.press("Update over the air")
	p.press("Switch it on")
	p.says("Bricked")
	p.until(`document.querySelector('.panel[data-kept=true]')`) // else an earlier state may come back
	p.choose("pace", "10 times life")
	p.press("Restore over the cable")
	p.until(`/Restoring release 2 over the cable, [1-9]/.test(document.body.innerText)`)
	p.do(chromedp.Reload())
	p.says("Bricked")
	p.choose("pace", "as fast as it goes")
	p.press("Restore over the cable")
	p.says("Running release 2.")
}

// TestServerUnreachable lets the server vanish: the page says so in words, a restoration from the releases
// that are stored in the browser still works, and a reload still shows the page.
func TestServerUnreachable(t *testing.T) {
	t.Parallel() // the page asks a server that is away only now and then
	s := startServer(t, "--demo")
	p := makeDevice(t, s)
	p.enter("cut-n", "300")
	p.press("Arm")
	p.press("Update over the air")
	p.press("Switch it on")
	p.says("Bricked")
	s.kill()
	p.press("Restore over the cable")
	p.says("Running release 2.")
	p.press("Update over the air")
	p.says("The server does not answer.")
	p.shot("lab-no-server")
	p.until(`document.querySelector('.panel[data-kept=true]')`) // the browser's storage takes its time
	p.do(chromedp.Reload())
	p.says("Running release 2.")
}

// TestPowerAtAnyMoment pulls the power with the switch and brings it back.
func TestPowerAtAnyMoment(t *testing.T) {
	p := makeDevice(t, startServer(t, "--demo"))
	p.choose("pace", "as slow as life")
	p.press("Update over the air")
	p.until(`/Rewriting to release 2, sector [1-9]/.test(document.body.innerText)`)
	p.shot("lab-rewriting")
	p.press("Pull the power now")
	p.says("Switched off.")
	p.press("Switch it on")
	p.says("Bricked")
}
