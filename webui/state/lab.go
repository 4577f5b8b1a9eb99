package state

import (
	"time"

	"unbrick/flash"
	"unbrick/protocol/smp"
	"unbrick/restore"
)

// Map is the state of every sector of a flash, in address order.
type Map struct {
	Facts  MapFacts
	Cells  []Sector `max:"sectors"` // one per sector
	Active int      // sector at work, or -1
}

// MapFacts is what a flash is.
type MapFacts struct {
	Size        uint32      // bytes
	ProgramUnit uint32      // bytes
	Runs        []SectorRun `max:"sectors"`
}

// SectorRun is a run of equal sectors.
type SectorRun = flash.Run

// SectorAt returns address and size of sector n of a flash; size 0: there is none.
func SectorAt(runs []SectorRun, n int) (addr, size uint32) {
	for _, r := range runs {
		if n < int(r.Count) {
			return addr + uint32(n)*r.Size, r.Size
		}
		n -= int(r.Count)
		addr += r.Size * r.Count
	}
	return addr, 0
}

// Sector is what a person sees of one sector.
type Sector uint8

const (
	SectorSame    Sector = iota // equal in old and new
	SectorOld                   // still old, to be written
	SectorNew                   // already new
	SectorErased                // reads erased, to be written
	SectorDamaged               // neither old nor new, or not to be believed
	SectorLive                  // being rewritten
	SectorBoot                  // boot area
	SectorRecord                // record sector
	SectorUnused                // behind the image, or a settings area

	SectorKinds int = iota // how many there are
)

// Lab is the Lab screen: one emulated device.
type Lab struct {
	Phase    LabPhase
	Make     Making           // what a device could be made of; empty while the present one works
	Name     string           // of the model
	Model    string           //
	Serial   string           //
	Runs     string           // release in its flash; empty when it is a mixture, damaged or none
	Old      string           // release it is rewritten from
	Target   string           // release it is being updated to or restored to, else empty
	Offered  Release          // newer release published for it; zero Digest when there is none
	Outcome  Outcome          // of the last update or restoration
	Why      smp.Why          // LabBricked
	Map      Map              //
	RAM      RAM              //
	Timeline Timeline         //
	Power    Power            //
	Line     Line             //
	Health   Health           //
	Log      []LogRow         `max:"rows" change:"rows"` // oldest first
	Progress restore.Progress // LabReceiving, LabRewriting, LabRestoring
	Failure  Failure          // OutcomeFailed: why the restoration ended
	Choice   []Release        `max:"releases"` // LabBricked: what could be restored, best first
	Fault    string           `max:"line"`     // LabFault: the board's latched fault, in its own words
	Time     time.Duration
	Hangs    bool // LabRunning: the release hangs, and the watchdog resets it again and again
	Kept     bool // the browser's storage holds the flash as it is: a reload finds it so
	// A run that is played again in place of the device; nil: the device itself is shown.
	Replay Replay `change:"parts"`
	Again  bool   // the last cut of the device can be played again
}

// LabPhase is the one state of the emulated device.
type LabPhase uint8

const (
	LabAbsent    LabPhase = iota // none has been made
	LabOff                       // without power
	LabBooting                   // boot computes the image's digest
	LabRunning                   // runs its release
	LabAsking                    // S01-S06: link open, update file information
	LabReceiving                 // S07-S12
	LabProving                   // S13 before the first erase
	LabRewriting                 // S13
	LabJudging                   // S14
	LabBricked                   // S15: restoration mode, cable open
	LabRestoring                 // S16-S20
	LabFault                     // the emulator caught the software breaking a hardware rule

	LabPhases int = iota // how many there are
)

// Making is what the Lab needs to make a device.
type Making struct {
	State    MakeState
	Ended    MakeEnd    // why the last one could not be made
	Models   []LabModel `max:"releases"`
	Releases []Release  `max:"releases"` // of all models
}

// MakeState tells whether a device can be made now.
type MakeState uint8

const (
	MakeReady   MakeState = iota
	MakeLooking           // the device that was here last is being looked for
	MakeBusy              // one is being made
)

// MakeEnd says why a device could not be made.
type MakeEnd uint8

const (
	MakeEndNone      MakeEnd = iota // it could, or nobody has tried
	MakeEndNoServer                 // the server, which has the release or the model's keys, does not answer
	MakeEndNoRelease                // the release is gone from browser and server
	MakeEndDamaged                  // the release's bytes are not those that were signed
	MakeEndNoKeys                   // the server trusts no key for this model yet
	MakeEndUnfit                    // the release does not fit the model

	MakeEnds int = iota // how many there are
)

// LabModel is a model that a device can be made of.
type LabModel struct{ ID, Name string }

// Outcome is how the last update or restoration ended.
type Outcome uint8

