package flashtest

import (
	"slices"

	"unbrick/flash"
)

// memory is a plain device that keeps the contract, except where its flaws say otherwise.
type memory struct {
	g         flash.Geometry
	data      []byte
	used      []bool // by unit
	protected uint32 // bytes from address 0
	op        func()
	kept      []byte
	flaw      string
	waits     int
}

func newMemory(g flash.Geometry, protected uint32, flaw string) *memory {
	m := &memory{g: g, data: make([]byte, g.Size()), used: make([]bool, g.Size()/g.ProgramUnit), protected: protected, flaw: flaw}
	for i := range m.data {
		m.data[i] = byte(i)
	}
	for i := range m.used {
		m.used[i] = true
	}
	return m
}

func (m *memory) has(flaw string) bool { return m.flaw == flaw }

func (m *memory) Geometry() *flash.Geometry {
	if m.has("geometry invalid") {
		g := m.g
		g.ProgramUnit = 3
		return &g
	}
	return &m.g
}

func (m *memory) Read(addr uint32, p []byte) error {
	if m.op != nil && !m.has("read while busy") {
		return &flash.Error{Op: "read", Addr: addr, Err: flash.ErrBusy}
	}
	if err := m.g.CheckRead(addr, len(p)); err != nil {
		if m.has("read beyond the end") {
			return nil
		}
		if m.has("read sum wraps") && addr+uint32(len(p)) <= m.g.Size() {
			return nil
		}
		return err
	}
	copy(p, m.data[addr:])
	if m.has("read one off") && len(p) > 1 {
		p[len(p)-1] = p[0]
	}
	return nil
}

func (m *memory) Erase(addr, n uint32) error {
	if m.op != nil && !m.has("erase while busy") {
		return &flash.Error{Op: "erase", Addr: addr, Size: n, Err: flash.ErrBusy}
	}
	if err := m.g.CheckErase(addr, n); err != nil {
		i := m.g.SectorAt(addr)
		if i < 0 || !m.has("erase anywhere in a sector") {
			if m.has("refused erase is busy") {
				m.op = func() {}
			}
			return err
		}
		addr, n = m.g.Sector(i)
	}
	if addr < m.protected {
		if m.has("protected erase") {
			m.data[addr] ^= 0xFF
		}
		return &flash.Error{Op: "erase", Addr: addr, Size: n, Err: flash.ErrProtected}
	}
	m.op = func() {
		switch {
		case m.has("erase leaves the last byte"):
			n--
		case m.has("erase takes the next byte") && addr+n < m.g.Size():
			n++
		case m.has("block erases a sector") && slices.Contains(m.g.Blocks, n):
			_, n = m.g.Sector(m.g.SectorAt(addr))
		case m.has("erase does nothing"):
			return
		}
		for i := range n {
			m.data[addr+i] = m.g.Erased
			if m.has("erased byte is the other") {
				m.data[addr+i] = ^m.g.Erased
			}
			m.used[(addr+i)/m.g.ProgramUnit] = false
		}
	}
	return nil
}

func (m *memory) Program(addr uint32, p []byte) error {
	if m.op != nil && !m.has("program while busy") {
		return &flash.Error{Op: "program", Addr: addr, Err: flash.ErrBusy}
	}
	if err := m.g.CheckProgram(addr, len(p)); err != nil {
		page := m.g
		page.Page = 1 << 27
		crossing := page.CheckProgram(addr, len(p)) == nil
		misplaced := len(p) > 0 && len(p) <= int(m.g.Page) && m.g.CheckRead(addr, len(p)) == nil && addr%m.g.ProgramUnit != 0
		if !(m.has("program across pages") && crossing) && !(m.has("program misaligned") && misplaced) {
			return err
		}
	}
	if addr < m.protected {
		if m.has("protected program") {
			return nil
		}
		return &flash.Error{Op: "program", Addr: addr, Err: flash.ErrProtected}
	}
	unit := m.g.ProgramUnit
	for u := addr / unit; u*unit < addr+uint32(len(p)); u++ {
		all := true
		for _, c := range m.data[u*unit : (u+1)*unit] {
			all = all && c == m.g.Erased
		}
		if m.used[u] && !m.has("program twice") && !(m.has("program twice where it reads erased") && all) {
			return &flash.Error{Op: "program", Addr: addr, Err: flash.ErrProgram}
		}
	}
	m.kept = slices.Clone(p)
	if m.has("program keeps its buffer") {
		m.kept = p
	}
	m.op = func() {
		n := len(m.kept)
		if m.has("program drops the last unit") && n > int(unit) {
			n -= int(unit)
		}
		copy(m.data[addr:], m.kept[:n])
		for i := range m.kept {
			m.used[(addr+uint32(i))/unit] = true
		}
	}
	return nil
}

func (m *memory) Wait() error {
	m.waits++
	if m.op == nil {
		if m.has("idle wait fails") {
			return flash.ErrErase
		}
		return nil
	}
	m.op()
	if !m.has("wait leaves it busy") || m.waits%50 != 49 {
		m.op = nil
	}
	if m.has("program sometimes fails") && m.waits%97 == 96 {
		return flash.ErrProgram
	}
	return nil
}

// flaws are all the ways in which a memory can be wrong.
var flaws = []string{
	"geometry invalid", "read while busy", "read beyond the end", "read sum wraps", "read one off",
	"erase while busy", "erase anywhere in a sector", "refused erase is busy", "protected erase", "erase leaves the last byte",
	"erase takes the next byte", "block erases a sector", "erase does nothing", "erased byte is the other",
	"program while busy", "program across pages", "program misaligned", "protected program", "program twice",
	"program twice where it reads erased", "program keeps its buffer", "program drops the last unit",
	"idle wait fails", "wait leaves it busy", "program sometimes fails",
}
