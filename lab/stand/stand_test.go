package stand_test

import (
	"errors"
	"testing"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/lab/stand"
	"unbrick/terminal"
)

var layout = flash.Layout{
	Geometry: flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 8}}, ProgramUnit: 8, Page: 256, Erased: 0xFF},
	Boot:     4096,
}

func newBoard(t *testing.T) *emulator.Board {
	t.Helper()
	b, err := emulator.New(emulator.Config{Part: emulator.PartFor(&layout.Geometry), Geometry: &layout.Geometry, Boot: layout.Boot,
		RAM: 64 << 10, Seed: 1, Apps: []emulator.App{{Name: "system", Size: 4096, Fixed: true}, {Name: "light", Size: 8192, Importance: 3}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestHardware: the board in the terminal's words, changed by who wants it otherwise.
func TestHardware(t *testing.T) {
	board := newBoard(t)
	board.SetPin(true)
	s := stand.Stand{Board: board, Layout: &layout, Change: func(hw *terminal.Hardware) { hw.MaxSpeed = 921600 }}
	board.Run(func() {
		hw := s.Hardware()
		if !hw.Pin || hw.MaxSpeed != 921600 || hw.Cause != terminal.PowerOn || hw.PauseMax != board.PauseMax() ||
			len(hw.Survivor) < terminal.SurvivorSize {
			t.Errorf("%+v", hw)
		}
		want := []terminal.Region{
			{Name: "system", Size: 4096, State: terminal.RegionFixed},
			{Name: "light", Off: 4096, Size: 8192, Importance: 3, State: terminal.RegionStopped},
		}
		for i, r := range want {
			if got := hw.RAM.Regions()[i]; got != r {
				t.Errorf("region %d: got %+v, want %+v", i, got, r)
			}
		}
		board.Reset(emulator.CauseWatchdog)
	})
	board.Run(func() {
		if hw := s.Hardware(); hw.Cause != terminal.Watchdog {
			t.Errorf("cause %v", hw.Cause)
		}
	})
}

// other is a terminal by somebody else.
type other struct {
	stand.Agent
	hw *terminal.Hardware
}

// TestMake: another implementation of the terminal stands on the same board.
func TestMake(t *testing.T) {
	board := newBoard(t)
	s := stand.Stand{Board: board, Layout: &layout}
	board.Run(func() {
		if _, err := s.Start(); !errors.Is(err, terminal.ErrIdentity) {
			t.Errorf("a terminal without an identification: %v", err)
		}
	})
	s.Make = func(hw *terminal.Hardware) (stand.Agent, error) { return &other{hw: hw}, nil }
	board.Run(func() {
		a, err := s.Start()
		if o, ok := a.(*other); err != nil || !ok || o.hw.Flash == nil {
			t.Errorf("%T, %v", a, err)
		}
	})
}
