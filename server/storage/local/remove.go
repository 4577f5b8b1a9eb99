//go:build !js

package local

import (
	"context"
	"database/sql"

	"unbrick/release"
	"unbrick/server/storage"
)

// RemoveKey implements storage.Store.
func (s *Store) RemoveKey(ctx context.Context, model string, key release.KeyID) error {
	return s.set(ctx, "remove key", `DELETE FROM keys WHERE model = ? AND kid = ?`, model, key[:])
}

// RemoveModel implements storage.Store.
func (s *Store) RemoveModel(ctx context.Context, id string) error {
	defer s.tidy(ctx)
	for more := true; more; {
		err := s.quietly(ctx, "remove model", func(tx *sql.Tx) (err error) {
			if err = unused(ctx, tx, id); err == nil {
				more, err = removeFiles(ctx, tx, `WHERE model = ?`, id)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.change(ctx, "remove model", func(tx *sql.Tx) error {
		if err := unused(ctx, tx, id); err != nil {
			return err
		}
		for _, statement := range []string{`DELETE FROM files WHERE model = ?`, `DELETE FROM keys WHERE model = ?`,
			`DELETE FROM strangers WHERE model = ?`,
			`DELETE FROM settings WHERE substr(name, instr(name, '/') + 1) = ? AND instr(name, '/') > 0`} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		return touched(tx.ExecContext(ctx, `DELETE FROM models WHERE id = ?`, id))
	})
}

// unused says what a model has that cannot go with it.
func unused(ctx context.Context, tx *sql.Tx, id string) error {
	e := &storage.InUseError{Model: id}
	for query, n := range map[string]*int{`SELECT count(*) FROM releases WHERE model = ?`: &e.Releases, devicesOf: &e.Devices, keysOf: &e.Keys} {
		var err error
		if *n, err = one(ctx, tx, column[int], query, id); err != nil {
			return err
		}
	}
	if e.Releases+e.Devices+e.Keys > 0 {
		return e
	}
	return nil
}

const (
	devicesOf = `SELECT coalesce(sum(n), 0) FROM tally WHERE scope = 1 AND model = ? AND image = x'' AND level = 25`
	keysOf    = `SELECT count(*) FROM identities WHERE model = ?`
)

// removeFiles removes as many update files as one step takes, and says whether there may be more.
func removeFiles(ctx context.Context, tx *sql.Tx, where string, args ...any) (more bool, err error) {
	res, err := tx.ExecContext(ctx, `DELETE FROM files WHERE id IN (SELECT id FROM files `+where+` LIMIT ?)`, append(args, storage.MaxFilesRemoved)...)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == storage.MaxFilesRemoved, err
}

// filesOfImage are the update files to and from an image.
const filesOfImage = `WHERE (source = ?1 OR target = ?1) AND model = ?2`

// RemoveRelease implements storage.Store.
func (s *Store) RemoveRelease(ctx context.Context, model string, image storage.Digest, order uint64) error {
	defer s.tidy(ctx)
	for more := true; more; {
		err := s.quietly(ctx, "remove release", func(tx *sql.Tx) error {
			whole, err := removable(ctx, tx, model, image, order)
			if more = false; err == nil && whole {
				more, err = removeFiles(ctx, tx, filesOfImage, image[:], model)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.change(ctx, "remove release", func(tx *sql.Tx) error {
		whole, err := removable(ctx, tx, model, image, order)
		switch {
		case err != nil:
			return err
		case !whole:
			return touched(tx.ExecContext(ctx, `DELETE FROM releases WHERE model = ? AND image = ? AND "order" = ?`, model, image[:], int64(order)))
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM files `+filesOfImage, image[:], model); err != nil {
			return err
		}
		return touched(tx.ExecContext(ctx, `DELETE FROM releases WHERE model = ? AND image = ?`, model, image[:]))
	})
}

// removable says whether a release may be removed, and whether its image goes with it: it is the newest of that.
func removable(ctx context.Context, tx *sql.Tx, model string, image storage.Digest, order uint64) (whole bool, err error) {
	same, err := all(ctx, tx, "find release", scanRelease, releaseColumns+`WHERE model = ? AND image = ? ORDER BY "order" DESC`, model, image[:])
	if err != nil {
		return false, err
	}
	for i := range same {
		r := &same[i]
		if r.Manifest.Order != order && order != 0 {
			continue
		}
		if r.State != storage.Withdrawn && r.State != storage.Superseded {
			return false, &storage.StateError{Version: r.Manifest.Version, State: r.State}
		}
		return i == 0, nil
	}
	return false, storage.ErrNotFound
}

// RemoveFile implements storage.Store.
func (s *Store) RemoveFile(ctx context.Context, id int64, told func(*storage.File)) error {
	defer s.tidy(ctx)
	return s.change(ctx, "remove file", func(tx *sql.Tx) error {
		f, err := one(ctx, tx, scanFile, fileColumns+`WHERE id = ?`, id)
		if err != nil {
			return err
		}
		told(&f)
		if f.State == storage.FileMaking {
			return storage.ErrConflict
		}
		return touched(tx.ExecContext(ctx, `DELETE FROM files WHERE id = ?`, id))
	})
}

// ForgetDevices implements storage.Store.
func (s *Store) ForgetDevices(ctx context.Context, model string, told func(storage.Forgotten)) (left storage.Forgotten, err error) {
	if _, err := s.Model(ctx, model); err != nil {
		return left, named(err, "forget devices")
	}
	err = s.change(ctx, "forget devices", func(tx *sql.Tx) error {
		gone, err := forget(ctx, tx, model)
		if err == nil {
			told(gone)
		}
		return err
	})
	if err != nil {
		return left, err
	}
	// What is left is counted when others may write again.
	left.Devices, err = one(ctx, s.read, column[int], devicesOf, model)
	if err == nil {
		left.Keys, err = one(ctx, s.read, column[int], keysOf, model)
	}
	return left, named(err, "forget devices")
}

// forget forgets devices of a model in the order of their serials, and keys that no device has once no device is left.
func forget(ctx context.Context, tx *sql.Tx, model string) (gone storage.Forgotten, err error) {
	type named struct {
		id     int64
		serial string
	}
	scan := func(r row, d *named) error { return r.Scan(&d.id, &d.serial) }
	list, err := all(ctx, tx, "list devices", scan, `SELECT id, serial FROM devices WHERE model = ? ORDER BY serial LIMIT ?`, model,
		storage.MaxForgotten)
	if err != nil {
		return gone, err
	}
	remove := func(query string, args ...any) (n int64) {
		var res sql.Result
		if err == nil {
			res, err = tx.ExecContext(ctx, query, args...)
		}
		if err == nil {
			n, err = res.RowsAffected()
		}
		return n
	}
	events := int64(0)
	for _, d := range list {
		events += remove(`DELETE FROM history WHERE device = ?`, d.id)
		gone.Keys += int(remove(`DELETE FROM identities WHERE model = ? AND serial = ?`, model, d.serial))
		remove(`DELETE FROM devices WHERE id = ?`, d.id)
		if err != nil {
			return gone, err
		}
		if gone.Devices++; events >= storage.MaxEventsForgotten {
			return gone, nil
		}
	}
	if room := storage.MaxForgotten - gone.Devices; room > 0 {
		gone.Keys += int(remove(`DELETE FROM identities WHERE (model, serial, public) IN (SELECT model, serial, public FROM identities
			WHERE model = ? ORDER BY serial, public LIMIT ?)`, model, room))
	}
	return gone, err
}
