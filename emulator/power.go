package emulator

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"unbrick/flash"
)

// Cause is why the agent was started.
type Cause uint8

// The causes.
const (
	CausePower    Cause = iota + 1 // power came
	CauseSoftware                  // the agent asked for it
	CauseWatchdog                  // a watchdog fired
	CauseFault                     // the processor met something it cannot do
	CauseLine                      // a modem line wired to reset
)

func (c Cause) String() string {
	switch c {
	case CausePower:
		return "power"
	case CauseSoftware:
		return "software"
	case CauseWatchdog:
		return "watchdog"
	case CauseFault:
		return "fault"
	case CauseLine:
		return "line"
	}
	return fmt.Sprintf("cause(%d)", uint8(c))
}

// EndKind is how a run ended.
type EndKind uint8

// The ends of a run.
const (
	EndReturned EndKind = iota + 1 // the agent returned; the board has power and does nothing
	EndExited                      // the agent ended its own goroutine (a test that failed, say)
	EndReset                       // reset; the board waits for the next Run
	EndCut                         // power failed
	EndFault                       // a fault; the board has power and does nothing
)

func (k EndKind) String() string {
	switch k {
	case EndReturned:
		return "returned"
	case EndExited:
		return "exited"
	case EndReset:
		return "reset"
	case EndCut:
		return "cut"
	case EndFault:
		return "fault"
	}
	return fmt.Sprintf("end(%d)", uint8(k))
}

// Ending is how a run ended.
type Ending struct {
	Kind  EndKind
	Cause Cause  // of EndReset
	Tear  Tear   // of EndCut
	Fault *Fault // the run's first fault, whatever its kind; always there with EndFault
}

// Run runs agent in a goroutine of its own and returns when it is over, deferred functions
// included. It switches power on if it is off. A panic of the agent is passed on, unless power was
// already gone. Only one Run at a time.
func (b *Board) Run(agent func()) Ending { return b.run(agent, true) }

// Resume is Run for a board that has been switched on: if power was cut since, also in the moment
// between two runs, no agent is started and the ending is EndCut.
func (b *Board) Resume(agent func()) Ending { return b.run(agent, false) }

func (b *Board) run(agent func(), switchOn bool) Ending {
	b.mu.Lock()
	if b.alive {
		b.mu.Unlock()
		panic("emulator: Run while an agent runs")
	}
	if b.power == off && switchOn {
		b.powerUp()
	}
	for b.line.held() && b.power != off {
		b.power, b.held = halted, true // no agent yet, so the host's time goes on
		b.wakeAll()
		b.cond.Wait()
	}
	b.held = false
	if b.power == off {
		b.mu.Unlock()
		return Ending{Kind: EndCut}
	}
	b.power = running
	b.alive = true
	b.open = flash.Area{}
	b.ending = nil
	b.gone = make(chan struct{})
	b.outside = 0
	b.pause = pause{}
	b.line.boot()
	b.ram.boot()
	faults := len(b.faults)
	b.mu.Unlock()

	var trouble any
	returned := false
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				trouble = fmt.Sprintf("%v\n\n%s", v, debug.Stack())
			}
		}()
		agent()
		returned = true
	}()
	<-done

	b.mu.Lock()
	e := b.ending
	if e == nil {
		e = &Ending{Kind: EndExited}
		if returned {
			e.Kind = EndReturned
		}
		b.power = halted
		b.finish()
	} else {
		trouble = nil
		// What deferred functions wrote after the end has no effect.
		b.survivor = b.kept
	}
	b.ram.check("end of run")
	_ = b.checkPause("end of run")
	b.alive = false
	b.ending = nil
	if e.Fault == nil && len(b.faults) > faults {
		f := b.faults[faults]
		e.Fault = &f
	}
	b.cond.Broadcast()
	b.mu.Unlock()
	if trouble != nil {
		panic(trouble)
	}
	return *e
}

