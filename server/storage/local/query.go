//go:build !js

package local

import (
	"context"
	"database/sql"

	"unbrick/server/storage"
)

// querier is a database, or a transaction in it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// row is what the function reads that makes a value of a row: scan in the functions below.
type row interface{ Scan(...any) error }

// column reads rows of one column.
func column[T any](r row, v *T) error { return r.Scan(v) }

// one reads one row, ErrNotFound if there is none.
func one[T any](ctx context.Context, q querier, scan func(row, *T) error, query string, args ...any) (v T, err error) {
	err = full(scan(q.QueryRowContext(ctx, query, args...), &v))
	return v, err
}

// all reads all rows, and names the operation in its error.
func all[T any](ctx context.Context, q querier, what string, scan func(row, *T) error, query string, args ...any) (list []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, named(err, "%s", what)
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, named(err, "%s", what)
		}
		list = append(list, v)
	}
	return list, named(rows.Err(), "%s", what)
}

// change runs f in one writing transaction, and names the operation in its error. What is being done (storage.Doing) is written
// into the audit log in the same one.
func (s *Store) change(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	d := storage.DoerOf(ctx)
	if d == nil {
		return s.quietly(ctx, what, f)
	}
	err := s.quietly(ctx, what, func(tx *sql.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		act := d.Act
		if d.Now != nil {
			act.At = d.Now()
		}
		return putAct(ctx, tx, act)
	})
	if err == nil {
		d.Rows++
	}
	return err
}

// quietly is change without the audit log.
func (s *Store) quietly(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	return transact(ctx, s.write, nil, what, f)
}

// view runs f in one reading transaction, so that all it reads is of one moment, and names the operation in its error.
func (s *Store) view(ctx context.Context, what string, f func(tx *sql.Tx) error) error {
	return transact(ctx, s.read, &sql.TxOptions{ReadOnly: true}, what, f)
}

func transact(ctx context.Context, db *sql.DB, o *sql.TxOptions, what string, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return named(err, "%s", what)
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return named(err, "%s", what)
	}
	return named(tx.Commit(), "%s", what)
}

// put runs one statement, and names the operation in its error.
func (s *Store) put(ctx context.Context, what, statement string, args ...any) error {
	return s.change(ctx, what, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}

// set runs one statement that changes what is there: ErrNotFound if that is no row.
func (s *Store) set(ctx context.Context, what, statement string, args ...any) error {
	return s.change(ctx, what, func(tx *sql.Tx) error { return touched(tx.ExecContext(ctx, statement, args...)) })
}

// touched turns a change of no row into ErrNotFound.
func touched(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return storage.ErrNotFound
	}
	return err
}
