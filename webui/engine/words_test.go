package engine_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"unbrick/webui/engine"
	"unbrick/webui/fleetdata"
	"unbrick/webui/state"
	"unbrick/webui/view"
	"unbrick/webui/view/flashmap"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"
	"github.com/vugu/vugu/staticrender"
)

// This is the suite of words. Every state that the engine reaches in a story of these tests is put on the page's real screens,
// and the screens are read: no name may be blank, nothing that is no word may stand there, and whoever reads that something
// ended must learn whether the device is safe and what to do.

// readers are what the stories have come to. TestMain looks at them when all stories are over.
var readers struct {
	mu      sync.Mutex
	stories map[string]int  // different states of each
	read    map[string]bool // of all
	phases  map[string]bool
}

// never are phases that no story reaches, each with the reason.
var never = map[string]string{
	fmt.Sprint("lab ", state.LabFault): "the emulator would have to catch the terminal's software breaking a rule of its hardware, which is a defect of ours; the page's own tests show it",
}

func phasesOf(st *state.State) []string {
	return []string{fmt.Sprintf("%T", st.Restore), fmt.Sprint("lab ", st.Lab.Phase), fmt.Sprintf("%T", st.Lab.Replay)}
}

func TestMain(m *testing.M) {
	flag.Parse()
	readers.stories, readers.read, readers.phases = make(map[string]int), make(map[string]bool), make(map[string]bool)
	code := m.Run()
	whole := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == ""
	if code == 0 && whole && rendering() {
		code = complete()
	}
	os.Exit(code)
}

// complete prints how many screens were read, and fails unless every phase was among them.
func complete() (code int) {
	total := 0
	for _, name := range slices.Sorted(maps.Keys(readers.stories)) {
		fmt.Printf("words: %4d states in %s\n", readers.stories[name], name)
		total += readers.stories[name]
	}
	fmt.Printf("words: %d states in %d stories, %d of them different\n", total, len(readers.stories), len(readers.read))
	var all []string
	for _, p := range state.Restores() {
		all = append(all, fmt.Sprintf("%T", p))
	}
	for _, p := range state.Replays() {
		all = append(all, fmt.Sprintf("%T", p))
	}
	for kind, n := range map[string]int{"lab": state.LabPhases} {
		for i := range n {
			all = append(all, fmt.Sprint(kind, " ", i))
		}
	}
	for _, missing := range unread(all, readers.phases, never) {
		fmt.Fprintln(os.Stderr, "words:", missing)
		code = 1
	}
	return code
}

// unread are the phases that nobody has read, and the exceptions that are none.
func unread(all []string, read map[string]bool, except map[string]string) (list []string) {
	for _, p := range all {
		switch _, excepted := except[p]; {
		case excepted && read[p]:
			list = append(list, "phase "+p+" is reached, and named as one that never is")
		case !excepted && !read[p]:
			list = append(list, "phase "+p+" is reached by no story")
		}
	}
	return list
}

// rendering tells whether the components' generated half is there.
func rendering() bool {
	_, ok := any(new(view.Root)).(vugu.Builder)
	return ok
}

// reader puts the states of one story on screens and reads them.
type reader struct {
	t       *testing.T
	screens map[string]*view.Root
	seen    map[string]bool
}

func newReader(t *testing.T) *reader {
	r := &reader{t: t, screens: make(map[string]*view.Root), seen: make(map[string]bool)}
	if !rendering() {
		if os.Getenv("CI") != "" {
			t.Fatal("the components' generated half is missing: run make page")
		}
		return r
	}
	for _, path := range []string{"#restore", "#lab"} {
		r.screens[path] = view.New(quiet())
		r.screens[path].SetPath(path)
	}
	return r
}

// quiet is a browser in which nothing happens.
func quiet() view.Hooks {
	return view.Hooks{
		Command: func(state.Command) {}, ChooseFile: func() {}, OpenFile: func(func(string, []byte)) {}, Canvas: func(js.Value) flashmap.Canvas { return nil },
		Focus: func(string) {}, Title: func(string) {}, Go: func(string) {}, Protect: func() {}, Theme: func(view.Theme) {}, Signed: func(string) {}, Copy: func(string, func(bool)) {},
		Save: func(string, []byte) {}, Fetch: func(fleetdata.Request, func(int, any)) {}, After: func(time.Duration, func()) {}, Now: time.Now,
	}
}

