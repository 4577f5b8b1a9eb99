//go:build !unix

package bench

import (
	"os"
	"time"
)

// resident is not known on this system.
func resident(*os.ProcessState) int64 { return 0 }

// processor returns the time of a clock: how long this process has been computing is not known.
func processor() time.Duration { return time.Duration(time.Now().UnixNano()) }
