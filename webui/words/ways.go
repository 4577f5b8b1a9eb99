package words

import (
	"strings"

	"unbrick/webui/state"
)

// WayRow is one line of the coach.
type WayRow struct {
	Class, State, Head, Text string
	Current                  bool
}

const byItself = "The page does this by itself."

// wayWords are what each way is called, and what a person does for it.
var wayWords = [...]Promise{
	state.WayReset:  {"Reset over the cable, by DTR", byItself},
	state.WayRTS:    {"Reset over the cable, by RTS", byItself},
	state.WayPin:    {"Reset by RTS, restoration pin by DTR", byItself},
	state.WayBreak:  {"Break signal", byItself},
	state.WayPower:  {"Switch the device off and on", "Leave the cable in. Switch it off, count to three, switch it on. We are listening."},
	state.WayButton: {"Hold the button while switching on", "Keep the small button beside the USB socket pressed for five seconds."},
	state.WayBoot: {"Hold BOOT while it restarts", "Keep the button marked BOOT or IO0 pressed. Tap the one marked EN or RST, or pull the " +
		"cable out and push it in again. Then let go of BOOT."},
	state.WayHint: {Head: "As its maker says"}, // and what it says
}

func wayRows(ways []state.Way) []WayRow {
	rows := make([]WayRow, 0, len(ways))
	for _, w := range ways {
		row := WayRow{State: "Then", Class: "next"}
		is := at(wayWords[:], w.Kind)
		row.Head, row.Text = is.Head, is.Text
		if w.Kind == state.WayHint {
			row.Text = w.Hint
		}
		if w.Before {
			row.Text = "This worked before. " + row.Text
		}
		switch w.State {
		case state.WayTried:
			row.Class, row.State = "done", "Tried"
			row.Text = "No answer after " + AboutTime(w.Waited) + "."
		case state.WayNow:
			row.Class, row.State, row.Current = "live", "Now", true
		case state.WayNext:
		}
		rows = append(rows, row)
	}
	return rows
}

func noAnswer(s *state.RestoreNoAnswer) Pane {
	return Pane{
		Heading: "Connected, but no answer.",
		Lead:    noAnswerLead(&s.Heard),
		Says:    s.Heard.Lines,
		Ways:    wayRows(s.Ways),
		Acts: []Act{
			Primary("I have done this", state.WayDone{}),
			Secondary("Save diagnostic file", state.SaveDiagnostic{}),
		},
		Quiet: "Nothing has been written. The device is as it was.",
	}
}

// noAnswerLead says what is known of a device that does not answer.
func noAnswerLead(h *state.Heard) string {
	const ways = " We try the ways in turn and remember which one worked."
	if len(h.Lines) == 0 {
		return "The port works. The device is probably not in restoration mode yet." + ways
	}
	if len(h.Kinds) == 0 {
		return "The port works, and the device says something that is no answer. If this is not the device that you mean, look what the " +
			"cable is plugged into." + ways
	}
	for _, k := range h.Kinds {
		if k.ESP() {
			return "The port works, and a chip of Espressif speaks: an ESP32 or ESP8266. It starts its program instead of its boot loader, " +
				"so it needs your hand once."
		}
	}
	names := make([]string, len(h.Kinds))
	for i, k := range h.Kinds {
		names[i] = k.String()
	}
	return "The port works. What the device says is " + strings.Join(names, ", then ") + ". If it should have Unbrick or MCUboot " +
		"behind that, go on here; else it needs the tool of its maker." + ways
}
