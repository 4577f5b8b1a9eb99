package view

import (
	"slices"
	"strconv"
	"strings"

	"unbrick/protocol/smp"
	"unbrick/restore"
	"unbrick/webui/state"

	"github.com/vugu/vugu"
)

const (
	asideLab vugu.HTML = `No cable? <a href="#lab">Try the lab</a>`
	// Those of a browser or address without Web Serial stand in static/index.html too.
	asideLook vugu.HTML = `The <a href="#lab">lab</a> and the <a href="#fleet">fleet</a> work in this browser. On a computer without a browser, use <code>unbrick restore --port PATH</code>.`
)

const (
	serverAway      = "The server does not answer. Releases stored here still work."
	serverAwayAlone = "The server does not answer. A release from a file still works."
	keepsNothing    = "This browser keeps nothing for this page. Restoring works all the same; when you close the page, it forgets what was begun, and it needs the server for releases."
	keepsNoMore     = "This browser does not keep what this page gives it. Restoring works all the same; when you close the page, it may have forgotten what was begun."
	keptLost        = "Some of what this browser kept for this page was damaged and is gone. Restoring works all the same."
)

const openProtected = "Open the https address"

const canWait = "Your device is as it was. It can wait."

var idlePromises = []promise{
	{"Checked first", "The maker’s signature is verified on this computer before anything is sent."},
	{"Safe to interrupt", "If the cable comes out or the power fails, connect again and it carries on."},
	{"Settings stay", "Only the device’s software is replaced. What you have set on it is kept, unless you ask otherwise."},
}

var writingPromises = []promise{
	{"Keep going", "Leave the cable in and the device switched on."},
	{"You may", "Use other tabs and programs. Writing goes on behind them."},
	{"If it stops", "Nothing is lost. Connect again; what is written stays written."},
}

var portHelps = []help{
	{Head: "The cable", Text: "Many USB cables only charge. Take one that you have moved files with, and plug it straight into the computer, not into a hub."},
	{Head: "The driver", Text: "On Windows and macOS, some devices need one. Look for the name on the chip beside the USB socket: CH340, CP210x or FTDI. Install the driver of that name from its maker, then plug in again."},
	{Head: "Permission", Text: "On Linux, your account must be in the group that owns serial ports. Run this once, then sign out and in again:",
		Command: "sudo usermod -aG dialout $USER", Note: "On Arch the group is <code>uucp</code>."},
	{Head: "Another program", Text: "Close serial monitors, slicers, editors and other tabs that use the device. On Linux, ModemManager may hold it for half a minute after you plug it in."},
	{Head: "The browser", Text: "A browser installed as a Snap or Flatpak may not see devices at all. Private windows forget what you allowed."},
}

// loading is the Restore screen while it is not known yet what was left. Connect works already, as the shell's does: the wish waits.
func (r *Root) loading() pane {
	p := idlePane()
	p.Acts = []act{primary("Connect your device", r.send(state.Connect{}))}
	p.Hint = "You can plug in the cable meanwhile."
	if r.chosen {
		p.Acts = []act{waiting("Connecting")}
		p.Hint = "The rest of this page is still loading. Nothing has been sent to your device."
	}
	return p
}

