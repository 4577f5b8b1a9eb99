package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// TestWriteNewSyncsFolder: a new file is there after a power failure only if its folder was brought to the disk, too. A folder in which
// files may be made and that may not be opened shows that it was asked for, and a file that may not last is not left behind.
func TestWriteNewSyncsFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := os.Mkdir(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	name := filepath.Join(dir, "new")
	write := func() error { return writeNew(name, []byte("a secret"), 0o600) }
	if os.Getuid() == 0 { // rights do not count for root: a thread of its own is somebody else for a while
		const nobody = 65534
		if err := errors.Join(os.Chown(dir, nobody, nobody), os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o755)); err != nil {
			t.Fatal(err)
		}
		as := write
		write = func() error {
			done := make(chan error)
			go func() {
				runtime.LockOSThread() // and never unlocked: the thread ends with its goroutine
				syscall.RawSyscall(syscall.SYS_SETFSUID, nobody, 0, 0)
				done <- as()
			}()
			return <-done
		}
	}
	if err := write(); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a folder that cannot be brought to the disk: %v", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file was left: %v", err)
	}
	if err := write(); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != "a secret" {
		t.Errorf("%q, %v", b, err)
	}
}
