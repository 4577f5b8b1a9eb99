package view

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/server/form"
	"unbrick/webui/fleetdata"
	"unbrick/webui/state"
	"unbrick/webui/state/statetest"
	"unbrick/webui/view/flashmap"

	"github.com/vugu/vugu/js"
)

// world is a browser that remembers what the page asked of it.
type world struct {
	commands  []state.Command
	focus     []string
	titles    []string
	requests  []fleetdata.Request
	answers   []func(int, []byte)
	timers    []func()
	copied    []string
	saved     map[string][]byte
	signed    string
	noCopy    bool // the browser refuses the clipboard
	path      string
	files     int
	protected int
	file      string // that is chosen in OpenFile
}

var demoNow = time.Date(2026, 11, 22, 14, 4, 0, 0, time.UTC)

func (w *world) hooks() Hooks {
	return Hooks{
		Command:    func(c state.Command) { w.commands = append(w.commands, c) },
		ChooseFile: func() { w.files++ },
		OpenFile:   func(done func(string, []byte)) { done("sent.txt", []byte(w.file)) },
		Canvas:     func(js.Value) flashmap.Canvas { return nil },
		Focus:      func(s string) { w.focus = append(w.focus, s) },
		Title:      func(s string) { w.titles = append(w.titles, s) },
		Go:         func(p string) { w.path = p },
		Protect:    func() { w.protected++ },
		Theme:      func(Theme) {},
		Signed:     func(account string) { w.signed = account },
		Copy:       func(s string, done func(bool)) { w.copied = append(w.copied, s); done(!w.noCopy) },
		Save: func(name string, data []byte) {
			if w.saved == nil {
				w.saved = make(map[string][]byte)
			}
			w.saved[name] = data
		},
		Fetch: func(r fleetdata.Request, done func(int, any)) {
			w.requests, w.answers = append(w.requests, r), append(w.answers, func(status int, body []byte) {
				var answer any
				if json.Unmarshal(body, &answer) != nil {
					answer = nil
				}
				done(status, answer)
			})
		},
		After: func(_ time.Duration, f func()) { w.timers = append(w.timers, f) },
		Now:   func() time.Time { return demoNow },
	}
}

// scene is one state of the page and what must be on it.
type scene struct {
	name    string
	path    string
	prepare func(r *Root, w *world)
	h1      string
	primary string // the one primary button; empty for none
	also    []string
}

func onState(s state.State) func(*Root, *world) {
	return func(r *Root, _ *world) { r.SetState(s) }
}

func onRestore(s state.Restore) func(*Root, *world) {
	return onState(state.State{Restore: s})
}

func onLab(l state.Lab) func(*Root, *world) {
	return onState(state.State{Restore: state.RestoreIdle{}, Lab: l, Server: state.ReachYes})
}

func failure(f state.Failure) func(*Root, *world) { return onRestore(statetest.Failed(f)) }

// pressing does something to the page with what a person would press.
func pressing(s state.Restore, labels ...string) func(*Root, *world) {
	return func(r *Root, w *world) {
		r.SetState(state.State{Restore: s})
		for _, label := range labels {
			press(r, label)
		}
	}
}

// sentFile is a diagnostic file as somebody sends it.
const sentFile = `Unbrick diagnostic file
time: 2026-11-22 14:02:31 UTC
browser: Chrome 150 on Windows
port: USB 0403:6001
speed: 115200 baud
device: model "0001", serial "A17-004212"
in restoration mode because: interrupted
ended: C-101 in stage 2, at least 27 of 42 sectors written, touched 1

commands, oldest first:
connect, Chrome 150 on Windows
    0.021 s  command 0/0, 19 bytes, 9 ms, try 1: answered
    0.044 s  command 21826/0, 10 bytes, 31 ms, try 2: answered
    1.204 s  command 21826/6, 512 bytes, 70 ms, try 1: answered
    2.402 s  command 21826/8, 10 bytes, 2804 ms, try 1: no answer: command 21826/8: 1 tries
ended: port vanished
`

