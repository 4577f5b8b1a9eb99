package terminal

import (
	"testing"

	"unbrick/protocol/smp"
	"unbrick/terminal/record"
)

// TestIntentSaysWhatIsThere: what was To is From behind the intent record of another rewrite, and so is the flash that holds it.
func TestIntentSaysWhatIsThere(t *testing.T) {
	for _, tt := range []struct {
		state         record.State
		before, after match
		was, is       smp.Match
	}{
		{record.Installed, matchTo, matchFrom, smp.MatchTo, smp.MatchFrom},
		{record.Installed, matchNone, matchNone, smp.MatchNone, smp.MatchNone},
		{record.Rewriting, matchTo, matchFrom, smp.MatchTo, smp.MatchFrom},
		{record.Rewriting, matchFrom, matchFrom, smp.MatchFrom, smp.MatchFrom},
		{record.Rewriting, matchNone, matchNone, smp.MatchNone, smp.MatchNone},
	} {
		b := newBench(t, 8, 0xFF, 4)
		if err := b.write(func(rec *record.Record) { rec.State, rec.From = tt.state, b.signed }); err != nil {
			t.Fatal(err)
		}
		b.readSoftware()
		b.software.match = tt.before
		if got := smp.Match(b.software.match); got != tt.was {
			t.Errorf("%v, %d: told as %v, want %v", tt.state, tt.before, got, tt.was)
		}
		m := b.software.to.Manifest
		if err := b.intend(b.signed, &m, 1); err != nil {
			t.Fatal(err)
		}
		if got := smp.Match(b.software.match); b.software.match != tt.after || got != tt.is {
			t.Errorf("%v, %d: then %d, told as %v; want %d, %v", tt.state, tt.before, b.software.match, got, tt.after, tt.is)
		}
	}
}
