//go:build !js

package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"unbrick/server/storage"
)

const identityColumns = `SELECT model, serial, public, state, since FROM identities `

func scanIdentity(r row, v *storage.Identity) error {
	var public []byte
	var since int64
	err := r.Scan(&v.Model, &v.Serial, &public, &v.State, &since)
	copy(v.Public[:], public)
	v.Since = moment(since)
	return err
}

// Identities implements storage.Store.
func (s *Store) Identities(ctx context.Context, model, serial string) ([]storage.Identity, error) {
	return all(ctx, s.read, "list device keys", scanIdentity,
		identityColumns+`WHERE model = ? AND serial = ? ORDER BY state, since DESC, public`, model, serial)
}

// Enrol implements storage.Store.
func (s *Store) Enrol(ctx context.Context, list []storage.Identity) (fresh int, err error) {
	if len(list) > storage.MaxEnrolled {
		return 0, fmt.Errorf("enrol device keys: %w", storage.ErrTooMany)
	}
	for i := range list {
		if i == 0 || list[i].Model != list[i-1].Model {
			if _, err := s.Model(ctx, list[i].Model); err != nil {
				return 0, fmt.Errorf("enrol device keys: %w", err)
			}
		}
	}
	err = s.change(ctx, "enrol device keys", func(tx *sql.Tx) error {
		e, err := newEnroller(ctx, tx)
		for i := 0; i < len(list) && err == nil; i++ {
			err = e.enrol(ctx, &list[i])
		}
		fresh = e.fresh
		if err != nil || fresh == 0 {
			return err
		}
		return known(ctx, tx)
	})
	return fresh, err
}

// Rekey implements storage.Store.
func (s *Store) Rekey(ctx context.Context, v storage.Identity) error {
	return s.change(ctx, "change a device key", func(tx *sql.Tx) error {
		err := touched(tx.ExecContext(ctx, `UPDATE identities SET state = ?, since = ? WHERE model = ? AND serial = ? AND state = ?`,
			storage.Barred, stamp(v.Since), v.Model, v.Serial, storage.Enrolled))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM identities WHERE model = ? AND serial = ? AND public = ? AND state = ?`,
			v.Model, v.Serial, v.Public[:], storage.Barred)
		if err != nil {
			return err
		}
		e, err := newEnroller(ctx, tx)
		if err == nil {
			err = e.enrol(ctx, &v)
		}
		if err != nil {
			return err
		}
		return known(ctx, tx)
	})
}

// known forgets the strangers whose keys are enrolled.
func known(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM strangers WHERE holds AND EXISTS (SELECT 1 FROM identities i
		WHERE i.model = strangers.model AND i.serial = strangers.serial AND i.public = strangers.public AND i.state = ?)`, storage.Enrolled)
	return err
}

// enroller adds keys, as long as nothing is in their way: the indexes say so, and only then it is looked for.
type enroller struct {
	tx     *sql.Tx
	insert *sql.Stmt
	fresh  int
}

func newEnroller(ctx context.Context, tx *sql.Tx) (e enroller, err error) {
	e.tx = tx
	e.insert, err = tx.PrepareContext(ctx, `INSERT INTO identities (model, serial, public, state, since) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
	return e, err
}

func (e *enroller) enrol(ctx context.Context, v *storage.Identity) error {
	err := touched(e.insert.ExecContext(ctx, v.Model, v.Serial, v.Public[:], storage.Enrolled, stamp(v.Since)))
	if err == nil {
		e.fresh++
		return nil
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	other, err := one(ctx, e.tx, scanIdentity, identityColumns+`WHERE (model = ?1 AND serial = ?2 AND (state = ?4 OR public = ?3)) OR (public = ?3 AND state = ?4)
		ORDER BY public = ?3 DESC, state DESC LIMIT 1`, v.Model, v.Serial, v.Public[:], storage.Enrolled)
	if err != nil {
		return err
	}
	if other.Model == v.Model && other.Serial == v.Serial && other.Public == v.Public && other.State == storage.Enrolled {
		return nil
	}
	return &storage.KeyError{Wanted: *v, Other: other}
}
