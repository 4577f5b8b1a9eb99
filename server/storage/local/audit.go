//go:build !js

package local

import (
	"context"
	"database/sql"
	"errors"

	"unbrick/server/storage"
)

const auditColumns = `SELECT n, at, account, token, address, name, object, before, after, result, hash FROM audit `

func scanRow(from row, r *storage.Row) error {
	var at int64
	var hash []byte
	err := from.Scan(&r.N, &at, &r.Account, &r.Token, &r.Address, &r.Name, &r.Object, &r.Before, &r.After, &r.Result, &hash)
	r.At, r.Hash = moment(at), digestOf(hash)
	return err
}

// putAct appends an act to the audit log.
func putAct(ctx context.Context, tx *sql.Tx, act storage.Act) error {
	last, err := one(ctx, tx, scanRow, auditColumns+`ORDER BY n DESC LIMIT 1`)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	act.Fit()
	r := storage.Row{N: last.N + 1, Act: act}
	r.Hash = r.Chain(last.Hash)
	_, err = tx.ExecContext(ctx, `INSERT INTO audit (n, at, account, token, address, name, object, before, after, result, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.N, stamp(r.At), r.Account, r.Token, r.Address, r.Name, r.Object, r.Before, r.After, r.Result, r.Hash[:])
	return err
}

// Note implements storage.Store.
func (s *Store) Note(ctx context.Context, act storage.Act) error {
	return s.quietly(ctx, "note act", func(tx *sql.Tx) error { return putAct(ctx, tx, act) })
}

// Rows implements storage.Store.
func (s *Store) Rows(ctx context.Context, account string, before int64, limit int) ([]storage.Row, error) {
	return all(ctx, s.read, "list acts", scanRow, auditColumns+`WHERE (account = ?1 OR ?1 = '') AND (n < ?2 OR ?2 = 0) ORDER BY n DESC LIMIT ?3`,
		account, before, max(1, min(limit, storage.MaxPage)))
}

// RowsAfter implements storage.Store.
func (s *Store) RowsAfter(ctx context.Context, account string, after int64, limit int) ([]storage.Row, error) {
	return all(ctx, s.read, "list acts", scanRow, auditColumns+`WHERE (account = ?1 OR ?1 = '') AND n > ?2 ORDER BY n LIMIT ?3`,
		account, after, max(1, min(limit, storage.MaxPage)))
}

// Prune implements storage.Store.
func (s *Store) Prune(ctx context.Context, n int64) error {
	return s.change(ctx, "prune acts", func(tx *sql.Tx) error {
		if _, err := one(ctx, tx, scanRow, auditColumns+`WHERE n = ?`, n); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM audit WHERE n < ?1 - 1; UPDATE audit SET at = 0, account = '', token = '', address = '', name = ?2, object = '',
			before = '', after = '', result = '' WHERE n = ?1 - 1`, n, storage.Pruned)
		return err
	})
}
