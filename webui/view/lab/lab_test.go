package lab

import (
	"strings"
	"testing"

	"unbrick/protocol/smp"
	"unbrick/webui/state"
	"unbrick/webui/state/statetest"
	"unbrick/webui/view/viewtest"
	"unbrick/webui/words"
)

func TestCommandsOfTheLab(t *testing.T) {
	w := &viewtest.Wishes{}
	l := statetest.Lab(state.LabBricked)
	last := w.Last
	power := &Power{Lab: &l, Wish: w.Take}
	var typed string
	power.Type = func(e TypeEvent) { typed = e.Text }
	power.flip()
	if last() != (state.LabPower{Switch: state.SwitchOff}) {
		t.Errorf("%#v", last())
	}
	if power.cut() != "928" {
		t.Errorf("the last cut is not offered again: %q", power.cut())
	}
	if power.typed(&viewtest.Event{Value: "1 200"}); typed != "1 200" {
		t.Errorf("what is typed is not told: %q", typed)
	}
	power.setTear(5)
	power.arm(&viewtest.Event{})
	if last() != (state.LabCut{At: 1200, Tear: state.TearUnstable}) {
		t.Errorf("%#v", last())
	}
	power.typed(&viewtest.Event{Value: "many"})
	n := len(w.All)
	if power.arm(&viewtest.Event{}); len(w.All) != n || power.complaint() == "" {
		t.Error("a word is taken for a number")
	}
	l.Power.CutAt = 1200
	if power.arm(&viewtest.Event{}); last() != (state.LabCut{Tear: state.TearUnstable}) {
		t.Errorf("an armed cut is not taken back: %#v", last())
	}
	line := &Line{Lab: &l, Wish: w.Take}
	line.setNoise(&viewtest.Event{Value: "4"})
	line.setTurn(1)
	if got := last().(state.LabLine).Line; got.Noise != state.NoiseThousand || got.TurnAround.Milliseconds() != 1 || got.Baud != 115200 {
		t.Errorf("%+v", got)
	}
	n = len(w.All)
	line.setPace(99)
	line.setNoise(&viewtest.Event{Value: "x"})
	if len(w.All) != n {
		t.Error("an impossible choice is sent")
	}
	line.flip()
	if last() != (state.LabHealth{Health: state.HealthHangs}) {
		t.Errorf("%#v", last())
	}
	screen := &Screen{Wish: w.Take}
	screen.Set(&l, state.ReachYes)
	screen.want(PickEvent{Value: digestText(statetest.Old.Digest)})
	restoreIt := func() {
		for _, a := range screen.acts() {
			screen.press(a)
		}
	}
	if restoreIt(); last() != (state.LabRestore{Digest: statetest.Old.Digest}) {
		t.Errorf("%#v", last())
	}
	l.Choice = nil // the release is no longer offered
	screen.Set(&l, state.ReachYes)
	if restoreIt(); last() != (state.LabRestore{}) {
		t.Errorf("a release that is gone is asked for: %#v", last())
	}
	screen.form().submit(&viewtest.Event{})
	if last() != (state.LabMake{Model: "0001", Digest: statetest.Old.Digest}) {
		t.Errorf("the oldest release is not proposed: %#v", last())
	}
}

// What the Lab shows as the release to be restored is what it asks for: with and without a choice by the person, and after
// that choice has lost its meaning.
func TestWhatIsShownIsRestored(t *testing.T) {
	w := &viewtest.Wishes{}
	screen := &Screen{Wish: w.Take}
	set := func(l state.Lab) { screen.Set(&l, state.ReachYes) }
	restored := func() [32]byte {
		t.Helper()
		for _, a := range screen.acts() {
			if a.Label == "Restore over the cable" {
				screen.press(a)
			}
		}
		return w.Last().(state.LabRestore).Digest
	}
	shown := func() (d [32]byte) {
		for _, o := range screen.choices() {
			if o.Selected {
				d = digestOf(o.Value)
			}
		}
		return d
	}
	hung := statetest.Lab(state.LabBricked)
	hung.Why, hung.Runs, hung.Choice = smp.WhyHang, "2.4.1", []state.Release{statetest.Old, statetest.New}
	for name, change := range map[string]func(){
		"first":  func() { set(hung) },
		"chosen": func() { screen.want(PickEvent{Value: digestText(statetest.New.Digest)}) },
		"new device": func() {
			set(statetest.Lab(state.LabRunning))
			set(hung)
		},
		"other order": func() {
			hung.Choice = []state.Release{statetest.New, statetest.Old}
			set(hung)
		},
	} {
		set(hung)
		change()
		if got, want := restored(), shown(); got != want || got == ([32]byte{}) {
			t.Errorf("%s: %x is shown, %x restored", name, want[:2], got[:2])
		}
	}
	set(hung)
	buttons := screen.acts() // of a build before the choice
	screen.want(PickEvent{Value: digestText(hung.Choice[1].Digest)})
	for _, a := range buttons {
		screen.press(a)
	}
	if got := w.Last(); got != (state.LabRestore{Digest: hung.Choice[1].Digest}) {
		t.Errorf("an old button restores %v", got)
	}
	screen.want(PickEvent{Value: digestText(statetest.Old.Digest)})
	set(statetest.Lab(state.LabRunning))
	set(hung)
	if got := restored(); got != hung.Choice[0].Digest {
		t.Error("a wish for one repair is kept for the next")
	}
}

