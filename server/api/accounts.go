package api

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"unbrick/release"
	"unbrick/server/account"
	"unbrick/server/form"
	"unbrick/server/storage"
)

func (s *Server) whoami(_ http.ResponseWriter, r *http.Request, _ *form.Nothing) (*form.Who, error) {
	return s.whoJSON(asks(r)), nil
}

func (s *Server) whoJSON(who *account.Who) *form.Who {
	return &form.Who{Account: who.Name, Roles: who.Roles.Words(), Models: notNil(who.Models), Version: s.cfg.Version, Demo: s.cfg.Demo != nil,
		Provider: s.provider()}
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request, in *form.Credentials) (*form.Who, error) {
	who, cookie, err := s.cfg.Accounts.SignIn(r, in.Body.Token, s.client(r))
	if err != nil {
		return nil, err
	}
	http.SetCookie(w, cookie)
	return s.whoJSON(&who), nil
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request, _ *form.Nothing) (*form.Nothing, error) {
	cookies, err := s.cfg.Accounts.SignOut(r.Context(), asks(r)) // a page whose login has ended loses its cookie, too
	if err != nil {
		return nil, err
	}
	for _, c := range cookies {
		http.SetCookie(w, c)
	}
	return &form.Nothing{}, nil
}

func (s *Server) listAccounts(_ http.ResponseWriter, r *http.Request, in *form.AccountQuery) (*form.Accounts, error) {
	accounts, err := s.cfg.Store.Accounts(r.Context())
	if err != nil {
		return nil, err
	}
	tokens, err := s.cfg.Store.Tokens(r.Context(), "")
	if err != nil {
		return nil, err
	}
	live := map[string]int{}
	for i := range tokens {
		if !tokens[i].Ended(s.cfg.Now()) {
			live[tokens[i].Account]++
		}
	}
	from, to, next, err := pageOf(&in.Page, len(accounts), func(i int) string { return accounts[i].Name })
	if err != nil {
		return nil, err
	}
	return &form.Accounts{Next: next, Accounts: each(accounts[from:to], func(a *storage.Account) form.Account {
		return accountJSON(a, live[a.Name])
	})}, nil
}

func (s *Server) putAccount(_ http.ResponseWriter, r *http.Request, in *form.AccountChange) (*form.Account, error) {
	if err := given(in.Account); err != nil {
		return nil, err
	}
	roles, ok := storage.ParseRoles(in.Body.Roles)
	if !ok {
		return nil, malformed("an account has roles of view, operate, publish and admin, at least one")
	}
	models := slices.Compact(slices.Sorted(slices.Values(in.Body.Models)))
	for _, id := range models {
		if err := release.CheckID(id); err != nil {
			return nil, malformed("model %q: %v", release.Clean(id, release.MaxText), err)
		}
	}
	if roles&storage.Admin != 0 && len(models) > 0 {
		return nil, malformed("who may administer is bound to no models: it could give itself all of them")
	}
	now := s.cfg.Now()
	a := storage.Account{Name: in.Account, Roles: roles, Models: models, Made: now}
	switch was, err := s.cfg.Store.Account(r.Context(), in.Account); {
	case err == nil && in.Body.New:
		return nil, problem(http.StatusConflict, "conflict", "there is an account %s already: choose another name", in.Account)
	case err == nil:
		a.Made = was.Made
		before(r, was.Rights())
	case !errors.Is(err, storage.ErrNotFound):
		return nil, err
	default:
		if all, err := s.cfg.Store.Accounts(r.Context()); err != nil {
			return nil, err
		} else if len(all) >= storage.MaxAccounts-account.Kept {
			return nil, storage.ErrTooMany
		}
	}
	after(r, a.Rights())
	if err := s.cfg.Store.PutAccount(r.Context(), a, now); err != nil {
		return nil, err
	}
	tokens, err := s.cfg.Store.Tokens(r.Context(), a.Name)
	if err != nil {
		return nil, err
	}
	v := accountJSON(&a, 0)
	for i := range tokens {
		if !tokens[i].Ended(now) {
			v.Tokens++
		}
	}
	return &v, nil
}

// notOwn refuses to change the account whose token the server was started with: the machine's owner says what it is.
func notOwn(name string) error {
	if name != account.Environment {
		return nil
	}
	return problem(http.StatusConflict, "conflict",
		"the account %s is the server's own while UNBRICK_TOKEN says its token", account.Environment)
}

// given refuses to say what an account may, or to give it a token, where others say that.
func given(name string) error {
	if account.IsPerson(name) {
		return problem(http.StatusConflict, "conflict",
			"names with %s are of persons whom an identity provider knows: its groups say what they may, and they have no tokens", account.Person)
	}
	return notOwn(name)
}

func (s *Server) barAccount(_ http.ResponseWriter, r *http.Request, in *form.AccountBar) (*form.Account, error) {
	if !account.IsPerson(in.Account) {
		return nil, problem(http.StatusConflict, "conflict",
			"only persons whom an identity provider knows are barred: of another account remove the tokens, or itself")
	}
	a, err := s.cfg.Accounts.Bar(r.Context(), in.Account, in.Body.Barred)
	if err != nil {
		return nil, err
	}
	return new(accountJSON(&a, 0)), nil
}

