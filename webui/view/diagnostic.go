package view

import (
	"strconv"
	"strings"

	"unbrick/restore"
	"unbrick/webui/diagnostic"
	"unbrick/webui/state"
)

// openedFile is a diagnostic file that somebody opened on Fleet.
type openedFile struct {
	name string
	file *diagnostic.File // nil: none, or bad
	bad  bool
}

// openDiagnostic lets the person choose a diagnostic file and shows it. It goes to no server.
func (r *Root) openDiagnostic() {
	r.hooks.OpenFile(func(name string, data []byte) {
		d, err := diagnostic.Parse(data)
		r.diagnostic = openedFile{name: name, file: d, bad: err != nil}
	})
}

func (r *Root) diagnosticHeading() string {
	switch {
	case r.diagnostic.bad:
		return "This is no diagnostic file."
	case r.diagnostic.file == nil:
		return "Open a diagnostic file."
	}
	return "Diagnostic file"
}

// diagnosticLead says what the file comes to.
func (r *Root) diagnosticLead() string {
	d := &r.diagnostic
	switch {
	case d.bad:
		return "The Restore screen saves one under “Save diagnostic file”. Nothing was kept of this one."
	case d.file == nil:
		return "The Restore screen saves one when something goes wrong. It is read on this computer, and sent nowhere."
	}
	calls, again, silent := 0, 0, 0
	for i := range d.file.Rows {
		row := &d.file.Rows[i]
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
	return d.name + ". " + count(calls, "command", "commands") + ", " + group(uint64(again)) + " sent again, " + group(uint64(silent)) + " without an answer. All of it is what the file says."
}

// diagnosticFacts are the file's head. A code is explained.
func (r *Root) diagnosticFacts() []fact {
	if r.diagnostic.file == nil {
		return nil
	}
	var list []fact
	for _, f := range r.diagnostic.file.Facts {
		list = append(list, fact{Label: upper(f.Name), Value: f.Value, Small: r.explain(f.Value)})
	}
	return list
}

// explain says what a code in a text means, with the headline that its screen has.
func (r *Root) explain(text string) string {
	_, digits, ok := strings.Cut(text, "C-1")
	if !ok || len(digits) < 2 {
		return ""
	}
	n, err := strconv.ParseUint(digits[:2], 10, 8)
	if err != nil || n == 0 {
		return ""
	}
	return strings.TrimSuffix(r.failed(&state.Failure{Code: restore.Code(n)}).Heading, ".")
}

// diagnosticRow is one line of the table.
type diagnosticRow struct {
	Sign, At, What, Took, Outcome string
}

// SignClass is the class of a row's lamp.
func (d diagnosticRow) SignClass() string {
	if d.Sign == "" {
		return "" // a note
	}
	return "sig " + d.Sign
}

func (r *Root) diagnosticRows() []diagnosticRow {
	if r.diagnostic.file == nil {
		return nil
	}
	var rows []diagnosticRow
	for i := range r.diagnostic.file.Rows {
		row := &r.diagnostic.file.Rows[i]
		if row.Tries == 0 {
			rows = append(rows, diagnosticRow{What: row.Outcome})
			continue
		}
		d := diagnosticRow{Sign: "ok", At: seconds(row.At, 3) + " s", What: commandName(row.Group, row.ID),
			Took: group(uint64(row.Took.Milliseconds())) + " ms", Outcome: row.Outcome}
		if row.Outcome != "answered" {
			d.Sign = "bad"
		}
		if row.Tries > 1 {
			d.Outcome += ", sent " + group(uint64(row.Tries)) + " times"
			if d.Sign == "ok" {
				d.Sign = "live"
			}
		}
		rows = append(rows, d)
	}
	return rows
}

// userCommands are those of our own group, by number.
var userCommands = [...]string{"identify", "read record", "digests", "begin", "leaves", "announce file", "data", "apply", "status", "finish", "abort", "read-out"}

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
