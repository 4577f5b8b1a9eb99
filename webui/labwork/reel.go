package labwork

import (
	"errors"
	"time"

	"unbrick/flash"
	"unbrick/internal/pack"
	"unbrick/model"
	"unbrick/release"
	"unbrick/terminal"
	"unbrick/webui/library"
	"unbrick/webui/state"
)

// Reel is a run that was computed, as it comes from the program that computes runs.
type Reel struct {
	Flash   Flash
	RAM     uint32
	Apps    []model.App    `max:"apps"`
	Start   []state.Sector `max:"sectors"` // what each sector of the part holds at the beginning
	Entries []Entry        `max:"entries"`
}

// Flash is what a reel needs to know of the flash.
type Flash struct {
	Runs              []flash.Run `max:"runs"`
	ProgramUnit, Page uint32
	Erased            byte
	Boot              uint32 // bytes of the boot area
}

// Layout returns the layout of that flash.
func (f *Flash) Layout() flash.Layout {
	return flash.Layout{Geometry: flash.Geometry{Runs: f.Runs, ProgramUnit: f.ProgramUnit, Page: f.Page, Erased: f.Erased}, Boot: f.Boot}
}

// MaxEntries bounds what is recorded of a run, and so the memory of a replay: some ten megabytes.
const MaxEntries = 1 << 16

// Entry is one thing that happened in a run.
type Entry struct {
	Kind       EntryKind
	At         time.Duration
	Event      terminal.Event // EntryEvent
	Row        state.LogRow   // EntryRow
	Sector     int            // EntryOperation, EntryCell
	Erase      bool           // EntryOperation, as what follows
	Addr, Size uint32
	Cut        bool // power fails inside it
	Tear       state.Tear
	Cell       state.Sector // EntryCell

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
	ID     string    `max:"replay"`
	Images [2][]byte `max:"image"` // old and new
}

// Answer is what that program says.
type Answer struct {
	Refused string     // why there is nothing else, or empty
	Needs   [2][4]byte // the beginnings of the SHA-256 of old and new image
	Reel    *Reel      // nil for a job without images
}

// reels writes and reads what goes to that program and comes from it.
var reels = pack.New(map[string]int{
	"text": state.MaxText, "replay": state.MaxReplayID, "image": state.MaxCommand, "runs": flash.MaxRuns, "apps": state.MaxRegions,
	"sectors": flash.MaxSectors, "entries": MaxEntries,
})

// EncodeJob returns the one encoding of a job.
func EncodeJob(j *Job) ([]byte, error) { return reels.Append(nil, j) }

// DecodeJob decodes what EncodeJob made.
func DecodeJob(b []byte) (*Job, error) {
	j := new(Job)
	return j, reels.Decode(b, j)
}

// EncodeAnswer returns the one encoding of an answer.
func EncodeAnswer(a *Answer) ([]byte, error) {
	if a.Reel != nil && len(a.Reel.Entries) > MaxEntries {
		return nil, errors.New("the run is too long to be shown")
	}
	return reels.Append(nil, a)
}

// DecodeAnswer decodes what EncodeAnswer made.
func DecodeAnswer(b []byte) (*Answer, error) {
	a := new(Answer)
	return a, reels.Decode(b, a)
}

// Check implements pack.Checker: it refuses a reel that a film could not be made of.
func (r *Reel) Check() error {
	layout := r.Flash.Layout()
	if err := layout.Validate(); err != nil {
		return err
	}
	if len(r.Start) != layout.Geometry.Sectors() {
		return pack.ErrShape
	}
	for i := range r.Entries {
		e := &r.Entries[i]
		if e.Kind > EntryOff || (e.Kind == EntryOperation || e.Kind == EntryCell) && (e.Sector < 0 || e.Sector >= len(r.Start)) {
			return pack.ErrShape
		}
	}
	return nil
}

// filmOf makes a film of a reel. known are the releases of its images.
func filmOf(r *Reel, known map[release.Digest]library.File) *film {
	f := &film{known: known, start: r.Start, entries: r.Entries}
	f.model.Name, f.model.Layout, f.model.RAM, f.model.Apps = "Device of a power-cut run", r.Flash.Layout(), r.RAM, r.Apps
	return f
}
