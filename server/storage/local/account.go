//go:build !js

package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"unbrick/server/storage"
)

const accountColumns = `SELECT name, roles, models, made, issuer, subject, called, barred FROM accounts `

func scanAccount(r row, a *storage.Account) error {
	var made int64
	var models string
	if err := r.Scan(&a.Name, &a.Roles, &models, &made, &a.Issuer, &a.Subject, &a.Called, &a.Barred); err != nil {
		return err
	}
	a.Made = moment(made)
	if err := json.Unmarshal([]byte(models), &a.Models); err != nil {
		return errors.Join(storage.ErrDamaged, err)
	}
	return nil
}

// Account implements storage.Store.
func (s *Store) Account(ctx context.Context, name string) (storage.Account, error) {
	a, err := one(ctx, s.read, scanAccount, accountColumns+`WHERE name = ?`, name)
	return a, named(err, "account %q", name)
}

// Accounts implements storage.Store.
func (s *Store) Accounts(ctx context.Context) ([]storage.Account, error) {
	return all(ctx, s.read, "list accounts", scanAccount, accountColumns+`ORDER BY name`)
}

// PutAccount implements storage.Store.
func (s *Store) PutAccount(ctx context.Context, a storage.Account, now time.Time) error {
	models, err := json.Marshal(a.Models)
	if err != nil {
		return named(err, "put account")
	}
	return s.keeping(ctx, "put account", now, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM logins WHERE account = ?`, a.Name)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO accounts (name, roles, models, made, issuer, subject, called, barred)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET roles = excluded.roles, models = excluded.models,
			issuer = excluded.issuer, subject = excluded.subject, called = excluded.called, barred = excluded.barred`,
			a.Name, a.Roles, string(models), stamp(a.Made), a.Issuer, a.Subject, a.Called, a.Barred)
		if err == nil {
			err = atMost(ctx, tx, storage.MaxAccounts, `SELECT count(*) FROM accounts`)
		}
		return err
	})
}

// DeleteAccount implements storage.Store.
func (s *Store) DeleteAccount(ctx context.Context, name string, now time.Time) error {
	return s.keeping(ctx, "delete account", now, func(tx *sql.Tx) error {
		return touched(tx.ExecContext(ctx, `DELETE FROM accounts WHERE name = ?`, name))
	})
}

// DeleteToken implements storage.Store.
func (s *Store) DeleteToken(ctx context.Context, id string, now time.Time) error {
	return s.keeping(ctx, "delete token", now, func(tx *sql.Tx) error {
		return touched(tx.ExecContext(ctx, `DELETE FROM tokens WHERE id = ?`, id))
	})
}

// keeping is change that leaves somebody who may administer the server, if there was somebody before.
func (s *Store) keeping(ctx context.Context, what string, now time.Time, f func(tx *sql.Tx) error) error {
	return s.change(ctx, what, func(tx *sql.Tx) error {
		before := administered(ctx, tx, now)
		if err := f(tx); err != nil || before != nil {
			return err
		}
		return administered(ctx, tx, now)
	})
}

// administered returns ErrLastAdmin if no account with role admin has a token that has not ended.
func administered(ctx context.Context, tx *sql.Tx, now time.Time) error {
	_, err := one(ctx, tx, column[int], `SELECT 1 FROM accounts JOIN tokens ON account = name WHERE roles & ? != 0 AND (ends = 0 OR ends > ?) LIMIT 1`,
		storage.Admin, stamp(now))
	if errors.Is(err, storage.ErrNotFound) {
		return storage.ErrLastAdmin
	}
	return err
}

// atMost returns ErrTooMany if a count is above a limit.
func atMost(ctx context.Context, tx *sql.Tx, limit int, count string, args ...any) error {
	n, err := one(ctx, tx, column[int], count, args...)
	if err == nil && n > limit {
		err = storage.ErrTooMany
	}
	return err
}

const tokenColumns = `SELECT id, account, secret, note, made, ends, used FROM tokens `

