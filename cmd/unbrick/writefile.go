package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// replaceFile writes a file whole or not at all: on a full disk what was there before stays.
func replaceFile(name string, b []byte) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(name, b, 0o644) // such as a pipe
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".unbrick-*")
	if err != nil {
		return err
	}
	if err = errors.Join(f.Chmod(0o644), finish(f, b)); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// writeNew writes a file that must not exist, durably: the file and that its folder has it.
func writeNew(name string, b []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists and is not overwritten", name)
	} else if err != nil {
		return err
	}
	if err = finish(f, b); err == nil {
		err = syncFolder(filepath.Dir(name))
	}
	if err != nil {
		os.Remove(name)
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// finish writes a new file durably, and closes it.
func finish(f *os.File, b []byte) error {
	_, err := f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
