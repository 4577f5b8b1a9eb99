package suite

import (
	"flag"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"unbrick/lab/sweep"
)

// power makes the test exhaustive: `make test-power`. Without it a sample is tried that takes less than a
// minute.
var power = flag.Bool("power", false, "try every cut that the suite names, not a sample")

// budget ends an exhaustive run early, on a machine that has not the time for all of it. What was left out
// then shows in the shares.
var budget = flag.Duration("budget", 0, "real time for -power; 0: as long as it takes")

// wanted is how many distinct cut states an exhaustive run must come to.
const wanted = 1_000_000

// TestPower sweeps all devices and images of the suite and prints the totals per kind.
func TestPower(t *testing.T) {
	if *power {
		defer debug.SetGCPercent(debug.SetGCPercent(400))
	}
	total := sweep.Result{Counts: map[string]sweep.Count{}, KindRuns: map[string]uint64{}, Roads: map[string]uint64{}}
	all := All()
	start := time.Now()
	for i, e := range all {
		if *power && *budget > 0 {
			e.Options.Budget = max(time.Second, (*budget-time.Since(start))*time.Duration(weight(i))/time.Duration(weights(i, len(all))))
		}
		if !*power {
			if testing.Short() && i > 1 {
				break
			}
			sample(&e, i)
		}
		began := time.Now()
		s, err := e.Subject(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		made := time.Since(began)
		r, err := s.Sweep(t.Context(), &e.Options)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%s: %s\n  %d cuts, %d distinct states, %d runs, share of second cuts %.3g, %.0f s and %.0f s to make the files\n  %s\n  restorations %s\n",
			e.Name, r.Shape, r.Cuts, r.States, r.Runs, r.Share, r.Seconds, made.Seconds(), list(r.KindRuns), list(r.Roads))
		for _, f := range r.Failures {
			t.Errorf("%s: %s: %s: unbrick powercut --replay %s", e.Name, f.Check, f.Text, f.ID)
		}
		add(&total, r)
	}
	fmt.Printf("all: %d cuts, %d distinct states, %d runs, %d of them behind a second cut, %.0f s\n  %s\n  restorations %s\n",
		total.Cuts, total.States, total.Runs, total.Pairs, total.Seconds, list(total.KindRuns), list(total.Roads))
	for _, c := range sweep.Checks() {
		n := total.Counts[c.String()]
		fmt.Printf("  %-34s %9d, %d failed\n", c, n.Runs, n.Failures)
		if n.Runs == 0 && (*power || !testing.Short()) {
			t.Errorf("%s was never checked", c)
		}
		if n.Failures > 0 {
			t.Errorf("%s failed %d times", c, n.Failures)
		}
	}
	for _, kind := range []string{"engine", "restoration", "update"} {
		if total.KindRuns[kind] == 0 {
			t.Errorf("nothing of kind %q was tried", kind)
		}
	}
	if *power && total.States < wanted {
		t.Errorf("%d distinct states, want at least %d", total.States, wanted)
	}
}

// sample leaves of an entry what a minute has room for; the larger images get less.
func sample(e *Entry, i int) {
	e.Options = sweep.Options{Seed: e.Options.Seed, Sample: 0.03, Pairs: 0.0004, Triples: 50, Check: 20}
	switch {
	case i == 0:
		e.Options.Link, e.Options.Hostile, e.Options.Defects, e.Options.Cable, e.Options.Noise = true, true, true, 2, 1
	case i > 3:
		e.Options.Sample, e.Options.Heal, e.Options.Pairs = 0.001, 0.0005, 0
	}
}

// weight is how much of a budget entry i gets, compared with those behind it.
func weight(i int) int { return []int{4, 4, 6, 6, 2, 1, 1}[i] }

func weights(from, to int) int {
	sum := 0
	for i := from; i < to; i++ {
		sum += weight(i)
	}
	return sum
}

func add(total, r *sweep.Result) {
	total.Cuts += r.Cuts
	total.States += r.States
	total.Runs += r.Runs
	total.Pairs += r.Pairs
	total.Seconds += r.Seconds
	for name, n := range r.Counts {
		sum := total.Counts[name]
		sum.Runs += n.Runs
		sum.Failures += n.Failures
		total.Counts[name] = sum
	}
	for name, n := range r.KindRuns {
		total.KindRuns[name] += n
	}
	for name, n := range r.Roads {
		total.Roads[name] += n
	}
}

func list(m map[string]uint64) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		words = append(words, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(words, ", ")
}
