package words

import (
	"cmp"
	"strings"

	"unbrick/webui/state"
)

const (
	asideLab HTML = `No cable? <a href="#lab">Try the lab</a>`
	// Those of a browser or address without Web Serial stand in static/index.html too.
	asideLook HTML = `The <a href="#lab">lab</a> and the <a href="#fleet">fleet</a> work in this browser. On a computer without a ` +
		`browser, use <code>unbrick restore --port PATH</code>.`
)

const (
	serverAway      = "The server does not answer. Releases stored here still work."
	serverAwayAlone = "The server does not answer. A release from a file still works."
	keepsNothing    = "This browser keeps nothing for this page. Restoring works all the same; when you close the page, it forgets " +
		"what was begun, and it needs the server for releases."
	keepsNoMore = "This browser does not keep what this page gives it. Restoring works all the same; when you close the page, it " +
		"may have forgotten what was begun."
	keptLost = "Some of what this browser kept for this page was damaged and is gone. Restoring works all the same."
)

const OpenProtected = "Open the https address"

const canWait = "Your device is as it was. It can wait."

var idlePromises = []Promise{
	{"Checked first", "The maker’s signature is verified on this computer before anything is sent."},
	{"Safe to interrupt", "If the cable comes out or the power fails, connect again and it carries on."},
	{"Settings stay", "Only the device’s software is replaced. What you have set on it is kept, unless you ask otherwise."},
}

var WritingPromises = []Promise{
	{"Keep going", "Leave the cable in and the device switched on."},
	{"You may", "Use other tabs and programs. Writing goes on behind them."},
	{"If it stops", "Nothing is lost. Connect again; what is written stays written."},
}

var portHelps = []Help{
	{Head: "The cable", Text: "Many USB cables only charge. Take one that you have moved files with, and plug it straight into the " +
		"computer, not into a hub."},
	{Head: "The driver", Text: "On Windows and macOS, some devices need one. Look for the name on the chip beside the USB socket: " +
		"CH340, CP210x or FTDI. Install the driver of that name from its maker, then plug in again."},
	{Head: "Permission", Text: "On Linux, your account must be in the group that owns serial ports. Run this once, then sign out and " +
		"in again:",
		Command: "sudo usermod -aG dialout $USER", Note: "On Arch the group is <code>uucp</code>."},
	{Head: "Another program", Text: "Close serial monitors, slicers, editors and other tabs that use the device. On Linux, " +
		"ModemManager may hold it for half a minute after you plug it in."},
	{Head: "The browser", Text: "A browser installed as a Snap or Flatpak may not see devices at all. Private windows forget what you " +
		"allowed."},
}

