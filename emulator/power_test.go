package emulator

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestRunEndings(t *testing.T) {
	b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
	if b.Powered() {
		t.Error("a new board has power")
	}
	wantEnding(t, b.Run(func() {
		if b.Cause() != CausePower {
			t.Errorf("cause %v, want power", b.Cause())
		}
	}), EndReturned)
	e := b.Run(func() { b.Reset(CauseWatchdog); t.Error("after a reset") })
	wantEnding(t, e, EndReset)
	if e.Cause != CauseWatchdog || b.Cause() != CauseWatchdog || !b.Powered() {
		t.Errorf("cause %v, then %v; power %v", e.Cause, b.Cause(), b.Powered())
	}
	wantEnding(t, b.Run(func() { b.Cut(NotBegun); _ = b.Cable().Write([]byte{1}); t.Error("after a cut") }), EndCut)
	if b.Powered() {
		t.Error("power after a cut")
	}
	wantEnding(t, b.Run(func() { _ = b.Flash().Erase(8192, 4096); t.Error("after a fault") }), EndFault)
	done := make(chan struct{})
	wantEnding(t, b.Run(func() { defer close(done); fakeFailNow() }), EndExited)
	<-done
}

func TestPanicOfTheAgentIsPassedOn(t *testing.T) {
	b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
	defer func() {
		if v := recover(); v == nil || !strings.Contains(v.(string), "bug of mine") || !strings.Contains(v.(string), "power_test.go") {
			t.Errorf("got %v, want the panic with its stack", v)
		}
		wantEnding(t, b.Run(func() {}), EndReturned)
	}()
	b.Run(func() { panic("bug of mine") })
}

// The agent tries everything to live on after a cut; none of it may reach the board.
func TestAgentCannotCatchACut(t *testing.T) {
	for _, tear := range Tears() {
		b := newBoard(t, config(W25Q128JV(), smallGeometry(1, 0xFF)))
		b.CutAt(2, tear)
		reached := 0
		var at uint64
		e := b.Run(func() {
			d := b.Flash()
			secure(b)
			eraseNow(d, 8192, 4096)
			for range 3 { // the loop must not go round either
				func() {
					defer func() {
						recover()
						defer func() { recover() }()
						at = b.Operations()
						b.Survivor()[0] = 99
						_ = d.Program(8192+512, []byte{1})
						reached++
					}()
					defer func() { _ = d.Erase(12288, 4096); reached++ }()
					defer func() { b.Reset(CauseSoftware); reached++ }()
					defer func() { b.RAM().Release(); reached++ }()
					defer func() { _, _ = b.Cable().Read(make([]byte, 1), time.Hour); reached++ }()
					defer func() { _ = b.Cable().Write([]byte("alive")); reached++ }()
					_ = d.Program(8192, pattern(256, 1))
					reached++
					panic("swallowed")
				}()
				reached++
			}
			reached++
		})
		wantEnding(t, e, EndCut)
		if reached != 0 || at != 2 || b.Operations() != 2 || e.Tear != tear {
			t.Errorf("%v: %d calls came back, %d operations seen, %d at the end, tear %v", tear, reached, at, b.Operations(), e.Tear)
		}
		if b.LineStats().ToHost != 0 || !same(peek(t, b, 8192+512, 256), 0xFF) || b.SectorState(3).Wear != 0 {
			t.Errorf("%v: something reached the board", tear)
		}
	}
}

func TestCutFromOutside(t *testing.T) {
	b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
	if err := b.Host().Open(); err != nil { // so that the device's wait lasts
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		<-ready
		b.Cut(Half)
	}()
	wantEnding(t, b.Run(func() {
		gone := b.Gone()
		go func() { <-gone; _ = b.Host().Close() }()
		close(ready)
		_, _ = b.Cable().Read(make([]byte, 1), time.Hour)
		t.Error("after a cut")
	}), EndCut)
	if b.Clock().Now() > time.Second {
		t.Errorf("the wait took %v", b.Clock().Now())
	}
}

// A cut between the start of an operation and Wait tears it; a cut after its end does not.
func TestCutBetweenStartAndWait(t *testing.T) {
	for _, late := range []bool{false, true} {
		b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
		wantEnding(t, b.Run(func() {
			d := b.Flash()
			secure(b)
			eraseNow(d, 8192, 4096)
			must(d.Program(8192, pattern(256, 1)))
			if late {
				b.Clock().Sleep(time.Second)
			}
			b.Cut(FirstUnit)
			_ = d.Wait()
			t.Error("after a cut")
		}), EndCut)
		want := append(pattern(256, 1)[:8], bytes.Repeat([]byte{0xFF}, 248)...)
		if late {
			want = pattern(256, 1)
		}
		if got := peek(t, b, 8192, 256); !bytes.Equal(got, want) {
			t.Errorf("late %v: got % x", late, got)
		}
	}
}

