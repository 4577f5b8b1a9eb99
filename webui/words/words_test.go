package words

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"unbrick/protocol/smp"
	"unbrick/restore"
	"unbrick/terminal"
	"unbrick/webui/state"
	"unbrick/webui/state/statetest"
)

func TestFoundLead(t *testing.T) {
	whys := map[smp.Why]string{
		smp.WhyInterrupted: "An update stopped halfway, so the device cannot start. Most of it is fine: 42 of its 232 sectors need to be " +
			"written.",
		smp.WhyHang: "Its software started three times and never reported that it works. Most of it is fine: 42 of its 232 sectors " +
			"need to be written.",
	}
	for why, want := range whys {
		s := statetest.Offer()
		s.Device.Why = why
		if got := foundLead(&s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	s := statetest.Offer()
	s.Plan.Work, s.Plan.Sectors = state.WorkRecorded, 0
	if got, want := foundLead(&s), "An update stopped halfway, so the device cannot start. Its software is whole: all 232 sectors are "+
		"right. Only its record of them needs to be written."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, f := range foundFacts(&s) {
		if f.Label == "Will be written" && f.Value != "The record of release 2.4.1" || f.Label == "To send" && f.Small != "" {
			t.Errorf("with only the record to write: %+v", f)
		}
	}
	s.Plan.Refresh = 3
	if got := foundLead(&s); !strings.HasSuffix(got, "Only weak ones need to be renewed, and its record of them written.") {
		t.Errorf("%q", got)
	}
	s.Plan.Work, s.Plan.Sectors, s.Plan.Refresh = state.WorkWritten, 200, 0
	if got := foundLead(&s); strings.Contains(got, "Most of it is fine") {
		t.Errorf("%q", got)
	}
	s.Plan.Sectors = 1
	if got := foundLead(&s); !strings.HasSuffix(got, "1 of its 232 sectors needs to be written.") {
		t.Errorf("%q", got)
	}
	s.Plan.Release.Fit, s.Plan.Trust, s.Plan.Send = state.FitOlder, state.TrustUnchecked, s.Plan.Full
	for _, f := range foundFacts(&s) {
		switch {
		case f.Label == "Signed by" && (f.Check || f.Small == "verified on this computer"):
			t.Errorf("an unchecked signature is shown as verified: %+v", f)
		case f.Label == "To send" && f.Value != "928 KB":
			t.Errorf("sending all of it reads %q", f.Value)
		}
	}
}

func TestLabWords(t *testing.T) {
	for _, c := range []struct {
		change     func(l *state.Lab)
		lamp, want string
	}{
		{func(*state.Lab) {}, "ok", "Running release 2.3.0. Release 2.4.1 is published for it."},
		{func(l *state.Lab) { l.Offered = state.Release{} }, "ok", "Running release 2.3.0."},
		{func(l *state.Lab) { l.Outcome = state.OutcomeNoRoom }, "ok", "Running release 2.3.0. The update does not fit its RAM: it needs " +
			"the cable."},
		{func(l *state.Lab) { l.Phase = state.LabBooting }, "live", "Booting: the digest of the whole image is computed."},
		{func(l *state.Lab) {
			l.Phase, l.Target = state.LabReceiving, "2.4.1"
			l.Progress = restore.Progress{Bytes: 49152, BytesOf: 62311}
		}, "live", "Receiving the update to release 2.4.1, 49\u202f152 of 62\u202f311 bytes."},
		{func(l *state.Lab) {
			l.Phase, l.Target = state.LabRewriting, "2.4.1"
			l.Progress = restore.Progress{Sectors: 96, Of: 96}
		}, "live", "Rewriting to release 2.4.1, sector 96 of 96."},
		{func(l *state.Lab) { l.Phase, l.Why = state.LabBricked, smp.WhyHang }, "bad", "Bricked: release 2.3.0 was started three times " +
			"and hung. In restoration mode, cable open."},
		{func(l *state.Lab) { l.Phase, l.Fault = state.LabFault, "read while busy" }, "bad", "Stopped: the device broke a rule of its " +
			"hardware: read while busy. It does nothing any more: make a new device."},
	} {
		l := statetest.Lab(state.LabRunning)
		c.change(&l)
		if lamp, got := LabState(&l); lamp != c.lamp || got != c.want {
			t.Errorf("%s %q, want %s %q", lamp, got, c.lamp, c.want)
		}
	}
	for phase := state.LabAbsent; phase <= state.LabFault; phase++ {
		l := statetest.Lab(phase)
		if lamp, words := LabState(&l); lamp == "" || words == "" {
			t.Errorf("phase %d says nothing", phase)
		}
		n := 0
		for _, a := range LabActs(&l, [32]byte{}) {
			if a.Style == "primary" {
				n++
			}
		}
		if n > 1 {
			t.Errorf("phase %d has %d primary buttons", phase, n)
		}
	}
}

// Every event of the terminal has words of its own, and none of them shows a bare number.
func TestEveryEventHasWords(t *testing.T) {
	seen := map[string]uint16{}
	named := 0
	for code := range uint16(256) {
		r := state.LogRow{Code: code, Sector: 5, A: 3, B: 4, Text: "X"}
		words := logText(&r, statetest.Facts.Runs)
		known := terminal.EventCode(code).String() != "event"
		if known == strings.HasPrefix(words, "event ") {
			t.Errorf("terminal event %d (%s) reads %q", code, terminal.EventCode(code), words)
		}
		if known {
			named++
			if was, double := seen[words]; double {
				t.Errorf("events %d and %d read alike: %q", was, code, words)
			}
			seen[words] = code
		}
	}
	if named < 30 {
		t.Errorf("only %d events have a name", named)
	}
	for code := state.LogPowerOn; code <= state.LogOffered; code++ {
		if words := logText(&state.LogRow{Source: state.SourceBoard, Code: code, Text: "X"},
			statetest.Facts.Runs); strings.HasPrefix(words, "event ") {
			t.Errorf("event %d reads %q", code, words)
		}
	}
	for _, c := range []struct {
		row  state.LogRow
		want string
	}{
		{state.LogRow{Code: uint16(terminal.EventSector), Sector: 104, A: 54, B: 96}, "sector 104 at 0x068000 written and read back, 54 of 96"},
		{state.LogRow{Code: uint16(terminal.EventVerdict), A: 1, Text: "2.4.1"}, "verdict: good; the image is release 2.4.1"},
		{state.LogRow{Source: state.SourceBoard, Code: state.LogCut, A: 928, B: uint32(state.TearUnstable)}, "power cut inside flash " +
			"operation 928; the tear leaves unstable bits"},
		{state.LogRow{Source: state.SourceApparatus, Code: state.LogEnded, A: uint32(restore.CodeVanished)}, "apparatus: ended, the cable " +
			"came out (C-101)"},
		{state.LogRow{Code: uint16(terminal.EventInfo), Sector: state.NoSector, A: 97270, B: 190872}, "update file information: " +
			"97\u202f270 bytes, needs a workspace of 186.4 KiB"},
		{state.LogRow{Code: uint16(terminal.EventStopped), Sector: state.NoSector, A: 5, B: 56 << 10, Text: "Maps"}, "stopped Maps (56 KiB)"},
		{state.LogRow{Code: uint16(terminal.EventResident), Step: 15, Sector: state.NoSector, A: 16 << 10}, "no application runs; 16 KiB " +
			"of code runs from RAM"},
		{state.LogRow{Code: uint16(terminal.EventDoubtful), Sector: 999}, "sector 999 is doubtful"},
	} {
		if got := logText(&c.row, statetest.Facts.Runs); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestLogIsCapped(t *testing.T) {
	rows := make([]state.LogRow, state.MaxLogRows)
	rows[len(rows)-1] = state.LogRow{Time: 6983 * time.Millisecond, Source: state.SourceBoard, Code: state.LogCut, A: 1636}
	lines := LogLines(rows, nil)
	if len(lines) != shownRows || lines[shownRows-1].Class != "cutline" || lines[shownRows-1].Time != "6.983 s" {
		t.Errorf("%d lines, the last %+v", len(lines), lines[len(lines)-1])
	}
	file := string(LogFile(rows, nil))
	if n := strings.Count(file, "\n"); n != len(rows) || !strings.Contains(file, "6.983 s\tCUT\tpower cut inside flash operation 1 636;") {
		t.Errorf("the file has %d lines and ends with %q", n, file[len(file)-90:])
	}
}

func TestRAM(t *testing.T) {
	sum := func(list []Block) string {
		var s []string
		for _, b := range list {
			s = append(s, b.Class+" "+b.Name+" "+b.Size)
		}
		return strings.Join(s, ", ")
	}
	m := statetest.RAM(false)
	if got, want := sum(RAMBlocks(&m)), "fix System 48, app Calls 40, app Metering 32, app Display 40, app Journal 24, app Maps 56, "+
		"free Free 16"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := RAM(&state.Lab{Phase: state.LabRunning, RAM: m}), "256 KiB; 6 applications, 16 KiB free"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	m = statetest.RAM(true)
	if got, want := sum(RAMBlocks(&m)), "fix System 48, app Calls 40, app Metering 32, app Display 40, space Workspace 80, free Free "+
		"16"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := sum(RAMTaken(&m)), "gap  , limited Journal 24, limited Maps 56"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := RAM(&state.Lab{Phase: state.LabRunning, RAM: m}), "256 KiB; 2 applications limited, 80 KiB secured"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	m.Workspace.Size -= 8 << 10 // the tail of Maps is not needed
	m.Resident.Size = 16 << 10
	if got, want := sum(RAMBlocks(&m)), "fix System 48, app Calls 40, app Metering 32, app Display 40, space Workspace 56, space code "+
		"Code 16, rest slim Maps 8, free Free 16"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	total := 0.0
	for _, b := range RAMBlocks(&m) {
		part, err := strconv.ParseFloat(strings.TrimPrefix(b.Style, "--share:"), 64)
		if err != nil {
			t.Fatal(err)
		}
		total += part
	}
	if total < 99.9 || total > 100.1 {
		t.Errorf("the bar is %.2f %% long", total)
	}
	rows := Apps(&state.Lab{Phase: state.LabReceiving, RAM: statetest.RAM(true)})
	if len(rows) != 6 || rows[0] != (App{"limited", "1", "Maps", "limited, 56 KiB"}) || rows[5].State != "never limited" {
		t.Errorf("applications %+v", rows)
	}
	m = statetest.RAM(true)
	m.Workspace.Size += 8 << 10 // and half of what was free
	m.Regions[6].State = state.RegionStopped
	if got, want := sum(RAMBlocks(&m)), "fix System 48, app Calls 40, app Metering 32, app Display 40, space Workspace 88, free slim "+
		"Free 8"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := sum(RAMTaken(&m)), "gap  , limited Journal 24, limited Maps 56"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if n := len(Apps(&state.Lab{Phase: state.LabRewriting, RAM: m})); n != 6 {
		t.Errorf("free space is one of %d applications", n)
	}
	bricked := state.Lab{Phase: state.LabBricked, RAM: m}
	if got, want := RAM(&bricked), "256 KiB; no application runs, restoration has 88 "+
		"KiB"; got != want || Apps(&bricked)[0].State != "stopped" {
		t.Errorf("%q, want %q; %+v", got, want, Apps(&bricked))
	}
	bricked.RAM.Contents = state.ContentsLost
	if got, want := RAM(&bricked), "256 KiB; what was in it was lost with the power, restoration has 88 "+
		"KiB"; got != want || strings.Contains(sum(RAMBlocks(&bricked.RAM)), "random") {
		t.Errorf("%q, want %q", got, want)
	}
	if rows := Apps(&bricked); rows[5].State != "never limited" {
		t.Errorf("what is fixed stays: %+v", rows)
	}
	m = state.RAM{Size: 256 << 10, Workspace: state.Span{Off: 240 << 10, Size: 16 << 10}, Contents: state.ContentsLost}
	if got, want := sum(RAMBlocks(&m)), "lost Lost at the cut: random bytes 240, space Cable 16"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTimeline(t *testing.T) {
	l := statetest.Lab(state.LabBricked)
	rows := Steps(&l.Timeline)
	if rows[12].Class != "bad" || rows[13].Class != "skip-step" || !rows[14].Current || rows[15].Class != "next" || rows[1].Style != "--lane:1" || rows[15].Style != "--lane:2" {
		t.Errorf("%+v", rows)
	}
	track := Track(&l.Timeline)
	all, been := track.All, track.Been
	if strings.Contains(all, "55,14") || len(strings.Fields(all)) != 19 {
		t.Errorf("the way leads over S06: %q", all)
	}
	if points := strings.Fields(been); points[len(points)-1] != "145,14" {
		t.Errorf("the way ends at %q", been)
	}
	var none state.Lab
	if now := Now(&none); now != (NowLine{"S01", "starts when the terminal opens the link."}) {
		t.Errorf("%+v", now)
	}
	none.Timeline.Now.Step = 200
	if now := Now(&none); now.ID != "S01" {
		t.Errorf("a step of the future reads %s", now.ID)
	}
	none.Timeline.Steps[5] = state.StepDone
	if all := Track(&none.Timeline).All; !strings.Contains(all, "55,14") {
		t.Error("a session without an update does not lead over S06")
	}
}

// A model's default name says its number already.
func TestDefaultNameIsNotDoubled(t *testing.T) {
	for name, want := range map[string]string{"Model 0001": "", "Field terminal": "model 0001", "": ""} {
		if f := deviceFacts(&state.Device{Model: "0001", Name: name})[0]; f.Small != want || f.Value == "" {
			t.Errorf("name %q: %+v, want the remark %q", name, f, want)
		}
	}
}

func TestLossWords(t *testing.T) {
	area := func(name string) state.SettingsArea { return state.SettingsArea{Name: name, Size: 4 << 10} }
	for want, areas := range map[string][]state.SettingsArea{
		"a (4 KB) is lost, for good":                         {area("a")},
		"a (4 KB) and b (4 KB) are lost, for good":           {area("a"), area("b")},
		"a (4 KB), b (4 KB) and c (4 KB) are lost, for good": {area("a"), area("b"), area("c")},
		"Settings (4 KB) is lost, for good":                  {area(" ")},
	} {
		if got := Loss(&state.Device{Settings: areas, Erases: true}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestReplayWords(t *testing.T) {
	for _, c := range []struct {
		change func(l *state.Lab, x *state.ReplayReady)
		want   string
	}{
		{func(l *state.Lab, x *state.ReplayReady) { x.Do = state.DoBefore }, "Before the first flash operation."},
		{func(l *state.Lab, x *state.ReplayReady) { x.Do, x.Cut = state.DoErase, false }, "Erase of sector 0x067000, 55 of 96."},
		{func(l *state.Lab, x *state.ReplayReady) {
			x.Record, x.Cut, x.Of, x.Sector, x.Bytes = true, false, 0, 8, 8
		}, "8 bytes programmed into record sector 0x008000."},
		{func(l *state.Lab, x *state.ReplayReady) { x.Do = state.DoPower }, "Power comes back, and the device boots."},
		{func(l *state.Lab, x *state.ReplayReady) {
			x.Do, l.Phase, l.Runs = state.DoEnd, state.LabRunning, "2.4.1"
		}, "The end: release 2.4.1 runs."},
		{func(l *state.Lab, x *state.ReplayReady) { x.Do, l.Phase = state.DoEnd, state.LabBricked }, "The end: it waits in restoration mode."},
	} {
		l := statetest.ReplayLab()
		x := l.Replay.(state.ReplayReady)
		c.change(&l, &x)
		l.Replay = x
		if got := Replay(&l); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// A release that was restored and hangs again says why, and what to do.
func TestHungAgain(t *testing.T) {
	l := statetest.Lab(state.LabBricked)
	l.Why, l.Runs, l.Outcome, l.Health = smp.WhyHang, "2.3.0", state.OutcomeRestored, state.HealthHangs
	if _, got := LabState(&l); !strings.HasPrefix(got, "Bricked again: release 2.3.0 was restored and verified, and hung three "+
		"times") || !strings.Contains(got, "set it to healthy first") {
		t.Errorf("%q", got)
	}
	l.Health = state.HealthGood
	if _, got := LabState(&l); strings.Contains(got, "healthy") {
		t.Errorf("the switch is blamed for nothing: %q", got)
	}
}

// Every value that a person can come to has words in its table.
func TestEveryValueHasWords(t *testing.T) {
	for name, table := range map[string]struct {
		list        []string
		first, ends int
	}{
		"outcomes": {outcomes[:], int(state.OutcomeNone) + 1, state.Outcomes}, "ends of making": {makeEnds[:], int(state.MakeEndNone) + 1, state.MakeEnds},
		"sectors": {sectorKinds[:], 0, state.SectorKinds}, "fits": {fits[:], int(state.FitUnknown) + 1, int(state.FitWithdrawn) + 1},
		"tears": {tears[:], 0, state.TearKinds}, "noises": {noises[:], 0, state.NoiseKinds}, "paces": {paces[:], 0, state.PaceKinds},
	} {
		for n := table.first; n < table.ends; n++ {
			if word(table.list, uint8(n)) == "" {
				t.Errorf("%s: %d has no words", name, n)
			}
		}
	}
}
