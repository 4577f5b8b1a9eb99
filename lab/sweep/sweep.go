package sweep

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how much a sweep tries. nil means every cut of the update with every tear, and of boots.
type Options struct {
	Seed    uint64
	Workers int           // 0: as many as there are processors
	Budget  time.Duration // real time for all; 0: none. What it leaves out is told by the share
	Full    bool          // nothing is remembered: every digest and signature is computed
	Sample  float64       // share of the cuts of updates and restorations; 0: all
	Heal    float64       // share of the cuts of boots that heal; 0: as Sample
	Pairs   float64       // share of second cuts in restorations; 0: none, 1: all
	Triples int           // of so many second cuts, the recovery from one is cut a third time, at 16 places; 0: none
	Link    bool          // every fault of every message of the link
	Cable   int           // frames of the cable to which each fault is done; 0: none, negative: all
	Defects bool          // worn and faulty sectors
	Noise   int           // restorations over each noisy line
	Hostile bool          // files and lengths from the cable that are wrong

	// Mend says how many devices in restoration mode that a second or third cut left are brought back:
	// one in Mend; 0: one in 16. After a first cut all are.
	Mend int
	// Engine is the same for package restore over the virtual line, after first cuts; 0: one in 64.
	Engine int
	// Decode says how many of those that are brought back get update files, one or two, which the device
	// must decode twice, instead of the whole release: one in Decode; 0: one in as many as the changed sectors
	// have 8 KiB, at least two.
	Decode int
	// Check is how many fast cycles there are to one that is run again full; 0: 200.
	Check int

	Progress func(Progress) // told now and then, by any goroutine; may be nil
	// Enough ends the sweep when it says so of a failure; may be nil. It is called by one goroutine at a time.
	Enough func(Failure) bool
}

// Progress is how far a sweep is.
type Progress struct {
	Kind        Kind
	Done, Total int
	Runs        uint64
}

// Kind is what is done to the device in a part of a sweep.
type Kind uint8

// The kinds.
const (
	KindUpdate      Kind = iota // a cut of an update
	KindHealing                 // a cut of a boot that heals
	KindRestoration             // a cut of a restoration
	KindPair                    // a second cut, of whatever recovers from the first
	KindTriple                  // a third cut
	KindLink                    // a fault of a message
	KindCable                   // a fault of a frame
	KindDefect                  // a worn or faulty sector
	KindNoise                   // a noisy line
	KindHostile                 // wrong bytes from the cable
	KindConfirm                 // a cut of a confirmation
	KindEngine                  // a cut of a restoration by the engine, in frames over the virtual line
	kinds
)

var kindNames = [kinds]string{"update", "healing", "restoration", "pair", "triple", "link", "cable", "defect", "noise", "hostile", "confirmation", "engine"}

func (k Kind) String() string { return kindNames[k] }

// Small says whether second cuts of the update can all be made: at most 8 sectors of at most 4 KiB, in
// pages of at least 256 bytes.
func (s *Subject) Small() bool {
	return max(s.goods[Old].end, s.goods[New].end) <= 8 && s.software.Largest() <= 4<<10 && s.Shape.Page >= 256
}

// PairShare returns the share of second cuts that leads to about n of them. It is an estimate.
func (s *Subject) PairShare(n int) float64 {
	var operations float64
	for i, c := range s.changed {
		if _, size := s.software.Sector(i); c {
			operations += 2 + float64(size/s.Shape.Page)
		}
	}
	// Half of the first cuts' five tears lead to restoration mode; half of the sectors are then rewritten, on
	// each of three roads and to each of two images.
	all := operations * 5 / 2 * operations / 2 * 5 * 6
	return max(min(1, float64(n)/all), 1e-9)
}

// sweep is one call of Sweep.
type sweep struct {
	s      *Subject
	o      Options
	ctx    context.Context
	result *Result
	seen   seen
	drawn  seen // states with other chances
	until  time.Time
	cut    bool // the budget ended it

	mu      sync.Mutex // of result
	cycle   atomic.Uint64
	enough  atomic.Bool
	healed  []begun  // first cuts behind which the boot writes to the flash
	waiting []moment // first cuts of the update that lead to restoration mode, in order
}

// Sweep tries on s what o says. It ends with an error only if it could not be done at all; checks that
// failed are in the result. Equal arguments give equal results, but for what a budget leaves out and for
// times.
func (s *Subject) Sweep(ctx context.Context, o *Options) (*Result, error) {
	sw := &sweep{s: s, ctx: ctx}
	if o != nil {
		sw.o = *o
	}
	sw.defaults()
	start := time.Now()
	if sw.o.Budget > 0 {
		sw.until = start.Add(sw.o.Budget)
	}
	sw.result = &Result{Subject: s.Name, Shape: s.Shape.String(), Update: len(s.file), Full: [2]int{len(s.goods[Old].upload), len(s.goods[New].upload)}, Counts: make(map[string]Count), KindRuns: make(map[string]uint64), Roads: make(map[string]uint64)}
	sw.seen.init()
	sw.drawn.init()
	if err := sw.all(); err != nil {
		return nil, fmt.Errorf("sweep %s: %w", s.Name, err)
	}
	r := sw.result
	r.States = sw.seen.count()
	r.waiting = float64(len(sw.waiting))
	r.Seconds = time.Since(start).Seconds()
	r.finish()
	return r, nil
}