func scanToken(r row, t *storage.Token) error {
	var secret []byte
	var made, ends, used int64
	err := r.Scan(&t.ID, &t.Account, &secret, &t.Note, &made, &ends, &used)
	t.Secret, t.Made, t.Ends, t.Used = digestOf(secret), moment(made), moment(ends), moment(used)
	return err
}

// Token implements storage.Store.
func (s *Store) Token(ctx context.Context, id string) (storage.Token, error) {
	t, err := one(ctx, s.read, scanToken, tokenColumns+`WHERE id = ?`, id)
	return t, named(err, "token")
}

// Tokens implements storage.Store.
func (s *Store) Tokens(ctx context.Context, account string) ([]storage.Token, error) {
	return all(ctx, s.read, "list tokens", scanToken, tokenColumns+`WHERE account = ?1 OR ?1 = '' ORDER BY made DESC, id`, account)
}

// AddToken implements storage.Store.
func (s *Store) AddToken(ctx context.Context, t storage.Token) error {
	return s.change(ctx, "add token", func(tx *sql.Tx) error {
		if _, err := one(ctx, tx, scanAccount, accountColumns+`WHERE name = ?`, t.Account); err != nil {
			return err
		}
		err := touched(tx.ExecContext(ctx, `INSERT INTO tokens (id, account, secret, note, made, ends, used) VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING`,
			t.ID, t.Account, t.Secret[:], t.Note, stamp(t.Made), stamp(t.Ends)))
		if errors.Is(err, storage.ErrNotFound) {
			return storage.ErrConflict
		} else if err != nil {
			return err
		}
		return atMost(ctx, tx, storage.MaxTokens, `SELECT count(*) FROM tokens WHERE account = ?`, t.Account)
	})
}

// UseToken implements storage.Store.
func (s *Store) UseToken(ctx context.Context, id string, at time.Time) error {
	return s.quietly(ctx, "use token", func(tx *sql.Tx) error {
		return touched(tx.ExecContext(ctx, `UPDATE tokens SET used = ? WHERE id = ?`, stamp(at), id))
	})
}

func scanLogin(r row, l *storage.Login) error {
	var secret []byte
	var made, seen int64
	err := r.Scan(&secret, &l.Account, &l.Token, &made, &seen)
	l.Secret, l.Made, l.Seen = digestOf(secret), moment(made), moment(seen)
	return err
}

// Login implements storage.Store.
func (s *Store) Login(ctx context.Context, secret storage.Digest) (storage.Login, error) {
	l, err := one(ctx, s.read, scanLogin, `SELECT secret, account, coalesce(token, ''), made, seen FROM logins WHERE secret = ?`, secret[:])
	return l, named(err, "login")
}

// AddLogin implements storage.Store.
func (s *Store) AddLogin(ctx context.Context, l storage.Login) error {
	return s.change(ctx, "add login", func(tx *sql.Tx) error {
		if _, err := one(ctx, tx, scanAccount, accountColumns+`WHERE name = ?`, l.Account); err != nil {
			return err
		}
		if l.Token != "" {
			if _, err := one(ctx, tx, scanToken, tokenColumns+`WHERE id = ? AND account = ?`, l.Token, l.Account); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO logins (secret, account, token, made, seen) VALUES (?, ?, nullif(?, ''), ?, ?)`,
			l.Secret[:], l.Account, l.Token, stamp(l.Made), stamp(l.Seen))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM logins WHERE secret IN (SELECT secret FROM logins WHERE account = ?
			ORDER BY seen DESC LIMIT -1 OFFSET ?)`, l.Account, storage.MaxLogins)
		return err
	})
}

// SeeLogin implements storage.Store.
func (s *Store) SeeLogin(ctx context.Context, secret storage.Digest, at time.Time) error {
	return s.quietly(ctx, "see login", func(tx *sql.Tx) error {
		return touched(tx.ExecContext(ctx, `UPDATE logins SET seen = ? WHERE secret = ?`, stamp(at), secret[:]))
	})
}

// DeleteLogin implements storage.Store.
func (s *Store) DeleteLogin(ctx context.Context, secret storage.Digest) error {
	return s.set(ctx, "delete login", `DELETE FROM logins WHERE secret = ?`, secret[:])
}
