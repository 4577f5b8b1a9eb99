package diff

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"unbrick/delta"
	"unbrick/delta/internal/coding"
	"unbrick/flash"
	"unbrick/release"
)

// CreatorVersion changes whenever equal inputs may give other bytes than before.
const CreatorVersion = 21

// DefaultStash is the most stash memory that a file asks for unless told otherwise.
const DefaultStash = 16 << 10

// Effort is how hard to look for a smaller file.
type Effort uint8

const (
	EffortFast Effort = iota
	EffortBest
)

// Options says for what a file is made. Geometry is required.
type Options struct {
	Geometry  *flash.Geometry // the software area, addresses from 0
	Doubtful  []bool          // per sector: never a source, always built; nil: none
	Only      []bool          // per sector: built if needed; nil: all
	Workspace uint32          // what the terminal can secure, by delta.Needs; 0: no limit
	Resident  uint32          // code it copies to RAM, part of the workspace
	LeafSize  uint32          // of the release's tree; 0: release.LeafSize of Geometry
	StateMax  uint32          // most decoder state; 0: the largest profile
	StashMax  uint32          // most stash memory; 0: DefaultStash; NoStash: none
	Batch     uint32          // most bytes of the sectors of a batch, so that decoding can go on at each; 0: no batches
	ISA       string          // instruction set, one of ISAs, which a delta then has; empty or "auto": found by trial
	Hint      string          // the one to try where ISA is found by trial; any name that is none of ISAs: all are tried
	Effort    Effort
	Progress  func(done, total int) // may be nil; called from the same goroutine
}

// NoStash as StashMax asks for a file without a stash.
const NoStash = 1<<32 - 1

// ISAs returns the names of the instruction sets that can be asked for; with "none" nothing is predicted.
func ISAs() []string { return coding.ISANames() }

// ErrDoesNotFit says that no file could be made that fits the limits. Needs is the smallest workspace
// of those tried that keep to the other limits, Has that of the options. Needs is 0 if StateMax is
// below the smallest decoder.
type ErrDoesNotFit struct{ Needs, Has uint32 }

func (e *ErrDoesNotFit) Error() string {
	if e.Needs == 0 {
		return "no update file fits: the smallest decoder has more state than allowed"
	}
	return fmt.Sprintf("no update file fits: the smallest needs a workspace of %d bytes, there are %d", e.Needs, e.Has)
}

// Create makes a delta that turns old, the bytes that the software area holds now from its start, into
// new. old may be longer or shorter than new and may be a mixture of images. Behind old's end the flash
// counts as erased to the end of that sector. The product is proven by applying it. Create is
// deterministic; it fails with *ErrDoesNotFit, the context's error, or for inputs beyond the format's
// limits.
func Create(ctx context.Context, old, new []byte, o *Options) ([]byte, error) {
	j, err := newJob(ctx, old, new, o)
	if err != nil {
		return nil, err
	}
	if j.head.Kind = delta.KindDelta; len(old) > 0 && !j.doubtful() {
		sum := sha256.Sum256(old)
		copy(j.head.From[:], sum[:])
	}
	j.head.FromSize = uint32(len(old))
	if err := j.match(); err != nil {
		return nil, err
	}
	return j.fit()
}

// Full makes a file that holds the whole image new compressed: it builds every sector of it from
// nothing but the file. Doubtful has no meaning for it.
func Full(ctx context.Context, new []byte, o *Options) ([]byte, error) {
	j, err := newJob(ctx, nil, new, o)
	if err != nil {
		return nil, err
	}
	if isa, ok := coding.ParseISA(j.o.ISA); ok && isa != coding.ISANone {
		return nil, fmt.Errorf("make full image: it predicts nothing, so it cannot be for the instruction set %s", isa)
	}
	j.head.Kind = delta.KindFull
	j.segments, j.matcher = []segment{{to: 0, n: len(new)}}, newMatcher(nil, new, searches[j.o.Effort])
	return j.fit()
}

// job is one call of Create or Full.
type job struct {
	ctx      context.Context
	o        Options
	area     area
	old, new []byte
	planned  []bool
	segments []segment
	head     delta.Header
	leaves   uint32
	matcher  *matcher // of the images as they were compared
	edge     int      // bytes kept of either end of the sector built last
}

