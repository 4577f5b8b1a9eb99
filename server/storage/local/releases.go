//go:build !js

package local

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"unbrick/release"
	"unbrick/server/storage"
)

// PutModel implements storage.Store.
func (s *Store) PutModel(ctx context.Context, m storage.Model) error {
	return s.change(ctx, "put model", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO models (id, record, updated) VALUES (?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET record = excluded.record, updated = excluded.updated`, m.ID, m.Record, stamp(m.Updated))
		return err
	})
}

// Model implements storage.Store.
func (s *Store) Model(ctx context.Context, id string) (storage.Model, error) {
	m := storage.Model{ID: id}
	var updated int64
	err := s.read.QueryRowContext(ctx, `SELECT record, updated FROM models WHERE id = ?`, id).Scan(&m.Record, &updated)
	if err != nil {
		return m, fmt.Errorf("model %q: %w", id, full(err))
	}
	m.Updated = moment(updated)
	return m, nil
}

// Models implements storage.Store.
func (s *Store) Models(ctx context.Context) ([]storage.Model, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, record, updated FROM models ORDER BY id`)
	return collect(rows, err, "list models", func(m *storage.Model) error {
		var updated int64
		err := rows.Scan(&m.ID, &m.Record, &updated)
		m.Updated = moment(updated)
		return err
	})
}

// collect reads all rows of a query into a slice.
func collect[T any](rows *sql.Rows, err error, what string, scan func(*T) error) ([]T, error) {
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, full(err))
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		if err := scan(&v); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, full(err))
	}
	return all, nil
}

// TrustKey implements storage.Store.
func (s *Store) TrustKey(ctx context.Context, model string, key ed25519.PublicKey, at time.Time) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("trust key: %d bytes are no Ed25519 public key", len(key))
	}
	if _, err := s.Model(ctx, model); err != nil {
		return fmt.Errorf("trust key: %w", err)
	}
	kid := release.IDOf(key)
	return s.change(ctx, "trust key", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO keys (model, kid, public, added) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			model, kid[:], []byte(key), stamp(at))
		return err
	})
}

// Keys implements storage.Store.
func (s *Store) Keys(ctx context.Context, model string) ([]storage.Key, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT kid, public, added FROM keys WHERE model = ? ORDER BY added, kid`, model)
	return collect(rows, err, "list keys", func(k *storage.Key) error {
		var kid, public []byte
		var added int64
		err := rows.Scan(&kid, &public, &added)
		copy(k.ID[:], kid)
		k.Model, k.Public, k.Added = model, public, moment(added)
		return err
	})
}

// AddRelease implements storage.Store.
func (s *Store) AddRelease(ctx context.Context, r storage.Release, image []byte) error {
	m := &r.Manifest
	if len(image) > storage.MaxBlob {
		return fmt.Errorf("add release: image of %d bytes is larger than %d", len(image), storage.MaxBlob)
	}
	if _, err := s.Model(ctx, m.Model); err != nil {
		return fmt.Errorf("add release: %w", err)
	}
	d, err := s.blobs.put(image)
	if err != nil {
		return fmt.Errorf("add release: %w", err)
	}
	if d != m.Digest {
		return fmt.Errorf("add release: %w", storage.ErrDamaged)
	}
	return s.change(ctx, "add release", func(tx *sql.Tx) error {
		there, err := conflict(ctx, tx, &r)
		if err != nil {
			return err
		}
		if there != nil {
			return addSignatures(ctx, tx, m, there, r.Signed)
		}
		rule, err := encodeRollout(&r.Rollout)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO releases (model, "order", version, image, signed, state, published, rollout, statement, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			m.Model, int64(m.Order), m.Version, d[:], r.Signed, r.State, stamp(r.Published), rule, notNull(r.Statement), notNull(r.LongNote))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE releases SET state = ?, rollout = '' WHERE model = ? AND image = ? AND "order" < ?`,
			storage.Superseded, m.Model, d[:], int64(m.Order))
		return err
	})
}

// addSignatures adds to the signed manifest of a stored release the signatures of another one of the same payload.
func addSignatures(ctx context.Context, tx *sql.Tx, m *release.Manifest, signed, more []byte) error {
	merged, added, err := release.MergeSignatures(signed, more)
	if err != nil || added.Len() == 0 {
		return err
	}
	return touched(tx.ExecContext(ctx, `UPDATE releases SET signed = ? WHERE model = ? AND "order" = ?`, merged, m.Model, int64(m.Order)))
}

