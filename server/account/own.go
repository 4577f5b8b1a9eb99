package account

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"unbrick/server/storage"
)

// Environment is the account whose token a server was started with. It is there while that is so. First is the account that the
// first start makes when it was started with none.
const (
	Environment = "environment"
	First       = "admin"
)

// Kept is how many accounts are kept free for those two.
const Kept = 2

// ErrMade says that a server was started with a token that it made itself.
var ErrMade = errors.New("this token was made here, for an account: start the server with one of your own, or without")

// everything is what those two may.
const everything = storage.Operate | storage.Publish | storage.Admin

// Start sees to it that somebody may administer a server that starts. token is the one that it was started with, as access.ParseToken
// returned it. If that is none, and nobody else may, a token is made: it is shown, and counts from keep on, so that a start that fails
// before has made none. keep is nil if there is nothing to keep.
func Start(ctx context.Context, store storage.Accounts, token string, now time.Time) (shown string,
	keep func(context.Context) error, err error) {
	if token != "" {
		return "", nil, own(ctx, store, token, now)
	}
	others, err := administered(ctx, store, now)
	if err != nil {
		return "", nil, err
	}
	if others {
		return "", nil, dropOwn(ctx, store, now)
	}
	made := Make(First, "made at the first start", now, time.Time{})
	return made.Text, func(ctx context.Context) error {
		if err := clear(ctx, store, now); err != nil {
			return err
		}
		if err := store.PutAccount(ctx, storage.Account{Name: First, Roles: everything, Made: now}, now); err != nil {
			return err
		}
		if err := store.AddToken(ctx, made.Token); err != nil {
			return err
		}
		return dropOwn(ctx, store, now)
	}, nil
}

// clear takes the tokens of an account First of before: they were not given for all rights, and may be as many as there may be.
func clear(ctx context.Context, store storage.Accounts, now time.Time) error {
	old, err := store.Tokens(ctx, First)
	if err != nil {
		return err
	}
	for i := range old {
		if err := store.DeleteToken(ctx, old[i].ID, now); err != nil {
			return err
		}
	}
	return nil
}

// own gives the account environment a token, and takes all others from it. What is so already is not written: a full disk keeps
// nobody from starting.
func own(ctx context.Context, store storage.Accounts, token string, now time.Time) error {
	t := storage.Token{ID: idOf(token), Account: Environment, Secret: sha256.Sum256([]byte(token)), Note: "UNBRICK_TOKEN", Made: now}
	if there, err := store.Token(ctx, t.ID); err == nil && there.Account != Environment {
		return ErrMade
	}
	if _, err := store.Account(ctx, Environment); errors.Is(err, storage.ErrNotFound) {
		err = store.PutAccount(ctx, storage.Account{Name: Environment, Roles: everything, Made: now}, now)
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	old, err := store.Tokens(ctx, Environment)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(old, func(o storage.Token) bool { return o.ID == t.ID && o.Secret == t.Secret }) {
		if err := store.AddToken(ctx, t); err != nil {
			return err
		}
	}
	for i := range old {
		if old[i].ID != t.ID {
			if err := store.DeleteToken(ctx, old[i].ID, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropOwn removes the account environment, if it is there.
func dropOwn(ctx context.Context, store storage.Accounts, now time.Time) error {
	err := store.DeleteAccount(ctx, Environment, now)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// administered says whether anybody but the environment's account may administer the server.
func administered(ctx context.Context, store storage.Accounts, now time.Time) (bool, error) {
	accounts, err := store.Accounts(ctx)
	if err != nil {
		return false, err
	}
	for i := range accounts {
		if accounts[i].Name == Environment || accounts[i].Roles&storage.Admin == 0 {
			continue
		}
		tokens, err := store.Tokens(ctx, accounts[i].Name)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(tokens, func(t storage.Token) bool { return !t.Ended(now) }) {
			return true, nil
		}
	}
	return false, nil
}
