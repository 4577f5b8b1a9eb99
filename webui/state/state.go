package state

import (
	"time"

	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/boottext"
)

// Limits of what one State carries, so that a message between worker and page stays small.
const (
	MaxSectors  = 4096 // cells of one map
	MaxReleases = 64   // releases offered for choice
	MaxLogRows  = 400  // rows of the Lab's event log; the oldest go first
	MaxReplayID = 1024 // bytes of a run's id
	MaxTrace    = 40   // lines of a failure's details for support
	MaxText     = 96   // bytes of any text that is not a trace line
	MaxTraceLen = 160  // bytes of one trace line
	MaxRegions  = 32   // regions of the emulated RAM
	MaxWays     = 16   // ways into restoration mode
	MaxImages   = 8    // images that a boot loader lists
	MaxHashText = 128  // hexadecimal digits of an image's hash
	MaxAreas    = 8    // settings areas
	MaxKinds    = 4    // of what a device says instead of an answer
	MaxJobs     = 16   // devices whose restoration has not ended
	MaxCuts     = 16   // marks of cuts on a replay
)

// State is all that Restore and Lab show. The engine shows a whole new one whenever something changed, at most ten times a second,
// and never changes one that it has shown; what differs from the one before travels to the page.
type State struct {
	Tab     Tab
	Restore Restore `change:"parts"`
	Lab     Lab     `change:"parts"`
	Store   Store
	Server  Server
}

// With is what is shown when the Lab has an engine of its own, whose state it is given: what the Lab shows, and that something of what
// it had kept is lost. Without one, which is nil, the Lab is still being looked for.
func (s State) With(lab *State) State {
	if lab == nil {
		s.Lab = Lab{Make: Making{State: MakeLooking}, Map: Map{Active: -1}}
		return s
	}
	s.Lab = lab.Lab
	if lab.Store.Condition == StoreLost && (s.Store.Condition == StoreOpen || s.Store.Condition == StoreFleeting) {
		s.Store.Condition = StoreLost
	}
	return s
}

// Tab says whether this tab may use port, store and Lab. Only one tab of a browser may.
type Tab uint8

const (
	TabHere      Tab = iota // this tab has the work
	TabElsewhere            // another tab has it
)

// Server is the link to the server as the page last knew it.
type Server struct {
	Reach   Reach
	Address string // host as a person knows it; may be empty
}

// Reach says whether the server answered lately.
type Reach uint8

const (
	ReachUnknown Reach = iota // not asked yet
	ReachYes                  // the last request was answered
	ReachNo                   // the last request was not; releases stored here still work
)

// Store is the browser's own store of releases.
type Store struct {
	Condition StoreCondition
	Releases  []Release `max:"releases"` // newest first
	Bytes     uint64    // of all stored release files
}

// StoreCondition is what the store can be trusted with.
type StoreCondition uint8

const (
	StoreOpening   StoreCondition = iota
	StoreOpen                     // kept after the tab is closed
	StoreFleeting                 // the browser may throw it away
	StoreFull                     // the browser refuses more, or failed to keep something
	StoreLost                     // some of what was there is gone or cannot be read; the rest is kept
	StoreNone                     // nothing is kept: the browser has no storage for this page, or it does not open
	StoreElsewhere                // another tab has it
)

// Release is one release that could be written.
type Release struct {
	Digest  [32]byte // of the image; names the release in commands
	Model   string
	Version string
	Order   uint64 // decides "newer"
	Size    uint32 // of the image, bytes
	Date    string // that it says it was released, as 2026-11-28; may be empty
	Note    string `max:"note"` // its maker's; may be empty
	Signers Signers
	Origin  Origin
	Fit     Fit // for the device at hand; without one FitUnknown, or what it is for every device
}

// Signers are the identifiers of the keys that signed a release; zeros where there are fewer.
type Signers [release.MaxSigners][8]byte

// Origin says where a release is at hand.
type Origin uint8

const (
	OriginStore  Origin = iota // in this browser
	OriginServer               // on the server
	OriginFile                 // from a file chosen in this visit
)

// Fit says what a release would be for the device at hand.
type Fit uint8

const (
	FitUnknown    Fit = iota
	FitIntended       // the one an interrupted update was writing
	FitInstalled      // the one its record says is installed
	FitNewest         // neither, and the newest for this model
	FitNewer          // newer than the installed one
	FitOlder          // older, and not below the floor
	FitBelowFloor     // refused by the device: its security counter is below the floor
	FitUntrusted      // signed by fewer keys that the device trusts than it asks for
	FitWithheld       // its maker offers it to nobody for now
	FitWithdrawn      // its maker took it back: written only if the person wants it
)

// Held says that a release is not offered by itself.
func (f Fit) Held() bool { return f == FitWithheld || f == FitWithdrawn }

