package view

import (
	"strings"
	"testing"

	"unbrick/protocol/smp"
	"unbrick/restore"
	"unbrick/webui/state"
)

// What the Lab shows as the release to be restored is what it asks for: with and without a choice by the person, and after
// that choice has lost its meaning.
func TestWhatIsShownIsRestored(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#lab")
	screen := &LabScreen{Page: r}
	restored := func() [32]byte {
		t.Helper()
		for _, a := range r.labActs() {
			if a.Label == "Restore over the cable" {
				a.Do()
			}
		}
		return w.commands[len(w.commands)-1].(state.LabRestore).Digest
	}
	shown := func() (d [32]byte) {
		for _, o := range screen.choices() {
			if o.Selected {
				d = digestOf(o.Value)
			}
		}
		return d
	}
	hung := demoLab(state.LabBricked)
	hung.Why, hung.Runs, hung.Choice = smp.WhyHang, "2.4.1", []state.Release{oldRelease, newRelease}
	for name, change := range map[string]func(){
		"first":  func() { r.SetState(state.State{Lab: hung}) },
		"chosen": func() { screen.want(&event{value: digestText(newRelease.Digest)}) },
		"new device": func() {
			r.SetState(state.State{Lab: demoLab(state.LabRunning)})
			r.SetState(state.State{Lab: hung})
		},
		"other order": func() {
			hung.Choice = []state.Release{newRelease, oldRelease}
			r.SetState(state.State{Lab: hung})
		},
	} {
		r.SetState(state.State{Lab: hung})
		change()
		if got, want := restored(), shown(); got != want || got == ([32]byte{}) {
			t.Errorf("%s: %x is shown, %x restored", name, want[:2], got[:2])
		}
	}
	r.SetState(state.State{Lab: hung})
	screen.want(&event{value: digestText(oldRelease.Digest)})
	r.SetState(state.State{Lab: demoLab(state.LabRunning)})
	r.SetState(state.State{Lab: hung})
	if got := restored(); got != hung.Choice[0].Digest {
		t.Error("a wish for one repair is kept for the next")
	}
}

