package words

import (
	"strings"
	"testing"
	"time"

	"unbrick/restore"
	"unbrick/webui/state"
)

// Every failure says what happened, whether the device is safe and what to do, and offers one primary
// button and the diagnostic file.
func TestEveryFailureAnswersThreeQuestions(t *testing.T) {
	seen := map[string]restore.Code{}
	for code := restore.CodeVanished; code <= restore.CodeNoProgram; code++ {
		switch code {
		case restore.CodeRestarted, restore.CodeForeign, restore.CodeExcluded:
			continue // numbers that only the command uses
		case restore.CodeUnlisted, restore.CodePending, restore.CodeTrial, restore.CodeNotStarted, restore.CodeChip, restore.CodeProtected,
			restore.CodeTooLarge, restore.CodeReserved, restore.CodeStarted, restore.CodeUnfit, restore.CodeNamed:
			continue // the program that speaks with other families tells them: webui/families
		}
		for _, touched := range []restore.Touched{restore.TouchedNothing, restore.TouchedPart, restore.TouchedAll, restore.TouchedRenewed,
			restore.TouchedSettings, restore.TouchedWritten} {
			p := failed(&state.RestoreFailed{Failure: state.Failure{Code: code, Touched: touched, Stage: restore.StageWrite, Sector: 28,
				Of: 42, Addr: 0x3a000, Needs: 96 << 10, Has: 64 << 10, Version: "2.4.1", Other: "0002"}})
			if p.Heading == "" || p.Lead == "" || p.Verdict == nil || p.Verdict.Safe == "" || p.Verdict.Do == "" {
				t.Errorf("cause %d leaves a question open: %+v", code, p)
				continue
			}
			if len(p.Acts) != 2 || p.Acts[0].Style != "primary" || p.Acts[1].Label != "Save diagnostic file" {
				t.Errorf("cause %d has the buttons %+v", code, p.Acts)
			}
			for _, a := range p.Acts {
				if _, command := a.Wish.(state.Command); !command && a.Wish != (ChooseFile{}) {
					t.Errorf("cause %d: a button wants %v", code, a.Wish)
				}
			}
			all := strings.ToLower(p.Heading + " " + p.Lead + " " + p.Verdict.Yes + p.Verdict.Safe + " " + p.Verdict.Do)
			for _, word := range []string{"error", "failed", "oops", "invalid", "please"} {
				if strings.Contains(all, word) {
					t.Errorf("cause %d says %q: %s", code, word, all)
				}
			}
			if touched != restore.TouchedNothing && strings.Contains(all, "nothing was written") {
				t.Errorf("cause %d claims that nothing was written", code)
			}
			if was, double := seen[p.Heading]; double && was != code {
				t.Errorf("causes %d and %d have one headline", was, code)
			}
			seen[p.Heading] = code
			if p.TraceEnd != "code "+CauseCode(code) {
				t.Errorf("cause %d: %q", code, p.TraceEnd)
			}
		}
	}
}

func TestKeptWords(t *testing.T) {
	part := state.Failure{Touched: restore.TouchedPart, Sector: 28, Of: 42, Left: 3 * time.Second}
	for _, c := range []struct {
		change func(f *state.Failure)
		want   string
	}{
		{func(*state.Failure) {}, " What is already written stays written; about 3 seconds remain."},
		{func(f *state.Failure) { f.Left = 0 }, " What is already written stays written."},
		{func(f *state.Failure) { f.Left = 1 }, " What is already written stays written; about 1 second remains."},
		{func(f *state.Failure) { f.Sector, f.Left = 1, 0 }, " What is already written stays written."},
		{func(f *state.Failure) { f.Touched, f.Sector = restore.TouchedNothing, 0 }, ""},
	} {
		f := part
		c.change(&f)
		if got := keptWords(&f); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// A cable that comes out before the first erase leaves the device as it was, and the page says so.
func TestOutBeforeTheFirstErase(t *testing.T) {
	for touched, safe := range map[restore.Touched]string{
		restore.TouchedNothing: "It is exactly as it was",
		restore.TouchedRenewed: "It holds what it held",
		restore.TouchedPart:    "It cannot start yet",
	} {
		f := state.Failure{Code: restore.CodeVanished, Touched: touched, Stage: restore.StageWrite, Of: 52, Left: time.Second}
		if touched == restore.TouchedPart {
			f.Sector = 1
		}
		p := failed(&state.RestoreFailed{Failure: f})
		if !strings.Contains(p.Verdict.Safe, safe) {
			t.Errorf("touched %d: %q", touched, p.Verdict.Safe)
		}
		if early := strings.Contains(p.Lead, "before anything was written"); early != (touched != restore.TouchedPart) {
			t.Errorf("touched %d: %q", touched, p.Lead)
		}
	}
}
