package emulator

import (
	"bytes"
	"errors"
	"testing"

	"unbrick/flash"
)

// tornProgram programs n bytes at 8192 and is cut inside.
func tornProgram(t *testing.T, p Part, unit uint32, erased byte, n int, tear Tear) *Board {
	t.Helper()
	b := newBoard(t, config(p, smallGeometry(unit, erased)))
	b.CutAt(2, tear)
	wantEnding(t, b.Run(func() {
		secure(b)
		eraseNow(b.Flash(), 8192, 4096)
		programNow(b.Flash(), 8192, pattern(n, 3))
	}), EndCut)
	return b
}

// read reads as an agent does.
func read(t *testing.T, b *Board, addr uint32, n int) (p []byte, err error) {
	t.Helper()
	p = make([]byte, n)
	wantEnding(t, b.Run(func() { err = b.Flash().Read(addr, p) }), EndReturned)
	return p, err
}

func TestProgramTears(t *testing.T) {
	plain, ecc := W25Q128JV(), STM32G474()
	for _, c := range []struct {
		tear    Tear
		part    Part
		unit    uint32
		size    int
		whole   int // bytes that are right
		partial int // bytes of the next unit that are right, where they are certain
		bad     int // the unit that cannot be read, or -1
	}{
		{NotBegun, plain, 4, 64, 0, 0, -1},
		{Complete, plain, 4, 64, 64, 0, -1},
		{FirstUnit, plain, 4, 64, 4, 0, -1},
		{Half, plain, 4, 64, 32, 0, -1},
		{Half, plain, 4, 12, 4, 2, -1},
		{Half, plain, 4, 4, 0, 2, -1},
		{ErasePart, plain, 4, 64, 32, 0, -1},
		{AllButOne, plain, 4, 64, 60, 0, -1},
		{AllButOne, plain, 4, 4, 0, 3, -1},
		{FirstUnit, plain, 4, 4, 4, 0, -1},
		{NotBegun, ecc, 8, 64, 0, 0, -1},
		{Complete, ecc, 8, 64, 64, 0, -1},
		{FirstUnit, ecc, 8, 64, 8, 0, -1},
		{Half, ecc, 8, 64, 32, 0, -1},
		{Half, ecc, 8, 8, 0, 0, 0},
		{Half, ecc, 8, 24, 8, 0, 1},
		{AllButOne, ecc, 8, 64, 56, 0, -1},
		{AllButOne, ecc, 8, 8, 0, 0, 0},
		{Unstable, ecc, 8, 64, 32, 0, 4},
		{Unreadable, ecc, 8, 64, 32, 0, 4},
		{EraseWeak, ecc, 8, 64, 32, 0, 4},
	} {
		for _, erased := range []byte{0xFF, 0x00} {
			t.Run(name(c.tear, "/", c.part.Name, "/", c.size, "/", erased), func(t *testing.T) {
				b := tornProgram(t, c.part, c.unit, erased, c.size, c.tear)
				right := c.whole + c.partial
				want := append(pattern(c.size, 3)[:right:right], bytes.Repeat([]byte{erased}, 4096-right)...)
				got, err := read(t, b, 8192, 4096)
				if c.bad >= 0 {
					var e *flash.Error
					if !errors.As(err, &e) || !errors.Is(err, flash.ErrUnreadable) || e.Addr != 8192+uint32(c.bad)*c.unit {
						t.Fatalf("read: got %v, want unit %d unreadable", err, c.bad)
					}
					// Units before and behind it can be read.
					got, err = read(t, b, 8192, c.bad*int(c.unit))
					if err != nil || !bytes.Equal(got, want[:len(got)]) {
						t.Fatalf("before the unit: % x, %v", got, err)
					}
					_, err = read(t, b, 8192+uint32(c.bad+1)*c.unit, 64)
				} else if !bytes.Equal(got, want) {
					t.Errorf("got % x, want % x", got[:64], want[:64])
				}
				if err != nil {
					t.Error(err)
				}
				used := (c.whole + int(c.unit) - 1) / int(c.unit)
				if c.partial > 0 || c.bad >= 0 {
					used++
				}
				if s := b.SectorState(2); s.Used != used || s.Wear != 1 {
					t.Errorf("%d units used, want %d; wear %d", s.Used, used, s.Wear)
				}
				// An erase heals everything.
				wantEnding(t, b.Run(func() {
					secure(b)
					eraseNow(b.Flash(), 8192, 4096)
					programNow(b.Flash(), 8192, pattern(64, 5))
				}), EndReturned)
				if got, err := read(t, b, 8192, 64); err != nil || !bytes.Equal(got, pattern(64, 5)) {
					t.Errorf("after an erase: % x, %v", got, err)
				}
			})
		}
	}
}

