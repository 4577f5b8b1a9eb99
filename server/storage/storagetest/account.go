package storagetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"unbrick/server/storage"
)

func account(name string, roles storage.Roles, models ...string) storage.Account {
	return storage.Account{Name: name, Roles: roles, Models: models, Made: epoch}
}

func token(id, account string, ends time.Time) storage.Token {
	secret := storage.Digest([]byte(fmt.Sprintf("%-32s", id)))
	return storage.Token{ID: id, Account: account, Secret: secret, Note: "of " + id, Made: epoch, Ends: ends}
}

func testAccounts(t *testing.T, s *stand) {
	root, ci := account("root", storage.Admin|storage.Publish), account("ci", storage.Publish, "0001", "0002")
	ok(t, s.PutAccount(ctx, root, epoch))
	ok(t, s.PutAccount(ctx, ci, epoch))
	s.reopen(t)
	equal(t, "accounts", must(s.Accounts(ctx))(t), []storage.Account{ci, root})
	equal(t, "account", must(s.Account(ctx, "ci"))(t), ci)
	is(t, errOf(s.Account(ctx, "CI")), storage.ErrNotFound)
	is(t, s.DeleteAccount(ctx, "nobody", epoch), storage.ErrNotFound)

	one, two := token("aaaaaaaa", "root", time.Time{}), token("bbbbbbbb", "ci", epoch.Add(time.Hour))
	two.Made = epoch.Add(time.Minute)
	ok(t, s.AddToken(ctx, one))
	ok(t, s.AddToken(ctx, two))
	is(t, s.AddToken(ctx, token("aaaaaaaa", "ci", epoch)), storage.ErrConflict)
	is(t, s.AddToken(ctx, token("cccccccc", "nobody", epoch)), storage.ErrNotFound)
	ok(t, s.UseToken(ctx, one.ID, epoch.Add(time.Second)))
	is(t, s.UseToken(ctx, "cccccccc", epoch), storage.ErrNotFound)
	one.Used = epoch.Add(time.Second)
	s.reopen(t)
	equal(t, "token", must(s.Token(ctx, one.ID))(t), one)
	equal(t, "tokens", must(s.Tokens(ctx, ""))(t), []storage.Token{two, one})
	equal(t, "tokens of one", must(s.Tokens(ctx, "ci"))(t), []storage.Token{two})
	is(t, errOf(s.Token(ctx, "cccccccc")), storage.ErrNotFound)
	is(t, s.DeleteToken(ctx, "cccccccc", epoch), storage.ErrNotFound)

	ok(t, s.DeleteAccount(ctx, "ci", epoch))
	is(t, errOf(s.Token(ctx, two.ID)), storage.ErrNotFound)
	for i := 1; i < storage.MaxTokens; i++ {
		ok(t, s.AddToken(ctx, token(fmt.Sprintf("%08d", i), "root", time.Time{})))
	}
	is(t, s.AddToken(ctx, token("zzzzzzzz", "root", time.Time{})), storage.ErrTooMany)
	is(t, errOf(s.Token(ctx, "zzzzzzzz")), storage.ErrNotFound)
}

// testLastAdmin: whatever is taken away, somebody may administer; where nobody could before, nothing is forbidden.
func testLastAdmin(t *testing.T, s *stand) {
	ok(t, s.PutAccount(ctx, account("first", storage.View), epoch))
	ok(t, s.PutAccount(ctx, account("root", storage.Admin), epoch))
	ok(t, s.PutAccount(ctx, account("root", storage.Operate), epoch)) // it had no token: nobody could administer
	ok(t, s.PutAccount(ctx, account("root", storage.Admin), epoch))
	ok(t, s.AddToken(ctx, token("aaaaaaaa", "root", time.Time{})))
	ok(t, s.PutAccount(ctx, account("other", storage.Admin), epoch))
	ok(t, s.AddToken(ctx, token("bbbbbbbb", "other", epoch.Add(time.Hour))))

	later := epoch.Add(2 * time.Hour) // the other's token has ended
	is(t, s.PutAccount(ctx, account("root", storage.View|storage.Operate|storage.Publish), later), storage.ErrLastAdmin)
	is(t, s.DeleteAccount(ctx, "root", later), storage.ErrLastAdmin)
	is(t, s.DeleteToken(ctx, "aaaaaaaa", later), storage.ErrLastAdmin)
	equal(t, "account", must(s.Account(ctx, "root"))(t).Roles, storage.Admin)
	ok(t, s.DeleteToken(ctx, "aaaaaaaa", epoch))
	is(t, s.DeleteAccount(ctx, "other", epoch), storage.ErrLastAdmin)
	ok(t, s.DeleteAccount(ctx, "first", epoch))
}

