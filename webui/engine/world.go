package engine

import (
	"context"
	"time"

	"unbrick/restore"
	"unbrick/restore/family"
	"unbrick/restore/recognise"
	"unbrick/webui/library"
	"unbrick/webui/state"

	"github.com/hack-pad/hackpadfs"
)

// World is what the engine needs of its surroundings. In the browser package wasm fills it, in tests
// plain Go does.
type World struct {
	// Ports is the cable; nil when there is no Web Serial.
	Ports Ports
	// Insecure says that Ports is nil only because the page came over an address that is not protected.
	Insecure bool
	// Backend is our own server; nil when there is none.
	Backend library.Backend
	// Lent says that Backend is library.Lend of the engine that has the store, in another program of this page, and that the library
	// borrows. OpenFS, Tab and Ports are that engine's.
	Lent bool
	// OpenFS opens the browser's own storage. It is called once, off the engine's loop, and only when this tab has the work. Nil, or
	// a nil FS, means that nothing is kept.
	OpenFS func(ctx context.Context) hackpadfs.FS
	// Tab says whether this tab has the work, first at the start, and that it has when it comes over from another
	// tab. It is never taken away. Nil: it has.
	Tab <-chan bool
	// Project answers an encoded Job with an encoded Answer: package projector does, in a worker of its own
	// in the browser. Nil: no replay of a link can be shown.
	Project func(ctx context.Context, request []byte) (answer []byte, err error)
	// Families starts the program that speaks with boot loaders of other families, which has the visit's port from then on. Nil: there is
	// none, and they are not looked for.
	Families func(ctx context.Context, v *Visit) (Visitor, error)
	// Show takes each new state. It must return soon; the engine never changes what it has shown.
	Show func(*state.State)
	// Save hands a file to the person.
	Save func(state.Download)
	// Now is the wall clock; nil: time.Now.
	Now func() time.Time
	// Browser is the browser's own name and version, for the diagnostic file.
	Browser string
	// Seed makes two engines differ: serials of Lab devices, ids of reports.
	Seed uint64
}

// Ports are the serial ports that the person has allowed. One goroutine uses it at a time, and only while no port
// of it is open, being opened or being closed.
type Ports interface {
	// List returns them in a stable order.
	List(ctx context.Context) ([]PortInfo, error)
	// Open opens the i-th port of the last List. It returns when the port is open or could be asked for again, with
	// an error that is restore.ErrBusy only when another program holds it, restore.ErrVanished when it is gone, and
	// restore.ErrStuck when the browser itself has not let it go.
	Open(ctx context.Context, i int, baud uint32) (restore.Port, error)
}

// PortInfo is what a browser tells of a port. The name is for the diagnostic file.
type PortInfo struct {
	Name string
	USB  family.USB
}

// Visit is a port at which a boot loader of another family was found, or one that is only named, for the program that speaks with it.
type Visit struct {
	Port  restore.Port
	Found recognise.Found
	USB   family.USB
	Again string // serial of the device that a Write without a press on Restore may write to
	// Show takes each new phase of Restore. RestoreIdle and RestoreFailed end the visit: nothing comes after.
	Show func(state.Restore)
	// Gone is called once, when the port is closed.
	Gone func()
	// Save hands a file to the person.
	Save func(state.Download)
}

// Visitor is that program at work.
type Visitor interface {
	// Do takes a command. It does not wait.
	Do(state.Command)
	// Leave ends the visit, whatever is under way.
	Leave()
}