func TestTearOfASingleByte(t *testing.T) {
	for tear, want := range map[Tear]byte{Half: pattern(1, 3)[0] | 0x0F, AllButOne: pattern(1, 3)[0] | 0x01} {
		b := tornProgram(t, W25Q128JV(), 1, 0xFF, 1, tear)
		if got := peek(t, b, 8192, 1)[0]; got != want {
			t.Errorf("%v: got 0x%02x, want 0x%02x", tear, got, want)
		}
		if b.SectorState(2).Used != 1 {
			t.Errorf("%v: the unit counts as erased", tear)
		}
	}
}

func TestUnstableBitsAreDrawnAtEachRead(t *testing.T) {
	for _, tear := range []Tear{Unstable, Unreadable, EraseWeak} {
		b := tornProgram(t, W25Q128JV(), 4, 0xFF, 16, tear)
		want := pattern(16, 3)
		var seen [][]byte
		wantEnding(t, b.Run(func() {
			for range 8 {
				p := make([]byte, 4096)
				must(b.Flash().Read(8192, p))
				if !bytes.Equal(p[:8], want[:8]) || !same(p[12:], 0xFF) {
					t.Errorf("%v: stable bytes read % x", tear, p[:16])
				}
				for i, c := range p[8:12] {
					if c|want[8+i] != c {
						t.Errorf("%v: a bit that should stay erased reads programmed: 0x%02x of 0x%02x", tear, c, want[8+i])
					}
				}
				seen = append(seen, p[8:12])
			}
		}), EndReturned)
		different := false
		for _, p := range seen[1:] {
			different = different || !bytes.Equal(p, seen[0])
		}
		if !different || b.SectorState(2).Unstable != 4 {
			t.Errorf("%v: read % x; %d unstable bytes", tear, seen, b.SectorState(2).Unstable)
		}
		if e := b.Run(func() { secure(b); _ = b.Flash().Program(8192+8, want[8:12]) }); e.Fault == nil || e.Fault.Kind != NotErased {
			t.Errorf("%v: program over unstable bits: %v", tear, e.Fault)
		}
	}
}

// tornErase fills sector 2, then is cut inside its erase.
func tornErase(t *testing.T, p Part, unit uint32, erased byte, tear Tear) *Board {
	t.Helper()
	b := newBoard(t, config(p, smallGeometry(unit, erased)))
	b.CutAt(18, tear)
	wantEnding(t, b.Run(func() {
		secure(b)
		d := b.Flash()
		eraseNow(d, 8192, 4096)
		for i := range 16 {
			programNow(d, 8192+uint32(i)*256, pattern(4096, 3)[i*256:i*256+256])
		}
		eraseNow(d, 8192, 4096)
	}), EndCut)
	return b
}

func TestEraseTears(t *testing.T) {
	for _, erased := range []byte{0xFF, 0x00} {
		b := tornErase(t, W25Q128JV(), 4, erased, NotBegun)
		if s := b.SectorState(2); !bytes.Equal(peek(t, b, 8192, 4096), pattern(4096, 3)) || s.Wear != 1 || s.Weak {
			t.Errorf("not begun: %+v", s)
		}
		b = tornErase(t, W25Q128JV(), 4, erased, Complete)
		if s := b.SectorState(2); !same(peek(t, b, 8192, 4096), erased) || s.Wear != 2 || s.Used != 0 || s.Weak {
			t.Errorf("complete: %+v", s)
		}
		b = tornErase(t, W25Q128JV(), 4, erased, EraseWeak)
		if s := b.SectorState(2); !same(peek(t, b, 8192, 4096), erased) || s.Used != 1024 || !s.Weak {
			t.Errorf("weak: %+v", s)
		}
		if e := b.Run(func() { secure(b); _ = b.Flash().Program(8192, make([]byte, 4)) }); e.Fault == nil || e.Fault.Kind != NotErased {
			t.Errorf("program of a weak sector: %v", e.Fault)
		}
		for _, tear := range []Tear{ErasePart, Half, FirstUnit, AllButOne, Unstable, Unreadable} {
			b = tornErase(t, W25Q128JV(), 4, erased, tear)
			got := peek(t, b, 8192, 4096)
			old, blank, between := 0, 0, 0
			for u := 0; u < 4096; u += 4 {
				switch {
				case bytes.Equal(got[u:u+4], pattern(4096, 3)[u:u+4]):
					old++
				case same(got[u:u+4], erased):
					blank++
				default:
					between++
				}
			}
			s := b.SectorState(2)
			if old < 200 || blank < 200 || between < 200 || s.Unstable < 100 || s.Used != 1024 || !s.Weak || s.Wear != 2 {
				t.Errorf("%v: %d old, %d erased, %d between; %+v", tear, old, blank, between, s)
			}
		}
	}
	b := tornErase(t, STM32G474(), 8, 0xFF, ErasePart)
	if s := b.SectorState(2); s.Unreadable < 100 || s.Unstable != 0 {
		t.Errorf("with correction: %+v", s)
	}
}

