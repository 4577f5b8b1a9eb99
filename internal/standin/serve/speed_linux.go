package serve

import "golang.org/x/sys/unix"

// speedOf is what a client has set at the other end, or 0.
func speedOf(fd int) uint32 {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS2)
	if err != nil {
		return 0
	}
	return t.Ospeed
}
