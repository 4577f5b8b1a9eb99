package state

import "unbrick/restore"

// Limits of what is told of a board.
const (
	MaxTold  = 512 // bytes of a headline, of a paragraph
	MaxFacts = 48
)

// Told is what stands on the screen of a device of another family. The program that speaks with that family says it, in a
// person's words: so
// that no word of a family is in what everybody loads.
type Told struct {
	Device  string      // short: "ESP32-C3"
	Heading string      `max:"told"`
	Lead    string      `max:"told"`
	Facts   []BoardFact `max:"facts"`
	Says    []string    `max:"heard,line heard"` // by the device
	Hint    string      `max:"told"`             // one quiet line
}

// BoardFact is one row of what is told.
type BoardFact struct {
	Label, Value string
	Small        string `max:"told"`
	Mono, Check  bool
	Rule         bool // parts what is from what will be
}

type (
	// RestoreBoard: a boot loader of another family answers.
	RestoreBoard struct {
		restoring
		Told   Told
		Ready  bool      // something is chosen for it that it can take: Write writes it
		Right  bool      // and it is there already: Write only looks at it again, and starts it
		Sealed bool      // nothing can be written to it
		Backup bool      // it can be read out
		Choice []Release `max:"releases"` // that are made for its chip, best first
	}
	// RestoreFlashing: what was chosen for it is being written.
	RestoreFlashing struct {
		restoring
		Told     Told
		Progress restore.Progress
	}
	// RestoreFlashed: it is written, and how its start went is known as far as it can be.
	RestoreFlashed struct {
		restoring
		Told Told
		Runs bool // its program was heard
	}
)