func testLogins(t *testing.T, s *stand) {
	ok(t, s.PutAccount(ctx, account("root", storage.Admin), epoch))
	ok(t, s.AddToken(ctx, token("aaaaaaaa", "root", time.Time{})))
	ok(t, s.AddToken(ctx, token("bbbbbbbb", "root", time.Time{})))
	login := func(n byte, token string) storage.Login {
		return storage.Login{Secret: storage.Digest{n}, Account: "root", Token: token, Made: epoch,
			Seen: epoch.Add(time.Duration(n) * time.Second)}
	}
	one := login(1, "aaaaaaaa")
	ok(t, s.AddLogin(ctx, one))
	is(t, s.AddLogin(ctx, login(2, "cccccccc")), storage.ErrNotFound)
	ok(t, s.SeeLogin(ctx, one.Secret, epoch.Add(time.Hour)))
	is(t, s.SeeLogin(ctx, storage.Digest{9}, epoch), storage.ErrNotFound)
	one.Seen = epoch.Add(time.Hour)
	s.reopen(t)
	equal(t, "login", must(s.Login(ctx, one.Secret))(t), one)
	ok(t, s.DeleteLogin(ctx, one.Secret))
	is(t, errOf(s.Login(ctx, one.Secret)), storage.ErrNotFound)
	is(t, s.DeleteLogin(ctx, one.Secret), storage.ErrNotFound)

	ok(t, s.AddLogin(ctx, login(3, "aaaaaaaa")))
	ok(t, s.AddLogin(ctx, login(4, "bbbbbbbb")))
	ok(t, s.DeleteToken(ctx, "aaaaaaaa", epoch))
	is(t, errOf(s.Login(ctx, storage.Digest{3})), storage.ErrNotFound)
	ok(t, errOf(s.Login(ctx, storage.Digest{4})))
	ok(t, s.PutAccount(ctx, account("root", storage.Admin|storage.View), epoch))
	is(t, errOf(s.Login(ctx, storage.Digest{4})), storage.ErrNotFound)

	// A login that a provider began has no token, and nobody has one with another's token.
	person := account("oidc-x", storage.View)
	person.Issuer, person.Subject, person.Called = "https://id.example", "42", "Ada"
	ok(t, s.PutAccount(ctx, person, epoch))
	by := storage.Login{Secret: storage.Digest{7}, Account: "oidc-x", Made: epoch, Seen: epoch}
	ok(t, s.AddLogin(ctx, by))
	others := storage.Login{Secret: storage.Digest{8}, Account: "oidc-x", Token: "bbbbbbbb", Made: epoch, Seen: epoch}
	is(t, s.AddLogin(ctx, others), storage.ErrNotFound)
	is(t, s.AddLogin(ctx, storage.Login{Secret: storage.Digest{8}, Account: "nobody", Made: epoch, Seen: epoch}), storage.ErrNotFound)
	s.reopen(t)
	equal(t, "account of a provider", must(s.Account(ctx, "oidc-x"))(t), person)
	equal(t, "login without a token", must(s.Login(ctx, by.Secret))(t), by)
	person.Barred = true
	ok(t, s.PutAccount(ctx, person, epoch))
	is(t, errOf(s.Login(ctx, by.Secret)), storage.ErrNotFound)
	equal(t, "barred account", must(s.Account(ctx, "oidc-x"))(t), person)
	ok(t, s.AddLogin(ctx, by))
	ok(t, s.DeleteAccount(ctx, "oidc-x", epoch))
	is(t, errOf(s.Login(ctx, by.Secret)), storage.ErrNotFound)

	for n := range storage.MaxLogins + 1 {
		ok(t, s.AddLogin(ctx, login(byte(10+n), "bbbbbbbb")))
	}
	is(t, errOf(s.Login(ctx, storage.Digest{10})), storage.ErrNotFound)
	ok(t, errOf(s.Login(ctx, storage.Digest{11})))
}