// A device of another family, and what is told of it.
var (
	boardFacts = []state.BoardFact{{Label: "Chip", Value: "ESP32-C3", Small: "revision 0.4"}, {Label: "Flash", Value: "4096 KiB"},
		{Label: "Number", Value: "7c:df:a1:00:11:22", Mono: true}, {Label: "Boot loader", Value: "ROM boot loader"}}
	boardFile = append(slices.Clone(boardFacts), state.BoardFact{Label: "Will be written", Value: "Merged ESP image 1.2.3", Small: "lamp-merged.bin", Rule: true},
		state.BoardFact{Label: "Its SHA-256", Value: "Right", Check: true}, state.BoardFact{Label: "To send", Value: "212 KB"})
	boardFound = state.RestoreBoard{Backup: true, Told: state.Told{Device: "ESP32-C3", Heading: "Found your ESP32-C3.",
		Lead: "Choose the firmware that its maker gives for it. It finds no program in its flash. Nothing has been written.", Facts: boardFacts,
		Says: []string{"ESP-ROM:esp32c3-api1-20210207", "invalid header: 0xffffffff"}}}
	boardReady = state.RestoreBoard{Ready: true, Backup: true, Told: state.Told{Device: "ESP32-C3", Heading: "Found it. It can be restored.",
		Lead: "17 of 268 blocks differ. Only those are written; what the file does not cover stays as it is.", Facts: boardFile}}
	boardWriting = state.RestoreFlashing{Told: state.Told{Device: "ESP32-C3", Heading: "Restoring. Leave the cable in."},
		Progress: restore.Progress{Stage: restore.StageWrite, Sectors: 9, Of: 17, Bytes: 90_000, BytesOf: 187_412, Work: 12_000_000, WorkOf: 25_000_000, Elapsed: 12 * time.Second}}
	boardRuns = state.RestoreFlashed{Runs: true, Told: state.Told{Device: "ESP32-C3", Heading: "Restored. It runs.", Lead: "It was started, and its program was heard. You can unplug it.",
		Facts: []state.BoardFact{{Label: "Verified", Value: "The chip computed a digest of all of it, and it is right", Check: true}},
		Says:  []string{"I (160) main_task: Calling app_main()"}}}
	boardSealed = state.RestoreBoard{Sealed: true, Told: state.Told{Device: "STM32 chip", Heading: "This is an STM32, waiting in its boot loader.",
		Lead: "This page recognises it and cannot restore it yet. Nothing has been written."}}
)

func bootFailed(code restore.Code, touched restore.Touched, stage restore.Stage, said state.FailureWords) func(*Root, *world) {
	return onRestore(state.RestoreFailed{Image: true, Failure: state.Failure{Code: code, Touched: touched, Stage: stage, Said: said}})
}

