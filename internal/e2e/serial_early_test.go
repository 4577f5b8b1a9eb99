//go:build linux

package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestSerialConnectEarly presses Connect before the program is there: the page says that it connects and that nothing was sent, and
// finds the device when the program has come.
func TestSerialConnectEarly(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	sh, _, next := published(t)
	g := gateBefore(t, sh.url, "/dist/app.wasm", false)
	p := newTechnician(t, g.URL, cableAdapter)
	d := brick(t, sh, p.bench, "S-EARLY-1", cutOperation, next)
	d.plug(cableAdapter)
	p.notices()
	if err := chromedp.Do(p.ctx, chromedp.Click("button[data-offer]:enabled")); err != nil {
		t.Fatal(err)
	}
	p.reads("Connecting", "Nothing has been sent to your device.")
	p.shot("connecting-early")
	g.open()
	p.sees(atFound)
	p.reads("S-EARLY-1")
	p.presses("Restore")
	p.sees(atDone, atCableOut)
	d.runs()
}
