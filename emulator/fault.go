package emulator

import (
	"errors"
	"fmt"
	"time"

	"unbrick/flash"
)

// FaultKind is what the agent did wrong.
type FaultKind uint8

// The faults.
const (
	NotResident     FaultKind = iota + 1 // erase or program without the code in RAM
	AppRunning                           // erase or program while an application runs
	Busy                                 // flash access, or an application started, while the part is busy
	Protected                            // erase or program in the boot area or another protected one
	NotErased                            // program of a unit that is not surely erased
	OutOfBounds                          // address, length or alignment that the part does not have
	MemoryTouched                        // RAM of a fixed or running application was changed
	ResidentTouched                      // the code in RAM was changed
	BadClaim                             // RAM operation that breaks ownership
	BadPause                             // a pause where none is allowed, or use of something that stands still in one
	PauseTooLong                         // a pause, or an operation in it, that may take longer than PauseMax
)

var faultNames = [...]string{"", "not resident", "application running", "busy", "protected", "not erased",
	"out of bounds", "memory touched", "resident code touched", "bad claim", "bad pause", "pause too long"}

func (k FaultKind) String() string {
	if int(k) < len(faultNames) {
		return faultNames[k]
	}
	return fmt.Sprintf("fault(%d)", uint8(k))
}

// ErrFault is what every refused access wraps.
var ErrFault = errors.New("fault")

// ErrOff is what the board answers to a caller that is not the agent while power is off.
var ErrOff = errors.New("power is off")

// Fault is one thing the agent did wrong. As an error it wraps ErrFault and, where the flash contract
// has one, the matching flash error.
type Fault struct {
	Kind FaultKind
	Op   string // "read", "erase", "program", "start", "claim", ...
	Addr uint32 // flash address, or offset in RAM
	Size uint32
	Time time.Duration
	Note string // what more is known, may be empty
}

func (f *Fault) Error() string {
	s := fmt.Sprintf("fault: %s: %s %d bytes at 0x%x at %v", f.Kind, f.Op, f.Size, f.Addr, f.Time)
	if f.Note != "" {
		s += ": " + f.Note
	}
	return s
}

// Unwrap returns ErrFault and the flash error that a Device must answer.
func (f *Fault) Unwrap() []error {
	switch f.Kind {
	case Busy:
		return []error{ErrFault, flash.ErrBusy}
	case OutOfBounds:
		return []error{ErrFault, flash.ErrBounds}
	case Protected:
		return []error{ErrFault, flash.ErrProtected}
	case NotErased:
		return []error{ErrFault, flash.ErrProgram}
	case NotResident, AppRunning, MemoryTouched, ResidentTouched, BadClaim, BadPause, PauseTooLong:
	}
	return []error{ErrFault}
}

// maxFaults bounds what a board remembers; later faults are counted only by their endings.
const maxFaults = 64

// fault latches a fault. With mu held. Unless the board is soft it also ends the agent.
func (b *Board) fault(f Fault) error {
	f.Time = b.now
	if len(b.faults) < maxFaults {
		b.faults = append(b.faults, f)
	}
	if !b.cfg.Soft && b.alive {
		b.latch(Ending{Kind: EndFault, Fault: &f})
	}
	return &f
}

// Faults returns all faults since the board was made or restored.
func (b *Board) Faults() []Fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Fault(nil), b.faults...)
}
