package terminal_test

import (
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/protocol/smp"
	"unbrick/terminal"
)

func TestEntryByPin(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	r.board.SetPin(true)
	if mode := r.boot(); mode != terminal.Restoration || r.last.Why() != smp.WhyPin {
		t.Errorf("%v, %v", mode, r.last.Why())
	}
	r.board.SetPin(false)
	if mode := r.boot(); mode != terminal.Running {
		t.Errorf("without the pin: %v", mode)
	}
}

// TestEntryByCable asks with a break, and with an echo, which is answered; and with noise, which is none.
func TestEntryByCable(t *testing.T) {
	f := fixtureOf(t, small)
	for _, tt := range []struct {
		name string
		ask  func(a *apparatus) error
		want smp.Why
	}{
		{"break", func(a *apparatus) error { return a.port.Break(20 * time.Millisecond) }, smp.WhyAsked},
		{"which boot loader", func(a *apparatus) error { return a.ask(&smp.BootloaderRequest{}, &smp.Bootloader{}) }, smp.WhyAsked},
		{"echo", func(a *apparatus) error { return a.ask(&smp.EchoRequest{Text: []byte("hi")}, &smp.EchoResponse{}) }, smp.WhyAsked},
		{"noise", func(a *apparatus) error { return a.port.Write([]byte("login: \r\n\x06\x09garbage\n")) }, smp.WhyUnknown},
		{"too late", func(a *apparatus) error {
			a.pause(150 * time.Millisecond)
			return a.port.Break(20 * time.Millisecond)
		}, smp.WhyUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := f.device(t, f.a)
			e, err := r.restoring(func(a *apparatus) error {
				if err := tt.ask(a); err != nil {
					return err
				}
				if tt.want == smp.WhyUnknown {
					a.pause(time.Second)
					return errPulled
				}
				if err := a.ask(&smp.IdentifyRequest{}, &a.id); err != nil {
					return err
				}
				if a.id.Why != tt.want || a.id.Match != smp.MatchTo || a.id.State != smp.RecordInstalled || a.id.Serial != "T-1" {
					t.Errorf("identity %+v", a.id)
				}
				return nil
			})
			if tt.want == smp.WhyUnknown {
				if r.mode != terminal.Running {
					t.Errorf("%v, %v", r.mode, r.last.Why())
				}
				return
			}
			if err != nil || e.Kind != emulator.EndReset {
				t.Errorf("%v, %v", e.Kind, err)
			}
			if mode := r.boot(); mode != terminal.Running {
				t.Errorf("after the reset: %v", mode)
			}
		})
	}
}

// TestNobodyCame resets a device that was asked into restoration mode, by a glitch perhaps, and is not
// needed there.
func TestNobodyCame(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	port := r.board.Host()
	if err := port.Open(); err != nil {
		t.Fatal(err)
	}
	go func() {
		port.Break(20 * time.Millisecond)
		port.Close()
	}()
	var end terminal.Ending
	r.run(func(term *terminal.Terminal) {
		if r.mode == terminal.Restoration {
			end = term.Serve()
		}
	})
	if end != terminal.ResetIdle {
		t.Errorf("mode %v, ending %v", r.mode, end)
	}
}

// TestHangingRelease lets watchdog resets lead to restoration mode as long as the release has not
// confirmed itself.
func TestHangingRelease(t *testing.T) {
	f := fixtureOf(t, small)
	hang := func(r *rig) {
		r.run(func(*terminal.Terminal) { r.board.Reset(emulator.CauseWatchdog) })
	}
	t.Run("unconfirmed", func(t *testing.T) {
		r := f.device(t, f.a)
		r.update(f.serverFor(t, f.delta, f.b))
		for i := range 3 {
			hang(r)
			if i < 3 && r.mode != terminal.Running {
				t.Fatalf("after %d resets: %v", i, r.mode)
			}
		}
		// Its predecessor may come back over the cable.
		if err := r.mendWhy(f.a, smp.WhyHang); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("row broken", func(t *testing.T) {
		r := f.device(t, f.a)
		r.update(f.serverFor(t, f.delta, f.b))
		hang(r)
		hang(r)
		r.run(func(*terminal.Terminal) { r.board.Reset(emulator.CauseSoftware) })
		hang(r)
		if mode := r.boot(); mode != terminal.Running {
			t.Errorf("%v", mode)
		}
	})
	t.Run("confirmed", func(t *testing.T) {
		r := f.device(t, f.a)
		r.update(f.serverFor(t, f.delta, f.b))
		r.update(nothing(t))
		for range 4 {
			hang(r)
		}
		if mode := r.boot(); mode != terminal.Running {
			t.Errorf("%v", mode)
		}
	})
}

// mendWhy restores a device that must be in restoration mode for the given reason.
func (r *rig) mendWhy(g goods, why smp.Why) error {
	err := r.mend(g, false)
	if r.whySeen != why {
		r.t.Errorf("in restoration mode for %v, want %v", r.whySeen, why)
	}
	return err
}
