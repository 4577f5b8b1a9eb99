package view

import (
	"time"

	"unbrick/webui/state"
	"unbrick/webui/view/flashmap"

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
	// Token keeps the operator's token for this tab only; empty forgets it.
	Token func(string)
	// Copy puts text on the clipboard; an empty one means the address of the page.
	Copy func(text string)
	// Save hands a file to the person.
	Save func(name string, data []byte)
	// Fetch asks the server and calls done under the lock. Status 0 says that there was no answer.
	Fetch func(r Request, done func(status int, body []byte))
	// After calls f under the lock, d later, and renders.
	After func(d time.Duration, f func())
	// Now is the wall clock, for "4 min ago".
	Now func() time.Time
}

// Request is one question to our own server. Body and answer are JSON: it is to be sent with Accept and,
// if there is a body, Content-Type application/json.
type Request struct {
	Method string
	Path   string // from the page's own folder, "/api/devices"
	Token  string // operator's, sent as bearer; empty sends none
	Body   []byte
}

// Theme is the person's choice of colours.
type Theme uint8

const (
	ThemeAuto Theme = iota // as the system wishes
	ThemeLight
	ThemeDark
)

// tab is one entry of the header.
type tab struct {
	Path, Name        string
	Current, Disabled any // an attribute's value, or nil for none
}

func (c *Root) tabs() []tab {
	list := []tab{{Path: "#restore", Name: "Restore"}, {Path: "#lab", Name: "Lab"}, {Path: "#fleet", Name: "Fleet"}}
	for i := range list {
		switch {
		case i == int(c.view):
			list[i].Current = "page"
		case c.writing():
			list[i].Disabled = "true"
		}
	}
	return list
}

func (c *Root) onRestore() bool { return c.view == viewRestore && !c.elsewhere() }
func (c *Root) onLab() bool     { return c.view == viewLab && !c.elsewhere() }
func (c *Root) onFleet() bool   { return c.view == viewFleet }

// follow lets a link of the header work, except while writing.
func (c *Root) follow(e vugu.DOMEvent) {
	if c.writing() {
		e.PreventDefault()
	}
}

// skip jumps over the header without changing the address.
func (c *Root) skip(e vugu.DOMEvent) {
	e.PreventDefault()
	c.hooks.Focus("#main")
}

func (c *Root) toastClass() string {
	if c.toast == "" {
		return "toast"
	}
	return "toast on"
}
