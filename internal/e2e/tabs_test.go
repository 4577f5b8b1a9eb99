//go:build linux

package e2e

import (
	"testing"

	"unbrick/terminal"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

const atElsewhere = "Unbrick is open in another tab."

// tab opens the technician's page once more, in a tab of the same browser: both have the same storage, locks and ports.
func (p *technician) tab(url string) *technician {
	p.t.Helper()
	ctx, stop := chromedp.NewContext(p.ctx, chromedp.WithNewWindow(false))
	p.t.Cleanup(stop)
	o := &technician{t: p.t, ctx: ctx, bench: p.bench, logs: p.logs, leave: stop}
	if err := chromedp.Do(ctx); err != nil {
		p.t.Fatalf("open a tab: %v", err)
	}
	o.listens()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		p.t.Fatal(err)
	}
	return o
}

// TestSerialTwoTabs lets the work go from tab to tab, as tabs end: one is closed with a job left, one goes to another
// page while the device is being written, one crashes, one is closed with nothing left. The tab that waits says so until
// then, offers what was left without being loaded anew, and the last one ends the restoration.
func TestSerialTwoTabs(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	sh, _, next := published(t)
	keep := newHermit(t, sh.url, cableAdapter) // only holds the browser
	d := brick(t, sh, keep.bench, "S-TABS-1", cutOperation, next)
	if err := chromedp.Do(keep.ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	d.plug(cableAdapter)

	first := keep.tab(sh.url)
	first.sees(atStart)
	first.notices()
	second := keep.tab(sh.url)
	second.sees(atElsewhere)
	second.shot("elsewhere")

	// The first is written until the cable comes out, and closed.
	first.presses("Connect your device")
	first.sees(atFound)
	d.arm(accident{terminal.EventSector, 2, powerOut})
	first.presses("Restore")
	d.comesOut(first, powerOut)
	first.sees(atCableOut)
	first.leave()
	second.sees(atGoOn + "S-TABS-1.")
	second.shot("taken-over")
	third := keep.tab(sh.url)
	third.sees(atElsewhere)

	// The second goes to another page in the middle of a sector. What the device had been sent is lost with its power.
	d.plug(cableAdapter)
	second.notices()
	d.arm(accident{terminal.EventSector, 2, holdStill})
	second.presses("Connect and go on")
	d.meanwhile(second, func() {
		if err := chromedp.Do(second.ctx, chromedp.Navigate("about:blank")); err != nil {
			t.Fatal(err)
		}
		third.sees(atGoOn + "S-TABS-1.")
		d.arm(accident{terminal.EventSector, 1, powerOut})
	})
	d.comesOut(third, powerOut)
	fourth := keep.tab(sh.url)
	fourth.sees(atElsewhere)

	// The third crashes while it writes.
	d.plug(cableAdapter)
	third.notices()
	d.arm(accident{terminal.EventSector, 2, holdStill})
	third.presses("Connect and go on")
	d.meanwhile(third, func() {
		go chromedp.Call(third.ctx, page.Crash, cdp.Empty{}) // it has no answer
		fourth.sees(atGoOn + "S-TABS-1.")
		fourth.shot("after-a-crash")
	})
	third.leave()

	// The fourth ends it, whatever the device has done alone meanwhile; its end is the end for every tab.
	fifth := keep.tab(sh.url)
	fifth.sees(atElsewhere)
	fourth.notices()
	fourth.presses("Connect and go on")
	fourth.sees(atDone, atFound, atCableOut, atRight)
	d.runs()
	fourth.leave()
	fifth.sees(atStart, atGoOn)
	fifth.ask("that nothing is left", `seen('button').some(e => words(e) === 'Connect your device')`)
}

// TestSerialSlowTab: a tab that is slow, and stands still for a while, keeps its work. When it has left a job behind, the
// tab that takes over restores another device, and the job is still there for the one that it belongs to.
func TestSerialSlowTab(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	sh, _, next := published(t)
	keep := newHermit(t, sh.url, cableAdapter) // only holds the browser
	d := brick(t, sh, keep.bench, "S-SLOW-1", cutOperation, next)
	other := brick(t, sh, keep.bench, "S-SLOW-2", cutOperation, next)
	if err := chromedp.Do(keep.ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	d.plug(cableAdapter)

	first := keep.tab(sh.url)
	first.sees(atStart)
	first.notices()
	if _, err := chromedp.Call(first.ctx, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: 4}); err != nil {
		t.Fatal(err)
	}
	second := keep.tab(sh.url)
	second.sees(atElsewhere)
	first.presses("Connect your device")
	first.sees(atFound)
	d.arm(accident{terminal.EventSector, 2, holdStill})
	first.presses("Restore")
	d.meanwhile(first, func() {
		if _, err := chromedp.Run(first.ctx, chromedp.Evaluate[bool](`(() => { const end = performance.now() + 3000; while (performance.now() < end); return true; })()`)); err != nil {
			t.Fatal(err)
		}
		second.ask("that the work is still elsewhere", `seen('h1').some(e => words(e) === '`+atElsewhere+`')`)
		d.arm(accident{terminal.EventSector, 1, powerOut})
	})
	d.comesOut(first, powerOut)
	first.sees(atCableOut)
	first.leave()

	second.sees(atGoOn + "S-SLOW-1.")
	other.plug(cableAdapter)
	second.notices()
	second.presses("Connect and go on")
	second.sees(atFound)
	second.reads("S-SLOW-2")
	second.presses("Restore")
	second.sees(atDone, atCableOut)
	other.runs()
	other.unplug()

	second.reloads()
	second.sees(atGoOn + "S-SLOW-1.")
	d.plug(cableAdapter)
	second.notices()
	second.presses("Connect and go on")
	second.sees(atDone, atFound, atCableOut, atRight)
	d.runs()
}

// TestSerialOwnPort lets the device fall silent while another release is planned, and presses Connect again when it is
// back. The page does not take itself for another program.
func TestSerialOwnPort(t *testing.T) {
	t.Parallel() // it waits for a device that does not answer
	p, d := clinic(t, "S-OWN-1", cableAdapter)
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound)
	d.mu.Lock()
	d.line.Detach()
	d.mu.Unlock()
	p.presses("Change")
	p.ask("the other release", `(() => { const i = seen('label.choice').map(l => l.querySelector('input')).find(i => i && !i.checked && !i.disabled);
		if (i) i.click(); return i; })()`)
	p.sees("The device stopped answering.")
	line, err := d.device.Attach(d.port)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.line = line
	d.hears()
	d.mu.Unlock()
	p.presses("Connect again")
	p.sees(atFound, "Another program holds the device.", "The browser does not let go of the cable.")
	p.presses("Restore")
	p.sees(atDone, atCableOut)
	d.runs()
}