func newJob(ctx context.Context, old, new []byte, o *Options) (*job, error) {
	if o == nil || o.Geometry == nil {
		return nil, errors.New("make delta: no geometry")
	}
	if err := o.Geometry.Validate(); err != nil {
		return nil, fmt.Errorf("make delta: %w", err)
	}
	j := &job{ctx: ctx, o: *o, old: old, new: new}
	if err := j.head.SetGeometry(o.Geometry); err != nil {
		return nil, err
	}
	j.area = makeArea(o.Geometry)
	if limit := min(j.area.size(), delta.MaxImage); len(new) == 0 || len(new) > limit || len(old) > limit {
		return nil, fmt.Errorf("make delta: images of %d and %d bytes do not fit in 1 to %d", len(old), len(new), limit)
	}
	for _, flags := range [][]bool{o.Doubtful, o.Only} {
		if flags != nil && len(flags) != j.area.sectors() {
			return nil, fmt.Errorf("make delta: flags for %d sectors of %d", len(flags), j.area.sectors())
		}
	}
	if err := j.limits(); err != nil {
		return nil, err
	}
	j.planned = j.area.changed(old, new)
	for s := range j.planned {
		if from, _ := j.area.bounds(s); from >= len(new) {
			j.planned[s] = false
			continue
		}
		j.planned[s] = j.planned[s] || o.Doubtful != nil && o.Doubtful[s]
		j.planned[s] = j.planned[s] && (o.Only == nil || o.Only[s])
	}
	for s, p := range j.planned {
		if from, to := j.area.bounds(s); p && o.Batch != 0 && to-from > int(o.Batch) {
			return nil, fmt.Errorf("make delta: batches of %d bytes are smaller than sector %d, of %d", o.Batch, s, to-from)
		}
	}
	j.head.ToSize = uint32(len(new))
	sum := sha256.Sum256(new)
	copy(j.head.To[:], sum[:])
	return j, nil
}

// limits sets the defaults of the options and checks them.
func (j *job) limits() error {
	o := &j.o
	switch o.StashMax {
	case 0:
		o.StashMax = DefaultStash
	case NoStash:
		o.StashMax = 0
	default:
		o.StashMax = min(o.StashMax, delta.MaxStash)
	}
	if _, ok := coding.ParseISA(o.ISA); !ok && o.ISA != "" && o.ISA != "auto" {
		return fmt.Errorf("make delta: instruction set %q is none of %s", o.ISA, strings.Join(ISAs(), ", "))
	}
	o.Batch = min(o.Batch, flash.MaxSize)
	if o.LeafSize == 0 {
		o.LeafSize = release.LeafSize(o.Geometry)
	}
	if o.LeafSize == 0 {
		return errors.New("make delta: sectors too small for a release")
	}
	j.leaves = (uint32(len(j.new)) + o.LeafSize - 1) / o.LeafSize
	if o.Progress == nil {
		o.Progress = func(int, int) {}
	}
	return nil
}

// candidates returns the instruction sets of which one may predict: a single one is certain to.
func (j *job) candidates() []coding.ISA {
	if isa, ok := coding.ParseISA(j.o.ISA); ok {
		return []coding.ISA{isa}
	}
	if isa, ok := coding.ParseISA(j.o.Hint); ok {
		some := []coding.ISA{coding.ISANone, coding.ISAData}
		if !slices.Contains(some, isa) {
			some = append(some, isa)
		}
		return some
	}
	var all []coding.ISA
	for i := range ISAs() {
		all = append(all, coding.ISA(i))
	}
	return all
}

func (j *job) doubtful() bool {
	for _, d := range j.o.Doubtful {
		if d {
			return true
		}
	}
	return false
}

// match finds what new bytes come from, never looking at doubtful sectors.
func (j *job) match() error {
	old := j.old
	if j.doubtful() {
		old = append([]byte(nil), old...)
		noise := uint32(1)
		for s, d := range j.o.Doubtful {
			from, to := j.area.bounds(s)
			for at := from; d && at < min(to, len(old)); at++ {
				noise = noise*1664525 + 1013904223
				old[at] = byte(noise >> 24)
			}
		}
	}
	// What quickly compares alike shows the instruction set; what it blanks is then compared well.
	segments, err := newMatcher(old, j.new, searchRough).segments(j.ctx, func(at int) { j.o.Progress(at, 3*len(j.new)) })
	if err != nil {
		return err
	}
	j.head.Setup = detect(old, j.new, segments, j.candidates())
	new := j.new
	if j.head.Setup.ISA != coding.ISANone {
		old, new = blanked(old, &j.head.Setup), blanked(new, &j.head.Setup)
	}
	j.matcher = newMatcher(old, new, searches[j.o.Effort])
	segments, err = j.matcher.segments(j.ctx, func(at int) { j.o.Progress(len(j.new)+at, 3*len(j.new)) })
	if err != nil {
		return err
	}
	j.segments = j.sound(refine(j.matcher.old, j.matcher.new, segments))
	return nil
}

// sound turns what was matched with doubtful bytes by chance into literals.
func (j *job) sound(segments []segment) []segment {
	if !j.doubtful() {
		return segments
	}
	var out []segment
	for _, s := range segments {
		if !s.copied {
			out = append(out, s)
			continue
		}
		eachPiece(&j.area, s, func(to, from, n int) {
			if j.o.Doubtful[j.area.of(from)] {
				out = append(out, segment{to: to, n: n})
			} else {
				out = append(out, segment{to, n, s.shift, true})
			}
		})
	}
	return out
}
