package words

import (
	"cmp"
	"strconv"
	"strings"

	"unbrick/protocol/smp"
	"unbrick/restore"
	"unbrick/webui/diagnostic"
	"unbrick/webui/state"
)

// OpenedFile is a diagnostic file that somebody opened on Fleet.
type OpenedFile struct {
	Name string
	File *diagnostic.File // nil: none, or bad
	Bad  bool
}

// DiagnosticPane says what a file comes to, and what its head says. A code is explained.
func DiagnosticPane(d *OpenedFile) Pane {
	choose := []Act{Primary("Choose a file", OpenDiagnostic{})}
	switch {
	case d.Bad:
		return Pane{
			Heading: "This is no diagnostic file.",
			Lead:    "The Restore screen saves one under “Save diagnostic file”. Nothing was kept of this one.",
			Acts:    choose,
		}
	case d.File == nil:
		return Pane{
			Heading: "Open a diagnostic file.",
			Lead:    "The Restore screen saves one when something goes wrong. It is read on this computer, and sent nowhere.",
			Acts:    choose,
		}
	}
	p := Pane{Heading: "Diagnostic file", Acts: []Act{Secondary("Open another", OpenDiagnostic{})}}
	for _, f := range d.File.Facts {
		p.Facts = append(p.Facts, Fact{Label: Upper(f.Name), Value: f.Value, Small: explain(f.Value)})
	}
	calls, again, silent := 0, 0, 0
	for i := range d.File.Rows {
		row := &d.File.Rows[i]
		if row.Tries == 0 {
			continue
		}
		calls++
		if row.Tries > 1 {
			again++
		}
		if strings.HasPrefix(row.Outcome, "no answer") {
			silent++
		}
	}
	p.Lead = d.Name + ". " + Count(calls, "command", "commands") + ", " + Group(uint64(again)) + " sent again, " + Group(uint64(silent)) +
		" without an answer. All of it is what the file says."
	return p
}

// explain says what a code in a text means, with the headline that its screen has.
func explain(text string) string {
	_, digits, ok := strings.Cut(text, "C-1")
	if !ok || len(digits) < 2 {
		return ""
	}
	n, err := strconv.ParseUint(digits[:2], 10, 8)
	if err != nil || n == 0 {
		return ""
	}
	return strings.TrimSuffix(failed(&state.RestoreFailed{Failure: state.Failure{Code: restore.Code(n)}}).Heading, ".")
}

// DiagnosticRow is one line of the table.
type DiagnosticRow struct {
	Sign, At, What, Took, Outcome string
}

// SignClass is the class of a row's lamp.
func (d DiagnosticRow) SignClass() string {
	if d.Sign == "" {
		return "" // a note
	}
	return "sig " + d.Sign
}

// DiagnosticRows are its lines.
func DiagnosticRows(file *diagnostic.File) []DiagnosticRow {
	var rows []DiagnosticRow
	for i := range file.Rows {
		row := &file.Rows[i]
		if row.Tries == 0 {
			rows = append(rows, DiagnosticRow{What: row.Outcome})
			continue
		}
		d := DiagnosticRow{Sign: "ok", At: Seconds(row.At, 3) + " s", What: commandName(row.Group, row.ID),
			Took: Group(uint64(row.Took.Milliseconds())) + " ms", Outcome: row.Outcome}
		if row.Outcome != "answered" {
			d.Sign = "bad"
		}
		if row.Tries > 1 {
			d.Outcome += ", sent " + Group(uint64(row.Tries)) + " times"
			if d.Sign == "ok" {
				d.Sign = "live"
			}
		}
		rows = append(rows, d)
	}
	return rows
}

// terminalCommands are those of our own group, by their numbers (docs/cable.md).
var terminalCommands = [...]string{"identify", "read record", "digests", "begin", "leaves", "announce file", "data",
	"finish", "status", "abort",
	"read-out", "erase settings", "agree on frames", "receipt", "trust statement"}

// commandName names a command of the cable.
func commandName(group uint16, id uint8) string {
	name := ""
	switch {
	case group == smp.GroupUser && int(id) < len(terminalCommands):
		name = terminalCommands[id]
	case group == 0 && id == 0:
		name = "echo"
	case group == 0 && id == 5:
		name = "reset"
	case group == 0 && id == 6:
		name = "buffers"
	case group == 0 && id == 8:
		name = "boot loader"
	case group == 1 && id == 0:
		name = "image list"
	case group == 1 && id == 1:
		name = "upload"
	}
	return cmp.Or(name, "command "+strconv.Itoa(int(group))+"/"+strconv.Itoa(int(id)))
}
