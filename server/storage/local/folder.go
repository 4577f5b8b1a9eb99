//go:build !js

package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"unbrick/server/storage"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Names in the data folder.
const (
	databaseName = "unbrick.db"
	blobsName    = "blobs"
	lockName     = "lock"
)

// applicationID marks a database as ours in its header ("UBRI").
const applicationID = 0x55425249

// firstTables are in every schema that there was.
var firstTables = []string{"devices", "files", "history", "keys", "models", "releases", "settings"}

func broken(path, what, remedy string, err error) error {
	return &storage.FolderError{Path: path, What: what, Remedy: remedy, Err: err}
}

// remedies that several faults have in common.
const (
	fromBackup = "put it back from a backup"
	mayWrite   = "let the user that the server runs as write there"
)

// look finds out what a data folder holds before anything in it is touched, and refuses one that is not whole: a catalogue
// that is missing or empty beside blobs, or blobs that are missing beside a catalogue that names some. SQLite itself
// would make a new catalogue and throw away what it finds beside it.
func look(ctx context.Context, dir string) error {
	database, folder := filepath.Join(dir, databaseName), filepath.Join(dir, blobsName)
	kept, err := countBlobs(folder)
	noBlobs := errors.Is(err, fs.ErrNotExist)
	if err != nil && !noBlobs {
		return unusable(folder, err)
	}
	beside := ""
	if kept > 0 {
		beside = fmt.Sprintf("%s holds %d images and update files", folder, kept)
	} else if info, err := os.Stat(database + "-wal"); err == nil && info.Size() > 0 {
		beside = database + "-wal holds what was written last"
	}
	orNew := fmt.Sprintf("%s; nothing was changed. To begin anew, name another folder", fromBackup)
	info, err := os.Stat(database)
	switch {
	case errors.Is(err, fs.ErrNotExist) && beside == "":
		return nil // a new folder
	case errors.Is(err, fs.ErrNotExist):
		return broken(database, "is missing, and "+beside, orNew, nil)
	case err != nil:
		return unusable(database, err)
	case !info.Mode().IsRegular():
		return broken(database, "is not a file", orNew, nil)
	case info.Size() == 0 && beside != "":
		return broken(database, "is empty, and "+beside, orNew, nil)
	case info.Size() == 0:
		return nil
	}
	found, err := examine(ctx, database)
	switch {
	case err != nil:
		return err
	case found.version == 0 && beside != "":
		return broken(database, "holds nothing, and "+beside, orNew, nil)
	case found.images > 0 && noBlobs:
		return broken(folder, fmt.Sprintf("is missing, and %s names %d images in it", database, found.images),
			"put it back. If it is lost for good, make an empty folder of this name, start, and publish the release files again", nil)
	}
	return nil
}

// catalogue is what a database says of itself.
type catalogue struct {
	version int // of the schema, 0: none yet
	images  int // that releases name
}

// examine reads a database without writing to it. It refuses one that this program must not touch.
func examine(ctx context.Context, name string) (found catalogue, err error) {
	db, err := open(name, "mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		return found, err
	}
	defer db.Close()
	var id int
	var tables []string
	found.version, err = one(ctx, db, column[int], `PRAGMA user_version`)
	if err == nil {
		id, err = one(ctx, db, column[int], `PRAGMA application_id`)
	}
	if err == nil {
		tables, err = all(ctx, db, "list tables", column[string], `SELECT name FROM sqlite_master WHERE type = 'table'`)
	}
	if err != nil {
		return found, unusable(name, err)
	}
	ours := id == 0 || id == applicationID
	for _, t := range firstTables {
		ours = ours && (slices.Contains(tables, t) || len(tables) == 0 && found.version == 0)
	}
	switch {
	case !ours:
		return found, broken(name, "is the database of another application", "name another folder with --data; nothing was changed", nil)
	case found.version == 0:
		return found, nil
	case found.version > version:
		return found, broken(name, fmt.Sprintf("is of a newer server: its schema is version %d, this program knows %d", found.version, version),
			"start the newer program, or put a backup back that this one made; nothing was changed", nil)
	case found.version < version:
		return found, broken(name, fmt.Sprintf("is of an older server, with releases in a form that nothing reads any more: its schema is "+
			"version %d, this program knows %d", found.version, version),
			"name a new folder with --data and publish the releases again; nothing was changed", nil)
	}
	found.images, err = one(ctx, db, column[int], `SELECT count(DISTINCT image) FROM releases`)
	return found, unusable(name, err)
}