func (sw *sweep) defaults() {
	o := &sw.o
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	for _, d := range []struct {
		n    *int
		unit int
	}{{&o.Mend, 16}, {&o.Engine, 64}, {&o.Check, 200}} {
		if *d.n <= 0 {
			*d.n = d.unit
		}
	}
	if o.Decode <= 0 {
		var bytes uint32
		for i, c := range sw.s.changed {
			if _, n := sw.s.software.Sector(i); c {
				bytes += n
			}
		}
		o.Decode = max(2, int(bytes/8192))
	}
	if o.Sample <= 0 || o.Sample > 1 {
		o.Sample = 1
	}
	if o.Heal <= 0 || o.Heal > 1 {
		o.Heal = o.Sample
	}
}

// all does the parts of the sweep, those that tell most for their time first.
func (sw *sweep) all() error {
	if err := sw.updates(); err != nil {
		return err
	}
	for _, part := range []struct {
		on bool
		do func() error
	}{
		{true, sw.confirmations}, {sw.o.Hostile, sw.hostile}, {sw.o.Link, sw.links}, {sw.o.Defects, sw.defects}, {sw.o.Cable != 0, sw.frames},
		{sw.o.Noise > 0, sw.noise}, {true, sw.restorations}, {true, sw.engines}, {true, sw.healings}, {sw.o.Pairs > 0, sw.seconds},
	} {
		if !part.on || sw.over() {
			continue
		}
		if err := part.do(); err != nil {
			return err
		}
	}
	return sw.ctx.Err()
}

// over says whether time is up.
func (sw *sweep) over() bool {
	if sw.ctx.Err() != nil || sw.enough.Load() {
		return true
	}
	if !sw.until.IsZero() && time.Now().After(sw.until) {
		sw.mu.Lock()
		sw.cut, sw.result.Budget = true, true
		sw.mu.Unlock()
		return true
	}
	return false
}

// random returns choices that depend on the seed and on what is chosen for, not on who asks first.
func (sw *sweep) random(what ...uint64) *rand.Rand {
	h := sw.o.Seed ^ 0x756E627269636B
	for _, w := range what {
		h = fold(h, w)
	}
	return rand.New(rand.NewPCG(h, sw.s.seed))
}

// worker is one goroutine of a sweep.
type worker struct {
	*judge
	sw      *sweep
	full    *judge // for fast cycles that are run again
	run     Run    // under way, for the ids of failures
	counts  [kinds]uint64
	roads   [roads]uint64 // restorations carried to their end
	cuts    uint64
	cycles  uint64
	pairs   [2]float64 // second cuts done, and those there were
	visited float64    // first cuts whose restorations were cut
}

// spread does n jobs with all workers and adds their counters to the result. Each job depends on its
// number alone.
func (sw *sweep) spread(k Kind, n int, job func(w *worker, i int)) error {
	var next, done atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, min(sw.o.Workers, max(n, 1)))
	for k2 := range errs {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w, err := sw.worker()
			if err != nil {
				errs[k2] = err
				return
			}
			defer sw.collect(w)
			for {
				i := int(next.Add(1)) - 1
				if i >= n || sw.over() {
					return
				}
				job(w, i)
				if d := int(done.Add(1)); sw.o.Progress != nil && (d%64 == 0 || d == n) {
					sw.o.Progress(Progress{Kind: k, Done: d, Total: n, Runs: sw.cycle.Load()})
				}
			}
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (sw *sweep) worker() (*worker, error) {
	j, err := newJudge(sw.s, sw.o.Full)
	if err != nil {
		return nil, err
	}
	w := &worker{judge: j, sw: sw}
	j.told = w.failed
	if !sw.o.Full {
		if w.full, err = newJudge(sw.s, true); err != nil {
			return nil, err
		}
		w.full.told = w.failed
	}
	return w, nil
}

// road chooses how a device is brought back.
func (w *worker) road(r *rand.Rand) (Road, Which) {
	road := RoadUpload
	if r.IntN(w.sw.o.Decode) == 0 {
		road = []Road{RoadFile, RoadParts}[r.IntN(2)]
	}
	return road, Which(r.IntN(2))
}

// failed keeps a failure.
func (w *worker) failed(c Check, text string) {
	id := w.sw.s.ID(&w.run)
	w.sw.mu.Lock()
	defer w.sw.mu.Unlock()
	f := Failure{Check: c.String(), ID: id.String(), Text: text}
	w.sw.result.fail(f)
	if w.sw.o.Enough != nil && w.sw.o.Enough(f) {
		w.sw.enough.Store(true)
	}
}

func (sw *sweep) collect(w *worker) {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	r := sw.result
	for _, t := range []*judge{w.judge, w.full} {
		if t == nil {
			continue
		}
		for c, n := range t.counts {
			sum := r.Counts[Check(c).String()]
			sum.Runs += n.Runs
			sum.Failures += n.Failures
			r.Counts[Check(c).String()] = sum
		}
	}
	for road, n := range w.roads {
		r.Roads[Road(road).String()] += n
	}
	for k, n := range w.counts {
		r.KindRuns[Kind(k).String()] += n
	}
	r.Cuts += w.cuts
	r.Runs += w.cycles
	r.pairsDone += w.pairs[0]
	r.pairsAll += w.pairs[1]
	r.visited += w.visited
}
