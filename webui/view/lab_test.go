package view

import (
	"strings"
	"testing"

	"unbrick/restore"
	"unbrick/webui/state"
	"unbrick/webui/state/statetest"
	"unbrick/webui/words"
)

// A restoration that has ended early says so in the Lab with the words of Restore, whatever ended it, and what it says to do
// can be done in the Lab.
func TestEndedRestorationInTheLab(t *testing.T) {
	for code := restore.Code(0); code <= restore.CodeSigners; code++ {
		for _, phase := range []state.LabPhase{state.LabBricked, state.LabRunning, state.LabOff} {
			l := statetest.Lab(phase)
			l.Outcome, l.Failure = state.OutcomeFailed, state.Failure{Code: code, Stage: restore.StageWrite, Touched: restore.TouchedPart, Sector: 5, Of: 42}
			w := &world{}
			r := New(w.hooks())
			r.SetPath("#lab")
			onLab(l)(r, w)
			p := words.LabFailure(&l)
			if p.Heading == "" || p.Lead == "" || p.Verdict.Safe == "" || p.Verdict.Do == "" || strings.Contains(p.Verdict.Do, "Connect") || strings.Contains(p.Verdict.Do, "cable in") {
				t.Errorf("code %d: %+v %+v", code, p, p.Verdict)
			}
			if html := text(render(t, r)); !strings.Contains(html, "Is the device safe?") || !strings.Contains(html, "What to do now") {
				t.Errorf("code %d is not on the screen in phase %d", code, phase)
			}
		}
	}
}

// Every act that others feel, or that takes something away for good, is asked first.
func TestActsThatAreAskedFirst(t *testing.T) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath("#fleet-releases")
	signedIn(fleetAnswers)(r, w)
	n := 0
	for _, row := range words.ReleaseRows(r.fleet.Client, demoNow) {
		for _, a := range row.Acts {
			if n++; a.Ask.Question == "" || a.Ask.No == "" || !strings.Contains(a.Ask.Question, "release "+row.Version) || !strings.Contains(a.Name, row.Version) {
				t.Errorf("%s of %s is not asked: %+v", a.Label, row.Version, a.Ask)
			}
		}
	}
	r.SetPath("#fleet-device/0001/A17-004212")
	w.answer(fleetAnswers)
	for _, a := range words.DeviceActs(r.fleet.Client) {
		if n++; a.Ask.Question == "" {
			t.Errorf("%s is not asked", a.Label)
		}
	}
	for _, a := range words.RestorePane(state.RestoreIdle{Jobs: []state.PendingJob{{Serial: "A", Version: "2"}}}, false, "").Acts {
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
