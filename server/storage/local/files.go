//go:build !js

package local

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"unbrick/server/storage"
)

const fileColumns = `SELECT id, model, source, target, shape, step, creator, state, blob, size, workspace, attempts, refusals, next, error, made FROM files `

func scanFile(r row, f *storage.File) error {
	var from, to, shape, blob []byte
	var next, made int64
	err := r.Scan(&f.ID, &f.Key.Model, &from, &to, &shape, &f.Key.Step, &f.Key.Creator, &f.State, &blob, &f.Size, &f.Workspace, &f.Attempts,
		&f.Refusals, &next, &f.Error, &made)
	f.Key.From, f.Key.To, f.Key.Shape, f.Blob = digestOf(from), digestOf(to), digestOf(shape), digestOf(blob)
	f.Next, f.Made = moment(next), time.Duration(made)
	return err
}

const (
	whatKey  = `source = ? AND target = ? AND model = ? AND shape = ? AND step = ? AND creator = ?`
	whereKey = `WHERE ` + whatKey
)

func keyArgs(k *storage.FileKey) []any {
	return []any{k.From[:], k.To[:], k.Model, k.Shape[:], k.Step, k.Creator}
}

// FileOf implements storage.Store.
func (s *Store) FileOf(ctx context.Context, k storage.FileKey) (storage.File, error) {
	f, err := one(ctx, s.read, scanFile, fileColumns+whereKey, keyArgs(&k)...)
	return f, named(err, "file")
}

