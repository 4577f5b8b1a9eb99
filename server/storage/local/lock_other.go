//go:build !unix && !js

package local

import (
	"errors"
	"os"
	"syscall"
)

// lockFile only opens the file: this system has no advisory lock that we use, and the operator must see to
// it that one server runs per data folder.
func lockFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
}

func readOnly(error) bool { return false }

func noSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) }

// syncFolder does nothing: a folder cannot be opened for syncing here.
func syncFolder(string) error { return nil }
