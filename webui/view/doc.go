// Package view is the page: vugu components and the Go that decides what they say and draw.
//
// Everything on Restore and Lab follows from one state.State; Fleet is read from the server by
// Fetch. View logic is plain Go, tested natively; the .vugu files hold markup. The package knows no
// syscall/js: package wasm fills Hooks and drives Root.
//
// # Driving Root
//
// A Root and its fields are used by one goroutine at a time: under the renderer's event lock, or by its
// build. A program does, in this order:
//
//	root := view.New(hooks)
//	root.SetTheme(theme)              // what was kept, before the first build
//	root.SetToken(token)              // operator's token of this tab, may be empty
//	root.SetPath(location.hash)       // and again at each hashchange
//	root.SetInk(flashmap.ReadInk(get)) // map colours; again when the theme or the system's wish changes
//	renderer mounted at "#page"
//	loop: build, render, root.Rendered(), wait for an event
//
// SetState, SetPath, SetInk and the callbacks given to Hooks.Fetch and Hooks.After are called between
// Lock and UnlockRender; the rest follows from the next build. Rendered is called after each render: it
// moves the focus, sets the title and draws the maps. Redraw draws the maps again without a render,
// after a resize. Busy says whether leaving the page needs the browser's own question.
//
// Event handlers call Hooks.Command inside the click, so that a hook may open the browser's chooser
// for Connect and Resume before it passes them on.
//
// # Maps
//
// A flash map is an element <u-map> without children of ours; the renderer leaves alone what package
// wasm puts into it. Hooks.Canvas is given that element after each render and answers with the Canvas
// that lives in it, making it at first sight. Root keeps the pixels in Go, draws only changed cells, and
// shows them with one call.
package view
