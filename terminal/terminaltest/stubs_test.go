package terminaltest_test

import (
	"hash"
	"slices"
	"time"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/terminal"
	"unbrick/terminal/terminaltest"
)

// mistake is one of a port, and the check that is meant to find it.
type mistake struct {
	name, check string
	make        func(e *emulated, r *terminaltest.Rig)
}

// badRAM is memory of which a test replaces what it wants.
type badRAM struct {
	terminal.RAM
	terminal.Pauser
	regions  func([]terminal.Region) []terminal.Region
	stop     func(i int) error
	start    func(i int) error
	claim    func(off, n uint32) ([]byte, error)
	release  func()
	resident func(mem []byte) error
	pause    func() error
	resume   func()
}

func (m *badRAM) Regions() []terminal.Region {
	if m.regions != nil {
		return m.regions(slices.Clone(m.RAM.Regions()))
	}
	return m.RAM.Regions()
}

func (m *badRAM) Stop(i int) error {
	if m.stop != nil {
		return m.stop(i)
	}
	return m.RAM.Stop(i)
}

func (m *badRAM) Start(i int) error {
	if m.start != nil {
		return m.start(i)
	}
	return m.RAM.Start(i)
}

func (m *badRAM) Claim(off, n uint32) ([]byte, error) {
	if m.claim != nil {
		return m.claim(off, n)
	}
	return m.RAM.Claim(off, n)
}

func (m *badRAM) Release() {
	if m.release != nil {
		m.release()
		return
	}
	m.RAM.Release()
}

func (m *badRAM) Resident(mem []byte) error {
	if m.resident != nil {
		return m.resident(mem)
	}
	return m.RAM.Resident(mem)
}

func (m *badRAM) Pause() error {
	if m.pause != nil {
		return m.pause()
	}
	return m.Pauser.Pause()
}

func (m *badRAM) Resume() {
	if m.resume != nil {
		m.resume()
		return
	}
	m.Pauser.Resume()
}

// memory is a mistake of the memory.
func memory(name, check string, spoil func(m *badRAM, good terminal.RAM)) mistake {
	return mistake{name, check, func(_ *emulated, r *terminaltest.Rig) {
		good := r.Hardware.RAM
		m := &badRAM{RAM: good, Pauser: good.(terminal.Pauser)}
		spoil(m, good)
		r.Hardware.RAM = m
	}}
}

// badCable is a cable of which a test replaces what it wants.
type badCable struct {
	*emulator.Cable
	read  func(p []byte, wait time.Duration) (int, error)
	write func(p []byte) error
	brk   func() bool
	depth func() int
	speed func(baud uint32) error
}

func (c *badCable) Read(p []byte, wait time.Duration) (int, error) {
	if c.read != nil {
		return c.read(p, wait)
	}
	return c.Cable.Read(p, wait)
}

func (c *badCable) Write(p []byte) error {
	if c.write != nil {
		return c.write(p)
	}
	return c.Cable.Write(p)
}

func (c *badCable) Break() bool {
	if c.brk != nil {
		return c.brk()
	}
	return c.Cable.Break()
}

func (c *badCable) Depth() int {
	if c.depth != nil {
		return c.depth()
	}
	return c.Cable.Depth()
}

func (c *badCable) SetSpeed(baud uint32) error {
	if c.speed != nil {
		return c.speed(baud)
	}
	return c.Cable.SetSpeed(baud)
}

// cable is a mistake of the cable.
func cable(name, check string, spoil func(c *badCable, good *emulator.Cable, clock *emulator.Clock)) mistake {
	return mistake{name, check, func(e *emulated, r *terminaltest.Rig) {
		good := e.stand.Board.Cable()
		c := &badCable{Cable: good}
		spoil(c, good, e.stand.Board.Clock())
		r.Hardware.Cable = c
	}}
}

// part is what the board's flash can do.
type part interface {
	flash.Device
	terminal.Poller
	terminal.Locker
}

// badFlash is a flash of which a test replaces what it wants.
type badFlash struct {
	part
	wait    func() error
	busy    func() bool
	unlock  func(addr, size uint32) error
	lock    func()
	erase   func(addr, n uint32) error
	program func(addr uint32, p []byte) error
}

func (f *badFlash) Program(addr uint32, p []byte) error {
	if f.program != nil {
		return f.program(addr, p)
	}
	return f.part.Program(addr, p)
}

func (f *badFlash) Erase(addr, n uint32) error {
	if f.erase != nil {
		return f.erase(addr, n)
	}
	return f.part.Erase(addr, n)
}

func (f *badFlash) Wait() error {
	if f.wait != nil {
		return f.wait()
	}
	return f.part.Wait()
}

func (f *badFlash) Busy() bool {
	if f.busy != nil {
		return f.busy()
	}
	return f.part.Busy()
}

func (f *badFlash) Unlock(addr, size uint32) error {
	if f.unlock != nil {
		return f.unlock(addr, size)
	}
	return f.part.Unlock(addr, size)
}

func (f *badFlash) Lock() {
	if f.lock != nil {
		f.lock()
		return
	}
	f.part.Lock()
}

// driver is a mistake of the flash driver.
func driver(name, check string, spoil func(f *badFlash, good part, r *terminaltest.Rig)) mistake {
	return mistake{name, check, func(_ *emulated, r *terminaltest.Rig) {
		good := r.Hardware.Flash.(part)
		f := &badFlash{part: good}
		spoil(f, good, r)
		r.Hardware.Flash = f
	}}
}

// unit is a mistake of another part of the hardware.
func unit(name, check string, spoil func(hw *terminal.Hardware)) mistake {
	return mistake{name, check, func(_ *emulated, r *terminaltest.Rig) { spoil(r.Hardware) }}
}

type clockFunc func() time.Duration

func (f clockFunc) Now() time.Duration { return f() }

// endingHash is a unit that has to begin anew after its sum was read.
type endingHash struct{ hash.Hash }

func (h *endingHash) Sum(b []byte) []byte { b = h.Hash.Sum(b); h.Reset(); return b }
