package flashtest

import (
	"bytes"
	"math/rand/v2"

	"unbrick/flash"
)

// Array is a flash.Device without time, for tests of what is written where: its cells lie open, units can be made
// unreadable, unstable or broken. It keeps the contract and passes the suite.
type Array struct {
	Cells      []byte
	Unreadable map[uint32]bool   // addresses of units, until they are erased
	Flicker    map[uint32]byte   // by address, the bits that read differently each time, until they are erased
	Broken     map[uint32]bool   // addresses that take no program
	Worn       map[uint32]byte   // by address, the bits that do not erase
	Erased     []uint32          // where erases began
	OnErase    func(addr uint32) // before each, may be nil

	geometry   *flash.Geometry
	random     *rand.Rand
	programmed []bool // by unit
	busy       bool
	failed     error // what Wait says
}

// NewArray returns an Array whose cells are raw, as long as the part; nil: all erased.
func NewArray(g *flash.Geometry, raw []byte, seed uint64) *Array {
	a := &Array{geometry: g, random: rand.New(rand.NewPCG(seed, 1)),
		Unreadable: map[uint32]bool{}, Flicker: map[uint32]byte{}, Broken: map[uint32]bool{}, Worn: map[uint32]byte{}}
	a.programmed = make([]bool, g.Size()/g.ProgramUnit)
	if raw == nil {
		raw = bytes.Repeat([]byte{g.Erased}, int(g.Size()))
	}
	a.Load(raw)
	return a
}

// Load makes raw the content of the cells: a unit of anything but erased bytes counts as programmed.
func (a *Array) Load(raw []byte) {
	a.Cells = bytes.Clone(raw)
	unit := int(a.geometry.ProgramUnit)
	for i := range a.programmed {
		a.programmed[i] = !flash.Erased(raw[i*unit:][:unit], a.geometry.Erased)
	}
}

// Geometry implements flash.Device.
func (a *Array) Geometry() *flash.Geometry { return a.geometry }

// Read implements flash.Device.
func (a *Array) Read(addr uint32, p []byte) error {
	if err := a.geometry.CheckRead(addr, len(p)); err != nil {
		return err
	}
	if a.busy {
		return &flash.Error{Op: "read", Addr: addr, Size: uint32(len(p)), Err: flash.ErrBusy}
	}
	if len(p) == 0 {
		return nil
	}
	unit := a.geometry.ProgramUnit
	for u := addr / unit; u <= (addr+uint32(len(p))-1)/unit; u++ {
		if a.Unreadable[u*unit] {
			return &flash.Error{Op: "read", Addr: u * unit, Size: unit, Err: flash.ErrUnreadable}
		}
	}
	copy(p, a.Cells[addr:])
	for at, mask := range a.Flicker {
		if at >= addr && at < addr+uint32(len(p)) {
			p[at-addr] ^= byte(a.random.Uint32()) & mask
		}
	}
	return nil
}

// Erase implements flash.Device.
func (a *Array) Erase(addr, n uint32) error {
	if err := a.geometry.CheckErase(addr, n); err != nil {
		return err
	}
	if a.busy {
		return &flash.Error{Op: "erase", Addr: addr, Size: n, Err: flash.ErrBusy}
	}
	if a.OnErase != nil {
		a.OnErase(addr)
	}
	a.Erased = append(a.Erased, addr)
	for i := addr; i < addr+n; i++ {
		a.Cells[i] = a.geometry.Erased ^ a.Worn[i]
		delete(a.Flicker, i)
		delete(a.Unreadable, i)
		a.programmed[i/a.geometry.ProgramUnit] = false
	}
	a.busy = true
	return nil
}

// Program implements flash.Device.
func (a *Array) Program(addr uint32, p []byte) error {
	if err := a.geometry.CheckProgram(addr, len(p)); err != nil {
		return err
	}
	if a.busy {
		return &flash.Error{Op: "program", Addr: addr, Size: uint32(len(p)), Err: flash.ErrBusy}
	}
	unit := a.geometry.ProgramUnit
	first, last := addr/unit, (addr+uint32(len(p))-1)/unit
	for u := first; u <= last; u++ {
		if a.programmed[u] {
			return &flash.Error{Op: "program", Addr: addr, Size: uint32(len(p)), Err: flash.ErrProgram}
		}
	}
	for u := first; u <= last; u++ {
		a.programmed[u] = true
	}
	a.busy = true
	for i, c := range p {
		if a.Broken[addr+uint32(i)] {
			a.failed = &flash.Error{Op: "wait", Addr: addr, Size: uint32(len(p)), Err: flash.ErrProgram}
			return nil
		}
		a.Cells[addr+uint32(i)] = c
	}
	return nil
}

// Wait implements flash.Device.
func (a *Array) Wait() error {
	err := a.failed
	a.busy, a.failed = false, nil
	return err
}
