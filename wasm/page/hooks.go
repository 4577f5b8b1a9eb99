//go:build js && wasm

package page

import (
	"context"
	"slices"
	"strings"
	"syscall/js"
	"time"

	"unbrick/wasm/await"
	"unbrick/wasm/fetch"
	"unbrick/webui/diagnostic"
	"unbrick/webui/fleetdata"
	"unbrick/webui/state"
	"unbrick/webui/view"
	"unbrick/webui/view/flashmap"

	vjs "github.com/vugu/vugu/js"
)

// Where the browser keeps what the person chose.
const (
	themeKey  = "unbrick-theme"  // boot.js reads it before the first paint
	signedKey = "unbrick-signed" // in to Fleet
)

const (
	fetchLimit = 30 * time.Second
	maxAnswer  = 16 << 20 // bytes of one answer of the server
)

// hooks fills what webui needs of its browser. Each is called with the renderer's lock held, so none
// waits: what takes time goes to a goroutine that takes the lock again when it is done.
func (p *page) hooks() view.Hooks {
	return view.Hooks{
		Command:    p.command,
		ChooseFile: func() { p.chooseFile(p.readFile) },
		OpenFile:   p.openFile,
		Canvas:     func(host vjs.Value) flashmap.Canvas { return p.canvas(js.Value(host)) },
		Focus:      focus,
		Title:      func(t string) { document.Set("title", t) },
		Go:         func(path string) { window.Get("location").Set("hash", path) },
		Protect:    protect,
		Theme:      applyTheme,
		Signed:     func(account string) { keep("localStorage", signedKey, account) }, // for all tabs: they share the cookie
		Copy:       p.copyText,
		Save:       func(name string, data []byte) { download(name, await.Array(data)) },
		Fetch:      p.fetch,
		After: func(d time.Duration, f func()) {
			time.AfterFunc(d, func() { p.change(f) })
		},
		Now: time.Now,
	}
}

// askToKeep asks the browser not to throw the store away; only a page may. One that refuses may do so all the same.
func askToKeep() {
	manager := await.Get(window.Get("navigator"), "storage")
	if !manager.Truthy() {
		return
	}
	if promise, err := await.Call(manager, "persist"); err == nil {
		await.Then(promise, func(js.Value, error) {})
	}
}

// keepFocus moves the focus to the headline when the element that had it is gone or can no longer have it: who uses the
// keyboard goes on from there, and not from the top of the document.
func (p *page) keepFocus() {
	el := p.held
	if !el.Truthy() || el.Get("isConnected").Bool() && !el.Get("disabled").Truthy() && !el.Call("closest", "[inert]").Truthy() {
		return
	}
	p.held = js.Undefined()
	if at := document.Get("activeElement"); !at.Truthy() || at.Equal(document.Get("body")) || at.Equal(el) {
		focus("h1")
	}
}

// listen follows what the browser tells the page.
func (p *page) listen() {
	await.Listen(document, "focusin", func(e js.Value) { p.held = e.Get("target") })
	await.Listen(window, "hashchange", func(js.Value) {
		p.openLab()
		go p.change(func() { p.root.SetPath(path()) })
	})
	redraw := func(js.Value) {
		go func() {
			p.events.Lock()
			p.root.Redraw()
			p.events.UnlockOnly()
		}()
	}
	await.Listen(window, "resize", redraw)
	await.Listen(window.Call("matchMedia", "(prefers-color-scheme: dark)"), "change", func(js.Value) {
		go p.change(func() { p.root.SetInk(p.ink()) })
	})
	// Themes are changed by an attribute; the maps follow whoever changes it.
	themed := js.FuncOf(func(js.Value, []js.Value) any {
		go p.change(func() { p.root.SetInk(p.ink()) })
		return nil
	})
	options := map[string]any{"attributeFilter": []any{"data-theme"}}
	window.Get("MutationObserver").New(themed).Call("observe", document.Get("documentElement"), options)
}

// ink reads the colours of the maps from the style in force.
func (p *page) ink() flashmap.Ink {
	style := window.Call("getComputedStyle", document.Get("documentElement"))
	return flashmap.ReadInk(func(property string) string { return style.Call("getPropertyValue", property).String() })
}

// protect goes to the https form of this address.
func protect() {
	_, rest, _ := strings.Cut(window.Get("location").Get("href").String(), ":")
	window.Get("location").Call("assign", "https:"+rest)
}

func path() string { return window.Get("location").Get("hash").String() }