// WantFile implements storage.Store.
func (s *Store) WantFile(ctx context.Context, k storage.FileKey, now time.Time) (storage.File, error) {
	f, err := s.FileOf(ctx, k)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return f, named(err, "want file")
	}
	if err == nil && (f.State != storage.FileFailed || !f.Due(now)) {
		return f, nil
	}
	err = s.change(ctx, "want file", func(tx *sql.Tx) error {
		for _, image := range []storage.Digest{k.From, k.To} {
			if image == (storage.Digest{}) {
				continue // a full image starts from none
			}
			if _, err := one(ctx, tx, column[int], `SELECT 1 FROM releases WHERE image = ? AND model = ? LIMIT 1`, image[:], k.Model); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO files (source, target, model, shape, step, creator, state) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET state = excluded.state WHERE files.state = ? AND files.next = ?`,
			append(keyArgs(&k), storage.FileWanted, storage.FileFailed, stamp(f.Next))...)
		if err != nil {
			return err
		}
		f, err = one(ctx, tx, scanFile, fileColumns+whereKey, keyArgs(&k)...)
		return err
	})
	return f, err
}

// ClaimFile implements storage.Store.
func (s *Store) ClaimFile(ctx context.Context, owner string, now time.Time, lease time.Duration) (storage.File, error) {
	var f storage.File
	err := s.change(ctx, "claim file", func(tx *sql.Tx) (err error) {
		f, err = one(ctx, tx, scanFile,
			fileColumns+`WHERE state IN (1, 2) AND (state = 1 OR lease <= ?) ORDER BY state, id LIMIT 1`, stamp(now))
		if err != nil {
			return err
		}
		f.State = storage.FileMaking
		_, err = tx.ExecContext(ctx, `UPDATE files SET state = ?, owner = ?, lease = ? WHERE id = ?`, f.State, owner, stamp(now.Add(lease)), f.ID)
		return err
	})
	return f, err
}

// FinishFile implements storage.Store.
func (s *Store) FinishFile(ctx context.Context, owner string, f storage.File) (err error) {
	var blob any
	if f.State == storage.FileReady {
		s.blobs.hold(f.Blob)
		defer func() {
			if s.blobs.drop(f.Blob, 2); err != nil { // this hold, and that of PutBlob
				s.tidy(ctx)
			}
		}()
		b, err := s.blobs.open(ctx, f.Blob)
		if err != nil {
			return named(err, "finish file: blob %x", f.Blob[:8])
		}
		b.Close()
		blob = f.Blob[:]
	}
	values := append([]any{f.State, blob, f.Size, f.Workspace, f.Attempts, stamp(f.Next), f.Error, int64(f.Made), f.ID}, keyArgs(&f.Key)...)
	err = s.set(ctx, "finish file", `UPDATE files SET state = ?, blob = ?, size = ?, workspace = ?, attempts = ?, next = ?, error = ?, made = ?, owner = '', lease = 0
		WHERE id = ? AND `+whatKey+` AND state = ? AND owner = ?`, append(values, storage.FileMaking, owner)...)
	if errors.Is(err, storage.ErrNotFound) {
		return named(storage.ErrStale, "finish file")
	}
	return err
}

// FileByBlob implements storage.Store. A blob may serve several keys; one that is ready is preferred.
func (s *Store) FileByBlob(ctx context.Context, d storage.Digest) (storage.File, error) {
	f, err := one(ctx, s.read, scanFile, fileColumns+`WHERE blob = ? ORDER BY state != ?, id LIMIT 1`, d[:], storage.FileReady)
	return f, named(err, "file %x", d[:8])
}

// WithdrawFile implements storage.Store.
func (s *Store) WithdrawFile(ctx context.Context, d storage.Digest) error {
	return s.takeAway(ctx, "withdraw file", d, storage.FileWanted, "", time.Time{})
}

// FailFile implements storage.Store.
func (s *Store) FailFile(ctx context.Context, d storage.Digest, why string, next time.Time) error {
	return s.takeAway(ctx, "fail file", d, storage.FileFailed, why, next)
}

// takeAway takes the bytes of every file that is ready and has this blob.
func (s *Store) takeAway(ctx context.Context, what string, d storage.Digest, state storage.FileState, why string, next time.Time) error {
	defer s.tidy(ctx)
	return s.set(ctx, what, `UPDATE files SET state = ?, blob = NULL, size = 0, attempts = attempts + 1, error = ?, next = ? WHERE blob = ? AND state = ?`,
		state, why, stamp(next), d[:], storage.FileReady)
}

// RefuseFile implements storage.Store.
func (s *Store) RefuseFile(ctx context.Context, d storage.Digest) error {
	return s.set(ctx, "refuse file", `UPDATE files SET refusals = refusals + 1 WHERE blob = ?`, d[:])
}

// SetFile implements storage.Store.
func (s *Store) SetFile(ctx context.Context, id int64, state storage.FileState) (storage.File, error) {
	var f storage.File
	defer s.tidy(ctx)
	err := s.change(ctx, "set file", func(tx *sql.Tx) (err error) {
		if f, err = one(ctx, tx, scanFile, fileColumns+`WHERE id = ?`, id); err != nil {
			return err
		}
		if f.State == storage.FileMaking {
			return storage.ErrConflict
		}
		if _, err := tx.ExecContext(ctx, `UPDATE files SET state = ?, blob = NULL, size = 0, attempts = 0, refusals = 0, error = '', next = 0 WHERE id = ?`, state, id); err != nil {
			return err
		}
		f, err = one(ctx, tx, scanFile, fileColumns+`WHERE id = ?`, id)
		return err
	})
	return f, err
}

// Files implements storage.Store.
func (s *Store) Files(ctx context.Context, model string, before int64, limit int) ([]storage.File, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	return all(ctx, s.read, "list files", scanFile, fileColumns+`WHERE (model = ? OR ? = '') AND id < ? ORDER BY id DESC LIMIT ?`, model, model,
		before, max(1, min(limit, storage.MaxPage)))
}

// freeLeases ends the leases of whoever had the folder open before: this process has it alone now.
func (s *Store) freeLeases(ctx context.Context) error {
	return s.put(ctx, "end leases", `UPDATE files SET state = ?, owner = '', lease = 0 WHERE state = ?`, storage.FileWanted, storage.FileMaking)
}