// conflict looks for releases that are in the way of r; if r is stored already, whoever signed it, it returns its signed manifest.
func conflict(ctx context.Context, tx *sql.Tx, r *storage.Release) (there []byte, err error) {
	m := &r.Manifest
	rows, err := tx.QueryContext(ctx, `SELECT signed, version, "order" FROM releases WHERE model = ?1 AND (version = ?3 OR "order" = ?4 OR image = ?2 AND "order" > ?4)
		ORDER BY "order" DESC`, m.Model, m.Digest[:], m.Version, int64(m.Order))
	type other struct {
		storage.ConflictError
		signed []byte
	}
	found, err := collect(rows, err, "find conflicts", func(o *other) error {
		var order int64
		err := rows.Scan(&o.signed, &o.Version, &order)
		o.Order = uint64(order)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range found { // the very same first: it may have been superseded since
		have, _, err := release.Parse(found[i].signed)
		if err != nil {
			return nil, errors.Join(storage.ErrDamaged, err)
		}
		if have == *m {
			return found[i].signed, nil
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	o := &found[0]
	switch {
	case o.Version == m.Version && o.Order == m.Order:
		o.What = "version and order"
	case o.Version == m.Version:
		o.What = "version"
	case o.Order == m.Order:
		o.What = "order"
	default:
		o.What = "image"
	}
	return nil, &o.ConflictError
}

const (
	releaseColumns = `SELECT signed, state, published, rollout FROM releases `
	wholeRelease   = `SELECT signed, state, published, rollout, statement, note FROM releases `
)

// notNull is what a column that takes no NULL is given for b.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// scanRelease reads a row, with what further columns there are.
func scanRelease(row interface{ Scan(...any) error }, r *storage.Release, more ...any) error {
	var published int64
	var rule string
	err := row.Scan(append([]any{&r.Signed, &r.State, &published, &rule}, more...)...)
	if err != nil {
		return err
	}
	if rule != "" {
		if err := json.Unmarshal([]byte(rule), &r.Rollout); err != nil {
			return errors.Join(storage.ErrDamaged, err)
		}
	}
	if r.Manifest, r.Signers, err = release.Parse(r.Signed); err != nil {
		return errors.Join(storage.ErrDamaged, err)
	}
	r.Published = moment(published)
	return nil
}

// Releases implements storage.Store.
func (s *Store) Releases(ctx context.Context, model string) ([]storage.Release, error) {
	rows, err := s.read.QueryContext(ctx, releaseColumns+`WHERE model = ? OR ? = '' ORDER BY model, "order" DESC`, model, model)
	return collect(rows, err, "list releases", func(r *storage.Release) error { return scanRelease(rows, r) })
}

// Release implements storage.Store.
func (s *Store) Release(ctx context.Context, model string, image storage.Digest) (storage.Release, error) {
	var r storage.Release
	row := s.read.QueryRowContext(ctx, wholeRelease+`WHERE image = ? AND (model = ? OR ? = '') ORDER BY model, "order" DESC LIMIT 1`,
		image[:], model, model)
	if err := scanRelease(row, &r, &r.Statement, &r.LongNote); err != nil {
		return r, fmt.Errorf("release %x of model %q: %w", image[:8], model, full(err))
	}
	return r, nil
}

// SetReleaseState implements storage.Store.
func (s *Store) SetReleaseState(ctx context.Context, model string, image storage.Digest, state storage.ReleaseState) error {
	return s.change(ctx, "set release state", func(tx *sql.Tx) error {
		return touched(tx.ExecContext(ctx, `UPDATE releases SET state = ?3 `+newestOfImage, model, image[:], state))
	})
}

// newestOfImage is the release that an image names.
const newestOfImage = `WHERE model = ?1 AND image = ?2 AND "order" = (SELECT max("order") FROM releases WHERE model = ?1 AND image = ?2)`

// encodeRollout returns what is stored of a rollout, nothing if there is none.
func encodeRollout(r *storage.Rollout) (string, error) {
	if !r.Active() {
		return "", nil
	}
	b, err := json.Marshal(r)
	return string(b), err
}

// ChangeRollout implements storage.Store.
func (s *Store) ChangeRollout(ctx context.Context, model string, image storage.Digest, f func(*storage.Rollout) error) (storage.Rollout,
	error) {
	var r storage.Release
	err := s.change(ctx, "change rollout", func(tx *sql.Tx) error {
		if err := scanRelease(tx.QueryRowContext(ctx, releaseColumns+newestOfImage, model, image[:]), &r); err != nil {
			return err
		}
		if err := f(&r.Rollout); err != nil {
			return err
		}
		rule, err := encodeRollout(&r.Rollout)
		if err != nil {
			return err
		}
		return touched(tx.ExecContext(ctx, `UPDATE releases SET rollout = ?3 `+newestOfImage, model, image[:], rule))
	})
	return r.Rollout, err
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

// Setting implements storage.Store.
func (s *Store) Setting(ctx context.Context, name string) ([]byte, error) {
	var v []byte
	err := s.read.QueryRowContext(ctx, `SELECT value FROM settings WHERE name = ?`, name).Scan(&v)
	if err != nil {
		return nil, fmt.Errorf("setting %s: %w", name, full(err))
	}
	return v, nil
}

// PutSetting implements storage.Store.
func (s *Store) PutSetting(ctx context.Context, name string, value []byte) error {
	return s.change(ctx, "put setting", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
		return err
	})
}