// restorePane is the Restore screen in every phase but RestoreWriting.
func (r *Root) restorePane() pane {
	s := &r.state.Restore
	if r.asked() {
		return r.eraseQuestion(s)
	}
	switch s.Phase {
	case state.RestoreLoading:
		return r.loading()
	case state.RestoreIdle:
		return r.idle(s)
	case state.RestoreUnsupported:
		return pane{
			Heading: "This browser cannot use a cable.",
			Lead:    "Open this page on a computer with Chrome, Edge, Opera, or Firefox 151 or newer. Safari, and browsers on an iPhone or iPad, cannot reach a USB device.",
			Acts:    []act{primary("Copy this page’s address", r.copyAddress)},
			Hint:    canWait,
			Aside:   asideLook,
		}
	case state.RestoreInsecure:
		return pane{
			Heading: "This address is not protected.",
			Lead:    "Browsers allow a cable only on https pages and on this computer itself. Try the https form of this address. If it does not open, ask whoever gave you this address.",
			Acts:    []act{primary(openProtected, r.hooks.Protect)},
			Hint:    canWait,
			Aside:   asideLook,
		}
	case state.RestoreNoPort:
		return pane{
			Heading: "Device not in the list?",
			Lead:    "Nothing was chosen, so nothing was changed. Go through these from the top. The first one helps most people.",
			Helps:   portHelps,
			Acts: []act{
				primary("Show the list again", r.send(state.Connect{})),
				secondary("It is in the list, but does not answer", r.send(state.DoesNotAnswer{})),
			},
		}
	case state.RestoreConnecting:
		return pane{
			Heading: "Asking the device.",
			Lead:    "The port is open, and we wait for an answer. Nothing is written.",
			Acts:    []act{waiting("Listening")},
		}
	case state.RestorePortBusy:
		return pane{
			Heading: "Another program holds the device.",
			Lead:    "Close it and press Connect again. Nothing was written.",
			Acts:    []act{primary("Connect again", r.send(state.Connect{}))},
			Quiet:   "Serial monitors, slicers, editors and other tabs are the usual ones. On Linux, ModemManager may hold it for half a minute after you plug it in.",
		}
	case state.RestoreNoAnswer:
		return pane{
			Heading: "Connected, but no answer.",
			Lead:    noAnswerLead(&s.Heard),
			Says:    s.Heard.Lines,
			Ways:    wayRows(s.Ways),
			Acts: []act{
				primary("I have done this", r.send(state.WayDone{})),
				secondary("Save diagnostic file", r.send(state.SaveDiagnostic{})),
			},
			Quiet: "Nothing has been written. The device is as it was.",
		}
	case state.RestoreReading:
		var facts []fact
		if s.Device.Model != "" { // it has said who it is
			facts = deviceFacts(&s.Device)
		}
		if s.Progress.BytesOf > 0 {
			return pane{
				Heading: "Saving what it holds.",
				Lead:    "All that its software area holds is read into a file for you. Nothing is written.",
				Facts:   facts,
				Acts:    []act{waiting(readingWords(&s.Progress)), secondary("Stop", r.send(state.Home{}))},
			}
		}
		return pane{
			Heading: "Reading what is left on it.",
			Lead:    "Its memory is compared with the releases known here. Nothing is written.",
			Facts:   facts,
			Acts:    []act{waiting("Reading")},
		}
	case state.RestoreFound:
		return pane{
			Heading: "Found it. It can be restored.",
			Lead:    foundLead(s),
			Facts:   append(foundFacts(s), r.plannedSettings(s)),
			Map:     true,
			Acts:    r.foundActs(s),
			Quiet:   r.quietLines(),
		}
	case state.RestoreRight:
		facts := append(deviceFacts(&s.Device), fact{Label: "Release", Value: s.Device.Version, Change: true},
			fact{Label: "Read", Value: allSectors(s.Plan.Total), Small: "every byte matches", Check: true})
		start := "Start it"
		if len(s.Device.Settings) > 0 {
			facts = append(facts, r.plannedSettings(s))
		}
		if r.erases() {
			start = "Erase settings and start"
		}
		return pane{
			Heading: "Nothing is wrong with its software. It runs release " + s.Device.Version + ".",
			Lead:    "Every byte was read and matches the release signed by " + signers(s.Plan.Release.Signers) + ". The device only waits to be started.",
			Facts:   facts,
			Map:     true,
			Acts:    []act{primary(start, r.askFirst(r.send(r.begin())))},
		}
	case state.RestoreUnknown:
		return pane{
			Heading: "There is no release for this device here.",
			Lead:    "It says it is model " + s.Device.Model + ". Ask its maker for a release file. Nothing was written.",
			Facts:   deviceFacts(&s.Device),
			Acts: []act{
				primary("Choose a release from a file", r.hooks.ChooseFile),
				secondary("Save diagnostic file", r.send(state.SaveDiagnostic{})),
			},
			Hint:  canWait,
			Quiet: r.quietLines(),
		}
	case state.RestoreWithdrawn:
		p := pane{
			Heading: "There is no release for it now.",
			Lead:    "Its maker took back what there was for model " + s.Device.Model + ", and offers nothing else that it takes. Connect again later, or ask its maker. Nothing was written.",
			Facts:   deviceFacts(&s.Device),
			Acts: []act{
				primary("Connect again", r.send(state.Connect{})),
				secondary("Choose a release from a file", r.hooks.ChooseFile),
			},
			Hint: canWait,
		}
		if c := s.Choice; len(c) > 0 && c[0].Fit.Held() {
			p.Facts = append(p.Facts, fact{Label: "Kept here", Value: "Release " + c[0].Version, Small: fitWords(c[0].Fit), Rule: true})
			p.Acts = append(p.Acts, secondary("Look at release "+c[0].Version+" all the same", r.send(state.Choose{Digest: c[0].Digest})))
		}
		return p
	case state.RestoreLoader, state.RestoreImage:
		return r.loader(s)
	case state.RestoreDone:
		if s.Result.Work == state.WorkImage {
			return r.imageDone(&s.Result, &s.Boot)
		}
		return r.done(&s.Result, &s.Device)
	case state.RestoreFailed:
		return r.failed(&s.Failure)
	case state.RestoreWriting:
	}
	return pane{}
}

