//go:build unix

package bench

import (
	"os"
	"runtime"
	"syscall"
)

// resident returns the most bytes that the finished process had in memory.
func resident(s *os.ProcessState) int64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) << 10
}
