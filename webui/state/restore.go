package state

import (
	"time"

	"unbrick/internal/pack"
	"unbrick/protocol/smp"
	"unbrick/restore"
	"unbrick/restore/boottext"
)

// Restore is the Restore screen: one of the structs below, for its phase, with what that phase shows. A new phase is written here,
// in the list behind them, where it is come to, and in what package words says of it.
type Restore interface{ isRestore() }

// restoring makes a struct a phase of Restore.
type restoring struct{}

func (restoring) isRestore() {}

// Offer is what can be done for the device at hand.
type Offer struct {
	Device Device
	Map    Map
	Plan   Plan
	Choice []Release `max:"releases"` // what else could be written to it
}

type (
	// RestoreLoading: the program is not ready, or not known whether a job was left.
	RestoreLoading struct{ restoring }
	// RestoreIdle: nothing is connected.
	RestoreIdle struct {
		restoring
		Jobs []PendingJob `max:"jobs"` // that a reload, a crash or a cable interrupted, the one begun last first
	}
	// RestoreUnsupported: this browser has no Web Serial.
	RestoreUnsupported struct{ restoring }
	// RestoreInsecure: this address is no secure context.
	RestoreInsecure struct{ restoring }
	// RestoreNoPort: the chooser was closed without a choice.
	RestoreNoPort struct{ restoring }
	// RestoreConnecting: the port is open, the first ways into restoration mode are tried.
	RestoreConnecting struct{ restoring }
	// RestorePortBusy: another program holds the port.
	RestorePortBusy struct{ restoring }
	// RestoreNoAnswer: the port works, nothing answers.
	RestoreNoAnswer struct {
		restoring
		Ways  []Way `max:"ways"` // in the order they are tried
		Heard Heard // what the device says instead of an answer
	}
	// RestoreReading: records, digests, or for a backup all of the software area are being read.
	RestoreReading struct {
		restoring
		Device   Device // as far as it has said who it is
		Done, Of uint64 // of a backup, bytes; Of 0: there is none
	}
	// RestoreFound: it can be restored.
	RestoreFound struct {
		restoring
		Offer `change:"parts"`
	}
	// RestoreRight: nothing is wrong with its software, and it waits to be started.
	RestoreRight struct {
		restoring
		Offer `change:"parts"`
	}
	// RestoreUnknown: no release for this model is at hand.
	RestoreUnknown struct {
		restoring
		Device Device
	}
	// RestoreWithdrawn: no release that it takes is offered any more. Its maker took back what there was; Choice is what is at hand
	// all the same, best first.
	RestoreWithdrawn struct {
		restoring
		Device Device
		Choice []Release `max:"releases"`
	}
	// RestoreWriting: the plan is being carried out.
	RestoreWriting struct {
		restoring
		Device   Device
		Map      Map
		Plan     Plan
		Progress restore.Progress
	}
	// RestoreDone: verified by the device and started.
	RestoreDone struct {
		restoring
		Device Device
		Result Result
	}
	// RestoreFailed: an attempt has ended.
	RestoreFailed struct {
		restoring
		Serial  string // of the device; empty: it has not said it
		Image   bool   // a boot loader of another family was given an image, and no release written
		Failure Failure
	}
)

// Restores is one of each phase of Restore.
func Restores() []Restore {
	return []Restore{
		RestoreLoading{}, RestoreIdle{}, RestoreUnsupported{}, RestoreInsecure{}, RestoreNoPort{}, RestoreConnecting{}, RestorePortBusy{},
		RestoreNoAnswer{}, RestoreReading{}, RestoreFound{}, RestoreRight{}, RestoreUnknown{}, RestoreWithdrawn{}, RestoreWriting{},
		RestoreDone{}, RestoreFailed{},
		RestoreBoard{}, RestoreFlashing{}, RestoreFlashed{},
	}
}

var restores = pack.Forms(Restores()...)

// Heard is what came out of a port that is no answer: the text of another boot loader, or of a program.
type Heard struct {
	Lines []string        `max:"heard,line heard"` // the first and the last ones, safe to show
	Kinds []boottext.Kind `max:"kinds"`            // what is recognised in it
}

// Way is one way into restoration mode.
type Way struct {
	Kind   WayKind
	State  WayState
	Waited time.Duration // how long an answer was awaited, when tried
	Hint   string        // WayHint: the model's own words
	Before bool          // this brought a device of the kind into restoration mode before
}