// RestorePane is what Restore says in each phase, but while the device is written. erase says that the person wants the settings of
// the device at hand erased, quiet what this page has to do without.
func RestorePane(s state.Restore, erase bool, quiet string) Pane {
	switch s := s.(type) {
	case nil, state.RestoreLoading:
		return Loading(false)
	case state.RestoreIdle:
		return idle(s.Jobs, quiet)
	case state.RestoreUnsupported:
		return Pane{
			Heading: "This browser cannot use a cable.",
			Lead: "Open this page on a computer with Chrome, Edge, Opera, or Firefox 151 or newer. Safari, and browsers on an iPhone or " +
				"iPad, cannot reach a USB device.",
			Acts:  []Act{Primary("Copy this page’s address", CopyText{})},
			Hint:  canWait,
			Aside: asideLook,
		}
	case state.RestoreInsecure:
		return Pane{
			Heading: "This address is not protected.",
			Lead: "Browsers allow a cable only on https pages and on this computer itself. Try the https form of this address. If it does " +
				"not open, ask whoever gave you this address.",
			Acts:  []Act{Primary(OpenProtected, Protect{})},
			Hint:  canWait,
			Aside: asideLook,
		}
	case state.RestoreNoPort:
		return Pane{
			Heading: "Device not in the list?",
			Lead:    "Nothing was chosen, so nothing was changed. Go through these from the top. The first one helps most people.",
			Helps:   portHelps,
			Acts: []Act{
				Primary("Show the list again", state.Connect{}),
				Secondary("It is in the list, but does not answer", state.DoesNotAnswer{}),
			},
		}
	case state.RestoreConnecting:
		return Pane{
			Heading: "Asking the device.",
			Lead:    "The port is open, and we wait for an answer. Nothing is written.",
			Acts:    []Act{Waiting("Listening")},
		}
	case state.RestorePortBusy:
		return Pane{
			Heading: "Another program holds the device.",
			Lead:    "Close it and press Connect again. Nothing was written.",
			Acts:    []Act{Primary("Connect again", state.Connect{})},
			Quiet: "Serial monitors, slicers, editors and other tabs are the usual ones. On Linux, ModemManager may hold it for half a " +
				"minute after you plug it in.",
		}
	case state.RestoreNoAnswer:
		return noAnswer(&s)
	case state.RestoreReading:
		return reading(&s)
	case state.RestoreFound:
		return found(&s.Offer, erase, quiet)
	case state.RestoreRight:
		return right(&s.Offer, erase)
	case state.RestoreUnknown:
		return Pane{
			Heading: "There is no release for this device here.",
			Lead:    "It says it is model " + s.Device.Model + ". Ask its maker for a release file. Nothing was written.",
			Facts:   deviceFacts(&s.Device),
			Acts: []Act{
				Primary("Choose a release from a file", ChooseFile{}),
				Secondary("Save diagnostic file", state.SaveDiagnostic{}),
			},
			Hint:  canWait,
			Quiet: quiet,
		}
	case state.RestoreWithdrawn:
		return withdrawn(&s)
	case state.RestoreDone:
		return done(&s.Result, &s.Device)
	case state.RestoreBoard:
		return board(&s)
	case state.RestoreFlashed:
		return flashed(&s)
	case state.RestoreFailed:
		return failed(&s)
	}
	return Pane{}
}

// Loading is Restore while it is not known yet what was left. Connect works already, as the shell's does: the wish waits. chosen says
// that a port was chosen.
func Loading(chosen bool) Pane {
	p := idlePane()
	p.Acts = []Act{Primary("Connect your device", state.Connect{})}
	p.Hint = "You can plug in the cable meanwhile."
	if chosen {
		p.Acts = []Act{Waiting("Connecting")}
		p.Hint = "The rest of this page is still loading. Nothing has been sent to your device."
	}
	return p
}

func reading(s *state.RestoreReading) Pane {
	var facts []Fact
	if s.Device.Model != "" { // it has said who it is
		facts = deviceFacts(&s.Device)
	}
	if s.Of > 0 {
		return Pane{
			Heading: "Saving what it holds.",
			Lead:    "All that its software area holds is read into a file for you. Nothing is written.",
			Facts:   facts,
			Acts:    []Act{Waiting("Reading, " + KB(s.Done) + " of " + KB(s.Of)), Secondary("Stop", state.Home{})},
		}
	}
	return Pane{
		Heading: "Reading what is left on it.",
		Lead:    "Its memory is compared with the releases known here. Nothing is written.",
		Facts:   facts,
		Acts:    []Act{Waiting("Reading")},
	}
}

func withdrawn(s *state.RestoreWithdrawn) Pane {
	p := Pane{
		Heading: "There is no release for it now.",
		Lead: "Its maker took back what there was for model " + s.Device.Model + ", and offers nothing else that it takes. Connect " +
			"again later, or ask its maker. Nothing was written.",
		Facts: deviceFacts(&s.Device),
		Acts: []Act{
			Primary("Connect again", state.Connect{}),
			Secondary("Choose a release from a file", ChooseFile{}),
		},
		Hint: canWait,
	}
	if c := s.Choice; len(c) > 0 && c[0].Fit.Held() {
		p.Facts = append(p.Facts, Fact{Label: "Kept here", Value: "Release " + c[0].Version, Small: Fit(c[0].Fit), Rule: true})
		p.Acts = append(p.Acts, Secondary("Look at release "+c[0].Version+" all the same", state.Choose{Digest: c[0].Digest}))
	}
	return p
}

