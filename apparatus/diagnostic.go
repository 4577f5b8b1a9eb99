package apparatus

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"unbrick/internal/pack"
	"unbrick/webui/state"
)

// Limits of a diagnostic file.
const (
	MaxDiagnostic      = 256 << 10 // bytes
	maxDiagnosticFacts = 64
	maxDiagnosticRows  = 1000
	maxDiagnosticText  = 300 // bytes of one value
)

// diagnosticTitle begins a diagnostic file; rowsTitle begins its list of commands.
const (
	diagnosticTitle = "Unbrick diagnostic file"
	rowsTitle       = "commands, oldest first:"
)

// ErrDiagnostic says that bytes are no diagnostic file.
var ErrDiagnostic = errors.New("not a diagnostic file")

// Diagnostic is a diagnostic file that somebody saved, as it was read. It is what its sender says.
type Diagnostic struct {
	Facts []DiagnosticFact
	Rows  []DiagnosticRow
}

// DiagnosticFact is one line of its head.
type DiagnosticFact struct{ Name, Value string }

// DiagnosticRow is one command, or, where Tries is 0, a note.
type DiagnosticRow struct {
	At      time.Duration
	Group   uint16
	ID      uint8
	Bytes   int
	Took    time.Duration
	Tries   int
	Outcome string // "answered", or what was heard instead; of a note, its text
}

// ParseDiagnostic reads a file that saveDiagnostic made.
func ParseDiagnostic(file []byte) (*Diagnostic, error) {
	if len(file) > MaxDiagnostic || !utf8.Valid(file) {
		return nil, ErrDiagnostic
	}
	lines := strings.Split(strings.ReplaceAll(string(file), "\r\n", "\n"), "\n")
	if strings.TrimSpace(lines[0]) != diagnosticTitle {
		return nil, ErrDiagnostic
	}
	d := &Diagnostic{}
	rows := false
	for _, line := range lines[1:] {
		line = printable(line)
		switch {
		case strings.TrimSpace(line) == "":
		case line == rowsTitle:
			rows = true
		case rows && len(d.Rows) < maxDiagnosticRows:
			d.Rows = append(d.Rows, diagnosticRow(line))
		case !rows && len(d.Facts) < maxDiagnosticFacts:
			name, value, ok := strings.Cut(line, ": ")
			if !ok {
				return nil, ErrDiagnostic
			}
			d.Facts = append(d.Facts, DiagnosticFact{pack.Clip(name, state.MaxText), pack.Clip(value, maxDiagnosticText)})
		default:
			return nil, ErrDiagnostic
		}
	}
	if !rows {
		return nil, ErrDiagnostic
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

// callLine is a command's line, and its reading.
const callLine = "%9.3f s  command %d/%d, %d bytes, %d ms, try %d: %s"

// diagnosticRow reads one line. One that is no command is a note.
func diagnosticRow(line string) DiagnosticRow {
	note := DiagnosticRow{Outcome: pack.Clip(line, maxDiagnosticText)}
	row := DiagnosticRow{}
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
	row.Outcome = pack.Clip(p.rest, maxDiagnosticText)
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