// A choice always shows what is, also a value that is not among the usual ones.
func TestPresentValueCanBeShown(t *testing.T) {
	for _, list := range [][]words.Option{words.Bauds(230400), words.Bauds(9600), words.Turns(0), words.Turns(16)} {
		n := 0
		for _, o := range list {
			if o.Selected {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d values are shown as the present one: %+v", n, list)
		}
	}
	w := &viewtest.Wishes{}
	l := statetest.Lab(state.LabRunning)
	power := &Power{Lab: &l, Wish: w.Take}
	power.setTear(4)
	if got := w.Last(); got != (state.LabCut{Tear: state.TearAllButOne}) {
		t.Errorf("the switch does not know what its cut leaves: %#v", got)
	}
	l.Power.Tear = state.TearWeak
	if got := words.Tears(power.power().Tear); !got[state.TearWeak].Selected || got[state.TearAllButOne].Selected {
		t.Errorf("the tear that is shown is not the device's: %+v", got)
	}
}

// A number that cannot be an operation, or that no rewrite reaches, is said and not armed.
func TestImpossibleCutIsSaid(t *testing.T) {
	for _, typed := range []string{"1.5", "", "-1", "0", "1e3", "  ", "many"} {
		w := &viewtest.Wishes{}
		l := statetest.Lab(state.LabRunning)
		l.Power.Most = 9388
		power := &Power{Lab: &l, Wish: w.Take}
		power.Type = func(TypeEvent) {}
		power.typed(&viewtest.Event{Value: typed})
		if power.arm(&viewtest.Event{}); len(w.All) != 0 || !strings.Contains(power.complaint(), "Nothing is armed.") || !strings.Contains(power.complaint(), "9\u202f388") {
			t.Errorf("%q: sent %v, says %q", typed, w.All, power.complaint())
		}
		power.typed(&viewtest.Event{Value: "99999999"})
		if power.complaint() != "" {
			t.Errorf("a new number is complained about while it is typed: %q", power.complaint())
		}
		if power.arm(&viewtest.Event{}); len(w.All) != 1 {
			t.Fatalf("sent %v", w.All)
		}
		l.Power.Refused = 99999999 // the engine's answer
		if !strings.Contains(power.complaint(), "more than 9\u202f388 flash operations") {
			t.Errorf("says %q", power.complaint())
		}
		if power.typed(&viewtest.Event{Value: "400"}); power.complaint() != "" {
			t.Errorf("the complaint stays: %q", power.complaint())
		}
	}
}

func TestOperationIsReadAsTyped(t *testing.T) {
	for s, want := range map[string]uint64{"928": 928, "1 636": 1636, "1\u202f636": 1636, " 7 ": 7, "12 345 678": 12345678, "007": 7} {
		if got, ok := parseOperation(s); !ok || got != want {
			t.Errorf("%q is %d, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", " ", "0", "-1", "+1", "x", "1.5", "1,5", "1.636", "1e3", "0x10", "4 0 0", "1  636", "4\u00bd", "１", "99999999999999999999"} {
		if got, ok := parseOperation(s); ok {
			t.Errorf("%q is taken as %d", s, got)
		}
	}
}

func TestDigestTravelsThroughAForm(t *testing.T) {
	d := [32]byte{0, 1, 0xab, 0xff, 31: 9}
	if got := digestOf(digestText(d)); got != d {
		t.Errorf("%x", got)
	}
	for _, s := range []string{"", "xyz", strings.Repeat("g", 64)} {
		if digestOf(s) != ([32]byte{}) {
			t.Errorf("%q is a digest", s)
		}
	}
}
