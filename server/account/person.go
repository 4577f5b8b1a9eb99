package account

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"unbrick/server/storage"
)

// provided is how long a login that a provider began lasts at most: so long somebody who left a group may still act.
const provided = 12 * time.Hour

// Person begins the names of accounts that an identity provider knows. No other account has such a name.
const Person = "oidc-"

// Why a person whom the provider knows was turned away.
var (
	ErrBarred = errors.New("this account is barred")
	ErrNoRole = errors.New("no group of this person may anything here")
)

// PersonName is the name of the account of a person: it follows from issuer and subject, whom nobody else can become. What a person
// is called, or its mail, says nothing.
func PersonName(issuer, subject string) string {
	sum := sha256.Sum256([]byte(issuer + "\x00" + subject))
	return Person + encoding.EncodeToString(sum[:])[:20]
}

// IsPerson reports whether a name is one that only an identity provider's person has.
func IsPerson(name string) bool { return strings.HasPrefix(name, Person) }

// person is whose login without a token is: nobody's, if it lasted too long, or another provider or none is asked now.
func (k *Keeper) person(ctx context.Context, l *storage.Login) (Who, error) {
	a, err := k.store.Account(ctx, l.Account)
	if err != nil {
		return Who{}, err
	}
	if a.Barred || k.issuer == "" || a.Issuer != k.issuer || k.now().Sub(l.Made) >= provided {
		return Who{}, ErrEnded
	}
	return Who{Account: a}, nil
}

// Enter begins a login of a person: a says who it is, and what its groups let it do. The account is made, or brought up to that.
func (k *Keeper) Enter(ctx context.Context, a storage.Account, address string, secure bool) (*http.Cookie, error) {
	k.entering.Lock()
	defer k.entering.Unlock()
	a.Name, a.Issuer, a.Made = PersonName(k.issuer, a.Subject), k.issuer, k.now()
	was, err := k.store.Account(ctx, a.Name)
	known := err == nil
	switch {
	case err != nil && !errors.Is(err, storage.ErrNotFound):
		return nil, err
	case known && was.Barred:
		return nil, k.turn(ctx, &a, address, "barred", ErrBarred)
	case !known && a.Roles == 0: // strangers of the provider leave nothing
		return nil, k.turn(ctx, &a, address, "no-role", ErrNoRole)
	case known:
		a.Made = was.Made
	default:
		if all, err := k.store.Accounts(ctx); err != nil {
			return nil, err
		} else if len(all) >= storage.MaxAccounts-Kept {
			return nil, storage.ErrTooMany
		}
	}
	if !known || was.Roles != a.Roles || was.Called != a.Called || !slices.Equal(was.Models, a.Models) {
		if err := k.store.PutAccount(k.doing(ctx, &was, &a, address), a, k.now()); err != nil {
			return nil, err
		}
	}
	if a.Roles == 0 {
		return nil, k.turn(ctx, &a, address, "no-role", ErrNoRole)
	}
	return k.begin(ctx, &Who{Account: a}, address, secure)
}

// doing is the context of what the provider's word changes.
func (k *Keeper) doing(ctx context.Context, was, is *storage.Account, address string) context.Context {
	return storage.Doing(ctx, &storage.Doer{Act: storage.Act{At: k.now(), Account: is.Name, Address: address, Name: "account.put",
		Object: is.Name + ": " + is.Called + ", " + is.Subject + " of " + is.Issuer, Before: was.Rights(), After: is.Rights(), Result: "done"}})
}

// turn tells of somebody who was turned away, ten at once of an address and ten a minute.
func (k *Keeper) turn(ctx context.Context, a *storage.Account, address, result string, why error) error {
	if _, some := k.turned.Allow(address); !some {
		return why
	}
	err := k.store.Note(ctx, storage.Act{At: k.now(), Address: address, Name: "login.begin",
		Object: a.Name + ": " + a.Called + ", " + a.Subject + " of " + a.Issuer, Result: result})
	if err != nil && !errors.Is(err, storage.ErrFull) {
		return err
	}
	return why
}

// Bar keeps a provider's person out, or lets it in again. It has to sign in anew.
func (k *Keeper) Bar(ctx context.Context, name string, bar bool) (storage.Account, error) {
	k.entering.Lock() // a sign-in on its way must not take it back
	defer k.entering.Unlock()
	a, err := k.store.Account(ctx, name)
	if err != nil {
		return a, err
	}
	a.Barred = bar
	return a, k.store.PutAccount(ctx, a, k.now())
}