func idlePane() Pane {
	return Pane{
		Heading: "Bring your device back.",
		Lead: "Plug it in with its USB cable. This page reads what is left on it, shows you what is damaged, and changes nothing " +
			"until you press Restore.",
		Aside:    asideLab,
		Promises: idlePromises,
	}
}

func idle(jobs []state.PendingJob, quiet string) Pane {
	if len(jobs) > 0 {
		job := &jobs[0]
		lead := "It stopped while release " + job.Version + " was being written. Nothing is lost: what is written stays written."
		if job.Erase {
			lead += " At the end its settings are erased, as you asked."
		}
		return Pane{
			Heading: "Go on restoring " + job.Serial + ".",
			Lead:    lead,
			Facts:   otherJobs(jobs[1:]),
			Acts: []Act{
				Primary("Connect and go on", state.Resume{}),
				Asked(Secondary("Forget it", state.Forget{Model: job.Model, Serial: job.Serial}),
					"Forget it? The device keeps what is written, and this page no longer offers to go on with it.", "Keep it"),
			},
			Quiet:    quiet,
			Promises: idlePromises,
		}
	}
	p := idlePane()
	p.Acts = []Act{Primary("Connect your device", state.Connect{})}
	p.Hint = "Your browser will ask which device to use."
	p.Quiet = quiet
	return p
}

// maxOthers is how many devices that wait to be gone on with are named.
const maxOthers = 4

// otherJobs are the devices that wait to be gone on with besides the one in the headline. Whichever is connected is
// gone on with.
func otherJobs(list []state.PendingJob) (facts []Fact) {
	for i, j := range list {
		f := Fact{Label: "Also", Value: j.Serial, Small: "release " + j.Version + ", model " + j.Model, Mono: true}
		if j.Erase {
			f.Small += ", settings erased at the end"
		}
		if rest := len(list) - i; i == maxOthers-1 && rest > 1 {
			f = Fact{Label: "Also", Value: Count(rest, "other device", "other devices")}
		}
		if facts = append(facts, f); len(facts) == maxOthers {
			break
		}
	}
	return facts
}

// Quiet says what this page has to do without: the server, or a browser that remembers.
func Quiet(store state.StoreCondition, server state.Reach) string {
	away := ""
	switch {
	case server != state.ReachNo:
	case store == state.StoreNone:
		away = serverAwayAlone
	default:
		away = serverAway
	}
	return strings.TrimSpace(away + " " + at(keeps[:], store))
}

// keeps says what a browser does not remember.
var keeps = [...]string{
	state.StoreNone: keepsNothing, state.StoreFull: keepsNoMore, state.StoreLost: keptLost,
}

// Footer is the last line of every screen. A page that keeps nothing, or that the browser does not keep, does not
// promise to be there without a network.
func Footer(kept bool) string {
	const reported = "Only the result of a repair is reported, and only to the maker’s server."
	if !kept {
		return reported
	}
	return "Works without a network. " + reported
}

func deviceName(d *state.Device) string { return cmp.Or(d.Name, "Model "+d.Model) }

// Unnamed says that a model has no name of its own: its maker gave none.
func Unnamed(id, name string) bool { return name == "" || name == "Model "+id }

func deviceFacts(d *state.Device) []Fact {
	f := Fact{Label: "Device", Value: deviceName(d)}
	if !Unnamed(d.Model, d.Name) {
		f.Small = "model " + d.Model
	}
	return []Fact{f, {Label: "Serial", Value: d.Serial, Mono: true}}
}

// Elsewhere is shown while another tab has the work.
var Elsewhere = Pane{
	Heading: "Unbrick is open in another tab.",
	Lead:    "Go on there, or close it and reload.",
}
