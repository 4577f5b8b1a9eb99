package emulator

import (
	"errors"
	"testing"

	"unbrick/flash"
)

func TestFaults(t *testing.T) {
	cases := []struct {
		name string
		kind FaultKind
		is   error
		do   func(b *Board)
	}{
		{"erase without residency", NotResident, ErrFault, func(b *Board) {
			_, err := b.RAM().Claim(40<<10, 8192)
			must(err)
			_ = b.Flash().Erase(8192, 4096)
		}},
		{"program without residency", NotResident, ErrFault, func(b *Board) { _ = b.Flash().Program(8192, make([]byte, 8)) }},
		{"erase after release", NotResident, ErrFault, func(b *Board) {
			secure(b)
			b.RAM().Release()
			_ = b.Flash().Erase(8192, 4096)
		}},
		{"erase while an application runs", AppRunning, ErrFault, func(b *Board) {
			secure(b)
			must(b.RAM().Start(1))
			_ = b.Flash().Erase(8192, 4096)
		}},
		{"resident code overwritten", ResidentTouched, ErrFault, func(b *Board) {
			mem := secure(b)
			mem[len(mem)-1] ^= 1
			_ = b.Flash().Erase(8192, 4096)
		}},
		{"read while busy", Busy, flash.ErrBusy, func(b *Board) {
			secure(b)
			must(b.Flash().Erase(8192, 4096))
			_ = b.Flash().Read(65536, make([]byte, 1))
		}},
		{"busy until Wait, however long", Busy, flash.ErrBusy, func(b *Board) {
			secure(b)
			must(b.Flash().Erase(8192, 4096))
			b.Clock().Sleep(1e9)
			_ = b.Flash().Read(65536, make([]byte, 1))
		}},
		{"application started while busy", Busy, flash.ErrBusy, func(b *Board) {
			secure(b)
			must(b.Flash().Erase(8192, 4096))
			_ = b.RAM().Start(1)
		}},
		{"release while busy", Busy, flash.ErrBusy, func(b *Board) {
			secure(b)
			must(b.Flash().Erase(8192, 4096))
			b.RAM().Release()
		}},
		{"erase of the boot area", Protected, flash.ErrProtected, func(b *Board) { secure(b); _ = b.Flash().Erase(4096, 4096) }},
		{"program of the boot area", Protected, flash.ErrProtected, func(b *Board) { secure(b); _ = b.Flash().Program(0, make([]byte, 8)) }},
		{"erase of settings", Protected, flash.ErrProtected, func(b *Board) { secure(b); _ = b.Flash().Erase(31*4096, 4096) }},
		{"settings locked again", Protected, flash.ErrProtected, func(b *Board) {
			secure(b)
			must(part{b}.Unlock(31*4096, 4096))
			eraseNow(b.Flash(), 31*4096, 4096)
			part{b}.Lock()
			_ = b.Flash().Erase(31*4096, 4096)
		}},
		{"program of unlocked settings", Protected, flash.ErrProtected, func(b *Board) {
			secure(b)
			must(part{b}.Unlock(31*4096, 4096))
			_ = b.Flash().Program(31*4096, make([]byte, 8))
		}},
		{"block beyond unlocked settings", Protected, flash.ErrProtected, func(b *Board) {
			secure(b)
			must(part{b}.Unlock(31*4096, 4096))
			_ = b.Flash().Erase(24*4096, 32768)
		}},
		{"unlock of what is no settings area", Protected, flash.ErrProtected, func(b *Board) { secure(b); _ = part{b}.Unlock(0, 4096) }},
		{"block with settings", Protected, flash.ErrProtected, func(b *Board) { secure(b); _ = b.Flash().Erase(24*4096, 32768) }},
		{"program twice", NotErased, flash.ErrProgram, func(b *Board) {
			secure(b)
			eraseNow(b.Flash(), 8192, 4096)
			programNow(b.Flash(), 8192, make([]byte, 8))
			_ = b.Flash().Program(8192, make([]byte, 8))
		}},
		{"read out of bounds", OutOfBounds, flash.ErrBounds, func(b *Board) { _ = b.Flash().Read(32*4096-1, make([]byte, 2)) }},
		{"erase out of bounds", OutOfBounds, flash.ErrBounds, func(b *Board) { secure(b); _ = b.Flash().Erase(32*4096, 4096) }},
		{"program misaligned", OutOfBounds, flash.ErrBounds, func(b *Board) { secure(b); _ = b.Flash().Program(8193, make([]byte, 8)) }},
		{"fixed memory touched", MemoryTouched, ErrFault, func(b *Board) { b.ram.mem[17] ^= 1; must(b.RAM().Verify()) }},
		{"running memory touched", MemoryTouched, ErrFault, func(b *Board) {
			must(b.RAM().Start(1))
			b.ram.mem[4096+16383] ^= 1
			_ = b.RAM().Stop(1)
		}},
		{"workspace used after release", MemoryTouched, ErrFault, func(b *Board) {
			mem, err := b.RAM().Claim(4096, 100)
			must(err)
			b.RAM().Release()
			must(b.RAM().Start(1))
			mem[50] ^= 1 // at the end of the run
		}},
		{"start of a claimed application", BadClaim, ErrFault, func(b *Board) {
			_, err := b.RAM().Claim(4096, 100)
			must(err)
			_ = b.RAM().Start(1)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := smallGeometry(8, 0xFF)
			g.Blocks = []uint32{32768}
			cfg := config(STM32G474(), g)
			cfg.Protected = []flash.Area{{Name: "settings", Addr: 31 * 4096, Size: 4096}}
			b := newBoard(t, cfg)
			e := b.Run(func() { c.do(b) })
			if e.Fault == nil || e.Fault.Kind != c.kind || !errors.Is(e.Fault, c.is) || !errors.Is(e.Fault, ErrFault) {
				t.Fatalf("ended as %v with %v, want %v", e.Kind, e.Fault, c.kind)
			}
			if f := b.Faults(); len(f) != 1 || f[0] != *e.Fault {
				t.Errorf("latched: %v, want %v alone", f, e.Fault)
			}
			if len(b.Faults()) == 0 || e.Fault.Error() == "" {
				t.Error("a fault without words")
			}
		})
	}
}

