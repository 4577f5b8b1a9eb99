package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"unbrick/internal/browsertest"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// watchStart notes when the page can connect, and how long tasks have kept its thread until a second after that.
const watchStart = `(() => {
	const tasks = [];
	new PerformanceObserver(l => tasks.push(...l.getEntries())).observe({ type: 'longtask', buffered: true });
	const look = () => {
		const at = performance.now();
		if (!document.documentElement.classList.contains('ready')) return;
		if (![...document.querySelectorAll('button')].some(b => !b.disabled && b.innerText.trim() === 'Connect your device')) return;
		watch.disconnect();
		setTimeout(() => { self.started = { ready: at, blocked: tasks.reduce((n, t) => n + t.duration, 0), tasks: tasks.map(t => [t.startTime, t.duration]) } }, 1000);
	};
	const watch = new MutationObserver(look);
	watch.observe(document, { childList: true, subtree: true, attributes: true, characterData: true });
})()`

// started is how a page started, in milliseconds.
type started struct {
	Ready, Blocked float64
	Tasks          [][2]float64
}

// BenchmarkStart opens the page in a new browser, and again in the same one when it keeps the page. UNBRICK_BESIDE may name
// other programs, which are measured in turn with this one: their figures say what the machine does to ours.
func BenchmarkStart(b *testing.B) {
	own, err := programPath()
	if err != nil {
		b.Fatal(err)
	}
	programs := append(strings.Fields(os.Getenv("UNBRICK_BESIDE")), own)
	cold, warm := make([][]started, len(programs)), make([][]started, len(programs))
	sites := make([]*site, len(programs))
	for i, path := range programs {
		sites[i] = startProgram(b, path, "--demo")
	}
	for range rounds() {
		for i, s := range sites {
			c, w := start(b, s.URL)
			cold[i], warm[i] = append(cold[i], c), append(warm[i], w)
		}
	}
	for i, path := range programs {
		b.Logf("%s: cold %s, warm %s", path, told(cold[i]), told(warm[i]))
		b.Logf("%v %v", cold[i][0].Tasks, warm[i][0].Tasks)
	}
}

func start(b *testing.B, url string) (cold, warm started) {
	ctx, cancel := context.WithCancel(browsertest.Tab(b))
	defer cancel()
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watchStart}); err != nil {
		b.Fatal(err)
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		b.Fatal(err)
	}
	read := func() started {
		browsertest.Until(b, ctx, `self.started`)
		s, err := chromedp.Run(ctx, chromedp.Evaluate[started](`({Ready: started.ready, Blocked: started.blocked, Tasks: started.tasks})`))
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	cold = read()
	browsertest.Until(b, ctx, `navigator.serviceWorker.controller`)
	for range 2 { // the second time the browser may use what it has kept of the first
		if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
			b.Fatal(err)
		}
		if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
			b.Fatal(err)
		}
		warm = read()
	}
	chromedp.Cancel(ctx)
	return cold, warm
}

func told(all []started) string {
	median := func(of func(started) float64) float64 {
		s := slices.SortedFunc(slices.Values(all), func(a, b started) int { return cmp.Compare(of(a), of(b)) })
		return of(s[len(s)/2])
	}
	return formatStart(median(func(s started) float64 { return s.Ready }), median(func(s started) float64 { return s.Blocked }))
}

func formatStart(ready, blocked float64) string {
	return fmt.Sprintf("ready %.0f ms, blocked %.0f ms", ready, blocked)
}

func rounds() int {
	if n, err := strconv.Atoi(os.Getenv("ROUNDS")); err == nil {
		return n
	}
	return 5
}
