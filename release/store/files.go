package store

import (
	"errors"
	"fmt"
	"io"
	"path"
	"runtime"
	"strings"

	"github.com/hack-pad/hackpadfs"
)

// partSuffix marks a file that is being written. Whatever carries it is nobody's.
const partSuffix = ".part"

// folder is one folder of a file system, whose files are replaced whole or not at all: written under
// another name, synced, renamed, and the folder synced. Overwriting in place would leave an empty or
// torn file when the browser's page goes away or power fails in between.
type folder struct {
	fs  hackpadfs.FS
	dir string
}

// openFolder makes the folder if need be and removes what an interrupted write has left. It returns
// the names of the files in it.
func openFolder(fs hackpadfs.FS, dir string) (folder, []string, error) {
	f := folder{fs, dir}
	if dir == "." || !hackpadfs.ValidPath(dir) {
		return folder{}, nil, fmt.Errorf("folder %q is not a plain relative path", dir)
	}
	if err := hackpadfs.MkdirAll(fs, dir, 0o755); err != nil && !errors.Is(err, hackpadfs.ErrExist) {
		return folder{}, nil, fmt.Errorf("make folder %q: %w", dir, err)
	}
	names, err := f.names()
	if err != nil {
		return folder{}, nil, err
	}
	kept := names[:0]
	for _, name := range names {
		if !strings.HasSuffix(name, partSuffix) {
			kept = append(kept, name)
			continue
		}
		if err := hackpadfs.Remove(fs, f.path(name)); err != nil && !errors.Is(err, hackpadfs.ErrNotExist) {
			return folder{}, nil, fmt.Errorf("remove leftover %q: %w", name, err)
		}
	}
	// What is shown must not go away again: a killed process may have left names that are not durable.
	for at := dir; ; at = path.Dir(at) {
		if err := syncFolder(fs, at); err != nil {
			return folder{}, nil, err
		}
		if at == "." {
			return f, kept, nil
		}
	}
}

func (f *folder) path(name string) string { return path.Join(f.dir, name) }

// names returns the names of all files, no folders.
func (f *folder) names() ([]string, error) {
	entries, err := hackpadfs.ReadDir(f.fs, f.dir)
	if err != nil {
		return nil, fmt.Errorf("read folder %q: %w", f.dir, err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// replace makes data the content of the file. When it returns nil, the file survives a power failure
// as far as the file system can promise that. When it fails, the file has its old content or the new.
func (f *folder) replace(name string, data []byte) error {
	part := f.path(name + partSuffix)
	err := writeSynced(f.fs, part, data)
	if err == nil {
		err = hackpadfs.Rename(f.fs, part, f.path(name))
	}
	if err != nil {
		// Best effort: the next start removes it as well.
		_ = hackpadfs.Remove(f.fs, part)
		return fmt.Errorf("write %q: %w", name, err)
	}
	return syncFolder(f.fs, f.dir)
}

// remove deletes the file for good. That it is not there is no error.
func (f *folder) remove(name string) error {
	err := hackpadfs.Remove(f.fs, f.path(name))
	if err != nil && !errors.Is(err, hackpadfs.ErrNotExist) {
		return fmt.Errorf("remove %q: %w", name, err)
	}
	return syncFolder(f.fs, f.dir)
}

// read returns the first limit bytes of the file and its size. With whole it fails with errTooLarge
// if there are more.
func (f *folder) read(name string, limit int64, whole bool) (data []byte, size int64, err error) {
	file, err := f.fs.Open(f.path(name))
	if err != nil {
		return nil, 0, fmt.Errorf("open %q: %w", name, err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, 0, fmt.Errorf("stat %q: %w", name, err)
	}
	size = info.Size()
	if whole && size > limit {
		return nil, size, fmt.Errorf("%q: %w: %d bytes", name, errTooLarge, size)
	}
	data = make([]byte, min(size, limit))
	switch _, err := io.ReadFull(file, data); {
	case errors.Is(err, hackpadfs.ErrNotExist), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, size, fmt.Errorf("%q: %w: %d bytes", name, errHalf, size)
	case err != nil:
		return nil, size, fmt.Errorf("read %q: %w", name, err)
	}
	return data, size, nil
}

// What is wrong with a file that is there. IndexedDB keeps a file's size apart from its content, which may be missing.
var (
	errTooLarge = errors.New("file too large")
	errHalf     = errors.New("file has not the size that it should have")
)

// writeSynced writes a file with a single Write: IndexedDB stores the whole file again at every one.
func writeSynced(fs hackpadfs.FS, name string, data []byte) error {
	file, err := hackpadfs.OpenFile(fs, name, hackpadfs.FlagWriteOnly|hackpadfs.FlagCreate|hackpadfs.FlagTruncate, 0o644)
	if err != nil {
		return err
	}
	n, err := hackpadfs.WriteFile(file, data)
	if err == nil && n != len(data) {
		err = io.ErrShortWrite
	}
	if syncer, ok := file.(hackpadfs.SyncerFile); ok && err == nil {
		err = syncer.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// syncFolder makes the names in a folder durable where the file system knows how: os does, memory and
// IndexedDB need not, and Windows cannot sync a folder. In a browser even to open the folder takes a while.
func syncFolder(fs hackpadfs.FS, dir string) error {
	if runtime.GOOS == "windows" || runtime.GOOS == "js" {
		return nil
	}
	file, err := fs.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder %q: %w", dir, err)
	}
	if syncer, ok := file.(hackpadfs.SyncerFile); ok {
		err = syncer.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("sync folder %q: %w", dir, err)
	}
	return nil
}
