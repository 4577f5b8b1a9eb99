// Package view is the page. Root shows one of three screens, each a component in a room of its own: packages restore, lab and fleet.
// They are composed of components that take what they show as fields, keep what only they need, and tell what a person wants by
// events; package part has those that more than one screen needs, flashmap the map of a flash. What they say is in package words.
//
// Everything on Restore and Lab follows from one state.State, which Root hands to their screens; Fleet asks the server itself. A wish
// goes up from the component to its screen, which does what is its own, and from there to Root: what the browser is to do, Root does
// by its Hooks, and a state.Command it sends to the engine. The three screens last as long as the page, so that what a person has
// typed or chosen is there when they come back; what is smaller lives as long as it is shown.
//
// View logic is plain Go, tested natively; the .vugu files hold markup. The package knows no syscall/js: package wasm fills Hooks and
// drives Root.
//
// # Driving Root
//
// A Root and its fields are used by one goroutine at a time: under the renderer's event lock, or by its
// build. A program does, in this order:
//
//	root := view.New(hooks)
//	root.SetTheme(theme)              // what was kept, before the first build
//	root.SetSigned(account)           // that signed in to Fleet here, may be empty
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
// that lives in it, making it at first sight. A flashmap.Drawing keeps the pixels in Go, draws only changed
// cells, and shows them with one call.
package view