func scenes() []scene {
	found := state.RestoreFound{Offer: statetest.Offer()}
	coach := state.RestoreNoAnswer{Ways: []state.Way{
		{Kind: state.WayBreak, State: state.WayTried, Waited: 2 * time.Second},
		{Kind: state.WayReset, State: state.WayTried, Waited: 2 * time.Second},
		{Kind: state.WayRTS, State: state.WayTried, Waited: 2 * time.Second},
		{Kind: state.WayPin, State: state.WayTried, Waited: 2 * time.Second},
		{Kind: state.WayPower, State: state.WayNow},
		{Kind: state.WayButton},
	}}
	talks := coach
	talks.Heard = state.Heard{Lines: []string{"U-Boot 2023.01 (Jan 01 2023)", "=> <b>"}, Kinds: []boottext.Kind{boottext.UBoot}}
	chats := coach
	chats.Heard.Lines = []string{"temperature 21.5"}
	done := state.RestoreDone{Device: statetest.Device(), Result: state.Result{Version: "2.4.1", Signers: state.Signers{statetest.Key}, Verified: 232, Written: 42, Sent: 38 << 10,
		Took: 8600 * time.Millisecond, Settings: restore.SettingsKept}}
	wiped := done
	wiped.Result.Settings = restore.SettingsErased
	old := done
	old.Result.Settings = restore.SettingsUnable
	worn := done
	worn.Result.Settings, worn.Result.Addr = restore.SettingsFailed, 0xfe000
	const change, settings, erase = "Change", "Change what happens to its settings", "Erase them"
	unable := found
	unable.Device.Erases = false
	erasing := statetest.Writing()
	erasing.Plan.Settings = restore.SettingsErased
	erasing.Progress.Stage, erasing.Progress.Sectors = restore.StageErase, 42
	erasing.Map = statetest.Map(96, state.SectorNew)
	wiping := erasing
	wiping.Plan.Work, wiping.Plan.Sectors, wiping.Progress.Of = state.WorkStarted, 0, 0
	jobErase := state.RestoreIdle{Jobs: []state.PendingJob{{Serial: "A17-004212", Version: "2.4.1", Erase: true}}}
	job := state.RestoreIdle{Jobs: []state.PendingJob{{Serial: "A17-004212", Version: "2.4.1"}}}
	jobs := job
	for _, serial := range []string{"A17-000001", "A17-000002", "A17-000003", "A17-000004", "A17-000005", "A17-000006"} {
		jobs.Jobs = append(jobs.Jobs, state.PendingJob{Model: "0001", Serial: serial, Version: "2.3.0", Erase: serial == "A17-000001"})
	}
	kept := func(c state.StoreCondition, reach state.Reach) func(*Root, *world) {
		return onState(state.State{Restore: state.RestoreIdle{}, Store: c, Server: reach})
	}
	right := state.RestoreRight{Offer: statetest.Offer()}
	right.Device.Version, right.Device.Target, right.Map = "2.4.1", "", statetest.Map(96, state.SectorNew)
	record := found
	record.Plan.Work, record.Plan.Sectors = state.WorkRecorded, 0
	started := state.RestoreDone{Device: right.Device, Result: state.Result{Work: state.WorkStarted, Version: "2.4.1", Signers: state.Signers{statetest.Key}, Verified: 232}}
	finished := started
	finished.Result.Work = state.WorkFinished
	early := statetest.Failed(state.Failure{Code: restore.CodeVanished, Touched: restore.TouchedNothing, Stage: restore.StageWrite, Of: 42})
	saves, keptRelease, chosen := found, statetest.New, found
	saves.Device.Backup = true
	keptRelease.Fit = state.FitWithdrawn
	chosen.Plan.Release.Fit = state.FitWithdrawn
	off := statetest.Lab(state.LabOff)
	off.Power.Switch = state.SwitchOff
	return append(append(accountScenes(), identityScenes()...), []scene{
		{"loading", "", func(*Root, *world) {}, "Bring your device back.", "Connect your device", nil},
		{"loading-chosen", "", func(r *Root, _ *world) { r.Chosen() }, "Bring your device back.", "Connecting", []string{"Nothing has been sent to your device."}},
		{"restore", "", onRestore(state.RestoreIdle{}), "Bring your device back.", "Connect your device", []string{"Your browser will ask which device to use.", "Not connected"}},
		{"restore-away", "", onState(state.State{Restore: state.RestoreIdle{}, Server: state.ReachNo}), "Bring your device back.", "Connect your device", []string{"The server does not answer. Releases stored here still work."}},
		{"job", "", onRestore(job), "Go on restoring A17-004212.", "Connect and go on", nil},
		{"jobs", "", onRestore(jobs), "Go on restoring A17-004212.", "Connect and go on", []string{"A17-000001", "release 2.3.0, model 0001, settings erased at the end", "3 other devices"}},
		{"keeps-nothing", "", kept(state.StoreNone, state.ReachYes), "Bring your device back.", "Connect your device", []string{"This browser keeps nothing for this page. Restoring works all the same", `<p>Only the result of a repair is reported`}},
		{"keeps-nothing-away", "", kept(state.StoreNone, state.ReachNo), "Bring your device back.", "Connect your device", []string{"The server does not answer. A release from a file still works. This browser keeps nothing"}},
		{"keeps-no-more", "", kept(state.StoreFull, state.ReachYes), "Bring your device back.", "Connect your device", []string{"This browser does not keep what this page gives it. Restoring works all the same", `<p>Works without a network.`}},
		{"kept-lost", "", kept(state.StoreLost, state.ReachYes), "Bring your device back.", "Connect your device", []string{"Some of what this browser kept for this page was damaged and is gone. Restoring works all the same."}},
		{"port-stuck", "", failure(state.Failure{Code: restore.CodePortStuck}), "The browser does not let go of the cable.", "Connect again", []string{"Nothing was written. It is exactly as it was", "Pull the cable out, push it in again, then press Connect again.", "C-123"}},
		{"unsupported", "", onRestore(state.RestoreUnsupported{}), "This browser cannot use a cable.", "Copy this page’s address", []string{"Your device is as it was. It can wait."}},
		{"insecure", "", onRestore(state.RestoreInsecure{}), "This address is not protected.", "Open the https address", []string{"Browsers allow a cable only on https pages and on this computer itself.", "ask whoever gave you this address", `<p>Only the result of a repair`}},
		{"no-port", "", onRestore(state.RestoreNoPort{}), "Device not in the list?", "Show the list again", []string{"Nothing was chosen, so nothing was changed."}},
		{"connecting", "", onRestore(state.RestoreConnecting{}), "Asking the device.", "Listening", nil},
		{"port-busy", "", onRestore(state.RestorePortBusy{}), "Another program holds the device.", "Connect again", []string{"Close it and press Connect again. Nothing was written."}},
		{"no-answer-talks", "", onRestore(talks), "Connected, but no answer.", "I have done this", []string{"What the device says is U-Boot", "U-Boot 2023.01 (Jan 01 2023)", "=&gt; &lt;b&gt;"}},
		{"no-answer-chats", "", onRestore(chats), "Connected, but no answer.", "I have done this", []string{"says something that is no answer", "temperature 21.5"}},
		{"no-answer", "", onRestore(coach), "Connected, but no answer.", "I have done this", []string{"Nothing has been written. The device is as it was.", `aria-current="step"`}},
		{"reading", "", onRestore(state.RestoreReading{Device: statetest.Device()}), "Reading what is left on it.", "Reading", []string{"A17-004212"}},
		{"identified", "", onRestore(found), "Found it. It can be restored.", "Restore", []string{"verified on this computer", "42 of its", "38 KB of 928 KB", "9 seconds", `role="img"`}},
		{"identified-backup", "", onRestore(saves), "Found it. It can be restored.", "Restore", []string{"Save a backup first"}},
		{"backup", "", onRestore(state.RestoreReading{Device: statetest.Device(), Done: 300 << 10, Of: 928 << 10}), "Saving what it holds.", "Reading, 300 KB of 928 KB", []string{"into a file for you", "Stop"}},
		{"choosing", "", pressing(found, change), "Found it. It can be restored.", "Restore", []string{"too old: the device refuses it", "Choose a release from a file"}},
		{"right", "", onRestore(right), "Nothing is wrong with its software. It runs release 2.4.1.", "Start it", nil},
		{"settings", "", pressing(found, settings), "Found it. It can be restored.", "Restore",
			[]string{"Keep them", "Erase them", "calibration (16 KB) and user (8 KB) are lost, for good"}},
		{"settings-wish", "", pressing(found, settings, erase), "Found it. It can be restored.", "Restore", []string{"Will be erased", "after the software is verified"}},
		{"settings-sure", "", pressing(found, settings, erase, "Restore"), "Erase its settings?", "Restore and erase",
			[]string{"calibration", "16 KB", "user", "8 KB", "Keep the settings", "cannot be brought back", "Nothing has been written yet."}},
		{"settings-right", "", pressing(right, settings, erase, settings), "Nothing is wrong with its software. It runs release 2.4.1.", "Erase settings and start", []string{"Will be erased", "before it starts"}},
		{"settings-right-sure", "", pressing(right, settings, erase, "Erase settings and start"), "Erase its settings?", "Erase and start it", []string{"Its software stays as it is.", "calibration"}},
		{"settings-unable", "", pressing(unable, settings, erase), "Found it. It can be restored.", "Restore", []string{"this device does not know how", "Kept"}},
		{"settings-only", "", onRestore(wiping), "Erasing its settings. Leave the cable in.", "", []string{"Nothing to write", "Its settings, as you asked"}},
		{"settings-erasing", "", func(r *Root, w *world) {
			for _, at := range []time.Duration{5, 6, 7, 8} {
				erasing.Progress.Elapsed, erasing.Progress.Work = at*time.Second, uint64(at)*1_000_000
				r.SetState(state.State{Restore: erasing})
			}
		}, "Restoring. Leave the cable in.", "", []string{"Its settings, as you asked", "Erasing"}},
		{"settings-erased", "", onRestore(wiped), "Restored. It runs release 2.4.1.", "Restore another", []string{"Erased", "and read back"}},
		{"settings-old", "", onRestore(old), "Restored. It runs release 2.4.1.", "Restore another", []string{"this device does not know how to erase them"}},
		{"settings-worn", "", onRestore(worn), "Restored. It runs release 2.4.1.", "Restore another", []string{"Not all erased", "0x0fe000 can no longer be erased"}},
		{"settings-job", "", onRestore(jobErase), "Go on restoring A17-004212.", "Connect and go on", []string{"At the end its settings are erased, as you asked."}},
		{"settings-out", "", failure(state.Failure{Code: restore.CodeVanished, Touched: restore.TouchedSettings, Stage: restore.StageErase, Of: 42}), "The cable came out.", "Connect again",
			[]string{"Its software is verified. It happened while its settings were being erased.", "Its software is whole and starts.", "Then the rest of its settings is erased."}},
		{"record", "", onRestore(record), "Found it. It can be restored.", "Restore", []string{"all 232 sectors are right", "The record of release 2.4.1"}},
		{"started", "", onRestore(started), "It runs release 2.4.1.", "Connect another", []string{"it was only started", "All 232 sectors", "Started"}},
		{"finished", "", onRestore(finished), "Restored. It runs release 2.4.1.", "Restore another", []string{"come to the end alone", "All 232 sectors", "Nothing more", "Verified"}},
		{"out-early", "", onRestore(early), "The cable came out.", "Connect again", []string{"while the update file was still being sent", "Nothing was written. It is exactly as it was"}},
		{"unknown", "", onRestore(state.RestoreUnknown{Device: statetest.Device()}), "There is no release for this device here.", "Choose a release from a file", []string{"model 0001", "Ask its maker", "It can wait."}},
		{"withdrawn", "", onRestore(state.RestoreWithdrawn{Device: statetest.Device()}), "There is no release for it now.", "Connect again", []string{"Its maker took back what there was for model 0001", "ask its maker", "It can wait.", "Choose a release from a file"}},
		{"withdrawn-kept", "", onRestore(state.RestoreWithdrawn{Device: statetest.Device(), Choice: []state.Release{keptRelease}}), "There is no release for it now.", "Connect again", []string{"withdrawn by its maker", "Look at release 2.4.1 all the same"}},
		{"withdrawn-chosen", "", onRestore(chosen), "Found it. It can be restored.", "Restore", []string{"withdrawn by its maker"}},
		{"restoring", "", func(r *Root, w *world) {
			s := statetest.Writing()
			for _, at := range []time.Duration{3, 4, 5, 6} {
				s.Progress.Elapsed, s.Progress.Work = at*time.Second, uint64(at)*5_200_000/6
				r.SetState(state.State{Restore: s})
			}
		}, "Restoring. Leave the cable in.", "", []string{"27 of 42 sectors", `role="timer"`, "Leave the cable in and the device switched on."}},
		{"done", "", onRestore(done), "Restored. It runs release 2.4.1.", "Restore another", []string{"All 232 sectors", "You can unplug it."}},
		{"cable-out", "", failure(state.Failure{Code: restore.CodeVanished, Touched: restore.TouchedPart, Stage: restore.StageWrite, Sector: 28, Of: 42, Left: 3 * time.Second,
			Trace: []string{"14:02:31.406  write sector 0x03a000, block 3 of 8", "14:02:31.881  port closed by the system (device lost)"}}),
			"The cable came out.", "Connect again", []string{"It happened while 42 sectors were being written.", "Is the device safe?", "Yes.", "nothing is lost", "What is already written stays written; about 3 seconds remain.", "C-101"}},
		{"signature", "", failure(state.Failure{Code: restore.CodeSignature}), "This release is not the maker’s.", "Choose another release", []string{"Nothing was written. It is exactly as it was when you connected it."}},
		{"noisy", "", failure(state.Failure{Code: restore.CodeNoisy, Touched: restore.TouchedPart, Stage: restore.StageWrite, Sector: 5, Of: 42}), "The line is too noisy.", "Go on", []string{"What arrived damaged was not kept."}},
		{"verify", "", failure(state.Failure{Code: restore.CodeVerify, Touched: restore.TouchedAll, Stage: restore.StageVerify}), "What we read back is not what we wrote.", "Restore again", []string{"It cannot start, and it can still be restored."}},
		{"board", "", onRestore(boardFound), "Found your ESP32-C3.", "Choose a file", []string{"7c:df:a1:00:11:22", "It finds no program in its flash.", "invalid header: 0xffffffff", "Save what it holds"}},
		{"board-ready", "", onRestore(boardReady), "Found it. It can be restored.", "Restore", []string{"17 of 268 blocks differ.", "Merged ESP image 1.2.3", "lamp-merged.bin", "Choose another file"}},
		{"board-writing", "", onRestore(boardWriting), "Restoring. Leave the cable in.", "", []string{"9 of 17 blocks", "ESP32-C3"}},
		{"board-runs", "", onRestore(boardRuns), "Restored. It runs.", "Restore another", []string{"computed a digest", "app_main()"}},
		{"board-named", "", onRestore(boardSealed), "This is an STM32, waiting in its boot loader.", "Connect another", []string{"Nothing has been written."}},
		{"boot-pending", "", bootFailed(restore.CodePending, restore.TouchedWritten, restore.StageStart, state.FailureWords{
			Heading: "The image is written, and was not started.", Lead: "It lies in the second slot.", Do: "Let go of the device’s recovery button or pin, and switch it off and on."}), "The image is written, and was not started.", "Connect again", []string{"recovery button", "C-124"}},
		{"boot-refused", "", bootFailed(restore.CodeUnlisted, restore.TouchedAll, restore.StageVerify, state.FailureWords{Choose: true,
			Heading: "The boot loader does not accept this image.", Lead: "It is signed with another key.", Do: "Get the image that the maker made for this device.", Safe: "Its boot loader works."}), "The boot loader does not accept this image.", "Choose another file", []string{"signed with another key", "C-122"}},
		{"boot-out", "", bootFailed(restore.CodeVanished, restore.TouchedPart, restore.StageWrite, state.FailureWords{}), "The cable came out.", "Connect again", []string{"while the image was being sent"}},
		{"boot-file", "", onRestore(state.RestoreFailed{Failure: state.Failure{Code: restore.CodeBadFile, Stage: restore.StagePlan}}), "This device cannot use that file.", "Choose another file", []string{"Nothing was written."}},
		{"elsewhere", "", onState(state.State{Tab: state.TabElsewhere, Restore: state.RestoreIdle{}}), "Unbrick is open in another tab.", "", []string{"Go on there, or close it and reload."}},
		{"lab", "#lab", onLab(statetest.Lab(state.LabRunning)), "Emulated device", "Update over the air", []string{"Running release 2.3.0. Release 2.4.1 is published for it.", `role="switch"`, "1 MiB NOR, one bank, 256 sectors of 4 KiB, program unit 256"}},
		{"lab-absent", "#lab", onLab(state.Lab{Make: statetest.Lab(state.LabRunning).Make}), "Emulated device", "Make a device", nil},
		{"lab-nothing", "#lab", onLab(state.Lab{}), "Emulated device", "", []string{"Nothing has been published yet."}},
		{"lab-off", "#lab", onLab(off), "Emulated device", "Switch it on", []string{`aria-checked="false"`}},
		{"lab-between", "#lab", func(r *Root, w *world) {
			l := statetest.Lab(state.LabRewriting) // as the last row of its log says: sector 104 at 0x068000, 54 of 96
			l.Map.Active, l.Timeline.Now.Addr = -1, 0x68000
			onLab(l)(r, w)
		}, "Emulated device", "", []string{"Rewriting to release 2.4.1, sector 54 of 96.", "sector 0x068000, 54 of 96.", "0x068000 written and read back, 54 of 96"}},
		{"lab-updating", "#lab", onLab(statetest.Lab(state.LabRewriting)), "Emulated device", "", []string{"Rewriting to release 2.4.1, sector 55 of 96.", "Pull the power now", "Terminal rewrites its software area: sector 0x067000, 55 of 96."}},
		{"lab-bricked", "#lab", onLab(statetest.Lab(state.LabBricked)), "Emulated device", "Restore over the cable", []string{"Bricked: a mixture of 2.3.0 and 2.4.1. In restoration mode, cable open.", "Boot found the intent “rewriting to 2.4.1” and no verdict.", "power cut inside flash operation 928"}},
		{"fleet-signin-clear", "#fleet", onRestore(state.RestoreInsecure{}), "Sign in to the fleet.", "Open the https address", []string{"This address is not protected: whoever is on the network in between could read your token.", "on the machine that runs the server"}},
		{"fleet-signin", "#fleet", func(*Root, *world) {}, "Sign in to the fleet.", "Sign in", []string{"the first one is what the server printed when it first started", "This page keeps no token"}},
		{"fleet-open", "#fleet-diagnostic", func(*Root, *world) {}, "Open a diagnostic file.", "Choose a file", []string{"sent nowhere"}},
		{"fleet-diagnostic", "#fleet-diagnostic", func(r *Root, w *world) { w.file = sentFile; press(r, "Choose a file") }, "Diagnostic file", "", []string{"sent.txt", "The cable came out", "status", "C-101", "1 sent again", "1 without an answer", "115200 baud"}},
		{"fleet-no-diagnostic", "#fleet-diagnostic", func(r *Root, w *world) { w.file = "something else"; press(r, "Choose a file") }, "This is no diagnostic file.", "Choose a file", []string{"Nothing was kept"}},
		{"fleet-wrong", "#fleet", func(r *Root, w *world) {
			r.fleet.Client.SignIn("", "x", func() {})
			w.answers[1](401, []byte(`{"code":"unauthorized"}`))
		}, "Sign in to the fleet.", "Sign in", []string{"This token is not known here. Check that you copied all of it."}},
		{"fleet-provider", "#fleet-refused/no-role", func(_ *Root, w *world) {
			w.answers[0](200, []byte(`{"account":"","provider":{"host":"id.example","url":"https://updates.example/login/provider"}}`))
		}, "Sign in to the fleet.", "Sign in", []string{"Sign in with id.example", "You are in no group that may anything here."}},
		{"fleet-away", "#fleet", func(r *Root, w *world) { r.SetSigned("eve"); r.fleet.Client.Ask(); w.answers[1](0, nil) }, "The server does not answer.", "Ask again", nil},
		{"fleet-empty", "#fleet", signedIn(map[string]string{"/api/releases": `{"releases":[]}`, "/api/summary": `{"devices":0}`, "/api/devices": `{"devices":[]}`}), "Publish your first release.", "Copy all three", []string{"unbrick key new -o release.key", "Waiting for a release. This page will show it."}},
		{"lab-cut", "#lab", onLab(statetest.CutLab()), "Emulated device", "Restore over the cable", []string{"Replay the cut"}},
		{"lab-replay", "#lab/replay/04abc", onLab(statetest.ReplayLab()), "Emulated device", "Back to the device", []string{"Replay of a cut at flash operation 928. The device itself is not touched.",
			"256 bytes programmed into sector 0x067000, 55 of 96. Power failed here: half of the bytes.", `max="1640"`, `inert="inert"`, "--at:0.5671", "1\u202f636", "Cut here instead"}},
		{"lab-replay-making", "#lab/replay/04abc", onLab(state.Lab{Replay: state.ReplayMaking{}}), "Emulated device", "Back to the device", []string{"Computing the run anew"}},
		{"lab-replay-missing", "#lab/replay/04abc", onLab(state.Lab{Replay: state.ReplayMissing{Image: "7f3a91c2"}}), "Emulated device", "Choose a release file",
			[]string{"needs the image whose SHA-256 begins with 7f3a91c2", "Back to the device"}},
		{"lab-replay-failed", "#lab/replay/04abc", onLab(state.Lab{Replay: state.ReplayFailed{Why: "not the id of a run"}}), "Emulated device", "Back to the device", []string{"not the id of a run"}},
		{"fleet-none", "#fleet", signedIn(map[string]string{"/api/releases": fleetAnswers["/api/releases"], "/api/summary": `{"devices":0}`, "/api/devices": `{"devices":[]}`}), "No device has called yet.", "Try the Lab", nil},
		{"fleet", "#fleet", signedIn(fleetAnswers), "1\u202f219 devices. 3 wait for a cable.", "", []string{"105", "run release 2.4.1", "2.3.0 to 2.4.1", "In restoration mode", "48 KB of 61 KB", "Held back"}},
		{"fleet-device", "#fleet-device/0001/A17-004212", signedIn(fleetAnswers), "A17-004212", "", []string{"Restored over the cable", "Update 2.3.0 to 2.4.1", "Offer 2.4.1 again", "Running release 2.4.1"}},
		{"fleet-log", "#fleet-log", signedIn(fleetAnswers), "Who did what", "", []string{"night", "sets release 0001/9c41: withheld, was offered", "Refused: without the right to", "somebody", "tries tokens: 12 wrong or ended", "Show older ones"}},
		{"fleet-releases", "#fleet-releases", signedIn(fleetAnswers), "Releases", "", []string{"Offered to all", "Withhold", "Withdrawn", "7f3a 91c2"}},
		{"fleet-withhold", "#fleet-releases", func(r *Root, w *world) {
			signedIn(fleetAnswers)(r, w)
			press(r, "Withhold")
		}, "Releases", "", []string{"from every device of model 0001? Devices that run it keep it.", "Keep offering it"}},
		{"lab-ended", "#lab", func(r *Root, w *world) {
			l := statetest.Lab(state.LabBricked)
			l.Outcome, l.Failure = state.OutcomeFailed, state.Failure{Code: restore.CodeNoisy, Touched: restore.TouchedPart, Stage: restore.StageWrite, Sector: 5, Of: 42}
			onLab(l)(r, w)
		}, "Emulated device", "Restore over the cable", []string{"The line is too noisy.", "Is the device safe?", "Choose fewer bit errors"}},
		{"lab-restoring", "#lab", onLab(statetest.Lab(state.LabRestoring)), "Emulated device", "", []string{"Restoring release 2.4.1 over the cable, 27 of 42 sectors."}},
	}...)
}

// answer answers every open question from a table of paths; a path that is not there is not found.
func (w *world) answer(table map[string]string) {
	for len(w.answers) > 0 {
		q, done := w.requests[len(w.requests)-len(w.answers)], w.answers[0]
		w.answers = w.answers[1:]
		path, _, _ := strings.Cut(q.Path, "?")
		if body, ok := table[path]; ok || path == form.WhoAmIPath {
			if !ok {
				body = whoEve
			}
			done(200, []byte(body))
		} else {
			done(404, []byte(`{"code":"not-found"}`))
		}
	}
}

// whoEve is who asks, unless a table says otherwise: one who may all.
const whoEve = `{"account":"eve","roles":["view","operate","publish","admin"],"models":[]}`

// signedIn is a page of an operator, with the answers of a server.
func signedIn(table map[string]string) func(*Root, *world) {
	return func(r *Root, w *world) {
		r.SetSigned("eve")
		r.fleet.Client.Ask()
		w.answer(table)
	}
}

// open makes a page in the state of a scene.
func (s scene) open() (*Root, *world) {
	w := &world{}
	r := New(w.hooks())
	r.SetPath(s.path)
	s.prepare(r, w)
	return r, w
}
