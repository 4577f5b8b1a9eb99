//go:build !js

package local

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"unbrick/server/storage"
)

// A blob that no row names stands in the table loose, from before it is there until after it is gone: keep writes it down before it stores
// one, triggers take it out with the row that names it and put it in again with the last that does not any more. So a crash at any moment
// leaves no file that nobody knows of. Only what stands there is ever removed: a file that the database does not know may be newer than it.
// What is about to be named is held meanwhile, and stays.

const (
	atOpen     = 10_000 // loose blobs that are removed when the store is opened; the next removal goes on
	afterwards = 2_000  // and after a change that names some no more
	looseBatch = 32     // at a time: others may put blobs between
)

const isNamed = `(EXISTS (SELECT 1 FROM releases WHERE image = ?1) OR EXISTS (SELECT 1 FROM files WHERE blob = ?1))`

// keep stores a blob that is held from then on: drop ends that.
func (s *Store) keep(ctx context.Context, p []byte) (storage.Digest, error) {
	d := storage.Digest(sha256.Sum256(p))
	s.blobs.hold(d)
	err := s.quietly(ctx, "note blob", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO loose SELECT ?1 WHERE NOT `+isNamed+` ON CONFLICT DO NOTHING`, d[:])
		return err
	})
	if err == nil {
		err = s.blobs.put(p, d)
	}
	if err != nil {
		s.blobs.drop(d, 1)
	}
	return d, err
}

func (b *blobs) hold(d storage.Digest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held[d]++
}

func (b *blobs) drop(d storage.Digest, times int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[d] -= times; b.held[d] <= 0 {
		delete(b.held, d)
	}
}

// tidy removes what a change has left loose. The change is done whatever comes of it: what fails here is tried again after the next one,
// and when the store is opened.
func (s *Store) tidy(ctx context.Context) { s.collect(ctx, afterwards) }

// collect removes at most so many loose blobs that nobody holds.
func (s *Store) collect(ctx context.Context, most int) error {
	after, errs := []byte{}, error(nil)
	for most > 0 {
		list, err := all(ctx, s.read, "list loose blobs", column[[]byte], `SELECT digest FROM loose WHERE digest > ? ORDER BY digest LIMIT ?`,
			after, min(most, looseBatch))
		if err != nil || len(list) == 0 {
			return errors.Join(errs, err)
		}
		errs = errors.Join(errs, s.discard(ctx, list))
		most, after = most-len(list), list[len(list)-1]
	}
	return errs
}

// discard removes the files of loose blobs, and then the rows that remember them.
func (s *Store) discard(ctx context.Context, list [][]byte) error {
	b := s.blobs
	b.mu.Lock()
	defer b.mu.Unlock()
	var gone, named [][]byte
	var errs error
	for _, raw := range list {
		d := digestOf(raw)
		if b.held[d] > 0 {
			continue
		}
		is, err := one(ctx, s.read, column[bool], `SELECT `+isNamed, raw)
		if err != nil {
			return errors.Join(errs, err)
		}
		if is {
			named = append(named, raw)
			continue
		}
		if err := os.Remove(b.path(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = errors.Join(errs, err) // somebody has it open, on systems that mind
			continue
		}
		b.seen.forget(d)
		gone = append(gone, raw)
	}
	if len(gone)+len(named) == 0 {
		return errs
	}
	if err := syncFolder(b.dir); err != nil {
		return errors.Join(errs, fmt.Errorf("sync blobs: %w", err))
	}
	return errors.Join(errs, s.quietly(ctx, "forget loose blobs", func(tx *sql.Tx) error {
		for _, d := range gone {
			if _, err := tx.ExecContext(ctx, `DELETE FROM loose WHERE digest = ?`, d); err != nil {
				return err
			}
		}
		for _, d := range named { // it may be named no more
			if _, err := tx.ExecContext(ctx, `DELETE FROM loose WHERE digest = ?1 AND `+isNamed, d); err != nil {
				return err
			}
		}
		return nil
	}))
}
