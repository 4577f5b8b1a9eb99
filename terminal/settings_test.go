package terminal_test

import (
	"fmt"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/protocol/smp"
	"unbrick/terminal"
)

// furnished are kinds with settings areas: two of equal sectors, and one of unequal ones with erased byte 0.
var furnished = []kind{
	{name: "settings-4k", list: "4KiB*16", unit: 8, page: 256, boot: 8 << 10, ram: 192 << 10, old: 7*4096 - 300, new: 8*4096 - 1000, settings: []int{1, 2}},
	{name: "settings-uneven-zero", list: "4KiB*8,16KiB*2,8KiB*2,4KiB", unit: 32, page: 512, zero: true, ecc: true, boot: 8 << 10, ram: 192 << 10, old: 4*4096 - 100, new: 16384 + 77, settings: []int{3}},
}

// inhabit fills all settings areas with something, as a program does, and returns the whole flash.
func (r *rig) inhabit() []byte {
	r.t.Helper()
	raw, _ := r.board.Save()
	for _, a := range r.f.layout.Settings {
		for i := range a.Size {
			raw[a.Addr+i] = byte(i%251) ^ 0x5a
		}
	}
	if err := r.board.Load(raw, nil); err != nil {
		r.t.Fatal(err)
	}
	return raw
}

// outside checks that no byte outside of the settings areas differs from was, and that all areas in erased
// are erased and the others not.
func (r *rig) outside(what string, was []byte, erased func(i int) bool) {
	r.t.Helper()
	now := make([]byte, len(was))
	if err := r.board.Peek(0, now); err != nil {
		r.t.Fatal(err)
	}
	end := r.f.layout.Settings[0].Addr
	if string(now[:end]) != string(was[:end]) {
		r.t.Errorf("%s: something outside of the settings areas has changed", what)
	}
	for i, a := range r.f.layout.Settings {
		want := was[a.Addr:][:a.Size]
		if erased(i) {
			want = make([]byte, a.Size)
			for k := range want {
				want[k] = r.f.layout.Geometry.Erased
			}
		}
		if string(now[a.Addr:][:a.Size]) != string(want) {
			r.t.Errorf("%s: area %d is not what it should be", what, i)
		}
	}
}

// wipe has one area erased and waits for the end.
func (a *apparatus) wipe(i int) (smp.Erased, error) {
	area := a.f.layout.Settings[i]
	q := smp.EraseRequest{Addr: area.Addr, Size: area.Size}
	var got smp.Erased
	if err := a.ask(&q, &got); err != nil {
		return got, err
	}
	s, err := a.settle()
	if err != nil {
		return got, err
	}
	if s.Fault != smp.FaultNone {
		return got, fmt.Errorf("%v at 0x%x", s.Fault, s.Addr)
	}
	return got, a.ask(&q, &got)
}

func (a *apparatus) wipeAll() error {
	for i, area := range a.f.layout.Settings {
		got, err := a.wipe(i)
		if err != nil {
			return fmt.Errorf("area %d: %w", i, err)
		}
		if want := (smp.Erased{Addr: area.Addr, Size: area.Size, Done: area.Size}); got != want {
			return fmt.Errorf("area %d: %+v, want %+v", i, got, want)
		}
	}
	return nil
}

