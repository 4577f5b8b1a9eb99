//go:build !js

package local

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
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
	return s.put(ctx, "put model", `INSERT INTO models (id, record, updated, enrolment) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET record = excluded.record, updated = excluded.updated`,
		m.ID, m.Record, stamp(m.Updated), storage.ByApproval)
}

// SetEnrolment implements storage.Store.
func (s *Store) SetEnrolment(ctx context.Context, model string, e storage.Enrolment) error {
	return named(s.set(ctx, "set enrolment", `UPDATE models SET enrolment = ? WHERE id = ?`, e, model), "model %q", model)
}

// Model implements storage.Store.
func (s *Store) Model(ctx context.Context, id string) (storage.Model, error) {
	m, err := one(ctx, s.read, scanModel, modelColumns+`WHERE id = ?`, id)
	return m, named(err, "model %q", id)
}

const modelColumns = `SELECT id, record, updated, enrolment FROM models `

func scanModel(r row, m *storage.Model) error {
	var updated int64
	err := r.Scan(&m.ID, &m.Record, &updated, &m.Enrolment)
	m.Updated = moment(updated)
	return err
}

// Models implements storage.Store.
func (s *Store) Models(ctx context.Context) ([]storage.Model, error) {
	return all(ctx, s.read, "list models", scanModel, modelColumns+`ORDER BY id`)
}

// TrustKey implements storage.Store.
func (s *Store) TrustKey(ctx context.Context, model string, key ed25519.PublicKey, at time.Time) error {
	if len(key) != ed25519.PublicKeySize {
		return fmt.Errorf("trust key: %d bytes are no Ed25519 public key", len(key))
	}
	if _, err := s.Model(ctx, model); err != nil {
		return named(err, "trust key")
	}
	kid := release.IDOf(key)
	return s.put(ctx, "trust key", `INSERT INTO keys (model, kid, public, added) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		model, kid[:], []byte(key), stamp(at))
}

// Keys implements storage.Store.
func (s *Store) Keys(ctx context.Context, model string) ([]storage.Key, error) {
	return all(ctx, s.read, "list keys", scanKey, `SELECT model, kid, public, added FROM keys WHERE model = ? ORDER BY added, kid`, model)
}

func scanKey(r row, k *storage.Key) error {
	var kid []byte
	var added int64
	err := r.Scan(&k.Model, &kid, (*[]byte)(&k.Public), &added)
	copy(k.ID[:], kid)
	k.Added = moment(added)
	return err
}

// AddRelease implements storage.Store.
func (s *Store) AddRelease(ctx context.Context, r storage.Release, image []byte) (err error) {
	m := &r.Manifest
	if len(image) > storage.MaxBlob {
		return fmt.Errorf("add release: image of %d bytes is larger than %d", len(image), storage.MaxBlob)
	}
	if _, err := s.Model(ctx, m.Model); err != nil {
		return named(err, "add release")
	}
	if sha256.Sum256(image) != m.Digest {
		return named(storage.ErrDamaged, "add release")
	}
	d, err := s.keep(ctx, image)
	if err != nil {
		return named(err, "add release")
	}
	defer func() {
		if s.blobs.drop(d, 1); err != nil {
			s.tidy(ctx)
		}
	}()
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
	found, err := all(ctx, tx, "find conflicts", scanRelease, releaseColumns+`WHERE model = ?1 AND (version = ?3 OR "order" = ?4 OR image = ?2 AND "order" > ?4)
		ORDER BY "order" DESC`, m.Model, m.Digest[:], m.Version, int64(m.Order))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	for i := range found { // the very same first: it may have been superseded since
		if found[i].Manifest == *m {
			return found[i].Signed, nil
		}
	}
	o := &found[0].Manifest
	no := &storage.ConflictError{What: "image", Version: o.Version, Order: o.Order}
	switch {
	case o.Version == m.Version && o.Order == m.Order:
		no.What = "version and order"
	case o.Version == m.Version:
		no.What = "version"
	case o.Order == m.Order:
		no.What = "order"
	}
	return nil, no
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

func scanRelease(from row, r *storage.Release) error { return scanParts(from, r) }

func scanWhole(from row, r *storage.Release) error {
	return scanParts(from, r, &r.Statement, &r.LongNote)
}

// scanParts reads a row, with what further columns there are.
func scanParts(from row, r *storage.Release, more ...any) error {
	var published int64
	var rule string
	err := from.Scan(append([]any{&r.Signed, &r.State, &published, &rule}, more...)...)
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
	return all(ctx, s.read, "list releases", scanRelease, releaseColumns+`WHERE model = ? OR ? = '' ORDER BY model, "order" DESC`, model, model)
}

// Release implements storage.Store.
func (s *Store) Release(ctx context.Context, model string, image storage.Digest) (storage.Release, error) {
	r, err := one(ctx, s.read, scanWhole, wholeRelease+`WHERE image = ? AND (model = ? OR ? = '') ORDER BY model, "order" DESC LIMIT 1`,
		image[:], model, model)
	return r, named(err, "release %x of model %q", image[:8], model)
}

// SetReleaseState implements storage.Store.
func (s *Store) SetReleaseState(ctx context.Context, model string, image storage.Digest, state storage.ReleaseState) error {
	return s.set(ctx, "set release state", `UPDATE releases SET state = ?3 `+newestOfImage, model, image[:], state)
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
	err := s.change(ctx, "change rollout", func(tx *sql.Tx) (err error) {
		if r, err = one(ctx, tx, scanRelease, releaseColumns+newestOfImage, model, image[:]); err != nil {
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

// Setting implements storage.Store.
func (s *Store) Setting(ctx context.Context, name string) ([]byte, error) {
	v, err := one(ctx, s.read, column[[]byte], `SELECT value FROM settings WHERE name = ?`, name)
	return v, named(err, "setting %s", name)
}

// PutSetting implements storage.Store.
func (s *Store) PutSetting(ctx context.Context, name string, value []byte) error {
	return s.put(ctx, "put setting", `INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
}
