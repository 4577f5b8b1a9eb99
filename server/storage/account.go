package storage

import (
	"errors"
	"strings"
	"time"

	"unbrick/limits"
)

// ErrLastAdmin says that a change would leave nobody who may administer the server.
var ErrLastAdmin = errors.New("nobody would be left who may administer the server")

// Limits of accounts.
const (
	MaxAccounts = limits.Accounts
	MaxTokens   = limits.Tokens    // of one account
	MaxLogins   = limits.Logins    // of one account; the one that was used longest ago goes first
	MaxNote     = limits.TokenNote // bytes of Token.Note
	TokenID     = 8                // characters of Token.ID
)

// Roles are what an account may do, one bit each: several roles are a sum. Bits are stored: append only.
type Roles uint8

// The roles.
const (
	View    Roles = 1 << iota // devices, their history, update files, counts
	Operate                   // that, and devices: hold, free, forget; halts a rollout
	Publish                   // models, releases, update files, rollouts; no devices
	Admin                     // accounts, tokens, the audit log
)

var roleWords = [...]string{"view", "operate", "publish", "admin"}

// Words are the words of the roles, in the HTTP API and the audit log.
func (r Roles) Words() []string {
	words := []string{}
	for i, word := range roleWords {
		if r>>i&1 != 0 {
			words = append(words, word)
		}
	}
	return words
}

// String is the words with commas.
func (r Roles) String() string { return strings.Join(r.Words(), ",") }

// ParseRoles is the reverse of Words. No role at all is none that can be given.
func ParseRoles(words []string) (r Roles, ok bool) {
	for _, word := range words {
		known := false
		for i := range roleWords {
			if roleWords[i] == word {
				r, known = r|1<<i, true
			}
		}
		if !known {
			return 0, false
		}
	}
	return r, r != 0
}

// Account is a person or a program with rights on the server.
type Account struct {
	Name   string
	Roles  Roles
	Models []string // that it may see and change, in order; none: all
	Made   time.Time

	// Issuer and Subject are whom an identity provider knows it as; empty: it is known by tokens. Who administers may bar it.
	Issuer, Subject string
	Called          string // what the provider calls the person: for people, and no name of anything
	Barred          bool
}

// Rights are what an account may, in the audit log.
func (a *Account) Rights() string {
	if len(a.Models) == 0 {
		return a.Roles.String()
	}
	return a.Roles.String() + " on models " + strings.Join(a.Models, ",")
}

// Token is what is kept of a secret by which an account is known.
type Token struct {
	ID      string // of TokenID characters, a part of the secret that is no secret
	Account string
	Secret  Digest // of the whole
	Note    string // what it is for
	Made    time.Time
	Ends    time.Time // zero: never
	Used    time.Time // not more often than once an hour; zero: never
}

// Ended reports whether a token has ended.
func (t *Token) Ended(now time.Time) bool { return !t.Ends.IsZero() && !now.Before(t.Ends) }

// Login is a page that was signed in, with a token or by an identity provider. It ends with its account, with its token, and when the
// account's rights change.
type Login struct {
	Secret  Digest // of its cookie
	Account string
	Token   string // ID; empty: a provider said who it is
	Made    time.Time
	Seen    time.Time
}