// latch ends the running agent: from here on nothing it does has an effect. With mu held.
func (b *Board) latch(e Ending) {
	if !b.alive || b.ending != nil {
		return
	}
	b.ending = &e
	b.dev.waiting = false // it has not noticed yet, and time must not pass as if it still waited
	b.kept = b.survivor
	switch e.Kind {
	case EndCut:
		b.power = off
	case EndReset:
		b.power = starting
	case EndFault, EndReturned, EndExited:
		b.power = halted
		b.finish()
	}
	b.line.silence(b.now)
	close(b.gone)
	b.wakeAll()
}

// enter checks that a device call may have an effect. With mu held.
func (b *Board) enter() error {
	if b.power == off || b.ending != nil {
		return ErrOff
	}
	return nil
}

// leave ends every device call: it releases mu, and if the agent is latched off, ends its goroutine.
func (b *Board) leave(err error) error {
	dead := b.alive && b.ending != nil
	b.mu.Unlock()
	if dead {
		runtime.Goexit()
	}
	return err
}

// Reset restarts the agent; it is the agent's and does not return. An operation of the flash under
// way is interrupted as by a power cut. With no agent it does nothing.
func (b *Board) Reset(cause Cause) {
	b.mu.Lock()
	b.reset(cause)
	_ = b.leave(nil)
}

func (b *Board) reset(cause Cause) {
	if b.power == off || b.ending != nil {
		return
	}
	b.interrupt(Half)
	b.cause = cause
	if b.alive {
		b.latch(Ending{Kind: EndReset, Cause: cause})
	} else {
		b.power = starting
		b.wakeAll()
	}
}

// Cut takes power away at once. A flash operation under way is left as tear says.
func (b *Board) Cut(tear Tear) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut(tear)
}

func (b *Board) cut(tear Tear) {
	if b.power == off {
		return
	}
	b.interrupt(tear)
	if b.alive && b.ending == nil {
		b.latch(Ending{Kind: EndCut, Tear: tear})
	}
	// A latched agent that is still ending (a reset, a fault) loses power as well.
	b.power = off
	b.wakeAll()
}

// CutAt cuts power inside the n-th flash operation counted from ResetCounter, beginning with 1; 0
// means never. It fires once.
func (b *Board) CutAt(n uint64, tear Tear) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cutAt, b.cutTear = n, tear
}

// PowerOn switches power on. Time stands still for the host from now until Run, or Halt.
func (b *Board) PowerOn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.power == off && !b.alive {
		b.powerUp()
		b.wakeAll()
	}
}

// Powered says whether the board has power.
func (b *Board) Powered() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.power != off
}

// Halt tells a board that has power that no agent will be run: the host's time goes on.
func (b *Board) Halt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.power == starting {
		b.power = halted
		b.wakeAll()
	}
}

// KeepClock says whether time stands still for the host whenever no agent runs, however the last
// run ended and even without power. One who always runs the next agent uses it, so that the host does
// not see the moment in between.
func (b *Board) KeepClock(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keep = on
	b.wakeAll()
}

// Cause returns why the agent was started.
func (b *Board) Cause() Cause {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cause
}

// Survivor returns RAM that keeps its content over a reset but not over a power failure. It is
// the agent's.
func (b *Board) Survivor() []byte { return b.survivor[:] }

// powerUp gives power. With mu held.
func (b *Board) powerUp() {
	b.power = starting
	b.cause = CausePower
	b.pending = operation{}
	b.busy, b.result, b.debt = false, nil, 0
	b.pause = pause{}
	r := derive(uint64(b.random), uint64(b.total), 'p')
	r.fill(b.survivor[:])
	b.weaken()
	b.random.next()
	b.line.powerUp()
}

// interrupt stops the flash operation under way, as tear says. With mu held.
func (b *Board) interrupt(tear Tear) {
	b.settle()
	if b.pending.Kind != 0 {
		b.tear(tear)
	}
	b.busy, b.result = false, nil
}

// wakeAll lets every end that waits look again. With mu held.
func (b *Board) wakeAll() {
	b.cond.Broadcast()
	select {
	case b.kick <- struct{}{}:
	default:
	}
}
