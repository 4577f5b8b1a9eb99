package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"unbrick/emulator"
	"unbrick/lab/stand"
	"unbrick/terminal"
)

// watchdog is how long a hanging release lasts before the watchdog resets the device. Ordinary
// watchdogs of microcontrollers reach from a tenth of a second to half a minute.
const watchdog = 2 * time.Second

// hangs is how many watchdog resets in a row Device plays before it calls the device Hanging; one
// more than the terminal needs to enter restoration mode by itself.
const hangs = 4

// Errors of a Device.
var (
	ErrOff     = errors.New("the device has no power")
	ErrCut     = errors.New("power failed")
	ErrBusy    = errors.New("the device is busy")
	ErrNoUsual = errors.New("the device does not run its release")
)

// FaultError says that the board caught software breaking a rule of the hardware.
type FaultError struct{ Fault *emulator.Fault }

func (e *FaultError) Error() string { return fmt.Sprintf("hardware fault: %v", e.Fault) }
func (e *FaultError) Unwrap() error { return e.Fault }

// task is something the running release does: a session. It runs in the agent.
type task struct {
	do   func(stand.Agent) (reset bool)
	done chan struct{} // closed when do has returned, or the agent ended before
}

// PowerOn switches power on and lets the device live until its power is cut, a fault, or ctx ends, which
// is a power cut too. It returns at once; Settle waits for what becomes of the boot.
func (d *Device) PowerOn(ctx context.Context) error {
	d.mu.Lock()
	if err := d.awaitEnd(); err != nil {
		d.mu.Unlock()
		return err
	}
	ended := make(chan struct{})
	d.ended, d.state, d.fault = ended, Booting, nil
	d.mu.Unlock()
	d.board.PowerOn()
	stop := context.AfterFunc(ctx, func() { d.board.Cut(emulator.Half) })
	go func() {
		defer close(ended)
		defer stop()
		d.live(ctx)
	}()
	return nil
}

// awaitEnd waits for the end of a life that is over but not told yet: whoever saw the device go off may
// switch it on again. A device that lives is ErrBusy. With mu held, but released meanwhile.
func (d *Device) awaitEnd() error {
	for d.ended != nil {
		last := d.ended
		select {
		case <-last:
			return nil
		default:
		}
		if d.state != Off && d.state != Faulted {
			return ErrBusy
		}
		d.mu.Unlock()
		<-last
		d.mu.Lock()
		if d.ended == last {
			return nil
		}
	}
	return nil
}

// live runs the agent again after each reset, as silicon would.
func (d *Device) live(ctx context.Context) {
	for d.hung = 0; ; {
		if ctx.Err() != nil {
			d.board.Cut(emulator.NotBegun)
		}
		d.board.KeepClock(true) // the next agent always comes
		end := d.board.Resume(d.agent)
		d.board.KeepClock(false)
		if end.Fault != nil {
			end.Kind = emulator.EndFault // however the run ended: what broke a rule must be seen
		}
		switch end.Kind {
		case emulator.EndReset:
			d.enter(Booting)
		case emulator.EndCut:
			d.enter(Off)
			return
		case emulator.EndFault:
			d.mu.Lock()
			d.fault = &FaultError{end.Fault}
			d.mu.Unlock()
			d.board.Halt()
			d.enter(Faulted)
			return
		default:
			// The agent gave up: a device without identification. It has power and does nothing.
			d.board.Halt()
			d.enter(Faulted)
			return
		}
	}
}

// agent is all software of the device from one reset to the next.
func (d *Device) agent() {
	var err error
	if d.term, err = d.stand.Start(); err != nil {
		d.mu.Lock()
		d.fault = err
		d.mu.Unlock()
		return
	}
	mode := d.term.Boot()
	d.look()
	if mode == terminal.Restoration {
		d.hung = 0
		d.enter(Restoration)
		d.term.Serve()
		d.board.Reset(emulator.CauseSoftware)
	}
	if !d.board.Healthy() {
		d.hang()
	}
	d.hung = 0
	if err := d.board.RAM().StartAll(); err != nil {
		panic(fmt.Sprintf("lab: start the applications: %v", err)) // nothing was claimed since the reset
	}
	d.enter(Running)
	d.application()
}

