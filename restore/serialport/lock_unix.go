//go:build unix

package serialport

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock holds a port against other programs of ours, and against every one that locks as serial tools
// do. The library's own claim (TIOCEXCL) does not hold against the superuser.
func lock(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.EBUSY) {
		return nil, ErrBusy
	}
	if err != nil {
		return nil, why(err)
	}
	raw, err := f.SyscallConn()
	if err == nil {
		var locked error
		if err = raw.Control(func(fd uintptr) { locked = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB) }); err == nil {
			err = locked
		}
	}
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		f.Close()
		return nil, ErrBusy
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("lock: %w", err)
	}
	return func() { f.Close() }, nil
}
