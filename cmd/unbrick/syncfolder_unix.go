//go:build !windows

package main

import (
	"errors"
	"fmt"
	"os"
)

// syncFolder makes durable which files a folder has.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("bring the folder to the disk: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}
