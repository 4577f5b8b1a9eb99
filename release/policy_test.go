package release_test

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"unbrick/flash"
	"unbrick/release"
)

// TestPermits: which releases count with a trust statement and without one, for what is installed and for what runs.
func TestPermits(t *testing.T) {
	statement := soundStatement() // version 3, era 1, least counter 2 of era 1, ceilings 900 and 90
	for _, c := range []struct {
		name                 string
		s                    *release.Statement
		era                  uint16
		order, counter       uint64
		least                uint32
		whenInstall, whenRun release.Reason // 0: it counts
	}{
		{"no statement", nil, 0, release.MaxNumber, release.MaxNumber, 0, 0, 0},
		{"no statement, second era", nil, 1, 1, 1, 0, release.TrustTooOld, release.TrustTooOld},
		{"no statement, asks for one", nil, 0, 1, 1, 1, release.TrustTooOld, release.TrustTooOld},
		{"right", statement, 1, 900, 90, 3, 0, 0},
		{"at the least", statement, 1, 1, 2, 0, 0, 0},
		{"below the least", statement, 1, 1, 1, 0, release.BelowLeast, 0},
		{"of the era before", statement, 0, 900, 90, 0, release.BelowLeast, 0},
		{"of the era behind", statement, 2, 1, 2, 0, release.EraAhead, release.EraAhead},
		{"order above the ceiling", statement, 1, 901, 90, 0, release.AboveCeiling, release.AboveCeiling},
		{"counter above the ceiling", statement, 1, 900, 91, 0, release.AboveCeiling, release.AboveCeiling},
		{"of the era before, above the ceiling", statement, 0, 901, 90, 0, release.AboveCeiling, release.AboveCeiling},
		{"asks for a newer statement", statement, 1, 9, 9, 4, release.TrustTooOld, release.TrustTooOld},
		{"asks for a newer statement, era behind", statement, 2, 9, 9, 4, release.TrustTooOld, release.TrustTooOld},
	} {
		m := soundManifest()
		m.Era, m.Order, m.Counter, m.Least = c.era, c.order, c.counter, c.least
		for use, want := range map[release.Use]release.Reason{release.Install: c.whenInstall, release.Run: c.whenRun} {
			err := release.Permits(c.s, &m, use)
			var no *release.Refusal
			if want == 0 && err != nil || want != 0 && (!errors.As(err, &no) || no.Reason != want) {
				t.Errorf("%s, use %d: got %v, want %v", c.name, use, err, want)
			}
		}
		area := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 4}}}
		target := release.Target{Model: m.Model, Software: &area, Trust: c.s}
		var no *release.Refusal
		if err := target.Accept(&m, nil); c.whenInstall == 0 && err != nil || c.whenInstall != 0 && (!errors.As(err, &no) || no.Reason != c.whenInstall) {
			t.Errorf("%s: accepted as if it were not to be installed: %v", c.name, err)
		}
	}
}

// TestSignersOfAStatement: each use has keys of its own, and a release that one use takes the other may not.
func TestSignersOfAStatement(t *testing.T) {
	s := soundStatement() // makerKey both, thirdKey installs, fourthKey runs; two must sign
	m := soundManifest()
	for _, c := range []struct {
		name                 string
		keys                 []ed25519.PrivateKey
		whenInstall, whenRun error
	}{
		{"for what is installed", []ed25519.PrivateKey{makerKey(), thirdKey()}, nil, release.ErrSigners},
		{"for what runs", []ed25519.PrivateKey{makerKey(), fourthKey()}, release.ErrSigners, nil},
		{"for both", []ed25519.PrivateKey{makerKey(), thirdKey(), fourthKey()}, nil, nil},
		{"one of each", []ed25519.PrivateKey{thirdKey(), fourthKey()}, release.ErrSigners, release.ErrSigners},
		{"a root key", []ed25519.PrivateKey{otherKey()}, release.ErrUnknownKey, release.ErrUnknownKey},
	} {
		signed := must(release.Sign(&m, c.keys...))
		var buf [release.MaxReleaseKeys]ed25519.PublicKey
		for use, want := range map[release.Use]error{release.Install: c.whenInstall, release.Run: c.whenRun} {
			_, err := release.Verify(signed, s.Signers(buf[:0], use), int(s.Threshold))
			if !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%s, use %d: got %v, want %v", c.name, use, err, want)
			}
		}
	}
}

func TestPairs(t *testing.T) {
	for _, c := range []struct {
		a, b release.Floor
		want int
	}{
		{release.Floor{}, release.Floor{}, 0}, {release.Floor{Era: 1}, release.Floor{Counter: release.MaxNumber}, 1}, {release.Floor{Counter: 1}, release.Floor{Counter: 2}, -1},
		{release.Floor{Era: 2, Counter: 7}, release.Floor{Era: 2, Counter: 7}, 0},
	} {
		if got := c.a.Compare(c.b); got != c.want {
			t.Errorf("%v, %v: %d", c.a, c.b, got)
		}
		if got := c.b.Compare(c.a); got != -c.want {
			t.Errorf("%v, %v: %d", c.b, c.a, got)
		}
		if got := (release.Rank{Era: c.a.Era, Order: c.a.Counter}).Compare(release.Rank{Era: c.b.Era, Order: c.b.Counter}); got != c.want {
			t.Errorf("as ranks %v, %v: %d", c.a, c.b, got)
		}
	}
	if s := (release.Floor{Counter: 7}).String() + "; " + (release.Rank{Era: 2, Order: 7}).String(); s != "7; era 2, 7" {
		t.Error(s)
	}
}
