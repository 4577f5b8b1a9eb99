//go:build !js

package view

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unbrick/webui/view/flashmap"

	"github.com/chromedp/chromedp"
)

// shell puts a rendered page into the shell that the server hands out.
func shell(t *testing.T, html string) string {
	t.Helper()
	b, err := os.ReadFile("../../static/index.html")
	if err != nil {
		t.Fatal(err)
	}
	whole := string(b)
	from := strings.Index(whole, `<div id="page"`)
	to := strings.LastIndex(whole, "</body>")
	if from < 0 || to < from {
		t.Fatal("the shell has no mount point")
	}
	still := `<style>*, *::before, *::after { transition: none !important; animation: none !important; }</style>`
	return strings.Replace(whole[:from], `<script src="boot.js" defer></script>`, still, 1) + html + whole[to:]
}

// patience is how long a browser may take for one scene, however many there are.
const patience = time.Minute

// browse starts a browser, or skips where none is installed.
func browse(t *testing.T) context.Context {
	t.Helper()
	found := false
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if _, err := exec.LookPath(name); err == nil {
			found = true
		}
	}
	if !found {
		if os.Getenv("CI") != "" {
			t.Fatal("no browser: run make browser")
		}
		t.Skip("no browser installed")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.DisableGPU)
	ctx, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// contrastScript lists every text whose contrast to its ground is too low, and whatever leads to
// sideways scrolling.
const contrastScript = `(() => {
	const lin = c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
	const lum = c => .2126 * lin(c[0]) + .7152 * lin(c[1]) + .0722 * lin(c[2]);
	const rgba = s => { const m = s.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
	const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
	const bad = [];
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n; (n = walk.nextNode());) {
		const el = n.parentElement;
		if (!n.data.trim() || !el.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
		if (el.closest('[aria-disabled],:disabled,.skip,.vh,.rocker,script,style,noscript,option')) continue;
		let ground = [0, 0, 0, 0];
		for (let e = el; e && ground[3] < 1; e = e.parentElement) {
			const b = rgba(getComputedStyle(e).backgroundColor);
			if (b[3] > 0) ground = ground[3] ? over(ground, b) : b;
		}
		const cs = getComputedStyle(el);
		const a = lum(over(rgba(cs.color), ground)), g = lum(ground);
		const ratio = (Math.max(a, g) + .05) / (Math.min(a, g) + .05);
		const px = parseFloat(cs.fontSize), large = px >= 24 || px >= 18.66 && +cs.fontWeight >= 700;
		if (ratio < (large ? 3 : 4.5)) bad.push(ratio.toFixed(2) + ' "' + n.data.trim().slice(0, 40) + '" ' + el.className);
	}
	return bad.join('\n');
})()`

const sidewaysScript = `(() => {
	const w = document.documentElement.clientWidth, bad = [];
	if (document.documentElement.scrollWidth > w) for (const e of document.querySelectorAll('body *')) {
		const r = e.getBoundingClientRect();
		if (r.width && r.right > w + 1 && !e.closest('.logbox,.trace')) bad.push(e.tagName + '.' + e.className + ' ' + Math.round(r.right));
	}
	return bad.slice(0, 8).join('\n');
})()`

// smallScript lists what is too small to be hit: 44 px high on Restore, 24 in the rest.
const smallScript = `(() => {
	const bad = [];
	for (const e of document.querySelectorAll('button, select, input, summary')) {
		const r = e.getBoundingClientRect();
		if (!r.width || e.type === 'radio') continue;
		const least = e.closest('.restore') && e.classList.contains('button') ? 44 : 24;
		if (r.height < least - .5) bad.push(e.tagName + ' ' + e.textContent.slice(0, 30) + ' ' + r.height);
	}
	return bad.join('\n');
})()`

// coveredScript tells when the button that stays at the lower edge covers what is to be done now, before anybody scrolls.
const coveredScript = `(() => {
	const now = document.querySelector('.coach [aria-current=step]'), button = document.querySelector('.stick .primary');
	if (!now || !button || document.querySelector('.trace')) return '';
	const end = now.lastElementChild.getBoundingClientRect().bottom, over = button.getBoundingClientRect().top;
	return end > over && over > 0 ? Math.round(end) + ' is below ' + Math.round(over) : '';
})()`

