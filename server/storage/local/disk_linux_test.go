package local

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

// smallDisk is a disk of 2 MiB. Where none can be mounted (only root may) the test is skipped, and make test says
// so.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("NOT CHECKED: a real full disk, because none can be mounted here (%v). TestProbeNeedsRoom and the other tests of a full disk ran without one", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// asNobody runs f with the rights of a user who owns nothing, if the test runs as root, for whom no right matters.
func asNobody(t *testing.T, f func() error) error {
	t.Helper()
	if os.Geteuid() != 0 {
		return f()
	}
	const nobody = 65534
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		syscall.Setfsgid(nobody)
		syscall.Setfsuid(nobody)
		done <- f()
	}()
	return <-done
}