// foundActs are the buttons of a device that can be restored; a backup first, where it lets itself be read.
func (r *Root) foundActs(s *state.Restore) []act {
	list := []act{primary("Restore", r.askFirst(r.send(r.begin())))}
	if s.Device.Backup && !s.Device.Saved {
		list = append(list, secondary("Save a backup first", r.send(state.SaveBackup{})))
	}
	return append(list, secondary("Not now", r.send(state.Home{})))
}

// readingWords say how far a backup is.
func readingWords(p *restore.Progress) string {
	return "Reading, " + kb(uint64(p.Bytes)) + " of " + kb(uint64(p.BytesOf))
}

func idlePane() pane {
	return pane{
		Heading:  "Bring your device back.",
		Lead:     "Plug it in with its USB cable. This page reads what is left on it, shows you what is damaged, and changes nothing until you press Restore.",
		Aside:    asideLab,
		Promises: idlePromises,
	}
}

func (r *Root) idle(s *state.Restore) pane {
	if s.Job.Serial != "" {
		lead := "It stopped while release " + s.Job.Version + " was being written. Nothing is lost: what is written stays written."
		if s.Job.Erase {
			lead += " At the end its settings are erased, as you asked."
		}
		return pane{
			Heading: "Go on restoring " + s.Job.Serial + ".",
			Lead:    lead,
			Facts:   otherJobs(s.Others),
			Acts: []act{
				primary("Connect and go on", r.send(state.Resume{})),
				asked(secondary("Forget it", r.send(state.Forget{Model: s.Job.Model, Serial: s.Job.Serial})),
					"Forget it? The device keeps what is written, and this page no longer offers to go on with it.", "Keep it"),
			},
			Quiet:    r.quietLines(),
			Promises: idlePromises,
		}
	}
	p := idlePane()
	p.Acts = []act{primary("Connect your device", r.send(state.Connect{}))}
	p.Hint = "Your browser will ask which device to use."
	p.Quiet = r.quietLines()
	return p
}

// maxOthers is how many devices that wait to be gone on with are named.
const maxOthers = 4

// otherJobs are the devices that wait to be gone on with besides the one in the headline. Whichever is connected is
// gone on with.
func otherJobs(list []state.PendingJob) (facts []fact) {
	for i, j := range list {
		f := fact{Label: "Also", Value: j.Serial, Small: "release " + j.Version + ", model " + j.Model, Mono: true}
		if j.Erase {
			f.Small += ", settings erased at the end"
		}
		if rest := len(list) - i; i == maxOthers-1 && rest > 1 {
			f = fact{Label: "Also", Value: count(rest, "other device", "other devices")}
		}
		if facts = append(facts, f); len(facts) == maxOthers {
			break
		}
	}
	return facts
}