// TestInBrowser lays every scene out in a browser, in both themes and at three widths, and measures
// contrast, sideways scrolling and the size of what is pressed. With UNBRICK_SCREENS it also keeps
// pictures in that folder, for somebody to look at.
func TestInBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	list := scenes()
	pages := make(map[string]string)
	roots := make(map[string]*Root)
	for _, s := range list {
		r, _ := s.open()
		pages["/"+s.name] = shell(t, render(t, r))
		roots[s.name] = r
	}
	css, err := os.ReadFile("../../static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/app.css" {
			w.Header().Set("Content-Type", "text/css")
			w.Write(css)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(pages[q.URL.Path]))
	}))
	t.Cleanup(server.Close)
	ctx := browse(t)
	keep, only := os.Getenv("UNBRICK_SCREENS"), os.Getenv("UNBRICK_SCENE")
	for _, s := range list {
		if only != "" && !strings.Contains(","+only+",", ","+s.name+",") {
			continue
		}
		lookAt(t, ctx, server.URL, s.name, roots[s.name], keep)
	}
}

// lookAt measures one scene.
func lookAt(t *testing.T, ctx context.Context, url, scene string, root *Root, keep string) {
	t.Helper()
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	if err := chromedp.Do(ctx, chromedp.Navigate(url+"/"+scene)); err != nil {
		t.Fatal(err)
	}
	for _, width := range []int64{1280, 390, 320} {
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 800)); err != nil {
			t.Fatal(err)
		}
		for _, theme := range []string{"light", "dark"} {
			name := fmt.Sprintf("%s-%d-%s", scene, width, theme)
			ask(t, ctx, `document.documentElement.dataset.theme = "`+theme+`"`)
			drawMaps(t, ctx, root, theme)
			if bad := ask(t, ctx, sidewaysScript); bad != "" {
				t.Errorf("%s scrolls sideways:\n%s", name, bad)
			}
			if bad := ask(t, ctx, coveredScript); bad != "" && width == 390 {
				t.Errorf("%s: the button covers the instruction: %s", name, bad)
			}
			if bad := ask(t, ctx, smallScript); bad != "" {
				t.Errorf("%s has too small a target:\n%s", name, bad)
			}
			if width != 320 {
				if bad := ask(t, ctx, contrastScript); bad != "" {
					t.Errorf("%s lacks contrast:\n%s", name, bad)
				}
			}
			if keep != "" && width != 320 {
				picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(keep, name+".png"), picture, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func ask(t *testing.T, ctx context.Context, script string) string {
	t.Helper()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// drawMaps puts the picture of every map of the page where its canvas would be.
func drawMaps(t *testing.T, ctx context.Context, r *Root, theme string) {
	t.Helper()
	ink := flashmap.ReadInk(func(name string) string {
		return ask(t, ctx, `getComputedStyle(document.documentElement).getPropertyValue("`+name+`")`)
	})
	mount(r)
	r.shown, r.fresh = r.fresh, nil
	for _, v := range r.shown {
		id := ask(t, ctx, `document.querySelector("u-map").id`)
		var width float64
		fmt.Sscan(ask(t, ctx, `String(document.getElementById("`+id+`")?.clientWidth ?? 0)`), &width)
		if width == 0 {
			continue
		}
		p := sheet{width: width}
		v.Mount(&p)
		v.Draw(&ink, true)
		var b bytes.Buffer
		if err := png.Encode(&b, &image.RGBA{Pix: p.img.Pix, Stride: 4 * p.img.Size.X, Rect: image.Rect(0, 0, p.img.Size.X, p.img.Size.Y)}); err != nil {
			t.Fatal(err)
		}
		ask(t, ctx, `(() => { const h = document.getElementById("`+id+`"); h.innerHTML = '<img style="display:block" src="data:image/png;base64,`+
			base64.StdEncoding.EncodeToString(b.Bytes())+`">'; return h.firstChild.decode().then(() => '')})()`)
	}
}

// sheet is a canvas that keeps what it is shown.
type sheet struct {
	width float64
	img   *flashmap.Pixels
}

func (s *sheet) Size() (float64, float64) { return s.width, 1 }

func (s *sheet) Show(img *flashmap.Pixels, _ flashmap.Rect, _ float64) { s.img = img }