// A choice always shows what is, also a value that is not among the usual ones.
func TestPresentValueCanBeShown(t *testing.T) {
	for _, list := range [][]option{baudOptions(230400), baudOptions(9600), turnOptions(0), turnOptions(16)} {
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
	w := &world{}
	r := New(w.hooks())
	onLab(demoLab(state.LabRunning))(r, w)
	power := &LabPower{Page: r}
	power.setTear(&event{value: "4"})
	if got := w.commands[len(w.commands)-1]; got != (state.LabCut{Tear: state.TearAllButOne}) {
		t.Errorf("the switch does not know what its cut leaves: %#v", got)
	}
	l := demoLab(state.LabRunning)
	l.Power.Tear = state.TearWeak
	r.SetState(state.State{Lab: l})
	if got := power.tears(); !got[state.TearWeak].Selected || got[state.TearAllButOne].Selected {
		t.Errorf("the tear that is shown is not the device's: %+v", got)
	}
}

// A number that cannot be an operation, or that no rewrite reaches, is said and not armed.
func TestImpossibleCutIsSaid(t *testing.T) {
	for _, typed := range []string{"1.5", "", "-1", "0", "1e3", "  ", "many"} {
		w := &world{}
		r := New(w.hooks())
		l := demoLab(state.LabRunning)
		l.Power.Most = 9388
		onLab(l)(r, w)
		power := &LabPower{Page: r}
		power.typed(&event{value: typed})
		if power.arm(&event{}); len(w.commands) != 0 || !strings.Contains(power.complaint(), "Nothing is armed.") || !strings.Contains(power.complaint(), "9\u202f388") || power.invalid() != "true" {
			t.Errorf("%q: sent %v, says %q", typed, w.commands, power.complaint())
		}
		power.typed(&event{value: "99999999"})
		if power.complaint() != "" {
			t.Errorf("a new number is complained about while it is typed: %q", power.complaint())
		}
		if power.arm(&event{}); len(w.commands) != 1 {
			t.Fatalf("sent %v", w.commands)
		}
		l.Power.Refused = 99999999 // the engine's answer
		r.SetState(state.State{Lab: l})
		if !strings.Contains(power.complaint(), "more than 9\u202f388 flash operations") {
			t.Errorf("says %q", power.complaint())
		}
		if power.typed(&event{value: "400"}); power.complaint() != "" {
			t.Errorf("the complaint stays: %q", power.complaint())
		}
	}
}

// A restoration that has ended early says so in the Lab with the words of Restore, whatever ended it, and what it says to do
// can be done in the Lab.
func TestEndedRestorationInTheLab(t *testing.T) {
	for code := restore.Code(0); code <= restore.CodeSigners; code++ {
		for _, phase := range []state.LabPhase{state.LabBricked, state.LabRunning, state.LabOff} {
			l := demoLab(phase)
			l.Outcome, l.Failure = state.OutcomeFailed, state.Failure{Code: code, Stage: restore.StageWrite, Touched: restore.TouchedPart, Sector: 5, Of: 42}
			w := &world{}
			r := New(w.hooks())
			r.SetPath("#lab")
			onLab(l)(r, w)
			p := r.labFailure()
			if p.Heading == "" || p.Lead == "" || p.Verdict.Safe == "" || p.Verdict.Do == "" || strings.Contains(p.Verdict.Do, "Connect") || strings.Contains(p.Verdict.Do, "cable in") {
				t.Errorf("code %d: %+v %+v", code, p, p.Verdict)
			}
			if html := text(render(t, r)); !strings.Contains(html, "Is the device safe?") || !strings.Contains(html, "What to do now") {
				t.Errorf("code %d is not on the screen in phase %d", code, phase)
			}
		}
	}
}

// A release that was restored and hangs again says why, and what to do.
func TestHungAgain(t *testing.T) {
	l := demoLab(state.LabBricked)
	l.Why, l.Runs, l.Outcome, l.Health = smp.WhyHang, "2.3.0", state.OutcomeRestored, state.HealthHangs
	if _, got := labState(&l); !strings.HasPrefix(got, "Bricked again: release 2.3.0 was restored and verified, and hung three times") || !strings.Contains(got, "set it to healthy first") {
		t.Errorf("%q", got)
	}
	l.Health = state.HealthGood
	if _, got := labState(&l); strings.Contains(got, "healthy") {
		t.Errorf("the switch is blamed for nothing: %q", got)
	}
}

// An act that others feel is asked for once, in its place, by mouse and by keyboard.
func TestAskedOnce(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	done := 0
	bar := &ActBar{Page: r, Key: "k", Acts: []act{asked(secondary("Withhold", func() { done++ }), "Withhold it?", "Keep offering it")}}
	press := func(label string) {
		t.Helper()
		for _, a := range bar.list() {
			if a.Label == label {
				a.Do()
				return
			}
		}
		t.Fatalf("no button %q among %+v", label, bar.list())
	}
	press("Withhold")
	if done != 0 || bar.question() != "Withhold it?" {
		t.Fatalf("done %d times, asks %q", done, bar.question())
	}
	r.Rendered()
	if len(w.focus) != 1 || w.focus[0] != `[data-acts="k"] button:last-of-type` {
		t.Errorf("the focus goes to %q", w.focus)
	}
	bar.key(&event{key: "a"})
	if bar.open() == nil {
		t.Error("any key closes the question")
	}
	bar.key(&event{key: "Escape"})
	if r.Rendered(); bar.open() != nil || done != 0 || w.focus[len(w.focus)-1] != `[data-acts="k"] button` {
		t.Errorf("Escape: asks %q, done %d times, focus %q", bar.question(), done, w.focus)
	}
	press("Withhold")
	press("Keep offering it")
	if done != 0 || bar.open() != nil {
		t.Error("who keeps it has it done")
	}
	press("Withhold")
	press("Withhold")
	if done != 1 || bar.open() != nil {
		t.Errorf("done %d times", done)
	}
	press("Withhold")
	bar.Acts[0].Label = "Offer" // somebody else withheld it meanwhile
	if bar.open() != nil {
		t.Error("the question about another act is open")
	}
}

// Every act that others feel, or that takes something away for good, is asked first.
func TestActsThatAreAskedFirst(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet-releases")
	signedIn(fleetAnswers)(r, w)
	n := 0
	releases := &FleetReleases{Page: r}
	for _, row := range releases.rows() {
		for _, a := range releases.acts(row) {
			if n++; a.Ask.Question == "" || a.Ask.No == "" || !strings.Contains(a.Ask.Question, "release "+row.Version) || !strings.Contains(a.Name, row.Version) {
				t.Errorf("%s of %s is not asked: %+v", a.Label, row.Version, a.Ask)
			}
		}
	}
	r.SetPath("#fleet-device/0001/A17-004212")
	w.answer(fleetAnswers)
	for _, a := range (&FleetDevice{Page: r}).acts() {
		if n++; a.Ask.Question == "" {
			t.Errorf("%s is not asked", a.Label)
		}
	}
	r.SetPath("#restore")
	r.SetState(state.State{Restore: state.Restore{Phase: state.RestoreIdle, Job: state.PendingJob{Serial: "A", Version: "2"}}})
	for _, a := range r.restorePane().Acts {
		if a.Label == "Forget it" {
			if n++; a.Ask.Question == "" {
				t.Errorf("%s is not asked", a.Label)
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d such acts were found", n)
	}
}