// rows are all rows of the audit log, whose chain was computed anew.
func rows(t *testing.T, s *stand) []storage.Row {
	t.Helper()
	list := must(s.RowsAfter(ctx, "", 0, storage.MaxPage))(t)
	for i := range list {
		var before storage.Digest
		if i > 0 {
			before = list[i-1].Hash
		}
		if list[i].Name != storage.Pruned && (list[i].Hash != list[i].Chain(before) || i > 0 && list[i].N != list[i-1].N+1) {
			t.Errorf("row %d does not follow the one before", list[i].N)
		}
	}
	return list
}

// testAudit: there is no change without its row, and no row without its change.
func testAudit(t *testing.T, s *stand) {
	d := &storage.Doer{Act: storage.Act{At: epoch, Account: "root", Token: "aaaaaaaa", Address: "192.0.2.1", Name: "model.put",
		Object: "0001", Before: "was", After: "is", Result: "done"}}
	doing := storage.Doing(ctx, d)
	ok(t, s.PutModel(doing, storage.Model{ID: "0001", Record: []byte{1}, Updated: epoch}))
	d.Name, d.Account = "account.put", "other"
	ok(t, s.PutAccount(doing, account("ci", storage.Publish), epoch))
	is(t, s.DeleteAccount(doing, "nobody", epoch), storage.ErrNotFound)
	cancelled, cancel := context.WithCancel(doing)
	cancel()
	is(t, s.PutAccount(cancelled, account("late", storage.Publish), epoch), context.Canceled)
	ok(t, s.PutAccount(ctx, account("quiet", storage.View), epoch)) // nobody does it
	equal(t, "rows written", d.Rows, 2)
	ok(t, s.Note(ctx, storage.Act{At: epoch, Name: "release.publish", Result: "forbidden"}))
	s.reopen(t)
	list := rows(t, s)
	if len(list) != 3 {
		t.Fatalf("%d rows: %+v", len(list), list)
	}
	want := d.Act
	want.Name, want.Account = "model.put", "root"
	equal(t, "first row", list[0].Act, want)
	equal(t, "rows of one", must(s.Rows(ctx, "other", 0, 10))(t), list[1:2])
	equal(t, "rows behind one", must(s.RowsAfter(ctx, "", 1, 1))(t), list[1:2])
	equal(t, "the newest", must(s.Rows(ctx, "", 0, 2))(t), []storage.Row{list[2], list[1]})
	equal(t, "those before", must(s.Rows(ctx, "", 2, 9))(t), list[:1])

	long := make([]byte, storage.MaxActText+100)
	long[3] = 0xff
	ok(t, s.Note(ctx, storage.Act{At: epoch.Add(time.Nanosecond), Name: string(long)}))
	is(t, s.Prune(ctx, 9), storage.ErrNotFound)
	d.Name = "audit.prune"
	ok(t, s.Prune(doing, 3))
	s.reopen(t)
	left := rows(t, s)
	if len(left) != 4 || left[0].N != 2 || left[0].Name != storage.Pruned || left[0].Hash != list[1].Hash || left[1] != list[2] ||
		left[3].Name != "audit.prune" {
		t.Errorf("pruned: %+v", left)
	}
}
