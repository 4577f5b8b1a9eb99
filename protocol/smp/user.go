package smp

import "unbrick/limits"

// UserVersion is the version of our own group that this package speaks, said in identify. Version 1 is spoken no longer.
const UserVersion = 2

// Command IDs of our own group. Append-only.
const (
	UserIdentify = 0
	UserRecord   = 1
	UserDigests  = 2
	UserBegin    = 3
	UserLeaves   = 4
	UserFile     = 5
	UserData     = 6
	UserFinish   = 7
	UserStatus   = 8
	UserAbort    = 9
	UserReadout  = 10
	UserErase    = 11
	UserFrames   = 12
	UserReceipt  = 13
	UserTrust    = 14
)

// Limits of our own group.
const (
	MaxKeys     = limits.KeySlots // key slots of the boot area
	MaxDigests  = limits.Digests  // sector digests in one answer
	DigestSize  = 8               // bytes of a sector digest: the first of a SHA-256
	Fanout      = 16              // digests of one level that make one of the next
	MaxLevel    = limits.Level    // of the digest tree: 16^4 sectors
	LeafDigest  = 32              // bytes of a leaf digest
	MaxLeafData = limits.LeafDigests * LeafDigest
	MaxPart     = limits.Piece // bytes of a manifest or file in one packet of BufSize
)

// RecordState is what the newest valid record says. Append-only.
type RecordState uint8

// The states.
const (
	RecordNone      RecordState = 0 // no valid record
	RecordInstalled RecordState = 1 // installed A
	RecordRewriting RecordState = 2 // rewriting A -> B
)

var recordNames = [...]string{"none", "installed", "rewriting"}

func (s RecordState) String() string { return name(recordNames[:], uint32(s), "state") }

// Why says why the device is in restoration mode. Append-only.
type Why uint8

// The reasons.
const (
	WhyUnknown     Why = 0
	WhyAsked       Why = 1 // break, echo, or the question for the boot loader, on the cable after reset
	WhyPin         Why = 2
	WhyNoRecord    Why = 3 // no valid record
	WhyInterrupted Why = 4 // rewriting, and the image is neither the old nor the new one
	WhyDamaged     Why = 5 // installed, and the image is not that one
	WhyHang        Why = 6 // three watchdog or fault resets in a row without confirmation
)

var whyNames = [...]string{"unknown", "asked", "pin", "no record", "interrupted", "damaged", "hang"}

func (w Why) String() string { return name(whyNames[:], uint32(w), "reason") }

// Match says which image the software area holds, by the whole digest. Append-only.
type Match uint8

// The matches.
const (
	MatchNone Match = 0
	MatchFrom Match = 1
	MatchTo   Match = 2
)

var matchNames = [...]string{"none", "from", "to"}

func (m Match) String() string { return name(matchNames[:], uint32(m), "match") }

// Phase is where a restoration stands, on the device. Append-only.
type Phase uint8

// The phases.
const (
	PhaseIdle      Phase = 0 // no begin yet
	PhasePreparing Phase = 1 // begin: refreshing doubtful sectors
	PhaseReady     Phase = 2 // takes leaves, files and finish; code says how the last file ended
	PhaseProving   Phase = 3 // a file is whole: decoding, writing nothing
	PhaseRewriting Phase = 4 // erasing and programming what it says
	PhaseFinishing Phase = 5 // finish: reading the whole image, writing the record
	PhaseDone      Phase = 6 // the signed image is there and recorded
	PhaseFailed    Phase = 7 // code says why; begin starts again
	PhaseErasing   Phase = 8 // erase: erasing a settings area; afterwards the phase is what it was
	PhaseUploading Phase = 9 // a release file comes through the image group; sectors are written as they come
)

var phaseNames = [...]string{"idle", "preparing", "ready", "proving", "rewriting", "finishing", "done", "failed", "erasing", "uploading"}

func (p Phase) String() string { return name(phaseNames[:], uint32(p), "phase") }

// Busy reports whether the device works by itself. Between two sectors it answers status, and takes what belongs to the file
// that comes meanwhile; a begin, finish or erase that led to the work is answered again. All else is FaultBusy.
func (p Phase) Busy() bool {
	switch p {
	case PhasePreparing, PhaseProving, PhaseRewriting, PhaseFinishing, PhaseErasing:
		return true
	case PhaseIdle, PhaseReady, PhaseDone, PhaseFailed, PhaseUploading:
		return false
	}
	return false
}

func user(op Op, id uint8) Header { return Header{Op: op, Version: 1, Group: GroupUser, ID: id} }
