package families

import (
	"strings"
	"testing"

	"unbrick/restore"
	"unbrick/webui/state"
	"unbrick/webui/words"
)

// TestEveryEndAnswersThreeQuestions: what happened, is the device safe, what to do; no two ends have one headline.
func TestEveryEndAnswersThreeQuestions(t *testing.T) {
	own := []restore.Code{restore.CodeUnlisted, restore.CodePending, restore.CodeTrial, restore.CodeNotStarted, restore.CodeChip,
		restore.CodeProtected, restore.CodeTooLarge, restore.CodeReserved, restore.CodeStarted, restore.CodeUnfit, restore.CodeNamed}
	if len(own) != len(ends) {
		t.Errorf("%d ends, want %d", len(ends), len(own))
	}
	seen := map[string]restore.Code{}
	for _, code := range own {
		said := ends[code]
		for _, text := range []string{said.Heading, said.Lead, said.Do, said.Safe} {
			if len(text) > state.MaxTold {
				t.Errorf("%v: %d bytes", code, len(text))
			}
		}
		p := words.RestorePane(state.RestoreFailed{Failure: state.Failure{Code: code, Stage: restore.StageWrite, Said: said}}, false, "")
		if p.Heading == "" || p.Heading != said.Heading || p.Lead == "" || p.Verdict == nil || p.Verdict.Safe == "" || p.Verdict.Do == "" || len(p.Acts) != 2 {
			t.Errorf("%v leaves a question open: %+v", code, p)
		}
		if was, double := seen[p.Heading]; double {
			t.Errorf("%v and %v have one headline", was, code)
		}
		seen[p.Heading] = code
		for _, word := range []string{"error", "failed", "oops", "invalid", "please"} {
			if strings.Contains(strings.ToLower(p.Heading+p.Lead+p.Verdict.Do), word) {
				t.Errorf("%v says %q", code, word)
			}
		}
	}
}

// TestEveryNumberHasWords: whatever a device, a start or a proof may be, a person is told in words.
func TestEveryNumberHasWords(t *testing.T) {
	for what, texts := range map[string][]string{"protection": protections[1:], "note": notes[1:], "proof": proofs[:]} {
		for i, s := range texts {
			if s == "" {
				t.Errorf("%s %d has no words", what, i)
			}
		}
	}
	for i, o := range outcomes {
		if o.head == "" || o.text == "" {
			t.Errorf("outcome %d has no words", i)
		}
	}
}
