package emulator

import (
	"fmt"
	"sync"
	"time"

	"unbrick/flash"
)

// App is an application that owns RAM.
type App struct {
	Name       string
	Size       uint32
	Importance uint8
	Fixed      bool // its memory can never be taken; it does not run from flash
}

// Config says what a board is made of.
type Config struct {
	Part      Part
	Geometry  *flash.Geometry // instead of the part's own, nil means that
	Boot      uint32          // bytes of the protected boot area, whole sectors, may be 0
	Protected []flash.Area    // further areas, never programmed, and erased only while unlocked
	RAM       uint32          // bytes
	Apps      []App           // in RAM in this order from the bottom; the rest is free, on top
	Resident  uint32          // bytes of code that must be in RAM before an erase or program
	PauseMax  time.Duration   // the longest that everything may stand still (RAM.Pause); 0: never
	Seed      uint64          // of everything random
	Slow      bool            // operations take the data sheet's maximum, else the typical time
	Soft      bool            // a fault is latched and refused, but the agent goes on (for suites)
	Line      LineConfig
}

// SurvivorSize is how many bytes of RAM keep their content over a reset.
const SurvivorSize = 64

// power is what the board does just now.
type power uint8

const (
	off      power = iota // no power
	starting              // power, and an agent is due: time stands still until it comes
	running               // an agent runs
	halted                // power, but no agent will come
)

// Board is one emulated device. Its methods may be called by any goroutine unless they say that
// they are the agent's.
type Board struct {
	mu   sync.Mutex
	cond sync.Cond // every change that a waiting end may wait for
	cfg  Config
	geo  flash.Geometry

	// Power and the agent.
	power    power
	alive    bool // the agent's goroutine exists, perhaps only to end
	ending   *Ending
	gone     chan struct{} // closed when the running agent is latched off
	came     chan struct{} // closed, and made anew, when a host comes
	cause    Cause
	survivor [SurvivorSize]byte // what the agent works on
	kept     [SurvivorSize]byte // what it was when the agent was latched off
	keep     bool               // time stands still for the host while no agent runs
	held     bool               // Run waits for the reset line
	healthy  bool
	pin      bool
	outside  int // calls of Outside under way

	// Time.
	now       time.Duration
	debt      time.Duration // time of reads not yet charged
	pace      func(time.Duration)
	advancing bool
	since     time.Time     // real time that now stands for, while the device waits in real time
	until     time.Duration // when that wait ends at the latest
	dev, host side

	// Flash.
	sectors []*sector
	owned   []bool // sector i belongs to this board alone and may be changed in place
	random  random
	pending operation
	page    [flash.MaxPage]byte // what the pending program programs
	busy    bool                // from start to Wait
	result  error               // of the finished operation, for Wait
	open    flash.Area          // of Protected: unlocked; Size 0: none
	pause   pause
	ops     uint64
	total   uint64
	cutAt   uint64
	cutTear Tear
	hook    func(Operation)
	defects []Defect
	faults  []Fault

	ram  RAM
	line line
	att  *Attachment
	kick chan struct{}
}

// New makes a board with erased flash, switched off.
func New(cfg Config) (*Board, error) {
	b := &Board{cfg: cfg, geo: cfg.Part.Geometry, healthy: true, random: derive(cfg.Seed, 'f'), kick: make(chan struct{}, 1), came: make(chan struct{})}
	b.cond.L = &b.mu
	if cfg.Geometry != nil {
		b.geo = *cfg.Geometry
	}
	if err := b.geo.Validate(); err != nil {
		return nil, fmt.Errorf("emulator: %w", err)
	}
	if len(cfg.Part.Erase) == 0 || cfg.Part.Geometry.ProgramUnit == 0 {
		return nil, fmt.Errorf("emulator: part %q has no times", cfg.Part.Name)
	}
	if p := cfg.Part.PageSize; p != 0 && p <= cfg.Part.Geometry.ProgramUnit {
		return nil, fmt.Errorf("emulator: part %q: page time for %d bytes", cfg.Part.Name, p)
	}
	if cfg.Boot > b.geo.Size() {
		return nil, fmt.Errorf("emulator: boot area of %d bytes in a part of %d", cfg.Boot, b.geo.Size())
	}
	if cfg.PauseMax < 0 {
		return nil, fmt.Errorf("emulator: pauses of at most %v", cfg.PauseMax)
	}
	b.cfg.Protected = append([]flash.Area(nil), cfg.Protected...)
	b.sectors = make([]*sector, b.geo.Sectors())
	b.owned = make([]bool, len(b.sectors))
	for i := range b.sectors {
		_, size := b.geo.Sector(i)
		b.sectors[i] = blankSector(size, &b.geo)
		b.owned[i] = true
	}
	if err := b.ram.init(b, cfg.RAM, cfg.Apps, cfg.Resident); err != nil {
		return nil, err
	}
	if err := b.line.init(b, cfg.Line); err != nil {
		return nil, err
	}
	return b, nil
}

// Flash returns the part. Its methods are the agent's; with no agent they serve a test rig.
func (b *Board) Flash() flash.Device { return part{b} }

// RAM returns the memory.
func (b *Board) RAM() *RAM { return &b.ram }

// Cable returns the device's end of the line. Its methods are the agent's.
func (b *Board) Cable() *Cable { return &Cable{b} }

// Host returns the host's end of the line. There is one; if it was closed it can be opened again.
func (b *Board) Host() *Port {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.line.port.state == portClosed {
		b.line.port.state = portUnused
	}
	return &b.line.port
}

// Clock returns the clock.
func (b *Board) Clock() *Clock { return &Clock{b} }

// Healthy is the switch for the running application: whether it does its work or hangs. It is on
// at first; the board only keeps it.
func (b *Board) Healthy() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.healthy
}

// SetHealthy sets the switch.
func (b *Board) SetHealthy(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.healthy = on
}

// Pin is the level of the pin that asks for restoration mode.
func (b *Board) Pin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pin || b.line.asserted(b.line.cfg.Pin)
}

// SetPin sets the level of the pin.
func (b *Board) SetPin(on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pin = on
}