func accountJSON(a *storage.Account, tokens int) form.Account {
	return form.Account{Name: a.Name, Roles: a.Roles.Words(), Models: notNil(a.Models), Made: a.Made, Tokens: tokens,
		Issuer: a.Issuer, Subject: a.Subject, Called: a.Called, Barred: a.Barred}
}

func (s *Server) removeAccount(_ http.ResponseWriter, r *http.Request, in *form.AccountName) (*form.Nothing, error) {
	if err := notOwn(in.Account); err != nil {
		return nil, err
	}
	was, err := s.cfg.Store.Account(r.Context(), in.Account)
	if err != nil {
		return nil, err
	}
	before(r, was.Rights())
	return &form.Nothing{}, s.cfg.Store.DeleteAccount(r.Context(), in.Account, s.cfg.Now())
}

func (s *Server) listTokens(_ http.ResponseWriter, r *http.Request, in *form.TokenQuery) (*form.Tokens, error) {
	tokens, err := s.cfg.Store.Tokens(r.Context(), in.Account)
	if err != nil {
		return nil, err
	}
	from, to, next, err := pageOf(&in.Page, len(tokens), func(i int) string { return tokens[i].ID })
	if err != nil {
		return nil, err
	}
	return &form.Tokens{Next: next, Tokens: each(tokens[from:to], s.tokenJSON)}, nil
}

func (s *Server) tokenJSON(t *storage.Token) form.Token {
	v := form.Token{ID: t.ID, Account: t.Account, Note: t.Note, Made: t.Made, Ended: t.Ended(s.cfg.Now())}
	if !t.Ends.IsZero() {
		v.Ends = &t.Ends
	}
	if !t.Used.IsZero() {
		v.Used = &t.Used
	}
	return v
}

func (s *Server) makeToken(_ http.ResponseWriter, r *http.Request, in *form.TokenWish) (*form.NewToken, error) {
	if err := given(in.Account); err != nil {
		return nil, err
	}
	if err := release.CheckText(in.Body.Note, storage.MaxNote); in.Body.Note != "" && err != nil {
		return nil, malformed("note: %v", err)
	}
	now, ends := s.cfg.Now(), time.Time{}
	if in.Body.Ends != nil {
		if ends = in.Body.Ends.UTC().Truncate(time.Millisecond); !ends.After(now) {
			return nil, malformed("a token that ends at %s has ended: it is %s", ends.Format(time.RFC3339), now.Format(time.RFC3339))
		}
	}
	made := account.Make(in.Account, in.Body.Note, now, ends)
	after(r, made.ID)
	if err := s.cfg.Store.AddToken(r.Context(), made.Token); err != nil {
		return nil, err
	}
	return &form.NewToken{Token: s.tokenJSON(&made.Token), Text: made.Text}, nil
}

func (s *Server) removeToken(_ http.ResponseWriter, r *http.Request, in *form.TokenID) (*form.Nothing, error) {
	was, err := s.cfg.Store.Token(r.Context(), in.Token)
	if err != nil {
		return nil, err
	}
	if err := notOwn(was.Account); err != nil {
		return nil, err
	}
	before(r, was.Account)
	return &form.Nothing{}, s.cfg.Store.DeleteToken(r.Context(), in.Token, s.cfg.Now())
}

func (s *Server) listActs(_ http.ResponseWriter, r *http.Request, in *form.ActQuery) (*form.Acts, error) {
	who := asks(r)
	if !who.May(form.MayAdminister) {
		if in.Account != "" && in.Account != who.Name {
			return nil, problem(http.StatusForbidden, "forbidden", "what other accounts did is told to who may administer")
		}
		in.Account = who.Name
	}
	rows := s.cfg.Store.Rows
	if in.Oldest {
		rows = s.cfg.Store.RowsAfter
	}
	page, next, err := pageByID(&in.Page, actsPage, func(from int64, limit int) ([]storage.Row, error) {
		return rows(r.Context(), in.Account, from, limit)
	}, func(a *storage.Row) int64 { return a.N })
	if err != nil {
		return nil, err
	}
	return &form.Acts{Next: next, Acts: each(page, func(a *storage.Row) form.Act {
		return form.Act{N: a.N, At: a.At, Account: a.Account, Token: a.Token, Address: a.Address, Name: a.Name, Object: a.Object,
			Before: a.Before, After: a.After, Result: a.Result, Hash: release.Hex(a.Hash)}
	})}, nil
}

func (s *Server) pruneActs(_ http.ResponseWriter, r *http.Request, in *form.Prune) (*form.Nothing, error) {
	if in.Before == 0 {
		return nil, malformed("before says which row is the first that stays")
	}
	after(r, "before "+strconv.FormatInt(in.Before, 10))
	return &form.Nothing{}, s.cfg.Store.Prune(r.Context(), in.Before)
}

// notNil is a list that JSON has as one.
func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
