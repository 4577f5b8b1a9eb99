//go:build !js

package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"unbrick/server/storage"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Store implements storage.Store. It may be used concurrently.
type Store struct {
	write *sql.DB // one connection: SQLite has one writer, and waiting in Go is fairer than its busy loop
	read  *sql.DB
	blobs *blobs
	lock  *os.File
	notes []string
}

var _ storage.Store = (*Store)(nil)

// Options change how a store is opened.
type Options struct {
	// MaxPages bounds the database in pages of 4 KiB, 0 means unbounded. Beyond it, writing is ErrFull.
	MaxPages int
}

// Open opens the store in dir and makes what is missing. ErrLocked if another process has it open.
// The caller closes it.
func Open(ctx context.Context, dir string, o *Options) (*Store, error) {
	if o == nil {
		o = &Options{}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(dir, err)
	}
	name := filepath.Join(dir, lockName)
	lock, err := lockFile(name)
	if errors.Is(err, storage.ErrLocked) {
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	} else if err != nil {
		return nil, broken(name, "cannot be opened for writing", mayWrite, err)
	}
	s := &Store{lock: lock}
	if err := s.open(ctx, dir, o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, dir string, o *Options) error {
	if err := look(ctx, dir); err != nil {
		return err
	}
	var err error
	if s.blobs, err = openBlobs(filepath.Join(dir, blobsName)); err != nil {
		return err
	}
	name := filepath.Join(dir, databaseName)
	if s.write, err = connect(name, 1, o.MaxPages); err != nil {
		return err
	}
	if err := create(ctx, s.write); err != nil {
		return unusable(name, fmt.Errorf("open database: %w", full(err)))
	}
	if s.read, err = connect(name, readers, o.MaxPages); err != nil {
		return err
	}
	// Whether there is room shows in Ping; a full disk is no reason not to serve what is there.
	if err := s.freeLeases(ctx); err != nil && !errors.Is(err, storage.ErrFull) {
		return unusable(name, err)
	}
	if err := s.blobs.probe(); err != nil && !errors.Is(err, storage.ErrFull) {
		return unusable(s.blobs.dir, err)
	}
	if err := s.collect(ctx, atOpen); err != nil && !errors.Is(err, storage.ErrFull) {
		return unusable(s.blobs.dir, err)
	}
	return unusable(name, s.survey(ctx))
}

// readers is the number of connections for reading.
const readers = 4

// cacheSize is the memory for pages that each connection may take: 16 MiB, enough for an index of the largest fleets.
const cacheSize = "cache_size(-16384)"

func connect(name string, connections, maxPages int) (*sql.DB, error) {
	q := url.Values{}
	if connections == 1 {
		q.Set("_txlock", "immediate") // a writer takes the lock at once, never half-way through
	}
	for _, p := range []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", cacheSize} {
		q.Add("_pragma", p)
	}
	if maxPages > 0 {
		q.Add("_pragma", fmt.Sprintf("max_page_count(%d)", maxPages))
	}
	db, err := open(name, q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func open(name, options string) (*sql.DB, error) {
	escaped := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(name)
	db, err := sql.Open("sqlite", "file:"+escaped+"?"+options)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return db, nil
}

// Close releases everything. Later calls fail.
func (s *Store) Close() error {
	var all []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			all = append(all, db.Close())
		}
	}
	return errors.Join(append(all, s.lock.Close())...)
}

// probeSetting is what Ping writes.
const probeSetting = "probe"

// Ping writes to the database and to the blob folder, durably, as everything that happens must be.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.PutSetting(ctx, probeSetting, make([]byte, 8)); err != nil {
		return named(err, "ping database")
	}
	return named(s.blobs.probe(), "ping blobs")
}

// full makes ErrFull of the ways in which a disk says so, and ErrNotFound of an empty result.
func full(err error) error {
	var e *sqlite.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return storage.ErrNotFound
	case errors.Is(err, storage.ErrFull):
		return err
	case errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_FULL || e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE), noSpace(err):
		return fmt.Errorf("%w: %w", storage.ErrFull, err)
	}
	return err
}

// named puts before an error, if there is one, what failed.
func named(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), full(err))
}

func stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func digestOf(b []byte) (d storage.Digest) {
	copy(d[:], b)
	return d
}
