//go:build !unix

package bench

import "os"

// resident is not known on this system.
func resident(*os.ProcessState) int64 { return 0 }
