package api

import (
	"errors"
	"net/http"

	"unbrick/server/account"
	"unbrick/server/form"
	"unbrick/server/provider"
	"unbrick/server/storage"
)

// provider is what everybody may know of the identity provider, nil if there is none.
func (s *Server) provider() *form.Provider {
	p := s.cfg.Provider
	if p == nil {
		return nil
	}
	return &form.Provider{Host: p.Host(), URL: p.Begun()}
}

// signsIn opens the addresses to which a browser goes to sign in by the identity provider, and from there. Both lead it on: at the end
// to the page, with one word if it was not signed in.
func (s *Server) signsIn(p *provider.Provider) {
	s.mux.HandleFunc("GET "+provider.BeginPath, func(w http.ResponseWriter, r *http.Request) {
		address, cookie, err := p.Begin()
		if err != nil {
			s.turnedAway(w, r, err)
			return
		}
		http.SetCookie(w, cookie)
		lead(w, r, address)
	})
	s.mux.HandleFunc("GET "+provider.BackPath, func(w http.ResponseWriter, r *http.Request) {
		person, err := p.End(r)
		if !errors.Is(err, provider.Stale) { // else a foreign page that leads here could end what began in this browser
			http.SetCookie(w, p.Gone())
		}
		if err != nil {
			s.turnedAway(w, r, err)
			return
		}
		a := storage.Account{Subject: person.Subject, Called: person.Called, Roles: person.Grant.Roles, Models: person.Grant.Models}
		cookie, err := s.cfg.Accounts.Enter(r.Context(), a, s.client(r), p.Secure())
		if err != nil {
			s.turnedAway(w, r, err)
			return
		}
		http.SetCookie(w, cookie)
		lead(w, r, p.Page("fleet-signed-in"))
	})
}

// turnedAway leads a browser to the page, which says why it was not signed in.
func (s *Server) turnedAway(w http.ResponseWriter, r *http.Request, err error) {
	var why provider.Refusal
	word := "trouble"
	switch {
	case errors.As(err, &why):
		word = string(why)
	case errors.Is(err, account.ErrBarred):
		word = "barred"
	case errors.Is(err, account.ErrNoRole):
		word = "no-role"
	case errors.Is(err, storage.ErrTooMany), errors.Is(err, storage.ErrFull):
		word = "full"
	default:
		s.cfg.Log.Error("sign-in", "error", err)
	}
	lead(w, r, s.cfg.Provider.Page("fleet-refused/"+word))
}

func lead(w http.ResponseWriter, r *http.Request, address string) {
	apiHeaders(w.Header())
	http.Redirect(w, r, address, http.StatusSeeOther)
}
