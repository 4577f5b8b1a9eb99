package fleetdata_test

import (
	"testing"
	"time"

	"unbrick/server/account"
	"unbrick/server/form"
	"unbrick/server/storage"
	"unbrick/webui/fleetdata"
)

// TestRightsAreTheServers: the page shows what the server lets an account do, for every right and every set of roles.
func TestRightsAreTheServers(t *testing.T) {
	for right := form.MayAdminister; right <= form.MayHalt; right++ {
		for roles := storage.Roles(0); roles < 16; roles++ {
			c := fleetdata.New(fleetdata.Browser{})
			c.Roles = roles.Words()
			who := account.Who{Account: storage.Account{Roles: roles}}
			if got, want := c.May(right), who.May(right); got != want {
				t.Errorf("right %d with roles %v: %v on the page, %v at the server", right, roles, got, want)
			}
		}
	}
	if grants := account.Grants(form.MayHalt + 1); grants != 0 {
		t.Error("there is a right that this test does not know")
	}
}

// TestLongLists: accounts and tokens that come in pages are all there, and a page that is asked anew takes none away meanwhile.
func TestLongLists(t *testing.T) {
	var asked []fleetdata.Request
	var answers []func(int, any)
	c := fleetdata.New(fleetdata.Browser{After: func(time.Duration, func()) {}, Signed: func(string) {}, Say: func(string) {},
		Fetch: func(q fleetdata.Request, done func(int, any)) {
			asked, answers = append(asked, q), append(answers, done)
		}})
	answer := func() {
		for len(answers) > 0 {
			q, done := asked[len(asked)-len(answers)], answers[0]
			answers = answers[1:]
			switch q.Path {
			case "/api/whoami":
				done(200, map[string]any{"account": "eve", "roles": []any{"admin"}})
			case "/api/accounts":
				done(200, map[string]any{"accounts": []any{map[string]any{"name": "a"}}, "next": "a&"})
			case "/api/accounts?cursor=a%26":
				done(200, map[string]any{"accounts": []any{map[string]any{"name": "b"}}, "next": ""})
			case "/api/tokens?account=b":
				done(200, map[string]any{"tokens": []any{map[string]any{"id": "1"}}, "next": "1"})
			case "/api/tokens?account=b&cursor=1":
				done(200, map[string]any{"tokens": []any{map[string]any{"id": "2"}}})
			default:
				done(200, map[string]any{})
			}
			if c.Account() == nil && len(c.Accounts) == 2 {
				t.Error("an account is gone while the list is asked anew")
			}
		}
	}
	c.SetSigned("eve")
	c.Show("fleet-account/b")
	answer()
	if len(c.Accounts) != 2 || len(c.Tokens) != 2 || c.Account() == nil {
		t.Fatalf("accounts %+v, tokens %+v", c.Accounts, c.Tokens)
	}
	c.Ask()
	for range 3 { // the first pages have come, and not the second
		answers[0](200, map[string]any{"accounts": []any{map[string]any{"name": "a"}}, "tokens": []any{}, "account": "eve", "roles": []any{"admin"}, "next": "a&"})
		answers = answers[1:]
	}
	if c.Account() == nil || len(c.Tokens) != 2 {
		t.Errorf("between two pages: accounts %+v, tokens %+v", c.Accounts, c.Tokens)
	}
}

// TestChangesTellTheirTrouble: what was not done stands by its form until the next try, and an ended login forgets all.
func TestChangesTellTheirTrouble(t *testing.T) {
	var answers []func(int, any)
	c := fleetdata.New(fleetdata.Browser{After: func(time.Duration, func()) {}, Signed: func(string) {}, Say: func(string) {},
		Fetch: func(_ fleetdata.Request, done func(int, any)) { answers = append(answers, done) }})
	c.SetSigned("eve")
	c.Show("fleet-account/ci")
	done := 0
	try := func(status int, answer any) {
		t.Helper()
		before := len(answers)
		c.RemoveToken("x", func() { done++ })
		if len(answers) == before || c.Busy != "x" {
			t.Fatalf("not sent, busy with %q", c.Busy)
		}
		sent := len(answers)
		if c.RemoveAccount(func() { done++ }); len(answers) != sent {
			t.Error("two changes at once")
		}
		answers[before](status, answer)
		if c.Busy != "" {
			t.Errorf("busy with %q when it is answered", c.Busy)
		}
	}
	for _, test := range []struct {
		status int
		answer any
		code   string
	}{{409, map[string]any{"error": "no", "code": "last-admin"}, "last-admin"}, {0, nil, ""}, {502, "<html>", ""}, {403, nil, ""}, {200 + 101, nil, ""}} {
		if try(test.status, test.answer); c.Trouble.Of != "x" || c.Trouble.Status != test.status || c.Trouble.Code != test.code || done != 0 {
			t.Errorf("status %d: %+v, done %d times", test.status, c.Trouble, done)
		}
	}
	if try(204, nil); c.Trouble.Of != "" || done != 1 {
		t.Errorf("done %d times, trouble %+v", done, c.Trouble)
	}
	try(401, map[string]any{"error": "this login has ended", "code": "no-token"})
	if c.Who != "" || c.Phase != fleetdata.SignedOut || done != 1 {
		t.Errorf("a login that has ended: %+v", c)
	}
	c.SetSigned("eve")
	c.Show("fleet-account/ci")
	asked := answers[len(answers)-1]
	c.MakeToken("", "", time.Now(), func() { done++ })
	late := answers[len(answers)-1]
	asked(200, map[string]any{"account": ""}) // the login has ended, and the address is the same
	late(201, map[string]any{"text": "ubk_secret"})
	if c.View != fleetdata.ViewAccount || c.Made != nil || done != 1 {
		t.Errorf("a token that was made in a login that has ended is shown: %+v", c)
	}
}

// TestNothingOddIsSent: names and days that no server takes are told at once.
func TestNothingOddIsSent(t *testing.T) {
	sent := 0
	c := fleetdata.New(fleetdata.Browser{Fetch: func(fleetdata.Request, func(int, any)) { sent++ }})
	for _, name := range []string{"", " ", "a b", "a/b", "..", "-a", "ä", "123456789012345678901234567890123"} {
		c.Trouble = fleetdata.Trouble{}
		if c.PutAccount(name, nil, nil, true, nil); sent != 0 || c.Trouble.Code != fleetdata.BadName {
			t.Errorf("name %q: %+v", name, c.Trouble)
		}
	}
	for _, days := range []string{"0", "-1", "1.5", "x", "36501", "99999999999999999999", "1e3"} {
		c.Trouble = fleetdata.Trouble{}
		if c.MakeToken("", days, time.Time{}, nil); sent != 0 || c.Trouble.Code != fleetdata.BadDays {
			t.Errorf("days %q: %+v", days, c.Trouble)
		}
	}
	if c.MakeToken("", " 36500 ", time.Time{}, nil); sent != 1 {
		t.Error("36500 days are not sent")
	}
}
