package report

import (
	"bytes"
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/internal/browsertest"
	"unbrick/internal/firmware"
	"unbrick/lab/sweep"
)

func TestEveryCheckAndKindHasWords(t *testing.T) {
	for _, c := range sweep.Checks() {
		if checkWords[c.String()] == "" {
			t.Errorf("check %s has no words", c)
		}
	}
	if got, want := len(checkWords), len(sweep.Checks()); got != want {
		t.Errorf("words for %d checks, want %d", got, want)
	}
	for i, k := range kindOrder {
		if got := sweep.Kind(i).String(); got != k.name {
			t.Errorf("kind %d is %s, words are for %s", i, got, k.name)
		}
	}
	for _, tear := range emulator.Tears() {
		if tearWords[tear.String()] == "" {
			t.Errorf("tear %s has no words", tear)
		}
	}
}

// result sweeps a small pair of real firmware.
func result(t *testing.T) (*sweep.Result, *Options) {
	t.Helper()
	old, new := firmware.Mithermo()
	old, new = old[:12<<10-300], new[:12<<10]
	s, err := sweep.NewSubject(t.Context(), "thermometer", sweep.Shape{Runs: []flash.Run{{Size: 4096, Count: 6}}, Unit: 8, Page: 256, Erased: 0xFF}, old, new, 1)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Sweep(t.Context(), &sweep.Options{Seed: 1, Sample: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	o := &Options{
		Command: "unbrick powercut --old v53.bin --new v57.bin --geometry 4KiB --report report.html", Version: "test", Seed: 1,
		Made:   time.Date(2026, 5, 4, 13, 2, 0, 0, time.UTC),
		Images: []Image{{"old", "v53.bin", len(old), sha256.Sum256(old)}, {"new", "v57.bin", len(new), sha256.Sum256(new)}},
	}
	return r, o
}

// broken returns r with a check that failed twice, in the picture too.
func broken(r *sweep.Result) *sweep.Result {
	b := *r
	b.Counts = map[string]sweep.Count{}
	for k, v := range r.Counts {
		b.Counts[k] = v
	}
	n := b.Counts[sweep.CheckFirm.String()]
	n.Failures = 2
	b.Counts[sweep.CheckFirm.String()] = n
	b.Failures = []sweep.Failure{{Check: sweep.CheckFirm.String(), ID: "04x7replayid", Text: "the new image that runs has cells that <may> change by themselves"}}
	b.Grid.Operations = append([]sweep.Column(nil), r.Grid.Operations...)
	for _, i := range []int{9, 10} {
		c := &b.Grid.Operations[i]
		c.Cells = append([]sweep.Outcome(nil), c.Cells...)
		c.Cells[5] = sweep.OutcomeFailed
	}
	return &b
}

func render(t *testing.T, o *Options, results ...*sweep.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, o, results); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	r, o := result(t)
	good, bad := render(t, o, r), render(t, o, r, broken(r))
	if again := render(t, o, r); again != good {
		t.Error("equal arguments gave another page")
	}
	for _, c := range sweep.Checks() {
		if !strings.Contains(good, c.String()) {
			t.Errorf("check %s is not on the page", c)
		}
	}
	for page, words := range map[string][]string{
		good: {"Passed", "Every power cut left a device", group(r.States), r.Shape, "v53.bin", "SHA-256 ", o.Command, r.Slowest[0].ID},
		bad:  {"Failed", "not safe against power cuts", "runs-firm-cells", "04x7replayid", "&lt;may&gt;", "One more failure was counted"},
	} {
		for _, w := range words {
			if !strings.Contains(page, w) {
				t.Errorf("the page lacks %q", w)
			}
		}
	}
	if strings.Contains(good, "What failed") {
		t.Error("the page of a sweep without failures lists failures")
	}
	// Whole in itself: nothing is fetched, nothing runs.
	for _, page := range []string{good, bad} {
		if m := regexp.MustCompile(`(?i)<script|<link|<img|<iframe|\bsrc=|url\(|@import|https?:|\bon\w+=|ZgotmplZ`).FindString(page); m != "" {
			t.Errorf("the page has %q", m)
		}
	}
	if err := Write(&bytes.Buffer{}, o, nil); err == nil {
		t.Error("a page without results was written")
	}
}

func TestPicture(t *testing.T) {
	g := &sweep.Grid{Tears: emulator.Tears()[:2]}
	for i := range 3*maxColumns - 1 {
		c := sweep.Column{Kind: emulator.OpProgram, Use: sweep.UseRecord, Cells: []sweep.Outcome{sweep.OutcomeOld, sweep.OutcomeOld}}
		if i >= 30 {
			c.Use, c.Cells = sweep.UseSoftware, []sweep.Outcome{sweep.OutcomeRestoration, sweep.OutcomeNew}
		}
		if i == 100 {
			c.Cells[1] = sweep.OutcomeFailed
		}
		g.Operations = append(g.Operations, c)
	}
	p := pictureOf(g)
	if p.Columns != maxColumns {
		t.Fatalf("%d columns, want %d", p.Columns, maxColumns)
	}
	paths := make(map[string]string)
	for _, l := range p.Layers {
		paths[l.Class] = l.Path
	}
	// Operations 0-29 are ten columns; operation 100 is in column 33 and shows through its neighbours.
	for class, want := range map[string]string{
		"old": "M0 1h10v18h-10zM0 21h10v18h-10z", "rest": "M10 1h1190v18h-1190z", "bad": "M33 21h1v18h-1z",
		"new": "M10 21h23v18h-23zM34 21h1166v18h-1166z",
	} {
		if paths[class] != want {
			t.Errorf("%s: %s, want %s", class, paths[class], want)
		}
	}
	if want := "M10 0h1190v6h-1190z"; p.Strip != want {
		t.Errorf("strip %s, want %s", p.Strip, want)
	}
	if len(p.Marks) != 1 || p.Marks[0].Left != "2.79%" {
		t.Errorf("marks %v", p.Marks)
	}
	for _, w := range []string{"3\u202f599 flash operations", "31 to 3\u202f599 write software", "60 runs the old", "1 a check failed"} {
		if !strings.Contains(p.Summary, w) {
			t.Errorf("summary %q lacks %q", p.Summary, w)
		}
	}
	if pictureOf(&sweep.Grid{}) != nil {
		t.Error("a picture of nothing")
	}
}

// TestInBrowser opens the page as people do. UNBRICK_SHOTS names a folder for pictures of it.
func TestInBrowser(t *testing.T) {
	r, o := result(t)
	dir := t.TempDir()
	ctx := browsertest.Tab(t)
	for name, page := range map[string]string{"report-good": render(t, o, r), "report-bad": render(t, o, broken(r))} {
		file := filepath.Join(dir, name+".html")
		if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, v := range []struct {
			name  string
			width int64
			dark  bool
		}{{"light", 1280, false}, {"dark", 1280, true}, {"phone", 360, false}} {
			scheme := "light"
			if v.dark {
				scheme = "dark"
			}
			do(t, ctx, chromedp.EmulateViewport(v.width, 900))
			do(t, ctx, emulateScheme(scheme))
			do(t, ctx, chromedp.Navigate("file://"+file))
			browsertest.Until(t, ctx, `document.readyState === "complete"`)
			browsertest.Until(t, ctx, `document.documentElement.scrollWidth <= innerWidth`)
			browsertest.Until(t, ctx, `document.querySelectorAll(".plot path").length > 3 && document.querySelector(".plot svg[role=img]").getBoundingClientRect().width > 200`)
			if out := os.Getenv("UNBRICK_SHOTS"); out != "" {
				png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(out, name+"-"+v.name+".png"), png, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func emulateScheme(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

func do(t *testing.T, ctx context.Context, a chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, a); err != nil {
		t.Fatal(err)
	}
}

func TestShare(t *testing.T) {
	for s, want := range map[float64]string{0: "none of them in restorations", 0.0005: "a sample of less than 0.1 % of all", 0.25: "a sample of 25.0 % of all", 1: "all there are"} {
		if got := share(s); got != want {
			t.Errorf("share %v: %q, want %q", s, got, want)
		}
	}
}
