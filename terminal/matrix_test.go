package terminal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/delta"
	"unbrick/delta/bsdiff"
	"unbrick/emulator"
	"unbrick/release"
	"unbrick/terminal"
)

func (f *fixture) workspace(t testing.TB, file []byte, g goods) uint32 {
	t.Helper()
	if h, err := bsdiff.ParseHeader(file); err == nil {
		return bsdiff.NeedsOf(&h, &f.software, uint32(len(file)), g.m.Leaves(), resident).Workspace()
	}
	h, err := delta.ParseHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	return delta.NeedsOf(&h, uint32(len(file)), g.m.Leaves(), resident).Workspace()
}

func leafOf(i uint32, b []byte) release.Digest { return release.Leaf(i, b) }

// seeded returns a source of choices and prints how to repeat them.
func seeded(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if fixed := seedFlag; fixed != 0 {
		seed = fixed
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// seedFlag repeats a run: set it to a printed seed.
const seedFlag uint64 = 0

func TestUpdate(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			f := fixtureOf(t, k)
			r := f.device(t, f.a)
			out, e := r.update(f.serverFor(t, f.delta, f.b))
			if out != terminal.Rewritten || e.Kind != emulator.EndReset {
				t.Fatalf("update: %v, %v, %+v", out, e.Kind, r.last.Last())
			}
			if !r.holds(f.b) {
				t.Fatal("flash does not hold the new image")
			}
			if mode := r.boot(); mode != terminal.Running {
				t.Fatalf("boot: %v", mode)
			}
			if m, ok := r.last.Installed(); !ok || m.Digest != f.b.m.Digest || r.last.Confirmed() {
				t.Fatalf("installed %v %v, confirmed %v", m.Version, ok, r.last.Confirmed())
			}
			s := nothing(t)
			if out, _ := r.update(s); out != terminal.Nothing {
				t.Fatalf("second session: %v", out)
			}
			if s.hello.Report == nil || s.hello.Report.To != f.b.m.Digest {
				t.Errorf("report %+v", s.hello.Report)
			}
			if !r.last.Confirmed() || r.last.Floor().Counter != 2 {
				t.Errorf("confirmed %v, floor %d", r.last.Confirmed(), r.last.Floor().Counter)
			}
		})
	}
}

// watch counts the flash operations from now on, and remembers which were the first and last on software.
type watch struct {
	ops         int
	first, last int
}

func (r *rig) watch() *watch {
	w := &watch{}
	base := r.f.layout.SoftwareBase()
	r.board.ResetCounter()
	r.board.OnOperation(func(o emulator.Operation) {
		w.ops++
		if o.Addr >= base {
			if w.first == 0 {
				w.first = w.ops
			}
			w.last = w.ops
		}
	})
	return w
}

// startUpdate runs an update that may be cut.
func (r *rig) startUpdate() emulator.Ending {
	_, e := r.update(r.f.serverFor(r.t, r.f.delta, r.f.b))
	return e
}

// TestCutsOfUpdate cuts an update inside every flash operation (a sample with -short), with every tear.
func TestCutsOfUpdate(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { cutsOfUpdate(t, fixtureOf(t, k)) })
	}
}

