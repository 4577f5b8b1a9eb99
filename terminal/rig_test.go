package terminal_test

import (
	"bytes"
	"sync"
	"testing"

	"unbrick/emulator"
	"unbrick/lab/stand"
	"unbrick/protocol/smp"
	"unbrick/terminal"
	"unbrick/terminal/record"
)

// rig is one device: a board and, while it runs, the terminal on it.
type rig struct {
	t     testing.TB
	f     *fixture
	board *emulator.Board
	stand stand.Stand // of the board
	mu    sync.Mutex
	log   []terminal.Event
	last  *terminal.Terminal
	mode  terminal.Mode
	hook  func(terminal.Event)     // told of every event, may be nil
	parts func(*terminal.Hardware) // changes the hardware, may be nil
	// whySeen is why the last restoration mode was entered.
	whySeen smp.Why
}

func (f *fixture) board(t testing.TB) *emulator.Board {
	t.Helper()
	b, err := emulator.New(emulator.Config{
		Part: f.part, Boot: f.kind.boot, Protected: f.layout.Settings, RAM: f.kind.ram, Resident: resident, Seed: 7,
		Apps: []emulator.App{{Name: "system", Size: 4 << 10, Importance: 9, Fixed: true}, {Name: "mail", Size: 24 << 10, Importance: 2}, {Name: "call", Size: 16 << 10, Importance: 8}},
		Line: emulator.LineConfig{Baud: 921600, Depth: 8192},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// device makes a device from the factory that runs g.
func (f *fixture) device(t testing.TB, g goods) *rig {
	t.Helper()
	r := &rig{t: t, f: f, board: f.board(t)}
	r.stand = stand.Stand{Board: r.board, Layout: &f.layout, Change: r.wire}
	raw, err := terminal.Factory(&f.layout, &f.id, f.own, g.signed, g.image)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.board.Load(raw, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// made is device with a release that the key slots need not have signed.
func (f *fixture) made(t testing.TB, g goods) *rig {
	t.Helper()
	r := f.device(t, f.a)
	raw, state := r.board.Save()
	raw = bytes.Clone(raw)
	addr, size := f.layout.Geometry.Sector(f.layout.Records()[0])
	sector := bytes.Repeat([]byte{f.software.Erased}, int(size))
	record.Put(sector, &record.Record{Sequence: 1, State: record.Installed, Confirmed: true, Floor: f.id.Floor, To: g.signed}, f.kind.unit)
	copy(raw[addr:], sector)
	copy(raw[f.layout.SoftwareBase():], g.image)
	if err := r.board.Load(raw, state); err != nil {
		t.Fatal(err)
	}
	return r
}

// wire makes the hardware of the stand the rig's.
func (r *rig) wire(hw *terminal.Hardware) {
	hw.SignSeed = terminal.SignSeed
	hw.Event = func(e terminal.Event) {
		r.mu.Lock()
		r.log = append(r.log, e)
		r.mu.Unlock()
		if e.Code == terminal.EventIntent {
			r.board.ResetCounter()
		}
		if r.hook != nil {
			r.hook(e)
		}
	}
	if r.parts != nil {
		r.parts(hw)
	}
}

// run boots the device and hands it to f while it runs. Without f it stops after the boot.
func (r *rig) run(f func(*terminal.Terminal)) emulator.Ending {
	r.mode = 0
	e := r.board.Run(func() {
		term := new(terminal.Terminal)
		err := terminal.New(term, r.stand.Hardware())
		if err != nil {
			r.t.Errorf("new: %v", err)
			return
		}
		r.last = term
		if r.mode = term.Boot(); r.mode == terminal.Restoration {
			r.whySeen = term.Why()
		}
		if f != nil {
			f(term)
		}
	})
	if e.Fault != nil {
		r.t.Errorf("fault: %v", e.Fault)
	}
	return e
}

// boot boots the device and returns its mode.
func (r *rig) boot() terminal.Mode {
	r.t.Helper()
	if e := r.run(nil); e.Kind != emulator.EndReturned {
		r.t.Fatalf("boot ended with %v", e.Kind)
	}
	return r.mode
}

// update boots the device and lets it have one session with s.
func (r *rig) update(s *server) (out terminal.Outcome, e emulator.Ending) {
	e = r.run(func(term *terminal.Terminal) {
		if r.mode != terminal.Running {
			return
		}
		out, _ = term.Session(s.conn())
		if out == terminal.Rewritten || out == terminal.Damaged {
			r.board.Reset(emulator.CauseSoftware)
		}
	})
	return out, e
}

// power cuts and restores power between runs, so that unstable bits are drawn anew.
func (r *rig) power() {
	r.board.Cut(emulator.NotBegun)
}

// raw returns n bytes of the software area from the board's own copy.
func (r *rig) raw(n int) []byte {
	p := make([]byte, n)
	r.board.Peek(r.f.layout.SoftwareBase(), p)
	return p
}

// holds is the oracle: whether the board's cells hold exactly g, whole to the end of its last sector.
func (r *rig) holds(g goods) bool {
	end := 0
	for i := range r.f.software.Sectors() {
		addr, size := r.f.software.Sector(i)
		if int(addr) < len(g.image) {
			end = int(addr + size)
		}
	}
	p := r.raw(end)
	if !bytes.Equal(p[:len(g.image)], g.image) {
		return false
	}
	for _, c := range p[len(g.image):] {
		if c != r.f.software.Erased {
			return false
		}
	}
	return true
}

func (r *rig) events(code terminal.EventCode) (out []terminal.Event) {
	for _, e := range r.log {
		if e.Code == code {
			out = append(out, e)
		}
	}
	return out
}
