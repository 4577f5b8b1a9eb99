package view

import (
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"unbrick/webui/state"
	"unbrick/webui/state/statetest"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/staticrender"
)

// envs are what the components of each page keep between renders.
var envs sync.Map // *Root: *vugu.BuildEnv

// build builds the page. Without the generated half of the components it skips, and fails where everything has to be there.
func build(t testing.TB, r *Root) *vugu.BuildResults {
	builder, ok := any(r).(vugu.Builder)
	if !ok {
		if os.Getenv("CI") != "" {
			t.Fatal("the components' generated half is missing: run make page")
		}
		t.Skip("run make page")
	}
	env, known := envs.Load(r)
	if !known {
		made, err := vugu.NewBuildEnv(staticrender.New(io.Discard).EventEnv())
		if err != nil {
			t.Fatal(err)
		}
		env, _ = envs.LoadOrStore(r, made)
	}
	return env.(*vugu.BuildEnv).RunBuild(builder)
}

// render turns the page into HTML as the browser's renderer would.
func render(t *testing.T, r *Root) string {
	t.Helper()
	var b strings.Builder
	if err := staticrender.New(&b).Render(build(t, r)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	tags       = regexp.MustCompile(`<[^>]*>`)
	h1s        = regexp.MustCompile(`(?s)<h1[^>]*>(.*?)</h1>`)
	primaries  = regexp.MustCompile(`(?s)<button[^>]*class="button primary(?: busy)?"[^>]*>(.*?)</button>`)
	elements   = regexp.MustCompile(`<[a-z]`)
	ids        = regexp.MustCompile(` id="([^"]*)"`)
	references = regexp.MustCompile(` (?:for|aria-labelledby|aria-describedby)="([^"]*)"`)
)

func text(html string) string { return strings.TrimSpace(tags.ReplaceAllString(html, "")) }

func TestScenes(t *testing.T) {
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			r, _ := s.open()
			html := render(t, r)
			if got := h1s.FindAllStringSubmatch(html, -1); len(got) != 1 || text(got[0][1]) != s.h1 {
				t.Errorf("h1 %q, want one %q", got, s.h1)
			}
			if got := r.current().Heading(); got != s.h1 {
				t.Errorf("title from %q, want %q", got, s.h1)
			}
			var got []string
			for _, m := range primaries.FindAllStringSubmatch(html, -1) {
				got = append(got, text(m[1]))
			}
			var want []string
			if s.primary != "" {
				want = []string{s.primary}
			}
			if strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("primary buttons %q, want %q", got, want)
			}
			plain := text(html)
			for _, words := range s.also {
				if !strings.Contains(plain, words) && !strings.Contains(html, words) {
					t.Errorf("%q is missing", words)
				}
			}
			for _, banned := range []string{"error", "failed to", "oops", "Error"} {
				if strings.Contains(plain, banned) && !strings.Contains(s.name, "fleet") && !strings.Contains(plain, "Bit errors") {
					t.Errorf("%q on the screen", banned)
				}
			}
			if n := len(elements.FindAllString(html, -1)); n > 500 {
				t.Errorf("%d elements, want at most 500", n)
			}
			known := map[string]bool{}
			for _, m := range ids.FindAllStringSubmatch(html, -1) {
				if known[m[1]] {
					t.Errorf("id %q stands twice", m[1])
				}
				known[m[1]] = true
			}
			for _, m := range references.FindAllStringSubmatch(html, -1) {
				for _, id := range strings.Fields(m[1]) {
					if !known[id] {
						t.Errorf("a reference leads to no element: %q", id)
					}
				}
			}
		})
	}
}

// What a device or server says is text, never markup.
func TestForeignTextIsEscaped(t *testing.T) {
	s := state.RestoreFound{Offer: statetest.Offer()}
	s.Device.Name, s.Device.Serial = `<img src=x onerror=alert(1)>`, `"><script>`
	s.Plan.Release.Version = `<u>2</u>`
	r := New((&world{}).hooks())
	onRestore(s)(r, nil)
	html := render(t, r)
	for _, bad := range []string{"<img src", "<script", "<u>2</u>"} {
		if strings.Contains(html, bad) {
			t.Errorf("markup from outside reached the page: %s", bad)
		}
	}
	if !strings.Contains(html, "&lt;img src") {
		t.Error("the device's name is not shown as text")
	}
}
