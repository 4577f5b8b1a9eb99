//go:build unix && !linux

package local

import (
	"os"
	"testing"
)

func smallDisk(t *testing.T) string {
	t.Helper()
	t.Skip("NOT CHECKED: a real full disk, because none is mounted on this system")
	return ""
}

func asNobody(t *testing.T, f func() error) error {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("NOT CHECKED: for root every folder can be written")
	}
	return f()
}
