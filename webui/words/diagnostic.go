package words

import (
	"strconv"
	"strings"

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

// DiagnosticHeading is the headline over one.
func DiagnosticHeading(d *OpenedFile) string {
	switch {
	case d.Bad:
		return "This is no diagnostic file."
	case d.File == nil:
		return "Open a diagnostic file."
	}
	return "Diagnostic file"
}

// Diagnostic says what a file comes to.
func Diagnostic(d *OpenedFile) string {
	switch {
	case d.Bad:
		return "The Restore screen saves one under “Save diagnostic file”. Nothing was kept of this one."
	case d.File == nil:
		return "The Restore screen saves one when something goes wrong. It is read on this computer, and sent nowhere."
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
	return d.Name + ". " + Count(calls, "command", "commands") + ", " + Group(uint64(again)) + " sent again, " + Group(uint64(silent)) +
		" without an answer. All of it is what the file says."
}

// DiagnosticActs are its buttons.
func DiagnosticActs(d *OpenedFile) []Act {
	if d.File != nil {
		return []Act{Secondary("Open another", OpenDiagnostic{})}
	}
	return []Act{Primary("Choose a file", OpenDiagnostic{})}
}

// DiagnosticFacts are the file's head. A code is explained.
func DiagnosticFacts(file *diagnostic.File) []Fact {
	var list []Fact
	for _, f := range file.Facts {
		list = append(list, Fact{Label: Upper(f.Name), Value: f.Value, Small: explain(f.Value)})
	}
	return list
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

// userCommands are those of our own group, by number.
var userCommands = [...]string{"identify", "read record", "digests", "begin", "leaves", "announce file", "data", "apply", "status",
	"finish", "abort", "read-out"}

// commandName names a command of the cable.
func commandName(group uint16, id uint8) string {
	switch {
	case group == 0 && id == 0:
		return "echo"
	case group == 0 && id == 5:
		return "reset"
	case group == 0 && id == 6:
		return "buffers"
	case group == 1 && id == 0:
		return "image list"
	case group == 1 && id == 1:
		return "upload"
	case group == 64 && id == 16:
		return "agree on frames"
	case group == 64 && id == 17:
		return "announce next file"
	case group == 64 && int(id) < len(userCommands):
		return userCommands[id]
	}
	return "command " + strconv.Itoa(int(group)) + "/" + strconv.Itoa(int(id))
}
