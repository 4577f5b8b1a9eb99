package terminal_test

import (
	"fmt"
	"testing"

	"unbrick/emulator"
	"unbrick/terminal"
)

// TestOnlyConfirmationConfirms: an update and a restoration bring a release that has to prove itself, sessions that do not
// reach their end prove nothing, and the first that does makes it final.
func TestOnlyConfirmationConfirms(t *testing.T) {
	f := fixtureOf(t, small)
	unconfirmed := func(r *rig, what string) {
		t.Helper()
		s := nothing(t)
		s.fail = func(int) error { return errPulled }
		out, _ := r.update(s)
		p := r.newest()
		if out != terminal.Broken || r.last.Confirmed() || s.hello.Confirmed || p.confirmed || p.floor != 1 || len(p.from) == 0 {
			t.Errorf("%s: %v, hello %v, %v", what, out, s.hello.Confirmed, p)
		}
	}
	confirmed := func(r *rig, what string) {
		t.Helper()
		s := nothing(t)
		r.update(s)
		p := r.newest()
		if s.hello.Confirmed || !r.last.Confirmed() || !p.confirmed || p.floor != 2 || len(p.from) != 0 {
			t.Errorf("%s: hello %v, %v", what, s.hello.Confirmed, p)
		}
		again := nothing(t)
		if r.update(again); !again.hello.Confirmed || again.hello.Report != nil || r.newest().sequence != p.sequence {
			t.Errorf("%s: the session after it: hello %v, report %+v, %v", what, again.hello.Confirmed, again.hello.Report, r.newest())
		}
	}

	r := f.device(t, f.a)
	r.update(f.serverFor(t, f.delta, f.b))
	unconfirmed(r, "update")
	refused := f.serverFor(t, f.delta, f.b) // not newer than itself
	if out, _ := r.update(refused); out != terminal.Refused || r.last.Confirmed() {
		t.Errorf("a refused offer: %v, confirmed %v", out, r.last.Confirmed())
	}
	unconfirmed(r, "after a refused offer")
	confirmed(r, "update")

	r = f.broken(t)
	if err := r.mend(f.b, false); err != nil {
		t.Fatal(err)
	}
	unconfirmed(r, "restoration")
	confirmed(r, "restoration")

	// An update that was cut behind its last sector: the boot records it, and confirms nothing either.
	r = f.device(t, f.a)
	start := r.board.Snapshot()
	w := r.watch()
	r.startUpdate()
	r.board.OnOperation(nil)
	r.board.Restore(start)
	r.board.CutAt(uint64(w.last+1), emulator.NotBegun)
	r.startUpdate()
	unconfirmed(r, "recorded by the boot")
	confirmed(r, "recorded by the boot")

	// What has confirmed itself and is written over itself keeps its word.
	_, err := r.asked(func(a *apparatus) error { _, err := a.restore(f.b, false); return err })
	if err != nil {
		t.Fatal(err)
	}
	if p := r.newest(); !p.confirmed || p.floor != 2 {
		t.Errorf("restored over itself: %v", p)
	}
}

// TestCutsOfConfirmation cuts the power inside every flash operation of a confirmation, with every tear: the release is
// confirmed with the floor raised and its predecessor gone, or nothing of that; it runs; and the next session
// confirms.
func TestCutsOfConfirmation(t *testing.T) {
	f := fixtureOf(t, small)
	r := f.device(t, f.a)
	r.update(f.serverFor(t, f.delta, f.b))
	r.boot()
	start := r.board.Snapshot()
	w := r.watch()
	r.update(nothing(t))
	r.board.OnOperation(nil)
	if w.ops < 4 || !r.last.Confirmed() {
		t.Fatalf("%d operations, confirmed %v", w.ops, r.last.Confirmed())
	}
	ends := map[bool]int{}
	for _, tear := range emulator.Tears() {
		for n := 1; n <= w.ops; n++ {
			what := fmt.Sprintf("cut %d of %d, %v", n, w.ops, tear)
			r.board.Restore(start)
			r.board.CutAt(uint64(n), tear)
			if _, e := r.update(nothing(t)); e.Kind != emulator.EndCut {
				t.Fatalf("%s: ended with %v", what, e.Kind)
			}
			if mode := r.boot(); mode != terminal.Running || !r.holds(f.b) {
				t.Fatalf("%s: %v", what, mode)
			}
			done := r.last.Confirmed()
			ends[done]++
			if floor := r.last.Floor().Counter; done && floor != 2 || !done && floor != 1 {
				t.Errorf("%s: confirmed %v, floor %d", what, done, floor)
			}
			s := f.serverFor(t, f.makeBack(t), f.a)
			returns := r.offer(s)
			if returns == done {
				t.Errorf("%s: confirmed %v, the predecessor may return: %v (%v)", what, done, returns, s.fault)
			}
			r.power()
			r.update(nothing(t))
			if p := r.newest(); !r.last.Confirmed() || r.last.Floor().Counter != 2 || !p.confirmed || p.floor != 2 || len(p.from) != 0 {
				t.Errorf("%s: the next session leaves %v", what, p)
			}
		}
	}
	if ends[false] == 0 || ends[true] == 0 {
		t.Errorf("%v: nothing was tried", ends)
	}
}