// look copies what the terminal says of itself, for whoever asks from outside of the agent.
func (d *Device) look() {
	about := About{Why: d.term.Why(), Confirmed: d.term.Confirmed(), Floor: d.term.Floor(), Identity: d.term.Identity()}
	about.Installed, about.Known = d.term.Installed()
	d.mu.Lock()
	d.about = about
	d.mu.Unlock()
}

// hang plays a release that does nothing until the watchdog bites. It does not return.
func (d *Device) hang() {
	if d.hung < hangs {
		d.hung++
		d.board.Clock().Sleep(watchdog)
		d.board.Reset(emulator.CauseWatchdog)
	}
	// It will go on like this for ever. Time stands still until somebody is there to see it.
	d.enter(Hanging)
	for !d.board.AwaitHost(d.call) {
		if t := d.take(); t != nil {
			close(t.done)
		}
	}
	d.board.Reset(emulator.CauseWatchdog)
}

// application plays the release: it does what it is asked, and resets the device when the cable asks
// for it (a break, or a reset request of SMP's OS group), as firmware with a maintenance port does.
func (d *Device) application() {
	for {
		t := d.take()
		if t == nil {
			if d.board.AwaitHost(d.call) && d.maintenance() {
				d.board.Reset(emulator.CauseSoftware)
			}
			continue
		}
		d.current = t
		if t.do(d.term) {
			d.board.Reset(emulator.CauseSoftware)
		}
		d.current = nil
		close(t.done)
	}
}

// give hands a task to the running release. It fails if one waits already.
func (d *Device) give(t *task) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.state == Off:
		return ErrOff
	case d.state != Running:
		return ErrNoUsual
	case d.task != nil:
		return ErrBusy
	}
	d.task = t
	select {
	case d.call <- struct{}{}:
	default:
	}
	return nil
}

// take takes the task that waits, nil if there is none.
func (d *Device) take() *task {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.task
	d.task = nil
	return t
}

// enter sets the state and tells those who wait for it. A task that the last agent did not finish is
// over: it died with it.
func (d *Device) enter(s State) {
	d.mu.Lock()
	d.state = s
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
	lost := d.task
	if s != Running {
		d.task = nil
	} else {
		lost = nil
	}
	d.mu.Unlock()
	if lost != nil {
		close(lost.done)
	}
	if d.current != nil {
		close(d.current.done)
		d.current = nil
	}
}

// Settle waits until boot has ended one way or the other and returns the state: Off, Running, Hanging,
// Restoration or Faulted.
func (d *Device) Settle(ctx context.Context) (State, error) {
	return d.Await(ctx, func(s State) bool { return s != Booting })
}

// Await waits until the device is in a state that is meant, and returns it.
func (d *Device) Await(ctx context.Context, meant func(State) bool) (State, error) {
	for {
		d.mu.Lock()
		if s := d.state; meant(s) {
			d.mu.Unlock()
			return s, nil
		}
		s := d.state
		if d.changed == nil {
			d.changed = make(chan struct{})
		}
		changed := d.changed
		d.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// Fault returns why the device is Faulted, else nil.
func (d *Device) Fault() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fault
}

// PowerOff takes the power away now, leaving tear of the operation under way, and waits until the
// device is off.
func (d *Device) PowerOff(tear emulator.Tear) {
	d.board.Cut(tear)
	d.mu.Lock()
	ended := d.ended
	d.mu.Unlock()
	if ended != nil {
		<-ended
	}
}

// Ended is closed when the device's life, begun by PowerOn, has ended: off or faulted.
func (d *Device) Ended() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended == nil {
		d.ended = make(chan struct{})
		close(d.ended)
	}
	return d.ended
}
