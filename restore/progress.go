package restore

import "time"

// Stage is what a restoration does, as a person sees it.
type Stage uint8

// The stages.
const (
	StageIdentify Stage = iota
	StagePlan
	StageWrite
	StageVerify
	StageErase // of settings areas, if it was asked for
	StageStart
)

func (s Stage) String() string {
	switch s {
	case StageIdentify:
		return "identify"
	case StagePlan:
		return "plan"
	case StageWrite:
		return "write"
	case StageVerify:
		return "verify"
	case StageErase:
		return "erase"
	case StageStart:
		return "start"
	}
	return "unknown"
}

// Progress is where a running restoration is. Work and WorkOf are planned microseconds of line and flash
// together; a Meter tells the remaining time from their rate.
type Progress struct {
	Stage   Stage
	Sectors int // written and read back by the device
	Of      int // to be written
	Bytes   uint64
	BytesOf uint64 // of update files and manifests, on the wire
	Work    uint64
	WorkOf  uint64
	Flash   uint64 // of Work: planned microseconds of flash; the rest is the line's
	FlashOf uint64 // of WorkOf
	Elapsed time.Duration
	Slowed  bool // pieces were made smaller because the line is noisy
}