func (r *Root) done(d *state.Result, dev *state.Device) pane {
	facts := []fact{
		{Label: "Device", Value: deviceName(dev), Small: dev.Serial},
		{Label: "Verified", Value: allSectors(d.Verified), Check: true},
		{Label: "Written", Value: writtenWords(d)},
		{Label: "Took", Value: seconds(d.Took, 1) + " seconds"},
		settingsFact(d.Settings, d.Addr),
	}
	switch d.Reported {
	case state.ReportSent:
		facts = append(facts, fact{Label: "Reported", Value: "To the maker’s server"})
	case state.ReportKept:
		facts = append(facts, fact{Label: "Reported", Value: "Not yet", Small: "the server does not answer; told later"})
	case state.ReportNone:
	}
	if d.Work == state.WorkStarted {
		did, shown := "so nothing was written: it was only started.", facts[:3:3]
		if d.Settings > restore.SettingsKept {
			did, shown = "so nothing of it was written.", append(shown, settingsFact(d.Settings, d.Addr))
		}
		return pane{
			Heading: "It runs release " + d.Version + ".",
			Lead:    "Nothing was wrong with its software, " + did + " Every byte matches the release signed by " + signers(d.Signers) + ". You can unplug it.",
			Facts:   shown,
			Acts:    []act{primary("Connect another", r.send(state.Home{}))},
		}
	}
	alone := ""
	if d.Work == state.WorkFinished {
		alone = "It had come to the end alone, with what it had been sent before. "
		facts = slices.DeleteFunc(facts, func(f fact) bool { return f.Label == "Took" }) // nobody has measured that
	}
	return pane{
		Heading: "Restored. It runs release " + d.Version + ".",
		Lead:    alone + "Every byte was read back and matches the release signed by " + signers(d.Signers) + ". The device has started. You can unplug it.",
		Facts:   facts,
		Acts: []act{
			primary("Restore another", r.send(state.Home{})),
			secondary("Save report", r.send(state.SaveReport{})),
		},
	}
}

// quietLines say what this page has to do without: the server, or a browser that remembers.
func (r *Root) quietLines() string {
	return strings.TrimSpace(r.awayLine() + " " + r.keepsLine())
}

// footer is the last line of every screen. A page that keeps nothing, or that the browser does not keep, does not
// promise to be there without a network.
func (r *Root) footer() string {
	const reported = "Only the result of a repair is reported, and only to the maker’s server."
	if r.state.Store.Condition == state.StoreNone || r.unprotected() {
		return reported
	}
	return "Works without a network. " + reported
}

// unprotected says that the page came over a network in the clear.
func (r *Root) unprotected() bool { return r.state.Restore.Phase == state.RestoreInsecure }

// keepsLine says what a browser does not remember.
func (r *Root) keepsLine() string {
	switch r.state.Store.Condition {
	case state.StoreNone:
		return keepsNothing
	case state.StoreFull:
		return keepsNoMore
	case state.StoreLost:
		return keptLost
	case state.StoreOpening, state.StoreOpen, state.StoreFleeting, state.StoreElsewhere:
	}
	return ""
}

// awayLine is the one line that a vanished server gets.
func (r *Root) awayLine() string {
	switch {
	case r.state.Server.Reach != state.ReachNo:
		return ""
	case r.state.Store.Condition == state.StoreNone:
		return serverAwayAlone
	}
	return serverAway
}

// signers names the keys that signed: "key 7f3a 91c2", "key 7f3a 91c2 and key 0b11 4d5e".
func signers(ids state.Signers) string {
	text := ""
	for _, id := range ids {
		if id == ([8]byte{}) {
			continue
		}
		if text != "" {
			text += " and "
		}
		text += "key " + keyText(id)
	}
	return text
}

// madeWords is what a release's maker says of it, and when it was released: for people, and nothing depends on it.
func madeWords(rel *state.Release) string {
	text := rel.Note
	if rel.Date != "" {
		if text != "" {
			text += ", "
		}
		text += "released " + rel.Date
	}
	return text
}