const (
	OutcomeNone      Outcome = iota
	OutcomeUpdated           // the new release was verified and runs
	OutcomeConfirmed         // and it has confirmed itself
	OutcomeRestored          // verified over the cable and runs
	OutcomeUpToDate          // nothing newer is published
	OutcomeNoRoom            // no update file fits the workspace; the old software runs
	OutcomeRefused           // signature, model, order or floor; the old software runs
	OutcomeProof             // proof before erase had another outcome; the old software runs
	OutcomeBroken            // the transfer broke; the old software runs, it can be resumed
	OutcomeLinkLost          // the link broke before a transfer had begun; nothing has changed
	OutcomeNoServer          // the server did not answer
	OutcomeHeld              // the server holds this device back after three failed rewrites
	OutcomeFailed            // the restoration ended; Failure says why
	OutcomeLater             // the server is busy, or has not made the update file yet

	Outcomes int = iota // how many there are
)

// RAM is the emulated memory. Offsets and sizes are bytes.
type RAM struct {
	Size      uint32
	Regions   []Region `max:"regions"` // address order; stopped applications keep their place
	Workspace Span     // secured for the update, zero when none
	Resident  Span     // of the workspace's tail: code that runs while flash is busy
	Contents  Contents
}

// Span is a part of the RAM.
type Span struct{ Off, Size uint32 }

// Contents says what the bytes are.
type Contents uint8

const (
	ContentsKept Contents = iota
	ContentsLost          // power was off since applications wrote them: nothing of before is there
)

// Region is an application's memory or free space.
type Region struct {
	Name       string
	Off, Size  uint32
	Importance uint8 // 9 most
	State      RegionState
}

// RegionState says what happens in a region.
type RegionState uint8

const (
	RegionFixed   RegionState = iota // never limited
	RegionRunning                    // an application runs
	RegionStopped                    // limited for the workspace, or stopped for the rewrite
	RegionFree                       // nobody's
)

// Timeline is S01-S20. Step n stands at index n-1.
type Timeline struct {
	Steps [20]Step
	Now   Now
}

// Step is what a step of the specification has come to.
type Step uint8

const (
	StepWaiting Step = iota
	StepDone
	StepLive
	StepSkipped
	StepBad
)

// Now is the step at work with its numbers.
type Now struct {
	Step   uint8  // 1-20, 0 before the first
	Addr   uint32 // of the sector at work (S13, S18-S20)
	Done   uint32 // S10, S11: bytes; S13, S18-S20: sectors
	Of     uint32 // as Done
	Target string // release being written
}

// Power is the switch, and a cut that waits for its operation.
type Power struct {
	Switch  Switch
	Op      uint64 // flash operations since the intent record began
	Ops     uint64 // of the whole rewrite; 0 until it is known
	Most    uint64 // that no rewrite of this flash goes beyond
	CutAt   uint64 // armed cut; 0 is not armed
	Tear    Tear
	LastCut uint64 // operation that the last cut fell into; 0 none
	Refused uint64 // cut that was asked for beyond Most, and is not armed; 0 none
}

// Switch is a power switch.
type Switch uint8

const (
	SwitchOff Switch = iota
	SwitchOn
)

// Tear says what a cut leaves of the operation it falls into.
type Tear uint8

const (
	TearHalf       Tear = iota // half the bytes, or an erase part done
	TearNothing                // not begun
	TearAll                    // complete
	TearFirstUnit              // the first program unit
	TearAllButOne              // all units but the last
	TearUnstable               // bits that read differently each time
	TearUnreadable             // units that cannot be read until erased
	TearWeak                   // an erase that reads erased but is weak
	TearMarginal               // complete but for one bit, which reads differently each time

	TearKinds int = iota // how many there are
)

// Line is the emulated cable and the pace of the screen.
type Line struct {
	Baud       uint32
	TurnAround time.Duration
	Noise      Noise
	Pace       Pace
}

// Noise is the share of damaged bits.
type Noise uint8

const (
	NoiseNone     Noise = iota
	NoiseMillion        // 1 bit in 1 000 000
	NoiseHundredK       // 1 in 100 000
	NoiseTenK           // 1 in 10 000
	NoiseThousand       // 1 in 1 000

	NoiseKinds int = iota // how many there are
)

// Pace says how device time passes on the screen.
type Pace uint8

const (
	PaceLife Pace = iota // as slow as life
	PaceTen              // ten times life
	PaceFull             // as fast as it goes

	PaceKinds int = iota // how many there are
)

// Health is the running application's behaviour, chosen by the person.
type Health uint8

const (
	HealthGood  Health = iota // confirms itself after its first session
	HealthHangs               // verifies, starts, and then hangs until the watchdog bites
)
