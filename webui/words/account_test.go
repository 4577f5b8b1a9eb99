package words

import (
	"strings"
	"testing"
	"time"

	"unbrick/release"
	"unbrick/server/form"
	"unbrick/webui/fleetdata"
)

// TestRefusals: each trouble has a sentence of its own, beside what it is of and nowhere else.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		t    fleetdata.Trouble
		want string
	}{
		{fleetdata.Trouble{}, ""},
		{fleetdata.Trouble{Of: fleetdata.OfAccount, Status: 409, Problem: form.Problem{Code: "conflict", Text: "there is an account ci already"}}, "The server refused: there is an account ci already."},
		{fleetdata.Trouble{Of: fleetdata.OfAccount, Problem: form.Problem{Code: fleetdata.BadName}}, NameRule},
		{fleetdata.Trouble{Of: fleetdata.OfToken, Problem: form.Problem{Code: fleetdata.BadDays}}, "Days are a whole number from 1 to 36\u202f500, or nothing."},
		{fleetdata.Trouble{Of: fleetdata.OfRemoval}, "The server did not answer, so it may be done or not. Look again before you repeat it."},
		{fleetdata.Trouble{Of: fleetdata.OfRemoval, Status: 502}, "The server did not answer, so it may be done or not. Look again before you repeat it."},
		{fleetdata.Trouble{Of: fleetdata.OfBar, Status: 403}, "The server refused, with status 403."},
		{fleetdata.Trouble{Of: fleetdata.OfToken}, "The server did not answer. A token that stands in the list now has been seen by nobody: remove it, and make another."},
		{fleetdata.Trouble{Of: fleetdata.OfSignIn}, "The server does not answer. Try again in a moment."},
	} {
		if got := Refused(&test.t, test.t.Of); test.t.Of != "" && got != test.want {
			t.Errorf("%+v: %q", test.t, got)
		}
		if got := Refused(&test.t, "another"); got != "" {
			t.Errorf("%+v is told beside something else: %q", test.t, got)
		}
	}
	long := strings.Repeat("a", release.MaxText)
	if release.CheckID(long) != nil || release.CheckID(long+"a") == nil || !strings.Contains(NameRule, "1 to 32 letters") || release.MaxText != 32 {
		t.Error("the rule for names is another one than the server's")
	}
}

// TestEndingsSayWhatEnds: the question before an account goes names it, and what goes with it.
func TestEndingsSayWhatEnds(t *testing.T) {
	for _, test := range []struct {
		a    form.Account
		want []string
		acts int
	}{
		{form.Account{Name: "ci", Tokens: 2}, []string{"account ci", "2 tokens end at once", "stays in the log"}, 1},
		{form.Account{Name: "ci", Tokens: 1}, []string{"1 token ends at once: who uses it is refused"}, 1},
		{form.Account{Name: "ci"}, []string{"pages are signed out"}, 1},
		{form.Account{Name: "oidc-x", Called: "Ada", Issuer: "i"}, []string{"account of Ada", "a bar goes with it", "its next sign-in makes the account anew"}, 2},
		{form.Account{Name: "oidc-x", Issuer: "i", Barred: true}, []string{"account of oidc-x"}, 2},
		{form.Account{Name: "environment"}, nil, 0},
	} {
		acts := AccountActs(&test.a)
		if len(acts) != test.acts {
			t.Fatalf("%+v: %+v", test.a, acts)
		}
		for _, want := range test.want {
			if q := acts[len(acts)-1].Ask; !strings.Contains(q.Question, want) || q.No == "" {
				t.Errorf("%+v: %q lacks %q", test.a, q.Question, want)
			}
		}
		if test.a.Tokens == 0 && len(acts) > 0 && strings.Contains(acts[len(acts)-1].Ask.Question, "0 tokens") {
			t.Errorf("%q", acts[len(acts)-1].Ask.Question)
		}
	}
	free := AccountActs(&form.Account{Name: "oidc-x", Issuer: "i", Barred: true})[0]
	if free.Label != "Free" || free.Wish != (BarAccount{}) {
		t.Errorf("%+v", free)
	}
}

// TestTokenRows: when a token ends and was used last; one that has ended says so.
func TestTokenRows(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 4, 0, 0, time.UTC)
	later, before := now.AddDate(0, 2, 0), now.Add(-time.Hour)
	rows := TokenRows([]form.Token{{ID: "a", Made: before}, {ID: "b", Made: before, Ends: &later, Used: &before}, {ID: "c", Made: before, Ends: &before, Ended: true}}, now)
	for i, want := range [][2]string{{"never", "never"}, {"22 Jan 2027", "Today, 13:04"}, {"ended", "never"}} {
		if rows[i].Ends != want[0] || rows[i].Used != want[1] || rows[i].Acts[0].Ask.Question == "" || !strings.Contains(rows[i].Acts[0].Name, rows[i].ID) {
			t.Errorf("%+v, want %v", rows[i], want)
		}
	}
}
