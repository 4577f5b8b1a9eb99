package lab

import (
	"sync"
	"time"

	"unbrick/emulator"
	"unbrick/lab/stand"
	"unbrick/model"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal"
)

// State is what the device does as a whole.
type State uint8

const (
	Off         State = iota // no power
	Booting                  // boot computes the digest of the image
	Running                  // a release runs
	Hanging                  // a confirmed release hangs: the watchdog resets it again and again
	Restoration              // restoration mode: the cable is listened to
	Faulted                  // the board latched a fault: software broke a rule of the hardware
)

func (s State) String() string {
	return [...]string{"off", "booting", "running", "hanging", "restoration mode", "faulted"}[s]
}

// Options are what New may be told. The zero value is a device on a quiet line.
type Options struct {
	Part *emulator.Part      // nil: the part of the emulator that is nearest to the model's geometry
	Seed uint64              // of everything random on the board
	Line emulator.LineConfig // Baud 0: the model's
	Slow bool                // flash takes the data sheet's maximum times
	// LinkRate is how many bytes a second the device's radio carries, in device time. 0: no limit.
	LinkRate uint32
	// Hardware adds to what the device's software runs on, before each boot; nil: nobody does.
	Hardware func(*terminal.Hardware)
	// Event is told of every step in order, in the device's goroutine. It must return soon.
	Event func(Event)
	// Operation is told of every flash operation as it begins, in the device's goroutine; it may look at the
	// board. nil: nobody is.
	Operation func(emulator.Operation)
}

// Event is a step of the terminal, with the flash operation that it stands behind.
type Event struct {
	terminal.Event
	Operation uint64 // flash operations since the last intent record began
}

// Device is an emulated terminal. Its methods may be called from any goroutine; one Update at a time.
type Device struct {
	model    model.Model
	board    *emulator.Board
	linkRate uint32
	event    func(Event)
	extra    func(*terminal.Hardware) // Options.Hardware
	began    func(emulator.Operation) // Options.Operation

	// The agent's.
	stand   stand.Stand
	term    stand.Agent // of the last boot
	hung    int         // watchdog resets in a row
	current *task       // being done

	console smp.Deframer // of the application's maintenance port

	call chan struct{} // there is a task

	mu      sync.Mutex
	state   State
	task    *task         // waiting to be done; nil when there is none
	changed chan struct{} // closed at the next change of state; nil when nobody waits
	ended   chan struct{} // closed when the life begun by PowerOn has ended
	fault   error
	about   About
	armed   uint64 // flash operation to cut in, counted from the intent record; 0 none
	tear    emulator.Tear
	counts  Counts
}

// About is what the terminal says of itself, as of the last boot or session.
type About struct {
	Identity  terminal.Identity
	Installed release.Manifest // of the release that runs, or ran last
	Known     bool             // Installed is there
	Confirmed bool
	Floor     release.Floor
	Why       smp.Why // in restoration mode: why
}

// Counts is what happened since the last intent record began.
type Counts struct {
	Intents    uint64 // intent records since the device was made
	Operations uint64 // flash operations, to the final record if it was written
	Erases     uint64 // of these, erases
	Whole      bool   // the final record was written
}

// New makes a device of the model with erased flash, switched off. Manufacture or Load puts content in.
func New(m *model.Model, o *Options) (*Device, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if o == nil {
		o = &Options{}
	}
	part := o.Part
	if part == nil {
		nearest := emulator.PartFor(&m.Layout.Geometry)
		part = &nearest
	}
	line := o.Line
	if line.Baud == 0 {
		line.Baud = m.Line
	}
	apps := make([]emulator.App, len(m.Apps))
	for i, a := range m.Apps {
		apps[i] = emulator.App{Name: a.Name, Size: a.Size, Importance: a.Importance, Fixed: a.Fixed}
	}
	geometry := m.Layout.Geometry
	board, err := emulator.New(emulator.Config{
		Part: *part, Geometry: &geometry, Boot: m.Layout.Boot, Protected: m.Layout.Settings,
		RAM: m.RAM, Apps: apps, Resident: m.Resident, Seed: o.Seed, Slow: o.Slow, Line: line,
	})
	if err != nil {
		return nil, err
	}
	d := &Device{model: *m, board: board, linkRate: o.LinkRate, event: o.Event, extra: o.Hardware, began: o.Operation, call: make(chan struct{}, 1)}
	d.stand = stand.Stand{Board: board, Layout: &d.model.Layout, Change: d.wire}
	d.console.Reset(make([]byte, smp.DeframerSize(maintenanceBuffer)))
	board.OnOperation(d.operation)
	return d, nil
}

// Model returns what kind of device this is.
func (d *Device) Model() *model.Model { return &d.model }

// Board returns the hardware, for switches and for looking at raw bytes.
func (d *Device) Board() *emulator.Board { return d.board }

// State returns what the device does just now.
func (d *Device) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// About returns what the terminal said of itself at the end of its last boot or session.
func (d *Device) About() About {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.about
}

// Counts returns what happened since the last intent record began.
func (d *Device) Counts() Counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts
}

// CutAt arms a power cut inside the n-th flash operation, counted from 1 at the next intent record;
// 0 disarms. It fires once.
func (d *Device) CutAt(n uint64, tear emulator.Tear) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.armed, d.tear = n, tear
}

// Time returns device time since power-up.
func (d *Device) Time() time.Duration { return d.board.Clock().Now() }

// operation counts, and is called by the board for each flash operation as it begins.
func (d *Device) operation(op emulator.Operation) {
	if d.began != nil {
		d.began(op)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.counts.Whole || d.counts.Intents == 0 {
		return
	}
	d.counts.Operations++
	if op.Kind == emulator.OpErase {
		d.counts.Erases++
	}
}

// told receives the terminal's events. It starts the count at the intent record and arms the cut there.
func (d *Device) told(e terminal.Event) {
	d.mu.Lock()
	switch e.Code {
	case terminal.EventIntent:
		d.counts = Counts{Intents: d.counts.Intents + 1}
		d.board.ResetCounter()
		d.board.CutAt(d.armed, d.tear)
		d.armed = 0
	case terminal.EventInstalled:
		d.counts.Whole = true
		d.board.CutAt(0, d.tear)
	}
	n := d.counts.Operations
	d.mu.Unlock()
	if d.event != nil {
		d.event(Event{Event: e, Operation: n})
	}
}

// maxSpeed is the highest speed of the cable, in bits a second: what an ordinary UART and adapter reach.
const maxSpeed = 921600

// wire adds to the hardware what is the device's own.
func (d *Device) wire(hw *terminal.Hardware) {
	hw.Cable, hw.MaxSpeed, hw.Event = cable{d.board.Cable(), d}, maxSpeed, d.told
	if d.extra != nil {
		d.extra(hw)
	}
}
