package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// speedOf returns the speed that the other end of a pseudo-terminal is set to, in bits a second, or 0.
func speedOf(master *os.File) uint32 {
	conn, err := master.SyscallConn()
	if err != nil {
		return 0
	}
	speed := uint32(0)
	_ = conn.Control(func(fd uintptr) {
		if t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS2); err == nil {
			speed = t.Ospeed
		}
	})
	return speed
}