// What is refused without being a fault.
func TestRefusals(t *testing.T) {
	b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
	wantEnding(t, b.Run(func() {
		r := b.RAM()
		must(r.Start(1))
		refused := func(what string, err error) {
			if !errors.Is(err, ErrClaim) {
				t.Errorf("%s: got %v, want %v", what, err, ErrClaim)
			}
		}
		claim := func(off, n uint32) error { _, err := r.Claim(off, n); return err }
		refused("stop fixed", r.Stop(0))
		refused("stop nothing", r.Stop(99))
		refused("start nothing", r.Start(-1))
		refused("claim fixed", claim(0, 10))
		refused("claim running", claim(20479, 2))
		refused("claim beyond", claim(65536, 1))
		refused("claim that wraps", claim(65535, ^uint32(0)))
		must(claim(20480, 45056))
		refused("second claim", claim(30000, 10))
		refused("resident while one runs", r.Resident(b.ram.mem[20480:22480]))
		must(r.Stop(1))
		refused("resident too small", r.Resident(b.ram.mem[20480:21480]))
		refused("resident outside", r.Resident(b.ram.mem[19480:21480]))
		refused("resident elsewhere", r.Resident(make([]byte, 2048)))
		must(r.Resident(b.ram.mem[20480:22480]))
		states := []RegionState{Fixed, Stopped, Workspace, Workspace}
		for i, x := range r.Regions() {
			if x.State != states[i] {
				t.Errorf("region %d is %v, want %v", i, x.State, states[i])
			}
		}
	}), EndReturned)
	if len(b.Faults()) != 0 {
		t.Errorf("faults: %v", b.Faults())
	}
}

func TestRAMIsRandomAfterEveryReset(t *testing.T) {
	b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
	var before []byte
	b.Run(func() {
		mem := secure(b)
		copy(mem, "left in the workspace")
		before = append(before, mem[:21]...)
		b.Reset(CauseSoftware)
	})
	b.Run(func() {
		mem, err := b.RAM().Claim(28<<10, 36<<10)
		must(err)
		if string(mem[:21]) == string(before) || same(mem[:64], mem[0]) {
			t.Errorf("after a reset: % x", mem[:64])
		}
		for _, x := range b.RAM().Regions() {
			if x.State == Running {
				t.Errorf("%s runs after a reset", x.Name)
			}
		}
	})
}

// TestResetLocks unlocks an area, resets, and finds it locked.
func TestResetLocks(t *testing.T) {
	cfg := config(STM32G474(), smallGeometry(8, 0xFF))
	cfg.Protected = []flash.Area{{Name: "settings", Addr: 31 * 4096, Size: 4096}}
	b := newBoard(t, cfg)
	b.Run(func() { must(part{b}.Unlock(31*4096, 4096)); b.Reset(CauseSoftware) })
	e := b.Run(func() { secure(b); _ = b.Flash().Erase(31*4096, 4096) })
	if e.Fault == nil || e.Fault.Kind != Protected {
		t.Errorf("ended as %v with %v, want %v", e.Kind, e.Fault, Protected)
	}
}