// cutsOfUpdate cuts the update with f's file.
func cutsOfUpdate(t *testing.T, f *fixture) {
	k := &f.kind
	r := f.device(t, f.a)
	start := r.board.Snapshot()
	w := r.watch()
	if e := r.startUpdate(); e.Kind != emulator.EndReset || !r.holds(f.b) {
		t.Fatalf("update without a cut: %v", e.Kind)
	}
	r.board.OnOperation(nil)
	random := seeded(t)
	modes := map[terminal.Mode]int{}
	for _, tear := range emulator.Tears() {
		for n := 1; n <= w.ops; n++ {
			if (testing.Short() || k.slow) && random.IntN(w.ops) >= k.sampled(testing.Short()) && n != 1 && n != w.first && n != w.ops {
				continue
			}
			what := fmt.Sprintf("%s: cut %d of %d (software %d to %d), %v", k.name, n, w.ops, w.first, w.last, tear)
			r.board.Restore(start)
			r.board.CutAt(uint64(n), tear)
			if e := r.startUpdate(); e.Kind != emulator.EndCut {
				t.Fatalf("%s: ended with %v", what, e.Kind)
			}
			mode := r.afterCut(what, n < w.first || n > w.last)
			modes[mode]++
			if mode == terminal.Restoration && (!testing.Short() || random.IntN(3) == 0) {
				r.mendAny(what, random)
			}
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d operations, outcomes %v", w.ops, modes)
}

// afterCut boots a device that lost power, twice, and checks what it says against the oracle.
func (r *rig) afterCut(what string, runs bool) terminal.Mode {
	r.t.Helper()
	mode := r.boot()
	m1, _ := r.last.Installed()
	if runs && mode != terminal.Running {
		r.t.Errorf("%s: boots to %v (%v), should run", what, mode, r.last.Why())
	}
	r.checkRunning(what, mode)
	r.power()
	again := r.boot()
	r.checkRunning(what+", second boot", again)
	m2, _ := r.last.Installed()
	switch {
	case mode == terminal.Running && (again != mode || m1.Digest != m2.Digest):
		r.t.Errorf("%s: runs %q, then %v %q", what, m1.Version, again, m2.Version)
	case mode == terminal.Restoration && again == terminal.Running:
		// Bits in between were read right by chance, all of them, twice and in the digest; what they
		// belonged to has then been refreshed, which checkRunning has seen.
	}
	return again
}

// checkRunning checks, at the board's cells, that a device that runs holds exactly a signed image and
// that none of its sectors may change by itself.
func (r *rig) checkRunning(what string, mode terminal.Mode) {
	r.t.Helper()
	if mode != terminal.Running {
		return
	}
	m, _ := r.last.Installed()
	g := r.f.a
	if m.Digest == r.f.b.m.Digest {
		g = r.f.b
	}
	if m.Digest != g.m.Digest || !r.holds(g) {
		r.t.Errorf("%s: runs %q, and the flash does not hold it", what, m.Version)
	}
	if at := r.soft(g); at >= 0 {
		r.t.Errorf("%s: runs, and sector %d of the image may change by itself: %+v", what, at, r.board.SectorState(at))
	}
	for i := range r.f.layout.SoftwareFirst() - 2 {
		if s := r.board.SectorState(i); s.Wear != 0 {
			r.t.Errorf("%s: boot sector %d was erased", what, i)
		}
	}
}

// soft returns a sector of g's image whose cells are not firm, or -1.
func (r *rig) soft(g goods) int {
	for i := range r.f.software.Sectors() {
		addr, _ := r.f.software.Sector(i)
		s := r.board.SectorState(r.f.layout.SoftwareFirst() + i)
		if int(addr) < len(g.image) && (s.Weak || s.Unreadable > 0 || s.Unstable > 0) {
			return r.f.layout.SoftwareFirst() + i
		}
	}
	return -1
}

// mendAny restores the device to either release, in one file or in parts.
func (r *rig) mendAny(what string, random *rand.Rand) {
	r.t.Helper()
	g := r.f.b
	if random.IntN(2) == 0 {
		g = r.f.a
	}
	parts := random.IntN(2) == 0
	if err := r.mend(g, parts); errors.Is(err, errStarted) {
		r.checkRunning(what+", a boot later", terminal.Running) // and what they belonged to has been refreshed
		return
	} else if err != nil {
		r.t.Errorf("%s, restored to %q, parts %v: %v", what, g.m.Version, parts, err)
		return
	}
	r.checkRunning(what+", restored", terminal.Running)
}

// TestCutsOfRecovery cuts an update, and then whatever recovers from that: the boot, or a restoration;
// and sometimes that recovery's recovery. Places are drawn.
func TestCutsOfRecovery(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			rounds := 3 * k.sampled(testing.Short())
			f := fixtureOf(t, k)
			r := f.device(t, f.a)
			start := r.board.Snapshot()
			w := r.watch()
			if e := r.startUpdate(); e.Kind != emulator.EndReset {
				t.Fatalf("update: %v", e.Kind)
			}
			r.board.OnOperation(nil)
			random := seeded(t)
			tears := emulator.Tears()
			booted, restored := 0, 0
			for range rounds {
				n, tear := 1+random.IntN(w.ops), tears[random.IntN(len(tears))]
				if random.IntN(3) == 0 { // where the boot has something to do
					n = min(w.ops, max(1, w.last-3+random.IntN(12)))
				}
				what := fmt.Sprintf("%s: cut %d %v", k.name, n, tear)
				r.board.Restore(start)
				r.board.CutAt(uint64(n), tear)
				if e := r.startUpdate(); e.Kind != emulator.EndCut {
					t.Fatalf("%s: %v", what, e.Kind)
				}
				for depth := range 3 {
					after := r.board.Snapshot()
					ops := r.watch()
					mode := r.boot()
					r.board.OnOperation(nil)
					if ops.ops > 0 && depth < 2 { // the boot wrote: cut that
						n, tear := 1+random.IntN(ops.ops), tears[random.IntN(len(tears))]
						what += fmt.Sprintf(", boot cut %d of %d %v", n, ops.ops, tear)
						r.board.Restore(after)
						r.board.CutAt(uint64(n), tear)
						// Other bits may be drawn this time, and the boot may have nothing to write.
						booted++
						if r.run(nil).Kind == emulator.EndCut {
							continue
						}
						r.board.CutAt(0, tear)
						break
					}
					if mode != terminal.Restoration || depth == 2 {
						break
					}
					n, tear := 1+random.IntN(w.ops+20), tears[random.IntN(len(tears))]
					what += fmt.Sprintf(", restoration cut %d %v", n, tear)
					restored++
					r.board.ResetCounter()
					r.board.CutAt(uint64(n), tear)
					g, parts := f.b, random.IntN(2) == 0
					if random.IntN(2) == 0 {
						g = f.a
					}
					e, _ := r.restoring(func(a *apparatus) error { _, err := a.restore(g, parts); return err })
					r.board.CutAt(0, tear)
					if e.Kind != emulator.EndCut {
						break
					}
				}
				r.power()
				if r.afterCut(what, false) == terminal.Restoration {
					r.mendAny(what, random)
				}
				if t.Failed() {
					return
				}
			}
			t.Logf("%d cuts of boots, %d of restorations", booted, restored)
		})
	}
}