func deviceName(d *state.Device) string {
	if d.Name == "" {
		return "Model " + d.Model
	}
	return d.Name
}

// unnamed says that a model has no name of its own: its maker gave none.
func unnamed(id, name string) bool { return name == "" || name == "Model "+id }

func deviceFacts(d *state.Device) []fact {
	f := fact{Label: "Device", Value: deviceName(d)}
	if !unnamed(d.Model, d.Name) {
		f.Small = "model " + d.Model
	}
	return []fact{f, {Label: "Serial", Value: d.Serial, Mono: true}}
}

// allSectors says that each of n sectors was looked at.
func allSectors(n int) string {
	if n == 1 {
		return "Its one sector"
	}
	return "All " + count(n, "sector", "sectors")
}

func writtenWords(d *state.Result) string {
	sent := ", " + kb(uint64(d.Sent)) + " sent"
	switch {
	case d.Work == state.WorkStarted:
		return "Nothing"
	case d.Work == state.WorkFinished:
		return "Nothing more"
	case d.Written > 0:
		return count(d.Written, "sector", "sectors") + sent
	case d.Renewed > 0:
		return count(d.Renewed, "weak sector", "weak sectors") + " and its record" + sent
	}
	return "Only its record" + sent
}

// needWords says how much of a device has to be written.
func needWords(p *state.Plan) string {
	total := max(p.Total, p.Sectors)
	if p.Work == state.WorkRecorded {
		whole := "Its software is whole: all " + count(total, "sector is", "sectors are") + " right. "
		if total == 1 {
			whole = "Its software is whole. "
		}
		if p.Refresh > 0 {
			return whole + "Only weak ones need to be renewed, and its record of them written."
		}
		return whole + "Only its record of them needs to be written."
	}
	verb := " need to be written."
	if p.Sectors == 1 {
		verb = " needs to be written."
	}
	words := group(uint64(p.Sectors)) + " of its " + count(total, "sector", "sectors") + verb
	if p.Sectors*2 < total {
		return "Most of it is fine: " + words
	}
	return words
}

func foundLead(s *state.Restore) string {
	tail := needWords(&s.Plan)
	switch s.Device.Why {
	case smp.WhyInterrupted:
		return "An update stopped halfway, so the device cannot start. " + tail
	case smp.WhyDamaged:
		return "Its software is damaged, so the device does not start it. " + tail
	case smp.WhyNoRecord:
		return "It no longer knows which release it holds, so it starts none. " + tail
	case smp.WhyHang:
		return "Its software started three times and never reported that it works. " + tail
	case smp.WhyAsked, smp.WhyPin:
		return "It waits here because it was asked to. " + tail
	case smp.WhyUnknown:
	}
	return "The device does not start its software. " + tail
}

func foundFacts(s *state.Restore) []fact {
	d, p := &s.Device, &s.Plan
	runs := fact{Label: "It runs", Value: "Nothing now"}
	switch {
	case d.Why == smp.WhyHang && d.Version != "":
		runs.Small = d.Version + " starts and hangs"
	case d.Why == smp.WhyAsked || d.Why == smp.WhyPin:
		runs.Small = d.Version + " waits"
	case d.Version != "" && d.Target != "" && d.Version != d.Target:
		runs.Small = "part " + d.Version + ", part " + d.Target
	case d.Version != "":
		runs.Small = "what is left is " + d.Version
	}
	list := append(deviceFacts(d), runs, fact{
		Label: "Will be written", Value: "Release " + p.Release.Version, Small: fitWords(p.Release.Fit), Rule: true, Change: true,
	})
	if p.Work == state.WorkRecorded {
		list[len(list)-1].Value = "The record of release " + p.Release.Version
	}
	if made := madeWords(&p.Release); made != "" {
		list = append(list, fact{Label: "Its maker says", Value: made})
	}
	by := fact{Label: "Signed by", Value: upper(signers(p.Release.Signers)), Small: "not verified yet"}
	if p.Trust == state.TrustVerified {
		by.Check, by.Small = true, "verified on this computer"
	}
	send := fact{Label: "To send", Value: kb(uint64(p.Send))}
	if p.Send < p.Full && p.Work == state.WorkWritten {
		send.Value += " of " + kb(uint64(p.Full))
		send.Small = "the rest is already on it"
	}
	list = append(list, by, send, fact{Label: "Time", Value: "About " + aboutTime(p.Time)})
	if p.Refresh > 0 {
		list = append(list, fact{Label: "Renewed", Value: count(p.Refresh, "weak sector", "weak sectors"), Small: "by the device itself, from what they hold"})
	}
	return list
}

