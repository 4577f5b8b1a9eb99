package view

import (
	"time"

	"unbrick/webui/fleetdata"
	"unbrick/webui/state"
	"unbrick/webui/view/flashmap"
	"unbrick/webui/view/part"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"
)

// Hooks is what the page needs of its browser. All are required and none may block; each is called
// with the renderer's event lock held.
type Hooks struct {
	// Command sends a wish to the engine. It is called inside the person's click.
	Command func(state.Command)
	// ChooseFile opens the browser's file chooser for a release file and sends AddFile.
	ChooseFile func()
	// OpenFile opens the browser's file chooser and calls done under the lock with what was chosen: at
	// most diagnostic.MaxBytes bytes, of a longer or unreadable file none. Not called without a choice.
	OpenFile func(done func(name string, data []byte))
	// Canvas answers with the drawing inside a <u-map> element.
	Canvas func(host js.Value) flashmap.Canvas
	// Focus moves the keyboard's focus to the first element that matches, without scrolling.
	Focus func(selector string)
	// Title sets the document's title.
	Title func(string)
	// Go changes the address's fragment, "#lab"; SetPath follows from the browser's event.
	Go func(path string)
	// Protect goes to the https form of the page's address.
	Protect func()
	// Theme applies a theme to the document and keeps it.
	Theme func(Theme)
	// Signed keeps the account that signed in to Fleet here; empty: it signed out.
	Signed func(account string)
	// Copy puts text on the clipboard, an empty one meaning the address of the page, and calls done under the lock with whether the
	// browser let it.
	Copy func(text string, done func(copied bool))
	// Save hands a file to the person.
	Save func(name string, data []byte)
	// Fetch asks the server and calls done under the lock; see fleetdata.Browser.
	Fetch func(q fleetdata.Request, done func(status int, answer any))
	// After calls f under the lock, d later, and renders.
	After func(d time.Duration, f func())
	// Now is the wall clock, for "4 min ago".
	Now func() time.Time
}

// Theme is the person's choice of colours.
type Theme uint8

const (
	ThemeAuto Theme = iota // as the system wishes
	ThemeLight
	ThemeDark
)

func (r *Root) tabs() []part.Tab {
	list := []part.Tab{{Path: "#restore", Name: "Restore"}, {Path: "#lab", Name: "Lab"}, {Path: "#fleet", Name: "Fleet"}}
	for i, s := range []screen{r.restore, r.lab, r.fleet} {
		switch {
		case s == r.screen:
			list[i].Current = "page"
		case r.writing():
			list[i].Disabled = "true"
		}
	}
	return list
}

// nextTheme goes from the system's wish to light, dark and back.
func (r *Root) nextTheme() {
	r.theme = (r.theme + 1) % 3
	r.hooks.Theme(r.theme)
}

func (r *Root) themeWord() string {
	return [...]string{"Auto", "Light", "Dark"}[r.theme%3]
}

func (r *Root) themeLabel() string {
	return "Colours: " + [...]string{"as the system", "light", "dark"}[r.theme%3] + ". Change"
}

// follow lets a link of the header work, except while writing.
func (r *Root) follow(e vugu.DOMEvent) {
	if r.writing() {
		e.PreventDefault()
	}
}

// skip jumps over the header without changing the address.
func (r *Root) skip(e vugu.DOMEvent) {
	e.PreventDefault()
	r.hooks.Focus("#main")
}
