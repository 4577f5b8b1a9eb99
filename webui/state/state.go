package state

import (
	"unbrick/release"
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
	MaxAreas    = 8    // settings areas
	MaxKinds    = 4    // of what a device says instead of an answer
	MaxJobs     = 16   // devices whose restoration has not ended
	MaxCuts     = 16   // marks of cuts on a replay
)

// State is all that Restore and Lab show. The engine shows a whole new one whenever something changed, at most ten times a second,
// and never changes one that it has shown; what differs from the one before travels to the page.
type State struct {
	Tab     Tab
	Restore Restore `change:"parts"` // nil: nothing is known yet
	Lab     Lab     `change:"parts"`
	Store   StoreCondition
	Server  Reach
}

// With is what is shown when the Lab has an engine of its own, whose state it is given: what the Lab shows, and that something of what
// it had kept is lost. Without one, which is nil, the Lab is still being looked for.
func (s State) With(lab *State) State {
	if lab == nil {
		s.Lab = Lab{Make: Making{State: MakeLooking}, Map: Map{Active: -1}}
		return s
	}
	s.Lab = lab.Lab
	if lab.Store == StoreLost && s.Store == StoreOpen {
		s.Store = StoreLost
	}
	return s
}

// Tab says whether this tab may use port, store and Lab. Only one tab of a browser may.
type Tab uint8

const (
	TabHere      Tab = iota // this tab has the work
	TabElsewhere            // another tab has it
)

// Reach says whether the server answered lately.
type Reach uint8

const (
	ReachUnknown Reach = iota // not asked yet
	ReachYes                  // the last request was answered
	ReachNo                   // the last request was not; releases stored here still work
)

// StoreCondition is what the browser's own store of releases can be trusted with.
type StoreCondition uint8

const (
	StoreOpening   StoreCondition = iota
	StoreOpen                     // kept after the tab is closed, unless the browser needs the room
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
	Family  string // of a device with several parts, and its chip; empty: one part
	Chip    string
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
