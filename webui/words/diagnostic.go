package words

import (
	"cmp"
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

// commandNames are those of the cable, by group and number.
var commandNames = map[[2]int]string{
	{0, 0}: "echo", {0, 5}: "reset", {0, 6}: "buffers",
	{1, 0}: "image list", {1, 1}: "upload",
	{64, 0}: "identify", {64, 1}: "read record", {64, 2}: "digests", {64, 3}: "begin", {64, 4}: "leaves", {64, 5}: "announce file",
	{64, 6}: "data", {64, 7}: "apply", {64, 8}: "status", {64, 9}: "finish", {64, 10}: "abort", {64, 11}: "read-out",
	{64, 16}: "agree on frames", {64, 17}: "announce next file",
}

// commandName names a command of the cable.
func commandName(group uint16, id uint8) string {
	number := "command " + strconv.Itoa(int(group)) + "/" + strconv.Itoa(int(id))
	return cmp.Or(commandNames[[2]int{int(group), int(id)}], number)
}