// TestEraseSettings erases the areas of a device whose software is right, one after the other, and of one
// that was just restored. Nothing else changes, and it starts.
func TestEraseSettings(t *testing.T) {
	for _, k := range furnished {
		t.Run(k.name, func(t *testing.T) {
			f := fixtureOf(t, k)
			r := f.device(t, f.a)
			was := r.inhabit()
			r.board.SetPin(true)
			_, err := r.restoring(func(a *apparatus) error {
				if err := a.ask(&smp.IdentifyRequest{}, &a.id); err != nil {
					return err
				}
				if !a.id.Erases || len(a.id.Layout.Settings) != len(k.settings) {
					t.Errorf("identity: erases %v, areas %v", a.id.Erases, a.id.Layout.Settings)
				}
				for i := range f.layout.Settings {
					if _, err := a.wipe(i); err != nil {
						return err
					}
					r.outside("while asked", was, func(k int) bool { return k <= i })
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(r.events(terminal.EventErased)); n == 0 || n > 3 {
				t.Errorf("%d events of erased sectors", n)
			}
			// Restored to another release, and the same again.
			was = r.inhabit()
			_, err = r.restoring(func(a *apparatus) error {
				if s, err := a.restore(f.b, false); err != nil {
					return fmt.Errorf("%w: %v", err, s.Fault)
				}
				if err := a.wipeAll(); err != nil {
					return err
				}
				var s smp.Status
				if err := a.ask(&smp.StatusRequest{}, &s); err != nil || s.Phase != smp.PhaseDone || s.Fault != smp.FaultNone {
					t.Errorf("afterwards: %+v, %v", s, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			copy(was, r.all()[:f.layout.Settings[0].Addr])
			r.outside("after a restoration", was, func(int) bool { return true })
			r.board.SetPin(false)
			if mode := r.boot(); mode != terminal.Running || !r.holds(f.b) {
				t.Errorf("boots to %v", mode)
			}
		})
	}
}

func (r *rig) all() []byte {
	b := make([]byte, r.f.layout.Geometry.Size())
	if err := r.board.Peek(0, b); err != nil {
		r.t.Fatal(err)
	}
	return b
}

// TestEraseIsForSettingsOnly asks for what is no settings area, and at moments in which the software is not
// known to be right: nothing is erased.
func TestEraseIsForSettingsOnly(t *testing.T) {
	f := fixtureOf(t, furnished[0])
	one, two := f.layout.Settings[0], f.layout.Settings[1]
	record, _ := f.layout.Geometry.Sector(f.layout.Records()[0])
	size := f.layout.Geometry.Size()
	for name, q := range map[string]smp.EraseRequest{
		"boot area": {Addr: 0, Size: 4096}, "record": {Addr: record, Size: 4096}, "software": {Addr: f.layout.SoftwareBase(), Size: 4096},
		"sector before": {Addr: one.Addr - 4096, Size: 4096}, "area and the sector before": {Addr: one.Addr - 4096, Size: 8192},
		"both areas": {Addr: one.Addr, Size: one.Size + two.Size}, "part of one": {Addr: two.Addr, Size: 4096}, "its end": {Addr: two.Addr + 4096, Size: 4096},
		"nothing": {Addr: one.Addr}, "everything": {Size: size}, "around the end": {Addr: two.Addr, Size: ^uint32(0)}, "behind": {Addr: size, Size: 4096},
	} {
		r := f.device(t, f.a)
		was := r.inhabit()
		r.board.SetPin(true)
		_, err := r.restoring(func(a *apparatus) error {
			r.board.ResetCounter()
			if err := a.ask(&q, &smp.Erased{}); faultOf(err) != smp.FaultRange {
				t.Errorf("%s: %v, want %v", name, err, smp.FaultRange)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := r.board.Operations(); n != 0 {
			t.Errorf("%s: %d flash operations", name, n)
		}
		r.outside(name, was, func(int) bool { return false })
	}
	good := smp.EraseRequest{Addr: one.Addr, Size: one.Size}
	r := f.broken(t)
	_, err := r.restoring(func(a *apparatus) error {
		r.board.ResetCounter()
		if err := a.ask(&good, &smp.Erased{}); faultOf(err) != smp.FaultPhase {
			t.Errorf("broken device: %v", err)
		}
		var s smp.Status
		if err := a.ask(&smp.BeginRequest{Manifest: f.b.signed, AsIs: true}, &s); err != nil {
			return err
		}
		if s, err := a.settle(); err != nil || s.Phase != smp.PhaseReady {
			return fmt.Errorf("%+v %w", s, err)
		}
		if err := a.ask(&good, &smp.Erased{}); faultOf(err) != smp.FaultPhase {
			t.Errorf("in a restoration: %v", err)
		}
		if n := r.board.Operations(); n != 0 {
			t.Errorf("%d flash operations", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// A device without settings areas does not offer it.
	none := fixtureOf(t, kinds[0])
	r = none.device(t, none.a)
	r.board.SetPin(true)
	if _, err := r.restoring(func(a *apparatus) error {
		if err := a.ask(&smp.IdentifyRequest{}, &a.id); err != nil || a.id.Erases {
			t.Errorf("erases %v, %v", a.id.Erases, err)
		}
		if err := a.ask(&good, &smp.Erased{}); faultOf(err) != smp.FaultRange {
			t.Errorf("no areas: %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestEraseAgain repeats the command while it is carried out and afterwards: it is done once. Meanwhile
// nothing else is begun.
func TestEraseAgain(t *testing.T) {
	f := fixtureOf(t, furnished[0])
	r := f.device(t, f.a)
	was := r.inhabit()
	r.board.SetPin(true)
	one, two := f.layout.Settings[0], f.layout.Settings[1]
	_, err := r.restoring(func(a *apparatus) error {
		r.board.ResetCounter()
		q := smp.EraseRequest{Addr: two.Addr, Size: two.Size}
		var got smp.Erased
		if err := a.ask(&q, &got); err != nil || got.Done != 0 {
			t.Errorf("asked: %+v, %v", got, err)
		}
		seen := map[uint32]bool{}
		for range 50 {
			if err := a.ask(&q, &got); err != nil {
				return err
			}
			if seen[got.Done] = true; got.Done == two.Size {
				break
			}
			err := a.ask(&smp.EraseRequest{Addr: one.Addr, Size: one.Size}, &smp.Erased{})
			if fault := faultOf(err); fault != smp.FaultBusy && err != nil {
				t.Errorf("the other area meanwhile: %v", err)
			} else if err == nil {
				break // this one was over just now, and the other is under way
			}
			a.pause(time.Millisecond)
		}
		if len(seen) < 2 {
			t.Errorf("no progress was told: %v", seen)
		}
		if _, err := a.settle(); err != nil {
			return err
		}
		if err := a.wipeAll(); err != nil {
			return err
		}
		n := r.board.Operations()
		if n != 3 {
			t.Errorf("%d erases of three sectors", n)
		}
		if err := a.wipeAll(); err != nil {
			return err
		}
		if again := r.board.Operations(); again != n {
			t.Errorf("%d more operations when asked again", again-n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.outside("asked again", was, func(int) bool { return true })
}

// TestCutsOfEraseSettings cuts power inside every flash operation of the command, with every tear. The
// device always runs the release that it ran, exactly; and given again, the command is carried out.
func TestCutsOfEraseSettings(t *testing.T) {
	for _, k := range furnished {
		t.Run(k.name, func(t *testing.T) {
			f := fixtureOf(t, k)
			r := f.device(t, f.a)
			was := r.inhabit()
			start := r.board.Snapshot()
			erase := func() (emulator.Ending, error) {
				r.board.SetPin(true)
				defer r.board.SetPin(false)
				return r.restoring((*apparatus).wipeAll)
			}
			r.board.ResetCounter()
			if _, err := erase(); err != nil {
				t.Fatal(err)
			}
			operations := r.board.Operations()
			if operations < 3 {
				t.Fatalf("%d flash operations", operations)
			}
			for _, tear := range emulator.Tears() {
				for n := uint64(1); n <= operations; n++ {
					what := fmt.Sprintf("cut %d of %d, %v", n, operations, tear)
					r.board.Restore(start)
					r.board.ResetCounter()
					r.board.CutAt(n, tear)
					if e, err := erase(); e.Kind != emulator.EndCut || err == nil {
						t.Fatalf("%s: ended with %v, %v", what, e.Kind, err)
					}
					for range 2 { // bits in between are drawn anew
						if mode := r.boot(); mode != terminal.Running {
							t.Fatalf("%s: boots to %v (%v)", what, mode, r.last.Why())
						}
						r.checkRunning(what, terminal.Running)
						r.power()
					}
					if now := r.all(); string(now[:f.layout.Settings[0].Addr]) != string(was[:f.layout.Settings[0].Addr]) {
						t.Fatalf("%s: something outside of the settings areas has changed", what)
					}
					if _, err := erase(); err != nil {
						t.Fatalf("%s: again: %v", what, err)
					}
					r.outside(what, was, func(int) bool { return true })
					for i := range f.layout.Geometry.Sectors() {
						if addr, _ := f.layout.Geometry.Sector(i); addr >= f.layout.Settings[0].Addr && !r.board.Firm(i) {
							t.Errorf("%s: sector %d is not firm", what, i)
						}
					}
					if mode := r.boot(); mode != terminal.Running || !r.holds(f.a) {
						t.Fatalf("%s: in the end it boots to %v", what, mode)
					}
				}
			}
		})
	}
}

// TestSettingsWornOut has a sector of a settings area that takes no erase any more: the command says which,
// the software runs all the same, and is no reason for restoration mode.
func TestSettingsWornOut(t *testing.T) {
	f := fixtureOf(t, furnished[0])
	r := f.device(t, f.a)
	r.inhabit()
	bad := f.layout.Settings[1].Addr + 4096
	if err := r.board.Inject(emulator.Defect{Kind: emulator.DefectErase, Addr: bad + 8}); err != nil {
		t.Fatal(err)
	}
	r.board.SetPin(true)
	_, err := r.restoring(func(a *apparatus) error {
		if _, err := a.wipe(0); err != nil {
			return err
		}
		area := f.layout.Settings[1]
		var got smp.Erased
		if err := a.ask(&smp.EraseRequest{Addr: area.Addr, Size: area.Size}, &got); err != nil {
			return err
		}
		s, err := a.settle()
		if err != nil || s.Phase != smp.PhaseIdle || s.Fault != smp.FaultErase || s.Addr != bad || s.Done != 1 || s.Total != 2 {
			t.Errorf("%+v, %v, want %v at 0x%x", s, err, smp.FaultErase, bad)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if dead := r.events(terminal.EventDead); len(dead) != 1 || dead[0].A != bad {
		t.Errorf("dead sectors %+v", dead)
	}
	r.board.SetPin(false)
	if mode := r.boot(); mode != terminal.Running {
		t.Fatalf("boots to %v", mode)
	}
	r.board.Mend()
	r.board.SetPin(true)
	if _, err := r.restoring((*apparatus).wipeAll); err != nil {
		t.Error(err)
	}
}
