package apparatus

import "time"

// Port is restore.Port.
type Port interface {
	Read(p []byte, wait time.Duration) (int, error)
	Write(p []byte) error
	Now() time.Duration
	Close() error
}
