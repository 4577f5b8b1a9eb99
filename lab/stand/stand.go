// Package stand puts the software of a terminal on an emulated board: the one place where the two meet. Everything that has an
// emulated device, the Lab, its sweeps, the tests of the terminal and the command, starts it here, so that another
// implementation of the terminal can stand here as well.
//
// A Stand is for one board and is used by the board's own goroutine: from within emulator.Board.Run.
package stand

import (
	"fmt"

	"unbrick/delta/bsdiff"
	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal"
)

// Agent is the software of a terminal from one reset to the next, as package terminal describes it: Boot first, then Session
// and Alive, or Serve, as Boot says.
type Agent interface {
	Boot() terminal.Mode
	Session(c protocol.Conn) (terminal.Outcome, error)
	Alive()
	Serve() terminal.Ending

	// What it says of itself.
	Identity() terminal.Identity
	Installed() (release.Manifest, bool)
	Confirmed() bool
	Floor() release.Floor
	Why() smp.Why
	Last() terminal.Summary
}

// Maker makes the agent of a device that was just reset.
type Maker func(*terminal.Hardware) (Agent, error)

// Stand is a board with what its software needs beside it.
type Stand struct {
	Board  *emulator.Board
	Layout *flash.Layout
	// Make makes the agent; nil: package terminal's, in memory that all boots of the stand share.
	Make Maker
	// Change changes the hardware before each boot; nil: nobody does.
	Change func(*terminal.Hardware)

	ram     ram
	term    terminal.Terminal
	classic bsdiff.Patch
}

// Hardware returns the board as the terminal's software sees it.
func (s *Stand) Hardware() *terminal.Hardware {
	b := s.Board
	s.ram.RAM = b.RAM()
	hw := &terminal.Hardware{
		Flash: b.Flash(), Layout: s.Layout, RAM: &s.ram, Cable: b.Cable(), Clock: b.Clock(),
		Cause: causes[b.Cause()], Pin: b.Pin(), Survivor: b.Survivor(), Classic: &s.classic, PauseMax: b.PauseMax(),
	}
	if s.Change != nil {
		s.Change(hw)
	}
	return hw
}

// Start makes the agent after a reset. It is not booted yet.
func (s *Stand) Start() (Agent, error) {
	hw := s.Hardware()
	if s.Make != nil {
		return s.Make(hw)
	}
	if err := terminal.New(&s.term, hw); err != nil {
		return nil, fmt.Errorf("start the terminal: %w", err)
	}
	return &s.term, nil
}

// causes gives the board's reset causes the terminal's words.
var causes = [...]terminal.ResetCause{
	emulator.CausePower:    terminal.PowerOn,
	emulator.CauseSoftware: terminal.SoftwareReset,
	emulator.CauseWatchdog: terminal.Watchdog,
	emulator.CauseFault:    terminal.FaultReset,
	emulator.CauseLine:     terminal.PowerOn, // a reset line looks like power-on to the software
}

// ram gives the board's memory the terminal's words.
type ram struct {
	*emulator.RAM
	regions []terminal.Region
}

var _ terminal.Pauser = (*ram)(nil)

// Regions implements terminal.RAM.
func (m *ram) Regions() []terminal.Region {
	m.regions = m.regions[:0]
	for _, r := range m.RAM.Regions() {
		m.regions = append(m.regions, terminal.Region{Name: r.Name, Off: r.Off, Size: r.Size, Importance: r.Importance, State: states[r.State]})
	}
	return m.regions
}

var states = [...]terminal.RegionState{
	emulator.Fixed:     terminal.RegionFixed,
	emulator.Running:   terminal.RegionRunning,
	emulator.Stopped:   terminal.RegionStopped,
	emulator.Free:      terminal.RegionFree,
	emulator.Workspace: terminal.RegionWorkspace,
}

var _ Agent = (*terminal.Terminal)(nil)