// Restore is the Restore screen. Only the fields of its phase, and what earlier phases found, are set.
type Restore struct {
	Phase    RestorePhase
	Ways     []Way            `max:"ways"` // RestoreNoAnswer: in the order they are tried
	Heard    Heard            // RestoreNoAnswer: what the device says instead of an answer
	Device   Device           // from RestoreReading on
	Map      Map              // from RestoreFound on
	Plan     Plan             // from RestoreFound on
	Choice   []Release        `max:"releases"` // what else could be written to this device
	Progress restore.Progress // RestoreReading and RestoreWriting; kept in RestoreFailed
	Result   Result           // RestoreDone
	Failure  Failure          // RestoreFailed
	Job      PendingJob       // RestoreIdle: the job begun last of those that a reload, a crash or a cable interrupted
	Others   []PendingJob     `max:"jobs"` // RestoreIdle: those of other devices, the last begun first
	Boot     Boot             // from RestoreLoader on
}

// Heard is what came out of a port that is no answer: the text of another boot loader, or of a program.
type Heard struct {
	Lines []string        `max:"heard,line heard"` // the first and the last ones, safe to show
	Kinds []boottext.Kind `max:"kinds"`            // what is recognised in it
}

// RestorePhase is the one state of the Restore screen.
type RestorePhase uint8

const (
	RestoreLoading     RestorePhase = iota // the program is not ready, or not known whether a job was left
	RestoreIdle                            // nothing is connected
	RestoreUnsupported                     // this browser has no Web Serial
	RestoreInsecure                        // this address is no secure context
	RestoreNoPort                          // the chooser was closed without a choice
	RestoreConnecting                      // port opened, first ways into restoration mode are tried
	RestorePortBusy                        // another program holds the port
	RestoreNoAnswer                        // the port works, nothing answers; Ways is the coach's list
	RestoreReading                         // identified; records and digests are being read
	RestoreFound                           // it can be restored; Plan says how
	RestoreRight                           // nothing is wrong with its software
	RestoreUnknown                         // no release for this model is at hand
	RestoreWriting                         // Progress says where
	RestoreDone                            // verified by the device and started
	RestoreFailed                          // Failure says why
	RestoreLoader                          // no terminal of ours: a boot loader that takes signed images; none is chosen
	RestoreImage                           // an image is chosen and checked; Boot.File says which
	RestoreWithdrawn                       // no release that it takes is offered any more: its maker took back what there was; Choice is what is at hand all the same
	restorePhases
)

// RestorePhases is the number of RestorePhase values.
const RestorePhases = int(restorePhases)

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
	Version string   // release its record says is installed; empty without a valid record
	Target  string   // release an interrupted update was writing; empty without one
	Floor   uint64   // security counter below which it takes nothing
	Keys    int      // keys it trusts
	Layout  MapFacts // what its flash is
	Backup  bool     // its software may be read out
	Saved   bool     // it was, in this attempt
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
	Trial    Trial  // WorkImage
}

// Work is what a device needed to run again.
type Work uint8

const (
	WorkWritten  Work = iota // sectors were written
	WorkRecorded             // its software was whole: only its record of it was written, or weak sectors renewed
	WorkStarted              // nothing was written: it only waited to be started
	WorkImage                // a signed image was given to its boot loader
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
}

// Boot is a boot loader of MCUboot's kind, or a program that speaks like one.
type Boot struct {
	Images []BootImage `max:"images"` // that it lists
	File   BootFile    // RestoreImage and after: what will be, or was, written
}

// BootImage is one entry of its list. What it does not tell is zero.
type BootImage struct {
	Slot                       uint32
	Version                    string // as that ecosystem shows it
	Hash                       string `max:"hash"` // as that ecosystem shows it
	Active, Confirmed, Pending bool
}

// BootFile is a signed image that the person chose. Its header, TLVs and hash were checked.
type BootFile struct {
	Name, Version string
	Hash          string `max:"hash"`
	Key           string `max:"hash"` // hash of the key that it says it is signed with; may be empty
	Signature     string // kind of signature
	Size          uint32 // bytes that will be sent
	Encrypted     bool   // its hash cannot be checked here
	Counter       uint64 // security counter; 0: none
	Time          time.Duration
}

// Trial says what is known of the start of an image that was installed.
type Trial uint8

const (
	TrialNone      Trial = iota // it is in the slot that starts; the boot loader took the command, and nothing answers since
	TrialRuns                   // it runs on trial, and must confirm itself
	TrialConfirmed              // it ran on trial, and was told to stay
	TrialMarked                 // it is to be tried; the boot loader took the command to start, and nothing answers since
	TrialStarted                // it is in the slot that starts, and its program answers
	TrialUnknown                // not even the command to start was answered
)

// PendingJob is a restoration that was stored before its first erase and has not ended.
type PendingJob struct {
	Model   string
	Serial  string // empty: there is none
	Version string
	Digest  [32]byte
	Erase   bool // the person wants its settings erased
}
