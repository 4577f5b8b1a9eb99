package state

import (
	"errors"

	"unbrick/internal/pack"
	"unbrick/release"
	"unbrick/restore/boottext"
)

// Limits of one message between page and worker.
const (
	MaxCommand = 64 << 20 // bytes of an encoded Command: AddFile carries a whole release file
	MaxState   = 256 << 10
)

// codec writes and reads all of this package by its definition.
var codec = pack.New(map[string]int{
	"text": MaxText, "note": release.MaxNote, "releases": MaxReleases, "ways": MaxWays, "jobs": MaxJobs, "areas": MaxAreas,
	"trace": MaxTrace, "line": MaxTraceLen,
	"heard": boottext.MaxLines, "line heard": 4 * boottext.MaxLine, "kinds": MaxKinds,
	"told": MaxTold, "facts": MaxFacts, "sectors": MaxSectors, "rows": MaxLogRows,
	"cuts": MaxCuts, "regions": MaxRegions, "replay": MaxReplayID, "file": MaxCommand,
}, commands, restores, replays)

// message carries a command: what Forms says is said of a field.
type message struct{ Command Command }

// AppendChanges appends to dst what makes *is of *was. The page holds what the engine has sent last, at first a State with nothing
// in it.
func AppendChanges(dst []byte, was, is *State) ([]byte, error) {
	return codec.AppendChanges(dst, was, is)
}

// Change makes of *s what AppendChanges was given. It shares no memory with b, and a copy of *s stays as it was.
func Change(b []byte, s *State) error {
	if len(b) > MaxState {
		return errors.New("changes are too large")
	}
	return codec.Change(b, s)
}

// EncodeCommand returns the one encoding of a command.
func EncodeCommand(c Command) ([]byte, error) { return codec.Append(nil, message{c}) }

// DecodeCommand decodes what EncodeCommand made. The result shares no memory with b.
func DecodeCommand(b []byte) (Command, error) {
	if len(b) > MaxCommand {
		return nil, errors.New("command is too large")
	}
	var m message
	if err := codec.Decode(b, &m); err != nil {
		return nil, err
	}
	if m.Command == nil {
		return nil, errors.New("no command")
	}
	return m.Command, nil
}

// Check refuses a sector of a kind that there is not: the map is drawn by tables.
func (m *Map) Check() error {
	for _, s := range m.Cells {
		if int(s) >= SectorKinds {
			return pack.ErrShape
		}
	}
	return nil
}