// focus moves the keyboard's focus without scrolling; a heading is made to take it. One that lies above
// what can be seen comes into sight: it says what is true now.
func focus(selector string) {
	el := document.Call("querySelector", selector)
	if !el.Truthy() {
		return
	}
	if el.Get("tabIndex").Int() < 0 {
		el.Set("tabIndex", -1)
	}
	el.Call("focus", map[string]any{"preventScroll": true})
	if el.Call("getBoundingClientRect").Get("top").Float() < 0 {
		window.Call("scrollTo", 0, 0)
	}
}

func keep(where, key, value string) {
	s := await.Get(window, where) // undefined where storage is forbidden
	if !s.Truthy() {
		return
	}
	if value == "" {
		await.Call(s, "removeItem", key)
		return
	}
	await.Call(s, "setItem", key, value) // a full storage forgets a theme; nothing else is lost
}

func kept(where, key string) string {
	s := await.Get(window, where) // undefined where storage is forbidden
	if !s.Truthy() {
		return ""
	}
	v, err := await.Call(s, "getItem", key)
	if err != nil || v.Type() != js.TypeString {
		return ""
	}
	return v.String()
}

// themes are the names of the themes in the document and in the browser's storage; that of the system has none.
var themes = [...]string{view.ThemeAuto: "", view.ThemeLight: "light", view.ThemeDark: "dark"}

func keptTheme() view.Theme {
	return view.Theme(max(slices.Index(themes[:], kept("localStorage", themeKey)), 0))
}

func applyTheme(t view.Theme) {
	keep("localStorage", themeKey, themes[t])
	set := document.Get("documentElement").Get("dataset")
	if t == view.ThemeAuto {
		set.Delete("theme")
		return
	}
	set.Set("theme", themes[t])
}

// copyText puts text on the clipboard, the page's own address for an empty one. A browser that refuses
// leaves it to the person, who sees the text.
func (p *page) copyText(text string, done func(copied bool)) {
	if text == "" {
		text = window.Get("location").Get("href").String()
	}
	clipboard := window.Get("navigator").Get("clipboard")
	if !clipboard.Truthy() {
		done(false)
		return
	}
	promise, err := await.Call(clipboard, "writeText", text)
	if err != nil {
		done(false)
		return
	}
	await.Then(promise, func(_ js.Value, err error) { go p.change(func() { done(err == nil) }) })
}

// fetch asks our own server and hands the answer over under the lock, with status 0 when nobody answered.
func (p *page) fetch(r fleetdata.Request, done func(status int, answer any)) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), fetchLimit)
		defer cancel()
		status, body, err := fetch.Do(ctx, fetch.Request{Method: r.Method, Path: r.Path, Body: fetch.Format(r.Body),
			Accept: "application/json", Type: "application/json", Max: maxAnswer})
		if err != nil {
			status = 0
		}
		answer := fetch.Parse(body)
		p.change(func() { done(status, answer) })
	}()
}

// chooseFile opens the browser's file chooser, inside the click, and hands over what was chosen.
func (p *page) chooseFile(take func(file js.Value)) {
	input := document.Call("createElement", "input")
	input.Set("type", "file")
	var remove func()
	remove = await.Listen(input, "change", func(js.Value) {
		remove()
		files := input.Get("files")
		if files.Length() == 0 {
			return
		}
		go take(files.Index(0))
	})
	input.Call("click")
}

// openFile reads a file for the page itself.
func (p *page) openFile(done func(name string, data []byte)) {
	p.chooseFile(func(file js.Value) {
		data := contents(file, diagnostic.MaxBytes)
		p.change(func() { done(file.Get("name").String(), data) })
	})
}

// contents are a file's bytes; none if there are more than most, or it cannot be read.
func contents(file js.Value, most float64) []byte {
	if file.Get("size").Float() > most {
		return nil
	}
	buffer, err := await.Method(context.Background(), file, "arrayBuffer")
	if err != nil {
		return nil
	}
	return await.Bytes(buffer)
}

// readFile sends a chosen file to the engine. Of one without contents that says that it is no release.
func (p *page) readFile(file js.Value) {
	p.engine.send(state.AddFile{Name: file.Get("name").String(), Data: contents(file, state.MaxCommand-1024)})
}

// download hands bytes to the person as a file.
func download(name string, array js.Value) {
	blob := window.Get("Blob").New([]any{array})
	url := window.Get("URL").Call("createObjectURL", blob)
	link := document.Call("createElement", "a")
	link.Set("href", url)
	link.Set("download", name)
	link.Call("click")
	time.AfterFunc(time.Minute, func() { window.Get("URL").Call("revokeObjectURL", url) })
}