// unusable names the file and says what to do about an error that has to do with the folder; other errors stay as they are.
func unusable(path string, err error) error {
	var e *sqlite.Error
	code := 0
	if errors.As(err, &e) {
		code = e.Code() & 0xff
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(full(err), storage.ErrFull):
		return broken(path, "has no room left on its disk", "make room and start again; nothing was lost", full(err))
	case code == sqlite3.SQLITE_NOTADB:
		return broken(path, "is no database", fromBackup+"; nothing was changed", err)
	case code == sqlite3.SQLITE_CORRUPT:
		return broken(path, "is damaged", fromBackup+"; nothing was changed", err)
	case code == sqlite3.SQLITE_READONLY, code == sqlite3.SQLITE_CANTOPEN, code == sqlite3.SQLITE_PERM, errors.Is(err,
		fs.ErrPermission), readOnly(err):
		return broken(path, "cannot be written", mayWrite, err)
	case errors.Is(err, syscall.ENOTDIR):
		return broken(path, "is not a folder", "name a folder, or move the file away", err)
	}
	return err
}

// isBlobName says whether a file in the folder is a blob by its name.
func isBlobName(name string) bool {
	d, err := hex.DecodeString(name)
	return err == nil && len(d) == sha256.Size && strings.ToLower(name) == name
}

// countBlobs counts the files that are blobs by their names.
func countBlobs(dir string) (n int, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if isBlobName(e.Name()) {
			n++
		}
	}
	return n, err
}

// maxNamed is how many files one note names.
const maxNamed = 5

// survey compares the folder of blobs with what the catalogue names, and removes what a crash left of files that were
// never whole. A whole blob that the catalogue knows nothing of is never removed: the catalogue may be older, out of a backup. What it
// knows to be named by nothing is gone by now (collect).
func (s *Store) survey(ctx context.Context) error {
	images, err := s.digests(ctx, `SELECT DISTINCT image FROM releases`)
	if err != nil {
		return err
	}
	files, err := s.digests(ctx, `SELECT DISTINCT blob FROM files WHERE blob IS NOT NULL UNION SELECT digest FROM loose`)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(s.blobs.dir)
	if err != nil {
		return fmt.Errorf("read blobs: %w", err)
	}
	var unnamed []string
	var size int64
	for _, e := range entries {
		name := e.Name()
		switch {
		case isPart(name):
			if err := os.Remove(filepath.Join(s.blobs.dir, name)); err != nil {
				return fmt.Errorf("remove what a crash left: %w", err)
			}
		case isBlobName(name) && !images[name] && !files[name]:
			unnamed = append(unnamed, name)
			if info, err := e.Info(); err == nil {
				size += info.Size()
			}
		}
		delete(images, name)
	}
	if len(unnamed) > 0 {
		s.note("%d files in %s are named by no release and no update file, %d bytes; they are kept, because the database may be older than "+
			"they are: %s", len(unnamed), s.blobs.dir, size, some(unnamed))
	}
	if len(images) > 0 {
		lost := slices.Sorted(maps.Keys(images))
		s.note("%d images of releases are missing in %s; publishing their release files again brings them back: %s", len(lost), s.blobs.dir,
			some(lost))
	}
	return nil
}

func some(names []string) string {
	if len(names) > maxNamed {
		return strings.Join(names[:maxNamed], " ") + " ..."
	}
	return strings.Join(names, " ")
}

func (s *Store) digests(ctx context.Context, query string) (map[string]bool, error) {
	found, err := all(ctx, s.read, "list blobs", column[[]byte], query)
	names := make(map[string]bool, len(found))
	for _, d := range found {
		names[hex.EncodeToString(d)] = true
	}
	return names, err
}

func (s *Store) note(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// Notes are what an operator should know of the folder as it was found, for the log.
func (s *Store) Notes() []string { return slices.Clone(s.notes) }
