package words

import (
	"cmp"
	"strconv"

	"unbrick/restore"
	"unbrick/webui/state"
)

// PhaseRow is one of the phases while writing.
type PhaseRow struct {
	Class, Name, Text string
	Current           bool
}

// Done says that the phase is over.
func (p PhaseRow) Done() bool { return p.Class == "done" }

// Writing is what stands on the screen while a device is written.
type Writing struct {
	Heading  string
	Rows     []PhaseRow
	Progress *restore.Progress
	Map      *state.Map // nil: a boot loader of another make tells none
}

// WritingOf is that in a phase; nil: nothing is written.
func WritingOf(s state.Restore) *Writing {
	switch s := s.(type) {
	case state.RestoreWriting:
		w := &Writing{Heading: writingHeading(&s.Plan), Rows: writingRows(&s), Progress: &s.Progress}
		if len(s.Map.Cells) > 0 {
			w.Map = &s.Map
		}
		return w
	case state.RestoreFlashing:
		return &Writing{Heading: s.Told.Heading, Rows: flashingRows(&s), Progress: &s.Progress}
	}
	return nil
}

// writingRows are the phases of a restoration.
func writingRows(s *state.RestoreWriting) []PhaseRow {
	p := &s.Progress
	texts := [...]string{
		s.Device.Serial,
		KB(uint64(s.Plan.Send)) + " for " + Count(p.Of, "sector", "sectors"),
		Group(uint64(p.Sectors)) + " of " + Count(p.Of, "sector", "sectors"),
		"Every byte, against the signed release",
		"Its settings, as you asked",
		"Release " + s.Plan.Release.Version,
	}
	switch s.Plan.Work {
	case state.WorkWritten, state.WorkFinished:
	case state.WorkRecorded:
		texts[1], texts[2] = KB(uint64(s.Plan.Send))+" for its record", "Only its record"
	case state.WorkStarted:
		texts[1], texts[2] = "Nothing to write", "Nothing"
	}
	if s.Plan.Settings != restore.SettingsErased {
		texts[restore.StageErase] = ""
	}
	return phaseRows(&texts, p.Stage)
}

// phaseRows are the phases that have a text.
func phaseRows(texts *[6]string, now restore.Stage) []PhaseRow {
	rows := make([]PhaseRow, 0, len(texts))
	for i, name := range [...]string{"Identify", "Plan", "Write", "Verify", "Erase", "Start"} {
		if texts[i] == "" && i == int(restore.StageErase) {
			continue
		}
		class := [...]string{"done", "live", "next"}[1+cmp.Compare(i, int(now))]
		rows = append(rows, PhaseRow{Class: class, Name: name, Text: texts[i], Current: i == int(now)})
	}
	return rows
}

// writingHeading is the headline while a device is written.
func writingHeading(p *state.Plan) string {
	if p.Work != state.WorkStarted {
		return "Restoring. Leave the cable in."
	}
	if p.Settings == restore.SettingsErased {
		return "Erasing its settings. Leave the cable in."
	}
	return "Starting it. Leave the cable in."
}

// stages are what a screen reader hears of a stage; of writing it hears more.
var stages = [...]string{
	restore.StageIdentify: "Identifying the device.",
	restore.StagePlan:     "Planning what to write.",
	restore.StageVerify:   "Verifying every byte.",
	restore.StageErase:    "Erasing the settings.",
	restore.StageStart:    "Starting the device.",
}

// Stage is what a screen reader hears of progress.
func Stage(p *restore.Progress, left string) string {
	switch {
	case p.Stage != restore.StageWrite:
		return word(stages[:], p.Stage)
	case p.Of == 0:
		return "Writing, " + KB(uint64(p.Bytes)) + " of " + KB(uint64(p.BytesOf)) + ", " + Lower(left) + "."
	}
	return "Writing, " + Group(uint64(p.Sectors)) + " of " + Count(p.Of, "sector", "sectors") + ", " + Lower(left) + "."
}

// Percent is progress in percent, for the bar.
func Percent(p *restore.Progress) string {
	if p.WorkOf == 0 {
		return "0"
	}
	return strconv.FormatUint(min(p.Work*100/p.WorkOf, 100), 10)
}

// ShortLeft is for the document's title: "5 s left".
func ShortLeft(r restore.Remaining) string {
	if !r.Known {
		return ""
	}
	n, unit := roundUp(r.Time)
	return strconv.Itoa(n) + " " + unit[:1] + map[string]string{"second": "", "minute": "in"}[unit] + " left"
}
