//go:build linux

package webserial

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openPTY returns the master of a new pseudo-terminal and the number of its slave. The terminal is
// raw before anybody can open the slave: what a device sends first is not echoed back to it. The
// slave was opened once, so that from now on the master hangs up exactly while nobody has it open.
func openPTY() (master *os.File, number int, err error) {
	// Non-blocking, so that deadlines work and Close ends a Read that waits.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("open pseudo-terminal: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, 0, fmt.Errorf("unlock pseudo-terminal: %w", err)
	}
	if number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN); err != nil {
		return nil, 0, fmt.Errorf("number of pseudo-terminal: %w", err)
	}
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, 0, fmt.Errorf("settings of pseudo-terminal: %w", err)
	}
	settings.Iflag, settings.Oflag, settings.Lflag = 0, 0, 0
	settings.Cc[unix.VMIN], settings.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, settings); err != nil {
		return nil, 0, fmt.Errorf("make pseudo-terminal raw: %w", err)
	}
	slave, err := unix.Open(slavePath(number), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("open slave of pseudo-terminal: %w", err)
	}
	unix.Close(slave)
	return os.NewFile(uintptr(fd), "ptmx"), number, nil
}

func slavePath(number int) string { return fmt.Sprintf("/dev/pts/%d", number) }

// isOpen tells whether somebody has the slave open.
func isOpen(master *os.File) bool {
	conn, err := master.SyscallConn()
	if err != nil {
		return false
	}
	open := false
	err = conn.Control(func(fd uintptr) {
		set := []unix.PollFd{{Fd: int32(fd)}}
		_, err := unix.Poll(set, 0)
		for err == unix.EINTR { // by the runtime's own signals
			_, err = unix.Poll(set, 0)
		}
		open = err == nil && set[0].Revents&unix.POLLHUP == 0
	})
	return err == nil && open
}
