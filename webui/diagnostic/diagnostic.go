// Package diagnostic reads the file that a person saves for support: the engine writes it, Fleet shows it.
package diagnostic

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"unbrick/internal/pack"
)

// Limits of a diagnostic file.
const (
	MaxBytes = 256 << 10 // bytes
	maxFacts = 64
	maxRows  = 1000
	maxName  = 96  // bytes of one name
	maxText  = 300 // bytes of one value
)

// Title begins a diagnostic file; RowsTitle begins its list of commands.
const (
	Title     = "Unbrick diagnostic file"
	RowsTitle = "commands, oldest first:"
)

// ErrFile says that bytes are no diagnostic file.
var ErrFile = errors.New("not a diagnostic file")

// File is a diagnostic file that somebody saved, as it was read. It is what its sender says.
type File struct {
	Facts []Fact
	Rows  []Row
}

// Fact is one line of its head.
type Fact struct{ Name, Value string }

// Row is one command, or, where Tries is 0, a note.
type Row struct {
	At      time.Duration
	Group   uint16
	ID      uint8
	Bytes   int
	Took    time.Duration
	Tries   int
	Outcome string // "answered", or what was heard instead; of a note, its text
}

// Parse reads a diagnostic file.
func Parse(file []byte) (*File, error) {
	if len(file) > MaxBytes || !utf8.Valid(file) {
		return nil, ErrFile
	}
	lines := strings.Split(strings.ReplaceAll(string(file), "\r\n", "\n"), "\n")
	if strings.TrimSpace(lines[0]) != Title {
		return nil, ErrFile
	}
	d := &File{}
	rows := false
	for _, line := range lines[1:] {
		line = printable(line)
		switch {
		case strings.TrimSpace(line) == "":
		case line == RowsTitle:
			rows = true
		case rows && len(d.Rows) < maxRows:
			d.Rows = append(d.Rows, rowOf(line))
		case !rows && len(d.Facts) < maxFacts:
			name, value, ok := strings.Cut(line, ": ")
			if !ok {
				return nil, ErrFile
			}
			d.Facts = append(d.Facts, Fact{pack.Clip(name, maxName), pack.Clip(value, maxText)})
		default:
			return nil, ErrFile
		}
	}
	if !rows {
		return nil, ErrFile
	}
	return d, nil
}

// printable replaces what a screen should not be given.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return ' '
		}
		return r
	}, s)
}

// CallLine is a command's line, and its reading.
const CallLine = "%9.3f s  command %d/%d, %d bytes, %d ms, try %d: %s"

// rowOf reads one line. One that is no command is a note.
func rowOf(line string) Row {
	note := Row{Outcome: pack.Clip(line, maxText)}
	row := Row{}
	p := lineParser{rest: strings.TrimLeft(line, " "), ok: true}
	row.At = time.Duration(p.number(".", 1e9)) * time.Second
	row.At += time.Duration(p.number(" s  command ", 999)) * time.Millisecond
	row.Group = uint16(p.number("/", 0xffff))
	row.ID = uint8(p.number(", ", 0xff))
	row.Bytes = p.number(" bytes, ", 1<<20)
	row.Took = time.Duration(p.number(" ms, try ", 1e9)) * time.Millisecond
	row.Tries = p.number(": ", 1e6)
	if !p.ok || row.Tries == 0 {
		return note
	}
	row.Outcome = pack.Clip(p.rest, maxText)
	return row
}

// lineParser takes numbers and the words between them from a line. The first that is missing ends it.
type lineParser struct {
	rest string
	ok   bool
}

// number takes a decimal of at most most, and the words behind it.
func (p *lineParser) number(words string, most int) int {
	digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
	n, err := strconv.Atoi(p.rest[:digits])
	if err != nil || n > most || !strings.HasPrefix(p.rest[digits:], words) {
		p.ok = false
		return 0
	}
	p.rest = p.rest[digits+len(words):]
	return n
}
