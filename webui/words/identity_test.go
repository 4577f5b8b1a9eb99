package words

import (
	"strings"
	"testing"
	"time"

	"unbrick/server/form"
	"unbrick/server/storage"
)

// TestStandings: each standing that the server knows has its words, and a button exactly where its key is held.
func TestStandings(t *testing.T) {
	f := asked(`{"models":[{"id":"0001","enrolment":"approve"},{"id":"0002","enrolment":"list"}]}`)
	seen := map[string]bool{}
	for _, s := range storage.Standings[1:] {
		v := standingCalled(s.String())
		if v.is == "" || v.is == s.String() || seen[v.is] || !strings.HasSuffix(v.means, ".") {
			t.Errorf("%v: %+v", s, v)
		}
		seen[v.is] = true
		one := form.Stranger{Model: "0001", Serial: "A", Key: "ab", Standing: s.String()}
		if got := len(strangerActs(f, &one, "cd", false)) > 0; got != s.Holds() {
			t.Errorf("%v: can be given the serial: %v", s, got)
		}
		one.Model = "0002"
		if got := len(strangerActs(f, &one, "", false)) > 0; got {
			t.Errorf("%v: can be approved although a list decides", s)
		}
	}
	if len(standings) != len(storage.Standings)-1 || len(StandingOptions("pending")) != len(storage.Standings) {
		t.Error("there are words for what the server does not know")
	}
	for _, e := range []storage.Enrolment{storage.ByApproval, storage.ByList, storage.ByFirst} {
		if got := enrolments[e-1].word; got != e.String() {
			t.Errorf("%v is called %q", e, got)
		}
	}
}

// TestStandingFollowsTheKey: a word of before another key was enrolled is not shown as if none was.
func TestStandingFollowsTheKey(t *testing.T) {
	for _, test := range []struct {
		standing    string
		has, byList bool
		want        string
	}{
		{"pending", false, false, "approve it"}, {"pending", false, true, "unbrick device import"}, {"pending", true, true, "If the device got a new board"},
		{"second-key", true, false, "If the device got a new board"}, {"second-key", false, false, "approve it"}, {"unsigned", false, false, "named no key"},
	} {
		if v := standingOf(&form.Stranger{Standing: test.standing}, test.has, test.byList); !strings.Contains(v.means, test.want) {
			t.Errorf("%+v: %q", test, v.means)
		}
	}
	if v := standingOf(&form.Stranger{Standing: "of-tomorrow"}, false, false); v.is != "of-tomorrow" {
		t.Errorf("%+v", v)
	}
}

// TestProofOf: a conflict weighs more than a key.
func TestProofOf(t *testing.T) {
	now := time.Now()
	for want, d := range map[string]form.Device{"Never proven": {}, "Proven": {Key: "ab"}, "Conflict, not counted": {Key: "ab", Conflict: &now}} {
		if got := ProofOf(&d); got.Is != want {
			t.Errorf("%+v: %q", d, got.Is)
		}
	}
}

// TestKeyRows: what is told of the keys of a device in each of their states.
func TestKeyRows(t *testing.T) {
	now := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	for _, test := range []struct{ body, want string }{
		{`{}`, "It has no key"},
		{`{"device_keys":[{"key":"aa","state":"enrolled","since":"2026-11-22T14:00:00Z"}]}`, "has not spoken with it yet"},
		{`{"key":"aa","device_keys":[{"key":"aa","state":"enrolled","since":"2026-11-22T14:00:00Z"}]}`, "is the device’s word"},
		{`{"device_keys":[{"key":"aa","state":"barred","since":"2026-11-22T14:00:00Z"}]}`, "counts for nothing|It has no key"},
		{`{"strangers":[{"standing":"other-name","name":"n.example","address":"192.0.2.1","sessions":1}]}`, "Spoke to another name, n.example|192.0.2.1, 1 time."},
		{`{"strangers":[{"standing":"unsigned","address":"example"}]}`, "nobody spoke"},
	} {
		said := ""
		for _, row := range KeyRows(asked(test.body), now) {
			said += row.Head + " " + row.Text + "\n"
		}
		for _, want := range strings.Split(test.want, "|") {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q is missing in\n%s", test.body, want, said)
			}
		}
		if strings.Contains(said, "It has no key") == strings.Contains(test.body, "enrolled") {
			t.Errorf("%s: %s", test.body, said)
		}
	}
}