// fitWords says why a release is proposed, or why it cannot be.
func fitWords(f state.Fit) string {
	switch f {
	case state.FitIntended:
		return "the update that stopped"
	case state.FitInstalled:
		return "the one it had"
	case state.FitNewest:
		return "the newest for this model"
	case state.FitNewer:
		return "newer than the one it had"
	case state.FitOlder:
		return "older than the one it had"
	case state.FitBelowFloor:
		return "too old: the device refuses it"
	case state.FitUntrusted:
		return "not signed by the keys that this device asks for"
	case state.FitWithheld:
		return "withheld by its maker for now"
	case state.FitWithdrawn:
		return "withdrawn by its maker"
	case state.FitUnknown:
	}
	return ""
}

// wayRow is one line of the coach.
type wayRow struct {
	Class, State, Head, Text string
	Current                  bool
}

func wayRows(ways []state.Way) []wayRow {
	rows := make([]wayRow, 0, len(ways))
	for _, w := range ways {
		row := wayRow{State: "Then", Class: "next"}
		switch w.Kind {
		case state.WayReset:
			row.Head, row.Text = "Reset over the cable, by DTR", "The page does this by itself."
		case state.WayRTS:
			row.Head, row.Text = "Reset over the cable, by RTS", "The page does this by itself."
		case state.WayPin:
			row.Head, row.Text = "Reset by RTS, restoration pin by DTR", "The page does this by itself."
		case state.WayBreak:
			row.Head, row.Text = "Break signal", "The page does this by itself."
		case state.WayPower:
			row.Head, row.Text = "Switch the device off and on", "Leave the cable in. Switch it off, count to three, switch it on. We are listening."
		case state.WayButton:
			row.Head, row.Text = "Hold the button while switching on", "Keep the small button beside the USB socket pressed for five seconds."
		case state.WayHint:
			row.Head, row.Text = "As its maker says", w.Hint
		}
		if w.Before {
			row.Text = "This worked before. " + row.Text
		}
		switch w.State {
		case state.WayTried:
			row.Class, row.State = "done", "Tried"
			row.Text = "No answer after " + aboutTime(w.Waited) + "."
		case state.WayNow:
			row.Class, row.State, row.Current = "live", "Now", true
		case state.WayNext:
		}
		rows = append(rows, row)
	}
	return rows
}

// phaseRow is one of the phases while writing.
type phaseRow struct {
	Class, Name, Text string
	Current           bool
}

// Done says that the phase is over.
func (p phaseRow) Done() bool { return p.Class == "done" }

func phaseRows(s *state.Restore) []phaseRow {
	p := &s.Progress
	names := [...]string{"Identify", "Plan", "Write", "Verify", "Erase", "Start"}
	texts := [...]string{
		s.Device.Serial,
		kb(uint64(s.Plan.Send)) + " for " + count(p.Of, "sector", "sectors"),
		group(uint64(p.Sectors)) + " of " + count(p.Of, "sector", "sectors"),
		"Every byte, against the signed release",
		"Its settings, as you asked",
		"Release " + s.Plan.Release.Version,
	}
	switch s.Plan.Work {
	case state.WorkWritten:
	case state.WorkRecorded:
		texts[1], texts[2] = kb(uint64(s.Plan.Send))+" for its record", "Only its record"
	case state.WorkStarted:
		texts[1], texts[2] = "Nothing to write", "Nothing"
	case state.WorkImage:
		texts = [...]string{"Its boot loader", kb(uint64(s.Boot.File.Size)), kb(uint64(p.Bytes)) + " of " + kb(uint64(p.BytesOf)), "By its boot loader, with the maker’s key", "",
			"Image " + s.Boot.File.Version}
	}
	rows := make([]phaseRow, 0, len(names))
	for i := range names {
		if i == int(restore.StageErase) && s.Plan.Settings != restore.SettingsErased {
			continue
		}
		row := phaseRow{Class: "next", Name: names[i], Text: texts[i]}
		switch at := int(p.Stage); {
		case i < at:
			row.Class = "done"
		case i == at:
			row.Class, row.Current = "live", true
		}
		rows = append(rows, row)
	}
	return rows
}