// follow reads what an engine comes to show. What another story has read already is only counted.
func (r *reader) follow(e *engine.Engine) {
	e.Look(func(words string, now func() *state.State) {
		readers.mu.Lock()
		defer readers.mu.Unlock()
		if r.seen[words] {
			return
		}
		r.seen[words] = true
		readers.stories[r.t.Name()]++
		if !readers.read[words] {
			readers.read[words] = true
			r.read(now())
		}
	})
}

// read looks at one state.
func (r *reader) read(st *state.State) {
	for _, p := range phasesOf(st) {
		readers.phases[p] = true
	}
	for path, root := range r.screens {
		root.SetState(*st)
		html, err := htmlOf(root)
		if err != nil {
			r.t.Errorf("%s: %v", path, err)
			continue
		}
		for _, fault := range faults(html, ended(st, path)) {
			r.t.Errorf("%s: %s", path, fault)
		}
	}
}

// ended tells whether something has ended badly on a screen, so that its two questions must be answered.
func ended(st *state.State, path string) bool {
	if st.Tab == state.TabElsewhere {
		return false
	}
	if path == "#restore" {
		return is[state.RestoreFailed](st)
	}
	return st.Lab.Outcome == state.OutcomeFailed && st.Lab.Replay == nil
}

func htmlOf(root *view.Root) (string, error) {
	var b strings.Builder
	out := staticrender.New(&b)
	env, err := vugu.NewBuildEnv(out.EventEnv())
	if err != nil {
		return "", err
	}
	err = out.Render(env.RunBuild(any(root).(vugu.Builder)))
	return b.String(), err
}

var (
	mark    = regexp.MustCompile(`<[^>]*>`)
	said    = regexp.MustCompile(` (?:aria-label|aria-valuetext|title)="([^"]*)"`)
	trace   = regexp.MustCompile(`(?s)<pre class="trace"[^>]*>.*?</pre>`)
	noWord  = regexp.MustCompile(`undefined|\bNaN\b|&lt;nil&gt;|<nil>|%!|\bnull\b`)
	blank   = regexp.MustCompile(`\S  +\S| [:.,;!?](?:\s|$)|“”|\(\)`)
	raw     = regexp.MustCompile(`\b(?:emulator|lab|restore|flash|release|delta|smp|mcuboot|cbor|store|websocket|dial|context|read|write|open|get|Get|Post): |unexpected EOF|context (?:canceled|deadline)|\bfailed to\b|\bpanic\b`)
	edge    = regexp.MustCompile(`(.)<(?:span|b|p|dd|dt|h1|h2|li|small|td|em|code)(?: [^>]*)?>([^<]+)</[a-z0-9]+>(.)`)
	verdict = regexp.MustCompile(`(?s)<dt>Is the device safe\?</dt>\s*<dd>(.*?)</dd>.*?<dt>What to do now</dt>\s*<dd>(.*?)</dd>`)
)

// spoken are elements that stand for something: an empty one is a name or a word that is missing. What only parts or aligns is
// left out before: the step of an event that belongs to none, what stands beside the RAM's blocks, and the clock in its first second.
var spoken = func() (list []*regexp.Regexp) {
	for _, name := range []string{"b", "strong", "h1", "h2", "h3", "dt", "dd", "th", "button", "option", "legend", "label", "summary", "a", "code"} {
		list = append(list, regexp.MustCompile(`(?s)<`+name+`((?: [^>]*)?)>(.*?)</`+name+`>`))
	}
	return list
}()

var beside = regexp.MustCompile(`(?s)<div class="taken".*?</div>|(?:</span>)<b></b>(?:<span>)|<b class="num"></b>`)

// faults reads a screen. with says that its two questions must be answered.
func faults(html string, with bool) (list []string) {
	refuse := func(what, where string) { list = append(list, fmt.Sprintf("%s: %q", what, where)) }
	if m := verdict.FindStringSubmatch(html); with && (m == nil || bare(m[1]) == "" || bare(m[2]) == "") {
		refuse("an end without an answer to whether the device is safe, or what to do", bare(html))
	}
	html = beside.ReplaceAllString(html, "")
	html = trace.ReplaceAllString(html, "") // commands and codes for support
	texts := mark.Split(html, -1)
	for _, m := range said.FindAllStringSubmatch(html, -1) {
		if texts = append(texts, m[1]); strings.TrimSpace(m[1]) == "" {
			refuse("an empty name", m[0])
		}
	}
	for _, s := range texts {
		switch s = strings.Trim(s, "\n"); {
		case noWord.MatchString(s):
			refuse("no word", s)
		case blank.MatchString(s):
			refuse("a blank name", s)
		case strings.Contains(s, "a release that is not known here"): // in these stories each one is
			refuse("a name that was lost", s)
		case raw.MatchString(s):
			refuse("an error of ours", s)
		}
	}
	for _, whole := range spoken {
		for _, m := range whole.FindAllStringSubmatch(html, -1) {
			if bare(m[2]) == "" && !strings.Contains(m[1], "aria-label=") {
				refuse("an empty element", m[0])
			}
		}
	}
	for _, m := range edge.FindAllStringSubmatch(html, -1) {
		if before, after := m[1] == ">" && strings.HasPrefix(m[2], " "), m[3] == "<" && strings.HasSuffix(m[2], " "); (before || after) && bare(m[2]) != "" {
			refuse("a blank name at an end", m[2])
		}
	}
	return list
}

