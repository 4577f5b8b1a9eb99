//go:build !js

package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"math"
	"strings"

	"unbrick/server/storage"
)

// SeeStranger implements storage.Store.
func (s *Store) SeeStranger(ctx context.Context, v storage.Stranger) error {
	claim, err := json.Marshal(&v.Claim)
	if err != nil {
		return named(err, "note a stranger")
	}
	if _, err := s.Model(ctx, v.Model); err != nil {
		return named(err, "note a stranger")
	}
	return s.change(ctx, "note a stranger", func(tx *sql.Tx) error {
		holds := v.Standing.Holds()
		was, err := one(ctx, tx, scanStranger, strangerColumns+`WHERE model = ? AND serial = ? AND public = ? AND holds = ?`,
			v.Model, v.Serial, v.Key[:], holds)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			was.First = v.Last
		case err != nil:
			return err
		}
		// Its number tells when it spoke last.
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO strangers (model, serial, public, holds, standing, name, address, first, last, sessions, claim, failed)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, zeroblob(32)))`, v.Model, v.Serial, v.Key[:], holds, v.Standing, v.Name, v.Address,
			stamp(was.First), stamp(v.Last), was.Sessions+1, string(claim), v.Failed[:])
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM strangers WHERE id IN (SELECT id FROM strangers WHERE address = ? ORDER BY id DESC LIMIT -1 OFFSET ?)`,
			v.Address, storage.MaxFromAddress)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM strangers WHERE id IN (SELECT id FROM strangers ORDER BY id DESC LIMIT -1 OFFSET ?)`,
			storage.MaxStrangers)
		return err
	})
}

const strangerColumns = `SELECT id, model, serial, public, standing, name, address, first, last, sessions, claim, failed FROM strangers `

func scanStranger(r row, v *storage.Stranger) error {
	var public, failed []byte
	var first, last int64
	var claim string
	err := r.Scan(&v.ID, &v.Model, &v.Serial, &public, &v.Standing, &v.Name, &v.Address, &first, &last, &v.Sessions, &claim, &failed)
	if err != nil {
		return err
	}
	copy(v.Key[:], public)
	v.Failed = digestOf(failed)
	v.First, v.Last = moment(first), moment(last)
	if err := json.Unmarshal([]byte(claim), &v.Claim); err != nil {
		return errors.Join(storage.ErrDamaged, err)
	}
	return nil
}

// Strangers implements storage.Store.
func (s *Store) Strangers(ctx context.Context, q storage.StrangerQuery, before int64, limit int) ([]storage.Stranger, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	where, args := `WHERE id < ?`, []any{before}
	if len(q.Models) > 0 {
		where += ` AND model IN (?` + strings.Repeat(`, ?`, len(q.Models)-1) + `)`
		for _, m := range q.Models {
			args = append(args, m)
		}
	}
	if q.Serial != "" {
		where, args = where+` AND serial = ?`, append(args, q.Serial)
	}
	if q.Search != "" {
		where, args = where+` AND instr(lower(serial), lower(?)) > 0`, append(args, q.Search)
	}
	if q.Standing != 0 {
		where, args = where+` AND standing = ?`, append(args, q.Standing)
	}
	return all(ctx, s.read, "list strangers", scanStranger, strangerColumns+where+` ORDER BY id DESC LIMIT ?`,
		append(args, max(1, min(limit, storage.MaxPage)))...)
}

// CountStrangers implements storage.Store.
func (s *Store) CountStrangers(ctx context.Context) ([]storage.StrangerCount, error) {
	return all(ctx, s.read, "count strangers", func(r row, c *storage.StrangerCount) error {
		return r.Scan(&c.Model, &c.Standing, &c.Number)
	}, `SELECT model, standing, count(*) FROM strangers GROUP BY model, standing ORDER BY model, standing`)
}

// StrangersFailed implements storage.Store.
func (s *Store) StrangersFailed(ctx context.Context, model string, image storage.Digest) (int, error) {
	n, err := one(ctx, s.read, column[int], `SELECT count(*) FROM strangers WHERE model = ? AND failed = ?`, model, image[:])
	return n, named(err, "count strangers")
}

// RemoveStrangers implements storage.Store.
func (s *Store) RemoveStrangers(ctx context.Context, model, serial string) (number int, err error) {
	err = s.change(ctx, "forget strangers", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM strangers WHERE model = ?1 AND (?2 = '' OR serial = ?2)`, model, serial)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		number = int(n)
		return err
	})
	return number, err
}