func TestResetInterruptsTheFlash(t *testing.T) {
	b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
	wantEnding(t, b.Run(func() {
		d := b.Flash()
		secure(b)
		eraseNow(d, 8192, 4096)
		must(d.Program(8192, pattern(256, 1)))
		b.Reset(CauseSoftware)
	}), EndReset)
	if got := peek(t, b, 8192, 256); !bytes.Equal(got[:128], pattern(256, 1)[:128]) || !same(got[128:], 0xFF) {
		t.Errorf("got % x", got)
	}
	wantEnding(t, b.Run(func() { // busy is over after a reset
		must(b.Flash().Read(8192, make([]byte, 8)))
	}), EndReturned)
}

func TestSurvivor(t *testing.T) {
	b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
	var random, after []byte
	b.Run(func() {
		random = bytes.Clone(b.Survivor())
		copy(b.Survivor(), "three resets in a row")
		defer copy(b.Survivor(), "a deferred function")
		b.Reset(CauseWatchdog)
	})
	b.Run(func() {
		if !bytes.HasPrefix(b.Survivor(), []byte("three resets in a row")) {
			t.Errorf("after a reset: %q", b.Survivor())
		}
		b.Cut(NotBegun)
		_ = b.Cable().Break()
	})
	b.Run(func() { after = bytes.Clone(b.Survivor()) })
	if len(random) != SurvivorSize || same(random, random[0]) || bytes.HasPrefix(after, []byte("three")) || bytes.Equal(random, after) {
		t.Errorf("after power-ups: % x, then % x", random, after)
	}
}

func TestGone(t *testing.T) {
	b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
	<-b.Gone() // no agent
	b.Run(func() {
		gone := b.Gone()
		select {
		case <-gone:
			t.Error("gone while the agent runs")
		default:
		}
		go b.Cut(NotBegun)
		b.Outside(func() { <-gone })
		t.Error("after a cut")
	})
}

func TestCounterAndHook(t *testing.T) {
	b := newBoard(t, config(STM32G474(), smallGeometry(8, 0xFF)))
	var seen []Operation
	b.OnOperation(func(o Operation) {
		seen = append(seen, o)
		_ = b.SectorState(2) // the hook may look
		_ = b.Clock().Now()
	})
	b.CutAt(3, AllButOne)
	b.Run(func() {
		secure(b)
		eraseNow(b.Flash(), 8192, 4096)
		b.ResetCounter()
		eraseNow(b.Flash(), 12288, 4096)
		programNow(b.Flash(), 8192, pattern(256, 0))
		programNow(b.Flash(), 12288, pattern(16, 0))
	})
	want := []Operation{
		{N: 1, Kind: OpErase, Addr: 8192, Size: 4096}, {N: 1, Kind: OpErase, Addr: 12288, Size: 4096},
		{N: 2, Kind: OpProgram, Addr: 8192, Size: 256}, {N: 3, Kind: OpProgram, Addr: 12288, Size: 16, Cut: true, Tear: AllButOne},
	}
	if len(seen) != len(want) {
		t.Fatalf("saw %v", seen)
	}
	for i := range want {
		got := seen[i]
		got.Start = 0
		if got != want[i] {
			t.Errorf("operation %d: got %+v, want %+v", i, got, want[i])
		}
	}
	if seen[1].Start-seen[0].Start < 22*time.Millisecond {
		t.Errorf("the first erase took %v", seen[1].Start-seen[0].Start)
	}
}

func TestTearNames(t *testing.T) {
	for _, tear := range Tears() {
		if got, err := ParseTear(tear.String()); err != nil || got != tear {
			t.Errorf("%q: %v, %v", tear, got, err)
		}
	}
	if _, err := ParseTear("all"); err == nil || !strings.Contains(err.Error(), "all-but-one") {
		t.Errorf("unknown tear: %v", err)
	}
}

// A cut between two runs, or while an agent that reset itself is still ending, is not lost.
func TestCutBetweenRuns(t *testing.T) {
	b := newBoard(t, config(W25Q128JV(), smallGeometry(4, 0xFF)))
	b.PowerOn()
	wantEnding(t, b.Resume(func() {
		defer b.Cut(NotBegun) // latched off by the reset, and still ending
		b.Reset(CauseSoftware)
	}), EndReset)
	wantEnding(t, b.Resume(func() { t.Error("an agent runs without power") }), EndCut)
	b.PowerOn()
	wantEnding(t, b.Resume(func() { b.Reset(CauseSoftware) }), EndReset)
	b.Cut(NotBegun)
	wantEnding(t, b.Resume(func() { t.Error("an agent runs without power") }), EndCut)
	wantEnding(t, b.Run(func() {}), EndReturned)
}