// stageWords is what a screen reader hears of progress.
func stageWords(p *restore.Progress, left string) string {
	switch p.Stage {
	case restore.StageIdentify:
		return "Identifying the device."
	case restore.StagePlan:
		return "Planning what to write."
	case restore.StageWrite:
		if p.Of == 0 {
			return "Writing, " + kb(uint64(p.Bytes)) + " of " + kb(uint64(p.BytesOf)) + ", " + lower(left) + "."
		}
		return "Writing, " + group(uint64(p.Sectors)) + " of " + count(p.Of, "sector", "sectors") + ", " + lower(left) + "."
	case restore.StageVerify:
		return "Verifying every byte."
	case restore.StageErase:
		return "Erasing the settings."
	case restore.StageStart:
		return "Starting the device."
	}
	return ""
}

// share is progress in percent, for the bar.
func share(p *restore.Progress) string {
	if p.WorkOf == 0 {
		return "0"
	}
	return strconv.FormatUint(min(p.Work*100/p.WorkOf, 100), 10)
}

// bench is the drawing at the top: data-line, word and the device's name.
func bench(s *state.Restore) (line, word, device string) {
	device = s.Device.Serial
	if device == "" {
		device = "Your device"
	}
	switch s.Phase {
	case state.RestoreLoading, state.RestoreIdle, state.RestoreUnsupported, state.RestoreInsecure,
		state.RestoreNoPort, state.RestorePortBusy:
		return "open", "Not connected", "Your device"
	case state.RestoreConnecting:
		return "on", "Connected", "Your device"
	case state.RestoreNoAnswer:
		return "on", "No answer", "Your device"
	case state.RestoreReading:
		return "on", "Reading", device
	case state.RestoreLoader, state.RestoreImage:
		return "on", "Connected", "Your device"
	case state.RestoreFound, state.RestoreUnknown, state.RestoreWithdrawn:
		return "on", "Connected", device
	case state.RestoreRight:
		return "done", "Connected", device
	case state.RestoreWriting:
		return "live", [...]string{"Reading", "Reading", "Writing", "Verifying", "Erasing", "Starting"}[min(int(s.Progress.Stage), 5)], device
	case state.RestoreDone:
		if s.Result.Work == state.WorkStarted {
			return "done", "Started", device
		}
		return "done", "Verified", device
	case state.RestoreFailed:
		switch {
		case s.Failure.Code == restore.CodeVanished:
			return "broken", "Cable out", device
		case s.Failure.Touched == restore.TouchedNothing && s.Failure.Stage >= restore.StageWrite:
			return "refused", "Nothing written", device
		case s.Failure.Touched == restore.TouchedNothing:
			return "refused", "Nothing sent", device
		}
		return "refused", "Stopped", device
	}
	return "open", "Not connected", device
}

// noAnswerLead says what is known of a device that does not answer.
func noAnswerLead(h *state.Heard) string {
	const ways = " We try the ways in turn and remember which one worked."
	if len(h.Lines) == 0 {
		return "The port works. The device is probably not in restoration mode yet." + ways
	}
	if len(h.Kinds) == 0 {
		return "The port works, and the device says something that is no answer. If this is not the device that you mean, look what the cable is plugged into." + ways
	}
	names := make([]string, len(h.Kinds))
	for i, k := range h.Kinds {
		names[i] = k.String()
	}
	return "The port works. What the device says is " + strings.Join(names, ", then ") + ". If it should have Unbrick or MCUboot behind that, go on here; else it needs the tool of its maker." + ways
}
