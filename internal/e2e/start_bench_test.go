package e2e

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"unbrick/internal/browsertest"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// watchStart notes when Connect can be pressed, when the engine would follow at once, and for how long tasks of more than 50 ms have kept
// the page's thread until a second after that.
const watchStart = `(() => {
	let blocked = 0, connect = 0;
	new PerformanceObserver(l => { for (const t of l.getEntries()) blocked += t.duration; }).observe({ type: 'longtask', buffered: true });
	const look = () => {
		if (![...document.querySelectorAll('button')].some(b => !b.disabled && b.textContent.trim() === 'Connect your device')) return;
		connect ||= performance.now();
		if (!document.body.textContent.includes('Your browser will ask which device to use.')) return;
		const ready = performance.now();
		watch.disconnect();
		setTimeout(() => { self.started = { connect, ready, blocked }; }, 1000);
	};
	const watch = new MutationObserver(look);
	watch.observe(document, { childList: true, subtree: true, attributes: true, characterData: true });
})()`

// started is how a page started, in milliseconds.
type started struct{ Connect, Ready, Blocked float64 }

// BenchmarkStart opens the page in a new browser, and again in the same one when it keeps the page, five times. UNBRICK_BESIDE may name
// other programs, older ones, which are measured in turn with this one: their figures say what the machine does to ours.
func BenchmarkStart(b *testing.B) {
	own, err := programPath()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		programs := append(strings.Fields(os.Getenv("UNBRICK_BESIDE")), own)
		cold, warm := make([][]started, len(programs)), make([][]started, len(programs))
		sites := make([]*site, len(programs))
		for i, path := range programs {
			sites[i] = startProgram(b, path, "--demo")
		}
		for range 5 {
			for i, s := range sites {
				c, w := start(b, s.URL)
				cold[i], warm[i] = append(cold[i], c), append(warm[i], w)
			}
		}
		for i, path := range programs {
			b.Logf("%s, medians in ms: cold %.0f, warm %.0f", path, medians(cold[i]), medians(warm[i]))
		}
		last := len(programs) - 1
		for what, all := range map[string][]started{"cold": cold[last], "warm": warm[last]} {
			m := medians(all)
			b.ReportMetric(m.Ready, what+"-ready-ms")
			b.ReportMetric(m.Blocked, what+"-blocked-ms")
		}
	}
}

// start opens a page for the first time and for the third, when the browser may use what it has kept.
func start(b *testing.B, url string) (cold, warm started) {
	ctx, cancel := context.WithCancel(browsertest.Tab(b))
	defer cancel()
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watchStart}); err != nil {
		b.Fatal(err)
	}
	open := func() started {
		if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
			b.Fatal(err)
		}
		browsertest.Until(b, ctx, `self.started`)
		s, err := chromedp.Run(ctx, chromedp.Evaluate[started](`({Connect: started.connect, Ready: started.ready, Blocked: started.blocked})`))
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	cold = open()
	for range 2 {
		browsertest.Until(b, ctx, `navigator.serviceWorker.controller`)
		if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
			b.Fatal(err)
		}
		warm = open()
	}
	if err := chromedp.Cancel(ctx); err != nil {
		b.Log(err)
	}
	return cold, warm
}

func medians(all []started) started {
	median := func(of func(started) float64) float64 {
		s := slices.SortedFunc(slices.Values(all), func(a, b started) int { return cmp.Compare(of(a), of(b)) })
		return of(s[len(s)/2])
	}
	return started{median(func(s started) float64 { return s.Connect }), median(func(s started) float64 { return s.Ready }),
		median(func(s started) float64 { return s.Blocked })}
}
