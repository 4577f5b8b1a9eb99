package apparatus

import (
	"errors"
	"time"

	"unbrick/flash"
	"unbrick/internal/cbor"
	"unbrick/model"
	"unbrick/release"
	"unbrick/terminal"
)

// Reel is a run that was computed, as it comes from the program that computes runs.
type Reel struct {
	Layout  flash.Layout
	RAM     uint32
	Apps    []model.App
	Start   []Sector // what each sector of the part holds at the beginning
	Entries []Entry  // at most MaxEntries
}

// MaxEntries bounds what is recorded of a run, and so the memory of a replay: some ten megabytes.
const MaxEntries = 1 << 16

// Entry is one thing that happened in a run.
type Entry struct {
	Kind       EntryKind
	At         time.Duration
	Event      terminal.Event // EntryEvent
	Row        LogRow         // EntryRow
	Sector     int            // EntryOperation, EntryCell
	Erase      bool           // EntryOperation, as what follows
	Addr, Size uint32
	Cut        bool // power fails inside it
	Tear       Tear
	Cell       Sector // EntryCell

	print uint64 // EntryCell of a tape: fingerprint of what the sector holds
	soft  bool   // the same: some of its cells may change by themselves
}

// EntryKind is a kind of Entry.
type EntryKind uint8

const (
	EntryEvent     EntryKind = iota // the terminal tells something
	EntryRow                        // somebody else does
	EntryOperation                  // a flash operation begins
	EntryCell                       // a sector holds something else
	EntryOn                         // power comes
	EntryOff                        // power goes
)

// Job is a wish to the program that computes runs: a run's id, and when they are known its images. Without
// images the answer says which it needs.
type Job struct {
	ID     string
	Images [2][]byte // old and new
}

// Answer is what that program says.
type Answer struct {
	Refused string     // why there is nothing else, or empty
	Needs   [2][4]byte // the beginnings of the SHA-256 of old and new image
	Reel    *Reel      // nil for a job without images
}

// EncodeJob returns the one encoding of a job.
func EncodeJob(j *Job) ([]byte, error) {
	c := &codec{w: cbor.Appending(nil)}
	copied := *j
	c.job(&copied)
	return c.w.Result()
}

// DecodeJob decodes what EncodeJob made.
func DecodeJob(b []byte) (*Job, error) {
	c, j := &codec{r: cbor.NewReader(b)}, new(Job)
	c.job(j)
	return j, c.r.Finish()
}

func (c *codec) job(j *Job) {
	c.fields(3)
	c.text(&j.ID, MaxReplayID)
	for i := range j.Images {
		c.bytes(&j.Images[i], MaxCommand)
	}
}

// EncodeAnswer returns the one encoding of an answer.
func EncodeAnswer(a *Answer) ([]byte, error) {
	if a.Reel != nil && len(a.Reel.Entries) > MaxEntries {
		return nil, errors.New("the run is too long to be shown")
	}
	c := &codec{w: cbor.Appending(nil)}
	copied := *a
	c.answer(&copied)
	return c.w.Result()
}

// DecodeAnswer decodes what EncodeAnswer made.
func DecodeAnswer(b []byte) (*Answer, error) {
	c, a := &codec{r: cbor.NewReader(b)}, new(Answer)
	c.answer(a)
	if err := c.r.Finish(); err != nil {
		return nil, err
	}
	return a, nil
}

func (c *codec) answer(a *Answer) {
	c.fields(4)
	c.text(&a.Refused, MaxText)
	for i := range a.Needs {
		c.fixed(a.Needs[i][:])
	}
	there := a.Reel != nil
	if c.w != nil {
		c.w.Array(map[bool]int{true: 1}[there])
	} else {
		there = c.r.Array() == 1
	}
	if !there {
		return
	}
	if a.Reel == nil {
		a.Reel = new(Reel)
	}
	c.reel(a.Reel)
	if c.r != nil && c.r.Err() == nil {
		if err := a.Reel.check(); err != nil {
			c.r.Fail(err)
		}
	}
}

// check refuses a reel that a film could not be made of.
func (r *Reel) check() error {
	if err := r.Layout.Validate(); err != nil {
		return err
	}
	if len(r.Start) != r.Layout.Geometry.Sectors() {
		return errShape
	}
	for i := range r.Entries {
		e := &r.Entries[i]
		if e.Kind > EntryOff || (e.Kind == EntryOperation || e.Kind == EntryCell) && (e.Sector < 0 || e.Sector >= len(r.Start)) {
			return errShape
		}
	}
	return nil
}

func (c *codec) reel(r *Reel) {
	g := &r.Layout.Geometry
	c.fields(9)
	list(c, &g.Runs, MaxSectors, func(r *flash.Run) {
		c.fields(2)
		number(c, &r.Size)
		number(c, &r.Count)
	})
	number(c, &g.ProgramUnit)
	number(c, &g.Page)
	number(c, &g.Erased)
	number(c, &r.Layout.Boot)
	number(c, &r.RAM)
	list(c, &r.Apps, MaxRegions, func(a *model.App) {
		c.fields(4)
		c.text(&a.Name, MaxText)
		number(c, &a.Size)
		number(c, &a.Importance)
		c.flag(&a.Fixed)
	})
	list(c, &r.Start, flash.MaxSectors, func(s *Sector) { number(c, s) })
	list(c, &r.Entries, MaxEntries, c.entry)
}

func (c *codec) entry(e *Entry) {
	c.fields(4)
	number(c, &e.Kind)
	c.duration(&e.At)
	c.integer(&e.Sector)
	switch e.Kind {
	case EntryEvent:
		v := &e.Event
		c.fields(8)
		number(c, &v.Step)
		number(c, &v.Element)
		number(c, &v.Code)
		sector := int(v.Sector)
		c.integer(&sector)
		v.Sector = int32(sector)
		number(c, &v.A)
		number(c, &v.B)
		c.duration(&v.Time)
		c.fixed(v.Digest[:])
	case EntryRow:
		c.row(&e.Row)
	case EntryOperation:
		c.fields(5)
		c.flag(&e.Erase)
		number(c, &e.Addr)
		number(c, &e.Size)
		c.flag(&e.Cut)
		number(c, &e.Tear)
	default:
		number(c, &e.Cell)
	}
}

// filmOf makes a film of a reel. known are the releases of its images.
func filmOf(r *Reel, known map[release.Digest]file) *film {
	f := &film{known: known, start: r.Start, entries: r.Entries}
	f.model.Name, f.model.Layout, f.model.RAM, f.model.Apps = "Device of a power-cut run", r.Layout, r.RAM, r.Apps
	return f
}
