// Package delta reads the files that turn one content of a flash into another, in place and in
// little memory: deltas against a known base, and compressed full images.
//
// A file builds whole sectors, one after the other in an order of its own. To build one, the
// decoder reads only what is certain to be there: old bytes of sectors that it has not built yet
// (the one being built included), bytes that it put into the stash before their sector was given
// out, the sector being built, and a history of bytes built lately. It never reads a sector that it
// has given out, so it gives equal sectors whether or not they are written meanwhile: proving a file
// and rewriting with it are the same computation, run twice.
//
// All memory is the caller's and its size is announced by the header: nothing grows with input.
// Whatever a hostile file holds, decoding ends with sectors or with an error, and never takes more
// work than its header says (Header.Budget), which is at most a few times that of the worst honest
// file. The format is docs/delta.md; making files is the business of delta/diff.
//
// A file may be divided into batches. Then decoding can go on, in another decoder and after a power failure, at the beginning of
// each of them: Decoder.Checkpoint says from what, Decoder.Resume does.
package delta

import (
	"errors"

	"unbrick/limits"
)

// Limits of the format. Each is checked before the value is used.
const (
	Version = 2

	MaxImage        = limits.Image
	MaxSectors      = limits.Sectors
	MaxSector       = limits.SectorSize
	MaxRuns         = limits.Runs
	MaxStash        = limits.Stash
	MaxEdge         = limits.Edge
	MaxKeeps        = limits.Keeps
	MaxHistory      = limits.History
	MaxMap          = limits.Map
	MaxUnits        = limits.Units
	MaxSteps        = limits.Work
	MaxReads        = limits.Reads
	keepTableBytes  = 12      // stash memory for the table, per entry
	workspaceMargin = 4 << 10 // verification and link, part of every workspace
	leafBytes       = 32      // workspace per leaf digest
)

// What a file can be refused for. Errors of this package wrap one of these or come from reading
// the old bytes.
var (
	ErrFormat   = errors.New("malformed update file")
	ErrOld      = errors.New("update file of version 1, which is read no longer")
	ErrVersion  = errors.New("update file of an unknown version")
	ErrGeometry = errors.New("update file is for another geometry")
	ErrWork     = errors.New("update file makes too much work")
	ErrMemory   = errors.New("memory is smaller than the update file announces")
	ErrMismatch = errors.New("update file does not lead to the release")
)
