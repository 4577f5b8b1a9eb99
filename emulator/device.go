package emulator

import (
	"fmt"
	"time"

	"unbrick/flash"
)

// OpKind is a kind of flash operation.
type OpKind uint8

// The flash operations.
const (
	OpErase OpKind = iota + 1
	OpProgram
)

func (k OpKind) String() string {
	switch k {
	case OpErase:
		return "erase"
	case OpProgram:
		return "program"
	}
	return fmt.Sprintf("op(%d)", uint8(k))
}

// Operation is one erase or program.
type Operation struct {
	N          uint64 // counted from ResetCounter, beginning with 1
	Kind       OpKind
	Addr, Size uint32
	Start      time.Duration
	Cut        bool // power fails inside it
	Tear       Tear // what that leaves
}

// operation is an Operation under way; its Kind is 0 if there is none.
type operation struct {
	Operation
	end time.Duration
}

// part is the flash.Device of a board.
type part struct{ b *Board }

var _ flash.Device = part{}

func (p part) Geometry() *flash.Geometry { return &p.b.geo }

func (p part) Read(addr uint32, buf []byte) error {
	b := p.b
	b.mu.Lock()
	return b.leave(b.flashRead(addr, buf))
}

func (p part) Erase(addr, n uint32) error {
	b := p.b
	b.mu.Lock()
	return b.leave(b.start(OpErase, addr, n, nil))
}

func (p part) Program(addr uint32, data []byte) error {
	b := p.b
	b.mu.Lock()
	if err := b.enter(); err != nil {
		return b.leave(err)
	}
	if err := b.geo.CheckProgram(addr, len(data)); err != nil {
		return b.leave(b.fault(Fault{Kind: OutOfBounds, Op: "program", Addr: addr, Size: uint32(min(len(data), flash.MaxSize))}))
	}
	return b.leave(b.start(OpProgram, addr, uint32(len(data)), data))
}

func (p part) Wait() error {
	b := p.b
	b.mu.Lock()
	if err := b.enter(); err != nil {
		return b.leave(err)
	}
	if b.pending.Kind != 0 {
		if err := b.deviceWait(b.pending.end-b.now-b.debt, 0, false); err != nil {
			return b.leave(err)
		}
		b.settle()
	}
	b.busy = false
	err := b.result
	b.result = nil
	return b.leave(err)
}

// Busy tells whether the operation that was begun last is still under way.
func (p part) Busy() bool {
	b := p.b
	b.mu.Lock()
	busy := false
	err := b.enter()
	if err == nil {
		b.settle()
		busy = b.pending.Kind != 0
	}
	_ = b.leave(err)
	return busy
}

// Unlock lets one protected area, named by exactly its place, be erased until Lock, Unlock of another or a
// reset. Anything else is a fault.
func (p part) Unlock(addr, size uint32) error {
	b := p.b
	b.mu.Lock()
	if err := b.enter(); err != nil {
		return b.leave(err)
	}
	b.open = flash.Area{}
	for _, a := range b.cfg.Protected {
		if a.Addr == addr && a.Size == size {
			b.open = a
			return b.leave(nil)
		}
	}
	return b.leave(b.fault(Fault{Kind: Protected, Op: "unlock", Addr: addr, Size: size}))
}

// Lock locks the area that is unlocked, if there is one.
func (p part) Lock() {
	b := p.b
	b.mu.Lock()
	err := b.enter()
	if err == nil {
		b.open = flash.Area{}
	}
	_ = b.leave(err)
}

func (b *Board) flashRead(addr uint32, buf []byte) error {
	if err := b.enter(); err != nil {
		return err
	}
	if b.busy {
		return b.fault(Fault{Kind: Busy, Op: "read", Addr: addr, Size: uint32(min(len(buf), flash.MaxSize))})
	}
	if b.geo.CheckRead(addr, len(buf)) != nil {
		return b.fault(Fault{Kind: OutOfBounds, Op: "read", Addr: addr, Size: uint32(min(len(buf), flash.MaxSize))})
	}
	if len(buf) == 0 {
		return nil
	}
	// Reads are short and many: their time is charged together with the next wait.
	b.debt += b.cfg.Part.ReadKiB * time.Duration(len(buf)) / 1024
	if at, ok := b.read(addr, buf); !ok {
		return &flash.Error{Op: "read", Addr: at, Size: b.geo.ProgramUnit, Err: flash.ErrUnreadable}
	}
	return nil
}

