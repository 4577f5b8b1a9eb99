package state

import "unbrick/internal/pack"

// Replay is a run that is played again: one of the structs below. While it is ReplayReady, all else in Lab tells of the run at one
// stop, and nothing of the device.
type Replay interface{ isReplay() }

// replaying makes a struct a phase of a replay.
type replaying struct{}

func (replaying) isReplay() {}

type (
	// ReplayMaking: its images are looked for, and the run is computed anew.
	ReplayMaking struct{ replaying }
	// ReplayMissing: an image is neither in this browser nor on the server.
	ReplayMissing struct {
		replaying
		Image string // the beginning of its digest
	}
	// ReplayFailed: it cannot be shown.
	ReplayFailed struct {
		replaying
		Why string
	}
	// ReplayReady: it is shown, at one stop.
	ReplayReady struct {
		replaying
		Own      bool     // it is of the device's own last cut
		At, Last uint32   // stop that is shown, and the last; stop 0 is before the first operation
		Op, Ops  uint32   // flash operations begun at this stop, and of all
		CutOp    uint32   // operation in which power failed first, 0 none
		Cuts     []uint32 `max:"cuts"` // stops at which power failed
		Do       ReplayDo // what happens at this stop
		Cut      bool     // power fails in this operation
		Tear     Tear     // and leaves that
		Sector   uint32   // of the operation, or NoSector
		Record   bool     // that is a record sector
		Bytes    uint32   // of the operation
		Done, Of uint32   // software sectors in the plan, this one included; 0: not known
	}
)

// Replays is one of each phase of a replay.
func Replays() []Replay {
	return []Replay{ReplayMaking{}, ReplayMissing{}, ReplayFailed{}, ReplayReady{}}
}

var replays = pack.Forms(Replays()...)

// ReplayDo is what happens at a stop of a replay.
type ReplayDo uint8

const (
	DoBefore  ReplayDo = iota // nothing yet
	DoErase                   // the flash erases
	DoProgram                 // the flash programs
	DoPower                   // power comes back
	DoBoot                    // the device boots after a reset
	DoEnd                     // the last stop
)
