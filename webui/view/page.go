package view

import (
	"strings"
	"time"

	"unbrick/webui/fleetdata"
	"unbrick/webui/state"
	"unbrick/webui/view/flashmap"
	"unbrick/webui/view/fleet"
	"unbrick/webui/view/lab"
	"unbrick/webui/view/part"
	"unbrick/webui/view/restore"
	"unbrick/webui/words"
)

const toastTime = 2200 * time.Millisecond

// replayPath is what the fragment of a run's link begins with.
const replayPath = "lab/replay/"

// Root is the whole page: it routes between the three screens, and does what they want of the browser. Make one with New; see the
// package's comment for who may call what.
type Root struct {
	hooks  Hooks
	tab    state.Tab
	kept   bool // the browser keeps what this page gives it
	screen screen
	theme  Theme
	ink    flashmap.Ink

	restore *restore.Screen
	lab     *lab.Screen
	fleet   *fleet.Screen

	focus   string // what the focus moves to at the next render; empty: nothing
	toast   string
	toastNo int

	fresh   []*flashmap.Drawing // maps of this render
	shown   []*flashmap.Drawing // maps of the last render
	repaint bool
	title   string
	heading string // where the focus was moved last; empty before the first render
}

// screen is one of three.
type screen interface {
	Heading() string
	Key() string // changes when the focus has to move to the headline
}

// New makes the page. It is not shown before the first SetState: until then the shell is.
func New(h Hooks) *Root {
	r := &Root{hooks: h, kept: true}
	r.restore = &restore.Screen{Wish: r.do}
	r.lab = &lab.Screen{Wish: r.do}
	r.fleet = &fleet.Screen{Wish: r.do, Now: h.Now, Client: fleetdata.New(fleetdata.Browser{
		Fetch: h.Fetch, After: h.After, Signed: h.Signed, Say: r.say,
	})}
	r.screen = r.restore
	return r
}

// SetState takes what the engine knows. s must not be changed afterwards.
func (r *Root) SetState(s state.State) {
	r.tab = s.Tab
	r.restore.Set(s.Restore, words.Quiet(s.Store, s.Server))
	r.lab.Set(&s.Lab, s.Server)
	r.fleet.Insecure = r.restore.Insecure()
	r.kept = s.Store != state.StoreNone && !r.fleet.Insecure
}

// Chosen says that a person has chosen a port, which the engine is told of.
func (r *Root) Chosen() { r.restore.Chosen() }

// SetSigned takes the account that signed in to Fleet here.
func (r *Root) SetSigned(account string) { r.fleet.Client.SetSigned(account) }

// SetPath shows the screen that an address's fragment names: "#restore", "#lab", "#lab/replay/ID", "#fleet",
// and what begins so, which fleetdata.Client.Show knows. Any other leaves the screen as it is.
func (r *Root) SetPath(path string) {
	name := strings.TrimPrefix(path, "#")
	switch {
	case name == "" || name == "restore":
		r.screen = r.restore
	case name == "lab", strings.HasPrefix(name, replayPath):
		r.screen = r.lab
		_, link, _ := strings.Cut(name, replayPath)
		r.lab.Show(link)
	case strings.HasPrefix(name, "fleet"):
		r.screen = r.fleet
		r.fleet.Client.Show(name)
		return
	default:
		return
	}
	r.fleet.Hide()
}

// SetTheme takes the kept choice of colours.
func (r *Root) SetTheme(t Theme) { r.theme = t }

// SetInk takes the map's colours, after the theme or the system's wish changed.
func (r *Root) SetInk(i flashmap.Ink) { r.ink, r.repaint = i, true }

// Busy says that leaving the page now would interrupt a restoration.
func (r *Root) Busy() bool { return r.restore.Writing() }

// Rendered finishes a render: focus, title and maps.
func (r *Root) Rendered() {
	if t := r.tabTitle(); t != r.title {
		r.title = t
		r.hooks.Title(t)
	}
	if h := r.current().Key(); h != r.heading {
		if r.heading != "" {
			r.focus = "h1"
		}
		r.heading = h
	}
	if r.focus != "" {
		r.hooks.Focus(r.focus)
		r.focus = ""
	}
	r.shown, r.fresh = append(r.shown[:0], r.fresh...), r.fresh[:0]
	r.Redraw()
}

// tabTitle is the page's in the browser's list of tabs.
func (r *Root) tabTitle() string {
	title := strings.TrimSuffix(r.current().Heading(), ".")
	if left := words.ShortLeft(r.restore.Left()); left != "" && r.writing() {
		title = left
	}
	return title + " · Unbrick"
}

// Redraw draws the maps for the present size of the page.
func (r *Root) Redraw() {
	for _, d := range r.shown {
		d.Draw(&r.ink, r.repaint)
	}
	r.repaint = false
}

// do does what a screen wants of the page, and sends what it wants of the engine.
func (r *Root) do(e part.WishEvent) {
	switch w := e.Wish.(type) {
	case state.Command:
		r.hooks.Command(w)
	case words.ChooseFile:
		r.hooks.ChooseFile()
	case fleet.OpenFile:
		r.hooks.OpenFile(w.Done)
	case words.CopyText:
		r.hooks.Copy(w.Text, r.copied)
	case words.SaveText:
		r.hooks.Save(w.Name, []byte(w.Text))
		r.say("Saved to your downloads.")
	case words.GoTo:
		r.hooks.Go(w.Path)
	case words.Protect:
		r.hooks.Protect()
	case words.Focus:
		r.focus = w.Selector
	case part.Later:
		r.hooks.After(w.After, w.Do)
	case flashmap.MountEvent:
		w.Drawing.Mount(r.hooks.Canvas(w.Host))
		r.fresh = append(r.fresh, w.Drawing)
	}
}

// copied says whether a text is on the clipboard now: it may be one that is not shown again.
func (r *Root) copied(so bool) {
	if so {
		r.say("Copied.")
		return
	}
	r.say("This browser did not copy it. Select it, and copy it by hand.")
}

// say shows a short message for a moment.
func (r *Root) say(message string) {
	r.toast = message
	r.toastNo++
	no := r.toastNo
	r.hooks.After(toastTime, func() {
		if no == r.toastNo {
			r.toast = ""
		}
	})
}

// current is the screen that is shown.
func (r *Root) current() screen {
	if r.elsewhere() {
		return elsewhere{}
	}
	return r.screen
}

// elsewhere is shown in place of Restore and Lab while another tab has the work.
type elsewhere struct{}

func (elsewhere) Heading() string { return words.Elsewhere.Heading }
func (elsewhere) Key() string     { return "elsewhere" }

// elsewhere says that another tab has the work.
func (r *Root) elsewhere() bool { return r.tab == state.TabElsewhere && r.screen != screen(r.fleet) }

// on reports whether a screen is shown.
func (r *Root) on(s screen) bool { return r.current() == s }

// writing says that nothing may be pressed or closed.
func (r *Root) writing() bool { return r.on(r.restore) && r.Busy() }