// start begins an operation that must keep every rule. With mu held.
func (b *Board) start(kind OpKind, addr, n uint32, data []byte) error {
	if err := b.enter(); err != nil {
		return err
	}
	if err := b.permitted(kind, addr, n); err != nil {
		return err
	}
	if b.debt > 0 {
		if err := b.deviceWait(0, 0, false); err != nil {
			return err
		}
	}
	b.ops++
	b.total++
	o := operation{Operation: Operation{N: b.ops, Kind: kind, Addr: addr, Size: n, Start: b.now}}
	if kind == OpErase {
		o.end = after(b.now, b.cfg.Part.eraseTime(n, b.cfg.Slow))
	} else {
		o.end = after(b.now, b.cfg.Part.programTime(n, b.cfg.Slow))
		copy(b.page[:], data)
	}
	if b.cutAt != 0 && b.cutAt == b.ops {
		o.Cut, o.Tear = true, b.cutTear
		b.cutAt = 0
	}
	b.pending = o
	b.busy = true
	if o.Cut {
		b.tear(o.Tear)
		b.busy = false
		b.cut(o.Tear)
	}
	if hook := b.hook; hook != nil {
		b.mu.Unlock()
		hook(o.Operation)
		b.mu.Lock()
	}
	return b.enter()
}

// permitted says whether the operation keeps the rules; if not, that is a fault.
func (b *Board) permitted(kind OpKind, addr, n uint32) error {
	f := Fault{Op: kind.String(), Addr: addr, Size: n}
	wrong := func(k FaultKind, note string) error {
		f.Kind, f.Note = k, note
		return b.fault(f)
	}
	if b.busy {
		return wrong(Busy, "")
	}
	if kind == OpErase && b.geo.CheckErase(addr, n) != nil {
		return wrong(OutOfBounds, "neither a sector nor a block")
	}
	if addr < b.cfg.Boot {
		return wrong(Protected, "boot area")
	}
	for _, a := range b.cfg.Protected {
		if addr >= a.Addr+a.Size || a.Addr >= addr+n {
			continue
		}
		if kind == OpErase && b.open == a && addr >= a.Addr && addr+n <= a.Addr+a.Size {
			continue
		}
		return wrong(Protected, a.Name)
	}
	longest := b.cfg.Part.programTime(n, true)
	if kind == OpErase {
		longest = b.cfg.Part.eraseTime(n, true)
	}
	if err := b.ram.fitToFlash(f, longest); err != nil {
		return err
	}
	if kind == OpProgram {
		if at, ok := b.fresh(addr, n); !ok {
			return wrong(NotErased, fmt.Sprintf("unit at 0x%x", at))
		}
	}
	return nil
}

// fresh says whether all units of n bytes from addr on are surely erased, or which is not.
func (b *Board) fresh(addr, n uint32) (uint32, bool) {
	i := b.geo.SectorAt(addr)
	base, _ := b.geo.Sector(i)
	unit := b.geo.ProgramUnit
	for u := (addr - base) / unit; u*unit < addr-base+n; u++ {
		if b.sectors[i].used.has(u) {
			return base + u*unit, false
		}
	}
	return 0, true
}

// finish completes the operation under way, if there is one. With mu held.
func (b *Board) finish() {
	o := b.pending
	b.pending = operation{}
	switch o.Kind {
	case OpErase:
		first, count := b.span(o.Addr, o.Size)
		b.result = b.erase(first, count)
	case OpProgram:
		b.result = b.program(o.Addr, b.page[:o.Size])
	}
}

// OnOperation sets a function that is called by the agent's goroutine at the start of every flash
// operation, after its effect if it is cut. It may look at the board but not use the agent's methods.
func (b *Board) OnOperation(hook func(Operation)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hook = hook
}

// ResetCounter makes the next flash operation number 1.
func (b *Board) ResetCounter() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ops = 0
}

// Operations returns how many flash operations were started since ResetCounter.
func (b *Board) Operations() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ops
}

// Peek copies cells as they are stored, at any time, without any effect: unstable bits as they were
// meant, units that cannot be read as they are. It is for oracles and screens, not for the agent.
func (b *Board) Peek(addr uint32, p []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.geo.CheckRead(addr, len(p)); err != nil {
		return err
	}
	b.settle()
	for i := b.geo.SectorAt(addr); len(p) > 0; i++ {
		base, _ := b.geo.Sector(i)
		n := copy(p, b.sectors[i].data[addr-base:])
		p = p[n:]
		addr += uint32(n)
	}
	return nil
}

// View calls see with the cells of sector i as Peek would copy them. see keeps nothing of them and asks the board nothing:
// nothing happens to the board meanwhile.
func (b *Board) View(i int, see func(cells []byte)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	see(b.sectors[i].data)
}

// SectorState is what the cells of a sector went through.
type SectorState struct {
	Wear       uint32 // erases begun
	Weak       bool   // erased or half erased, and may change at a power-up
	Unreadable int    // units that cannot be read
	Unstable   int    // bytes that read differently each time
	Used       int    // units that are not surely erased
}

// SectorState returns the state of sector i.
func (b *Board) SectorState(i int) SectorState {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settle()
	s := b.sectors[i]
	return SectorState{Wear: s.wear, Weak: s.weak, Unreadable: s.unreadable.count(), Unstable: len(s.unstable), Used: s.used.count()}
}
