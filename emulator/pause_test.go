package emulator

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"unbrick/flash"
)

// pausing is a board that may pause for 3 ms, of a part whose page takes at most 32 units of 83.35 us.
func pausing() Config {
	cfg := config(STM32G474(), smallGeometry(8, 0xFF))
	cfg.PauseMax = 3 * time.Millisecond
	return cfg
}

// TestPause programs a page while applications keep their memory, as often as it likes, and nothing else happens to them.
func TestPause(t *testing.T) {
	b := newBoard(t, pausing())
	e := b.Run(func() {
		must(b.RAM().StartAll())
		for i := range uint32(8) {
			must(b.RAM().Pause())
			programNow(b.Flash(), 8192+256*i, pattern(256, int(i)))
			b.RAM().Resume()
		}
		if s := b.RAM().Regions()[1].State; s != Running {
			t.Errorf("after pauses the application is %v", s)
		}
		b.RAM().Resume() // does nothing
	})
	wantEnding(t, e, EndReturned)
	if f := b.Faults(); len(f) != 0 {
		t.Errorf("faults: %v", f)
	}
	if got := peek(t, b, 8192+7*256, 256); !bytes.Equal(got, pattern(256, 7)) {
		t.Errorf("programmed in a pause: % x", got[:16])
	}
}

func TestPauseFaults(t *testing.T) {
	paused := func(b *Board) {
		must(b.RAM().StartAll())
		must(b.RAM().Pause())
	}
	cases := []struct {
		name  string
		kind  FaultKind
		is    error
		never bool // the board may not pause
		do    func(b *Board)
	}{
		{"pause of a board that never does", BadPause, ErrFault, true, func(b *Board) { _ = b.RAM().Pause() }},
		{"pause in a pause", BadPause, ErrFault, false, func(b *Board) { paused(b); _ = b.RAM().Pause() }},
		{"pause while busy", Busy, flash.ErrBusy, false, func(b *Board) {
			secure(b)
			must(b.Flash().Program(8192, make([]byte, 8)))
			_ = b.RAM().Pause()
		}},
		{"resume while busy", Busy, flash.ErrBusy, false, func(b *Board) {
			paused(b)
			must(b.Flash().Program(8192, make([]byte, 8)))
			b.RAM().Resume()
		}},
		{"too long", PauseTooLong, ErrFault, false, func(b *Board) {
			paused(b)
			b.Clock().Sleep(3*time.Millisecond + 1)
			_ = b.RAM().Stop(1) // not reached
		}},
		{"too long by reading", PauseTooLong, ErrFault, false, func(b *Board) {
			paused(b)
			for range 32 {
				must(b.Flash().Read(0, make([]byte, 64<<10)))
			}
			b.RAM().Resume()
		}},
		{"erase that may take too long", PauseTooLong, ErrFault, false, func(b *Board) { paused(b); _ = b.Flash().Erase(8192, 4096) }},
		{"program that no longer fits", PauseTooLong, ErrFault, false, func(b *Board) {
			paused(b)
			programNow(b.Flash(), 8192, make([]byte, 256))
			_ = b.Flash().Program(8192+256, make([]byte, 256))
		}},
		{"program after the pause", AppRunning, ErrFault, false, func(b *Board) {
			paused(b)
			b.RAM().Resume()
			_ = b.Flash().Program(8192, make([]byte, 8))
		}},
		{"program of the boot area in a pause", Protected, flash.ErrProtected, false, func(b *Board) { paused(b); _ = b.Flash().Program(0, make([]byte, 8)) }},
		{"read while busy in a pause", Busy, flash.ErrBusy, false, func(b *Board) {
			paused(b)
			must(b.Flash().Program(8192, make([]byte, 8)))
			_ = b.Flash().Read(65536, make([]byte, 1))
		}},
		{"stop in a pause", BadPause, ErrFault, false, func(b *Board) { paused(b); _ = b.RAM().Stop(1) }},
		{"start in a pause", BadPause, ErrFault, false, func(b *Board) { paused(b); _ = b.RAM().Start(1) }},
		{"claim in a pause", BadPause, ErrFault, false, func(b *Board) { paused(b); _, _ = b.RAM().Claim(40<<10, 100) }},
		{"release in a pause", BadPause, ErrFault, false, func(b *Board) {
			_, err := b.RAM().Claim(40<<10, 100)
			must(err)
			paused(b)
			b.RAM().Release()
		}},
		{"residency in a pause", BadPause, ErrFault, false, func(b *Board) { paused(b); _ = b.RAM().Resident(make([]byte, 1024)) }},
		{"cable read in a pause", BadPause, ErrFault, false, func(b *Board) { paused(b); _, _ = b.Cable().Read(make([]byte, 1), 0) }},
		{"cable write in a pause", BadPause, ErrFault, false, func(b *Board) { paused(b); _ = b.Cable().Write(make([]byte, 1)) }},
		{"break in a pause", BadPause, ErrFault, false, func(b *Board) { paused(b); b.Cable().Break() }},
		{"speed in a pause", BadPause, ErrFault, false, func(b *Board) { paused(b); _ = b.Cable().SetSpeed(0) }},
		{"link in a pause", BadPause, ErrFault, false, func(b *Board) { paused(b); b.Outside(func() {}) }},
		{"application's memory changed in a pause", MemoryTouched, ErrFault, false, func(b *Board) { paused(b); b.ram.mem[4096] ^= 1; b.RAM().Resume() }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := pausing()
			if c.never {
				cfg.PauseMax = 0
			}
			b := newBoard(t, cfg)
			e := b.Run(func() { c.do(b) })
			if e.Fault == nil || e.Fault.Kind != c.kind || !errors.Is(e.Fault, c.is) || !errors.Is(e.Fault, ErrFault) {
				t.Fatalf("ended as %v with %v, want %v", e.Kind, e.Fault, c.kind)
			}
			if f := b.Faults(); len(f) != 1 || f[0] != *e.Fault {
				t.Errorf("latched: %v, want %v alone", f, e.Fault)
			}
		})
	}
}