// WayKind names a way.
type WayKind uint8

const (
	WayReset  WayKind = iota // reset by DTR
	WayBreak                 // break signal
	WayPower                 // the person switches it off and on while we listen
	WayButton                // the person holds its button while switching on
	WayHint                  // the model's own words
	WayRTS                   // reset by RTS
	WayPin                   // reset by RTS with the restoration pin at DTR
	WayBoot                  // the person holds BOOT at a reset, of a chip of Espressif
)

// WayState says how far a way is.
type WayState uint8

const (
	WayNext WayState = iota
	WayNow
	WayTried
)

// Device is what a connected device says of itself.
type Device struct {
	Model   string
	Name    string // of the model; empty when the model is not known here
	Serial  string
	Why     smp.Why
	Version string // release its record says is installed; empty without a valid record
	Target  string // release an interrupted update was writing; empty without one
	Backup  bool   // its software may be read out
	Saved   bool   // it was, in this attempt
	// Settings are the settings areas that it names.
	Settings []SettingsArea `max:"areas"`
	Erases   bool           // it knows how to erase them
}

// SettingsArea is a part of a device's flash that keeps what was set on it.
type SettingsArea struct {
	Name string
	Size uint32 // bytes
}

// Plan is what pressing Restore would do.
type Plan struct {
	Work     Work
	Release  Release
	Trust    Trust
	Sectors  int           // sectors to write with sent bytes; 0 when only the record is missing
	Total    int           // sectors that the release's image covers
	Refresh  int           // weak sectors that the device renews from itself
	Send     uint32        // bytes to send, framing included
	Full     uint32        // bytes of the whole image
	Time     time.Duration // estimate, line and flash
	Settings restore.Settings
}

// Trust is the outcome of the signature's check in this page.
type Trust uint8

const (
	TrustUnchecked Trust = iota
	TrustVerified        // signed by a key that the device trusts, checked here
)

// Result is a restoration that the device itself has judged good.
type Result struct {
	Work     Work
	Version  string
	Signers  Signers
	Verified int    // sectors whose bytes the device's digest covers
	Written  int    // sectors, with sent bytes
	Renewed  int    // weak sectors that the device wrote again from themselves
	Sent     uint32 // bytes on the wire, both framings included
	Took     time.Duration
	Reported Reported
	Settings restore.Settings
	Addr     uint32 // SettingsFailed: of the sector that takes no erase, else 0
}

// Work is what a device needed to run again.
type Work uint8

const (
	WorkWritten  Work = iota // sectors were written
	WorkRecorded             // its software was whole: only its record of it was written, or weak sectors renewed
	WorkStarted              // nothing was written: it only waited to be started
	WorkFinished             // it had come to the end alone, with what an earlier connection had sent
)

// Reported says whether the server has been told.
type Reported uint8

const (
	ReportNone Reported = iota // no server, nothing to tell
	ReportSent
	ReportKept // the server did not answer; told later
)

// Failure is an ended attempt. The words are made from Code, Touched and the numbers.
type Failure struct {
	Code    restore.Code
	Touched restore.Touched
	Stage   restore.Stage
	Sector  int           // the sector at work by what the device had told, counted from 1; 0 when none was. It may have been further
	Of      int           // sectors to write
	Addr    uint32        // of a dead or refused sector
	Needs   uint32        // CodeNoRoom: bytes of workspace
	Has     uint32        // CodeNoRoom
	Left    time.Duration // estimate of what remains
	Version string        // release concerned; CodeFloor: the oldest that would be taken
	Other   string        // CodeModel: the release's model
	Trace   []string      `max:"trace,line"` // last commands with their times, for support
	Said    FailureWords  // of the program that speaks with another family; else empty
}

// FailureWords are what a person is told of an end that only a device of another family can come to.
type FailureWords struct {
	Heading, Lead, Do string `max:"told"`
	Safe              string `max:"told"` // empty: what the flash has seen says it
	Choose            bool   // another file helps; else connecting again
}

// PendingJob is a restoration that was stored before its first erase and has not ended.
type PendingJob struct {
	Model   string
	Serial  string
	Version string
	Digest  [32]byte
	Erase   bool // the person wants its settings erased
}