// bare is a text without marks.
func bare(html string) string { return strings.TrimSpace(mark.ReplaceAllString(html, "")) }

// Each thing that the suite refuses is refused when it stands on a screen.
func TestMistakesAreSeen(t *testing.T) {
	if got := faults(`<h1>Restored. It runs release 2.</h1><p>“rewriting to 2” 1 636 bytes</p><b>Yes.</b> <span>Verdict on release 2: good</span>`, false); len(got) != 0 {
		t.Errorf("what is right is refused: %v", got)
	}
	answers := `<dl><div><dt>Is the device safe?</dt><dd>%s</dd></div><div><dt>What to do now</dt><dd>%s</dd></div></dl>`
	for html, what := range map[string]string{
		`<p>Verdict on release : the digest</p>`:                         "a blank name",
		`<p>Restoring release  over the cable</p>`:                       "a blank name",
		`<p>It runs release .</p>`:                                       "a blank name",
		`<p>Boot found “”</p>`:                                           "a blank name",
		`<div><p>update file to release </p></div>`:                      "a blank name at an end",
		`<p>of undefined bytes</p>`:                                      "no word",
		`<p>NaN of 3</p>`:                                                "no word",
		`<p>because &lt;nil&gt;</p>`:                                     "no word",
		`<p>%!d(string=x)</p>`:                                           "no word",
		`<p>Verdict on a release that is not known here: the digest</p>`: "a name that was lost",
		`<li>restore: connect: no answer</li>`:                           "an error of ours",
		`<li>dial: unexpected EOF</li>`:                                  "an error of ours",
		`<h1></h1>`:                                                      "an empty element",
		`<dd><span></span> </dd>`:                                        "an empty element",
		`<button class="button"> </button>`:                              "an empty element",
		`<option value="1"></option>`:                                    "an empty element",
		`<button aria-label="">x</button>`:                               "an empty name",
		`<input aria-valuetext="erase of sector : 3">`:                   "a blank name",
	} {
		if got := faults(html, false); len(got) == 0 || !strings.HasPrefix(got[0], what) {
			t.Errorf("%s: got %v, want %s", html, got, what)
		}
	}
	for html, right := range map[string]bool{
		fmt.Sprintf(answers, "<b>Yes.</b> It is.", "Press it."): true,
		fmt.Sprintf(answers, "", "Press it."):                   false,
		fmt.Sprintf(answers, "<b>Yes.</b>", ""):                 false,
		`<h1>The cable came out.</h1>`:                          false,
	} {
		got := slices.ContainsFunc(faults(html, true), func(s string) bool { return strings.HasPrefix(s, "an end without") })
		if got == right {
			t.Errorf("%s: refused %t", html, got)
		}
	}
	if got := unread([]string{"a 0", "a 1", "a 2"}, map[string]bool{"a 0": true, "a 2": true}, map[string]string{"a 2": "reason"}); len(got) != 2 {
		t.Errorf("phases: %v", got)
	}
}

// A mistake in a state comes out on the real screens.
func TestMistakesInAStateAreSeen(t *testing.T) {
	if !rendering() {
		t.Skip("run make page")
	}
	for name, c := range map[string]struct {
		path string
		st   state.State
	}{
		"a log row that holds an error": {"#lab", state.State{Lab: state.Lab{Phase: state.LabRunning, Runs: "1", Log: []state.LogRow{
			{Source: state.SourceServer, Code: state.LogMessage, Text: "dial: unexpected EOF"}}}}},
		"a device without a serial":  {"#restore", state.State{Restore: state.RestoreRight{}}},
		"a fault with a stray blank": {"#lab", state.State{Lab: state.Lab{Phase: state.LabFault, Fault: "sector  of"}}},
	} {
		root := view.New(quiet())
		root.SetPath(c.path)
		root.SetState(c.st)
		html, err := htmlOf(root)
		if err != nil {
			t.Fatal(err)
		}
		if got := faults(html, false); len(got) == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
}