func TestWeakSectorsChangeAtPowerUp(t *testing.T) {
	for _, p := range []Part{W25Q128JV(), STM32G474()} {
		b := tornErase(t, p, 8, 0xFF, EraseWeak)
		changes, last := 0, peek(t, b, 8192, 4096)
		for range 12 {
			b.Run(func() { b.Cut(NotBegun); _ = b.Cable().Break() })
			now := peek(t, b, 8192, 4096)
			if !bytes.Equal(now, last) {
				changes++
			}
			for i := range now {
				if now[i]&^last[i] != 0 {
					t.Fatalf("a bit became erased by itself")
				}
			}
			last = now
		}
		if changes < 4 {
			t.Errorf("%s: %d changes in 12 power-ups", p.Name, changes)
		}
		if s := b.SectorState(2); p.ECC && s.Unreadable == 0 {
			t.Errorf("%s: no unit became unreadable: %+v", p.Name, s)
		}
		// A reset is no power-up.
		b.Run(func() { b.Reset(CauseSoftware) })
		before := peek(t, b, 8192, 4096)
		for range 5 {
			b.Run(func() { b.Reset(CauseSoftware) })
		}
		if !bytes.Equal(before, peek(t, b, 8192, 4096)) {
			t.Errorf("%s: cells changed at a reset", p.Name)
		}
	}
}

func TestDefects(t *testing.T) {
	b := newBoard(t, config(W25Q128JV(), smallGeometry(4, 0xFF)))
	for _, d := range []Defect{
		{Kind: DefectErase, Addr: 12288 + 5, Times: 1},
		{Kind: DefectProgram, Addr: 16384 + 4},
		{Kind: DefectMisprogram, Addr: 20480 + 1, Times: 1},
		{Kind: DefectStuck, Addr: 24576, Mask: 0x81, Value: 0x01},
	} {
		must(b.Inject(d))
	}
	for _, d := range []Defect{{Kind: 9}, {Kind: DefectErase, Addr: 1 << 30}} {
		if b.Inject(d) == nil {
			t.Errorf("%+v was accepted", d)
		}
	}
	wantEnding(t, b.Run(func() {
		secure(b)
		d := b.Flash()
		p := make([]byte, 8)
		must(d.Erase(12288, 4096))
		if err := d.Wait(); !errors.Is(err, flash.ErrErase) {
			t.Errorf("erase of a bad sector: %v", err)
		}
		must(d.Wait()) // told once
		eraseNow(d, 12288, 4096)
		programNow(d, 12288, pattern(8, 1))
		eraseNow(d, 16384, 4096)
		must(d.Program(16384, pattern(8, 1)))
		if err := d.Wait(); !errors.Is(err, flash.ErrProgram) {
			t.Errorf("program of a bad unit: %v", err)
		}
		eraseNow(d, 20480, 4096)
		programNow(d, 20480, pattern(8, 1))
		must(d.Read(20480, p))
		if x := p[1] ^ pattern(8, 1)[1]; x == 0 || x&(x-1) != 0 || !bytes.Equal(p[2:], pattern(8, 1)[2:]) {
			t.Errorf("wrong once: % x", p)
		}
		eraseNow(d, 20480, 4096)
		programNow(d, 20480, pattern(8, 1))
		must(d.Read(20480, p))
		if !bytes.Equal(p, pattern(8, 1)) {
			t.Errorf("the second time: % x", p)
		}
		for range 2 {
			eraseNow(d, 24576, 4096)
			must(d.Read(24576, p))
			if p[0] != 0x7F {
				t.Errorf("stuck bits: 0x%02x", p[0])
			}
		}
		programNow(d, 24576, []byte{0, 0, 0, 0})
		must(d.Read(24576, p))
		if p[0] != 1 || p[1] != 0 {
			t.Errorf("stuck bits programmed: % x", p[:4])
		}
	}), EndReturned)
	if b.SectorState(3).Wear != 2 || b.SectorState(6).Wear != 2 {
		t.Errorf("wear %d and %d", b.SectorState(3).Wear, b.SectorState(6).Wear)
	}
}
