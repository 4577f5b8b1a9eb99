package sweep

import (
	"cmp"
	"slices"
	"time"

	"unbrick/emulator"
)

// Result is what a sweep found. Its JSON is what the command prints.
type Result struct {
	Subject  string            `json:"subject"`
	Shape    string            `json:"shape"`
	Cuts     uint64            `json:"cuts"`            // power cuts made, those that led to a state seen before included
	States   uint64            `json:"distinct_states"` // distinct cells at the power-up behind a cut
	Runs     uint64            `json:"runs"`            // devices booted after a cut and checked; each state once
	Pairs    uint64            `json:"pairs"`           // of these: second cuts
	Share    float64           `json:"sampled_share"`   // of all second cuts there are, those that were made; 1: none was left out
	Seconds  float64           `json:"seconds"`
	Counts   map[string]Count  `json:"checks"`
	KindRuns map[string]uint64 `json:"kinds"`
	Roads    map[string]uint64 `json:"restorations"`       // carried to their end, by road
	Failures []Failure         `json:"failures,omitempty"` // the first of them
	Budget   bool              `json:"budget_used_up,omitempty"`
	Update   int               `json:"update_bytes"` // size of the update file
	Full     [2]int            `json:"full_bytes"`   // of the release files

	Grid       Grid       `json:"-"` // the picture: every first cut of the update
	Recoveries []Recovery `json:"-"` // every restoration after a first cut, by operation
	Slowest    []Recovery `json:"slowest,omitempty"`

	pairsDone, pairsAll float64 // second cuts made, and those behind the first cuts that were come to
	visited, waiting    float64 // first cuts come to, and all of them
}

// Failed says whether any check failed.
func (r *Result) Failed() bool { return len(r.Failures) > 0 }

// maxFailures bounds the failures that are kept; all are counted.
const maxFailures = 32

func (r *Result) fail(f Failure) {
	if len(r.Failures) < maxFailures {
		r.Failures = append(r.Failures, f)
	}
}

// Recovery is how a device came back after a first cut.
type Recovery struct {
	Cut    Cut           `json:"-"`
	Act    Act           `json:"-"`
	ID     string        `json:"id"`
	What   string        `json:"what"`
	Bytes  uint64        `json:"bytes"` // that the host put on the cable, framing included
	Device time.Duration `json:"device_ns"`
}

// slowest is how many recoveries a result names as the slowest.
const slowest = 10

// finish puts what workers brought in any order into one order.
func (r *Result) finish() {
	slices.SortFunc(r.Failures, func(a, b Failure) int { return cmp.Or(cmp.Compare(a.Check, b.Check), cmp.Compare(a.ID, b.ID)) })
	slices.SortFunc(r.Recoveries, func(a, b Recovery) int {
		return cmp.Or(cmp.Compare(a.Cut.Op, b.Cut.Op), cmp.Compare(a.Cut.Tear, b.Cut.Tear), cmp.Compare(a.Act, b.Act))
	})
	by := slices.Clone(r.Recoveries)
	slices.SortStableFunc(by, func(a, b Recovery) int { return cmp.Compare(b.Device, a.Device) })
	r.Slowest = by[:min(len(by), slowest)]
	r.Pairs = r.KindRuns[KindHealing.String()] + r.KindRuns[KindPair.String()]
	if r.pairsAll > 0 {
		// What a budget left out counts as the rest does on the average.
		r.Share = min(1, r.pairsDone/r.pairsAll*r.visited/r.waiting)
	}
}

// Grid is the outcome of every cut of an update: operations across, tears down.
type Grid struct {
	Operations []Column
	Tears      []emulator.Tear // the rows
}

// Column is one flash operation of the update.
type Column struct {
	Kind   emulator.OpKind
	Addr   uint32
	Size   uint32
	Sector int // of the part
	Use    Use
	Cells  []Outcome // by row; tears that leave the same have the same
	IDs    []string  // of the runs, "" where none was made
}

// grid makes an empty picture of the update.
func (s *Subject) grid(forks []*emulator.Fork) Grid {
	g := Grid{Tears: emulator.Tears()}
	uses := s.Sectors()
	for _, f := range forks {
		o := f.Operation
		i := s.layout.Geometry.SectorAt(o.Addr)
		g.Operations = append(g.Operations, Column{
			Kind: o.Kind, Addr: o.Addr, Size: o.Size, Sector: i, Use: uses[i],
			Cells: make([]Outcome, len(g.Tears)), IDs: make([]string, len(g.Tears)),
		})
	}
	return g
}

// same returns the tear among those of Subject.tears that leaves the same in an operation of that kind.
func (s *Subject) same(k emulator.OpKind, t emulator.Tear) emulator.Tear {
	erase := k == emulator.OpErase
	switch t {
	case emulator.NotBegun, emulator.Complete:
		return t
	case emulator.EraseWeak:
		if erase {
			return t
		}
		t = emulator.Unstable
	case emulator.ErasePart:
		if !erase {
			return emulator.Half
		}
	}
	if erase {
		return emulator.ErasePart
	}
	switch {
	case t == emulator.Marginal && s.Shape.ECC:
		return emulator.Complete
	case t != emulator.Unstable && t != emulator.Unreadable:
		return t
	case s.Shape.ECC:
		return emulator.Unreadable
	}
	return emulator.Unstable
}
