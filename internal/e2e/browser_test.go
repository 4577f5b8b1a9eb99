package e2e

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// pollFor bounds every wait for the page. The machines that run this are slow now and then.
const pollFor = 90 * time.Second

// One browser serves all tests; each takes a context of its own, which shares no storage with others.
var (
	browserOnce sync.Once
	browserCtx  context.Context
	browserEnd  = func() {}
	browserErr  error
)

func closeBrowser() { browserEnd() }

func browser(t *testing.T) context.Context {
	t.Helper()
	browserOnce.Do(func() {
		opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.DisableGPU,
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
		alloc, endAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
		ctx, endBrowser := chromedp.NewContext(alloc)
		browserEnd = func() { endBrowser(); endAlloc() }
		browserCtx = ctx
		browserErr = chromedp.Do(ctx)
	})
	if browserErr != nil {
		t.Fatalf("start the browser: %v", browserErr)
	}
	return browserCtx
}

// tab is one page in the browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// shots is where screenshots go, so that people can look at them.
func shots(t *testing.T) string {
	if dir := os.Getenv("UNBRICK_SHOTS"); dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	return t.TempDir()
}

func (p *tab) shot(name string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatalf("screenshot %s: %v", name, err)
	}
	if err := os.WriteFile(filepath.Join(shots(p.t), name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}
