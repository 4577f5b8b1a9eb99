package sweep

// Check is one property that a device must have after every run. Each has a counter of its own.
type Check uint8

// The checks.
const (
	CheckRules      Check = iota // no rule of the hardware is broken, no software of the device panics
	CheckOutcome                 // it runs the old release or the new one, or waits in restoration mode
	CheckEarlyLate               // a cut before the first software erase, or behind the last read-back, runs
	CheckNeedless                // restoration mode only if no whole and firm permitted image is there
	CheckSigned                  // what runs is exactly a signed release, to the end of its last sector
	CheckFirm                    // no cell of what runs may change by itself
	CheckBoots                   // two boots, with unstable bits drawn again, agree
	CheckRestored                // a restoration yields exactly the wanted image, which then runs
	CheckBootArea                // boot area and identification are never erased or programmed
	CheckErases                  // erases: changed sectors, one more for each cut, and record writes
	CheckTouched                 // no sector outside the changed and marked ones is erased or programmed
	CheckApps                    // limited applications run again, unless the device rewrites or restores
	CheckFloor                   // the security floor rises by confirmation, and only by that
	CheckProof                   // nothing is erased for a file that does not lead to a signed image from here
	CheckRefused                 // lengths from the cable are bounds to nothing: what is too long is refused
	CheckUpdates                 // an update without a cut, also the next after a bad link, brings the new release
	CheckRetried                 // an erase or program that goes wrong once is done again, and the update succeeds
	CheckDead                    // a sector that takes no data is named by its address, and mending it is enough
	CheckFloorKept               // no record has a floor below the one before it
	CheckConfirmed               // a cut confirmation is whole (confirmed, floor raised, no predecessor) or not there
	CheckStatement               // no record has lost the trust statement
	CheckTold                    // a sector that takes no data is told over the link and over the cable
	CheckReceipt                 // what the device signs of itself is so: over our number, behind its verdict, as record and cells have it
	CheckFastIsFull              // a fast cycle and a full one say the same
	checks
)

var checkNames = [checks]string{
	"hardware-rules", "outcome", "early-and-late-cuts-run", "restoration-only-if-needed", "runs-signed-image", "runs-firm-cells",
	"boots-agree", "restores-exactly", "boot-area-untouched", "erases-bounded", "only-changed-and-marked-touched",
	"applications-run-again", "floor-by-confirmation", "proof-before-erase", "lengths-refused", "updates-complete",
	"single-faults-retried", "dead-sector-named", "floor-never-falls", "confirmation-whole-or-not", "statement-kept", "dead-sectors-told-on-both-roads",
	"receipt-true", "fast-equals-full",
}

// String returns the check's name, which is what a report and --json call it.
func (c Check) String() string {
	if c < checks {
		return checkNames[c]
	}
	return "check"
}

// Checks returns all checks in order.
func Checks() []Check {
	all := make([]Check, checks)
	for i := range all {
		all[i] = Check(i)
	}
	return all
}

// Count is how often a check was made and how often it failed.
type Count struct {
	Runs     uint64 `json:"runs"`
	Failures uint64 `json:"failures"`
}

// Failure is a check that failed, with the run that shows it again.
type Failure struct {
	Check string `json:"check"`
	ID    string `json:"id"`
	Text  string `json:"text"`
}

// tally counts the checks of one worker. told receives failures.
type tally struct {
	counts [checks]Count
	told   func(c Check, text string)
}

// check counts one check, and tells the failure if ok is false.
func (t *tally) check(c Check, ok bool, text func() string) bool {
	t.counts[c].Runs++
	if !ok {
		t.counts[c].Failures++
		if t.told != nil {
			t.told(c, text())
		}
	}
	return ok
}