// TestTypicalTimesDoNotCount: what a program takes at most decides, on a board whose operations take the typical time as well.
func TestTypicalTimesDoNotCount(t *testing.T) {
	for _, slow := range []bool{false, true} {
		for _, c := range []struct {
			n    uint32
			kind FaultKind
		}{{256, PauseTooLong}, {128, 0}} {
			cfg := config(W25Q128JV(), smallGeometry(1, 0xFF)) // a page takes 0.4 or 3 ms
			cfg.PauseMax, cfg.Slow = 2*time.Millisecond, slow
			b := newBoard(t, cfg)
			e := b.Run(func() {
				must(b.RAM().StartAll())
				must(b.RAM().Pause())
				must(b.Flash().Program(8192, make([]byte, c.n)))
				must(b.Flash().Wait())
				b.RAM().Resume()
			})
			got := FaultKind(0)
			if e.Fault != nil {
				got = e.Fault.Kind
			}
			if got != c.kind {
				t.Errorf("slow %v, %d bytes: got %v, want %v", slow, c.n, got, c.kind)
			}
		}
	}
}

// TestPauseLosesWhatTheBufferDoesNotHold: in a pause nobody takes bytes from the receive buffer.
func TestPauseLosesWhatTheBufferDoesNotHold(t *testing.T) {
	cfg := pausing()
	cfg.PauseMax = time.Second
	cfg.Line = LineConfig{Depth: 100}
	b := newBoard(t, cfg)
	sent := pattern(150, 1)
	var got []byte
	e := b.Run(func() {
		must(b.RAM().StartAll())
		must(b.Host().Write(sent))
		b.Host().Leave()
		must(b.RAM().Pause())
		b.Clock().Sleep(100 * time.Millisecond)
		b.RAM().Resume()
		var buf [300]byte
		n, err := b.Cable().Read(buf[:], time.Millisecond)
		must(err)
		got = append(got, buf[:n]...)
	})
	wantEnding(t, e, EndReturned)
	if !bytes.Equal(got, sent[:100]) {
		t.Errorf("got %d bytes, want the first 100", len(got))
	}
	if s := b.LineStats(); s.Overrun != 50 {
		t.Errorf("%d bytes overrun, want 50", s.Overrun)
	}
}

// TestPauseEndsWithTheRun: whatever ends a run ends its pause.
func TestPauseEndsWithTheRun(t *testing.T) {
	b := newBoard(t, pausing())
	b.Run(func() { must(b.RAM().Pause()); b.Reset(CauseSoftware) })
	b.Run(func() { b.Clock().Sleep(time.Second); must(b.RAM().StartAll()); must(b.RAM().Pause()); b.Cut(Half) })
	b.Run(func() { must(b.RAM().StartAll()) })
	if f := b.Faults(); len(f) != 0 {
		t.Errorf("faults: %v", f)
	}
	cfg := pausing()
	cfg.PauseMax = -1
	if _, err := New(cfg); err == nil {
		t.Error("a board that pauses for less than nothing")
	}
}
