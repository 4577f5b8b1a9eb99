package view

import (
	"strings"
	"time"

	"unbrick/restore"
	"unbrick/webui/state"
	"unbrick/webui/view/flashmap"
)

// view is one of the three screens.
type view uint8

const (
	viewRestore view = iota
	viewLab
	viewFleet
)

const toastTime = 2200 * time.Millisecond

// Root is the whole page. Make one with New; see the package's comment for who may call what.
type Root struct {
	hooks  Hooks
	state  state.State
	stated bool // the engine has said something
	chosen bool // a port was chosen before the engine could take it
	view   view
	theme  Theme
	ink    flashmap.Ink

	left       restore.Meter // of the restoration on the Restore screen
	labLeft    restore.Meter // of the Lab's
	tell       announcer
	choosing   bool // the list of releases is open
	settings   settingsWish
	details    bool   // a failure's details are open
	asking     string // the question before an act that is open; empty: none
	focus      string // what the focus moves to at the next render; empty: nothing
	fleet      fleet
	diagnostic openedFile // opened on Fleet
	lab        labForm

	toast   string
	toastNo int

	maps    map[string]*flashmap.Drawing
	fresh   []string // maps of this render
	shown   []string // maps of the last render
	repaint bool
	title   string
	heading string // where the focus was moved last; empty before the first render
}

// labForm is what a person has set in the Lab and not sent yet.
type labForm struct {
	cut    string // operation, as typed
	typed  bool   // somebody has typed one
	badCut bool
	wanted [32]byte // release to restore; zero leaves it to the apparatus
	model  string   // of a device to be made
	made   [32]byte // release of a device to be made
	remake bool     // the form is open beside a device

	link    string // id of the run that the address names; empty for none
	asked   string // the same, as the engine was told last
	at      uint32 // stop of the replay that the person wants
	sought  bool   // it is on its way
	playing bool
	playNo  int // times that Play was pressed
}

// New makes the page. It is not shown before the first SetState: until then the shell is.
func New(h Hooks) *Root {
	return &Root{hooks: h, ink: flashmap.LightInk, maps: make(map[string]*flashmap.Drawing)}
}

// SetState takes what the engine knows. s must not be changed afterwards.
func (r *Root) SetState(s state.State) {
	was := r.state.Restore.Phase
	r.state, r.stated = s, true
	r.chosen = r.chosen && s.Restore.Phase == state.RestoreLoading
	if s.Lab.Phase != state.LabBricked {
		r.lab.wanted = [32]byte{} // the wish was for that repair
	}
	if x := &s.Lab.Replay; x.Phase != state.ReplayReady || x.At == r.lab.at {
		r.lab.sought = false
	}
	r.askReplay()
	if p := &s.Restore.Progress; s.Restore.Phase == state.RestoreWriting {
		if was != state.RestoreWriting {
			r.left, r.tell = restore.Meter{}, announcer{}
		}
		r.left.Tell(p)
	}
	if s.Restore.Phase != was {
		r.asking = ""
		r.choosing, r.details = false, false
		r.settings.open, r.settings.asking = false, false
		if s.Restore.Phase == state.RestoreIdle || s.Restore.Phase == state.RestoreDone {
			r.settings.serial = ""
		}
	}
	if p := &s.Lab.Progress; s.Lab.Phase == state.LabRestoring {
		r.labLeft.Tell(p)
	} else {
		r.labLeft = restore.Meter{}
	}
}

// Chosen says that a person has chosen a port, which the engine is told of.
func (r *Root) Chosen() { r.chosen = r.state.Restore.Phase == state.RestoreLoading }

// SetPath shows the screen that an address's fragment names: "#restore", "#lab", "#lab/replay/ID", "#fleet",
// "#fleet-releases", "#fleet-diagnostic", "#fleet-device/MODEL/SERIAL". Any other leaves the screen as it is.
func (r *Root) SetPath(path string) {
	name := strings.TrimPrefix(path, "#")
	was := r.view
	r.asking = ""
	switch {
	case name == "" || name == "restore":
		r.view = viewRestore
	case name == "lab", strings.HasPrefix(name, replayPath):
		r.view = viewLab
		_, r.lab.link, _ = strings.Cut(name, replayPath)
		r.lab.playing = false
		r.askReplay()
	case strings.HasPrefix(name, "fleet"):
		r.view = viewFleet
		r.fleetPath(name)
	default:
		return
	}
	if was == viewFleet && r.view != viewFleet {
		r.fleet.asked++ // answers on their way are for nobody
	}
}

// replayPath is what the fragment of a run's link begins with.
const replayPath = "lab/replay/"

// inert is the attribute of what cannot be touched during a replay, or nil for none.
func (r *Root) inert() any {
	if r.state.Lab.Replay.Phase == state.ReplayReady {
		return "inert"
	}
	return nil
}

// SetTheme takes the kept choice of colours.
func (r *Root) SetTheme(t Theme) { r.theme = t }

// SetInk takes the map's colours, after the theme or the system's wish changed.
func (r *Root) SetInk(i flashmap.Ink) { r.ink, r.repaint = i, true }

// Busy says that leaving the page now would interrupt a restoration.
func (r *Root) Busy() bool { return r.state.Restore.Phase == state.RestoreWriting }

// Rendered finishes a render: focus, title and maps.
func (r *Root) Rendered() {
	if t := r.documentTitle(); t != r.title {
		r.title = t
		r.hooks.Title(t)
	}
	if h := r.headingKey(); h != r.heading {
		if r.heading != "" {
			r.focus = "h1"
		}
		r.heading = h
	}
	if r.focus != "" {
		r.hooks.Focus(r.focus)
		r.focus = ""
	}
	r.shown, r.fresh = append(r.shown[:0], r.fresh...), r.fresh[:0]
	r.Redraw()
}

// Redraw draws the maps for the present size of the page.
func (r *Root) Redraw() {
	for _, id := range r.shown {
		r.maps[id].Draw(&r.ink, r.repaint)
	}
	r.repaint = false
}

// send makes an event handler of a command.
func (r *Root) send(c state.Command) func() {
	return func() { r.hooks.Command(c) }
}

// say shows a short message for a moment.
func (r *Root) say(words string) {
	r.toast = words
	r.toastNo++
	no := r.toastNo
	r.hooks.After(toastTime, func() {
		if no == r.toastNo {
			r.toast = ""
		}
	})
}

func (r *Root) copyText(text string) {
	r.hooks.Copy(text)
	r.say("Copied.")
}

// copyAddress copies the page's own address, which the browser puts in for an empty text.
func (r *Root) copyAddress() { r.copyText("") }

func (r *Root) save(name string, data []byte) {
	r.hooks.Save(name, data)
	r.say("Saved to your downloads.")
}

// elsewhere says that another tab has the work.
func (r *Root) elsewhere() bool {
	return r.state.Tab == state.TabElsewhere && r.view != viewFleet
}

var elsewherePane = pane{
	Heading: "Unbrick is open in another tab.",
	Lead:    "Go on there, or close it and reload.",
}

// writing says that nothing may be pressed or closed.
func (r *Root) writing() bool { return r.view == viewRestore && r.Busy() && !r.elsewhere() }

// h1 is the headline of the present state.
func (r *Root) h1() string {
	switch {
	case r.elsewhere():
		return elsewherePane.Heading
	case r.view == viewLab:
		return "Emulated device"
	case r.view == viewFleet:
		return r.fleetHeading()
	case r.Busy():
		return r.writingHeading()
	}
	return r.restorePane().Heading
}

func (r *Root) writingHeading() string {
	if p := &r.state.Restore.Plan; p.Work == state.WorkStarted {
		if p.Settings == restore.SettingsErased {
			return "Erasing its settings. Leave the cable in."
		}
		return "Starting it. Leave the cable in."
	}
	return "Restoring. Leave the cable in."
}

func (r *Root) documentTitle() string {
	if r.writing() {
		if s := shortOf(r.left.Remaining()); s != "" {
			return s + " · Unbrick"
		}
	}
	return strings.TrimSuffix(r.h1(), ".") + " · Unbrick"
}

// headingKey changes when the focus has to move to the headline: at a new state, not at each new
// number in one.
func (r *Root) headingKey() string {
	switch {
	case r.elsewhere():
		return "elsewhere"
	case r.view == viewLab:
		return "lab"
	case r.view == viewFleet:
		return "fleet " + r.fleet.key()
	}
	s := &r.state.Restore
	key := "restore " + string(rune('A'+s.Phase)) + causeCode(s.Failure.Code)
	if r.asked() {
		key += " settings"
	}
	return key
}

// nextTheme goes from the system's wish to light, dark and back.
func (r *Root) nextTheme() {
	r.theme = (r.theme + 1) % 3
	r.hooks.Theme(r.theme)
}

func (r *Root) themeWord() string {
	return [...]string{"Auto", "Light", "Dark"}[r.theme%3]
}

func (r *Root) themeLabel() string {
	return "Colours: " + [...]string{"as the system", "light", "dark"}[r.theme%3] + ". Change"
}

// labWanted is the release that the Lab shows as the one to be restored: what the person wants, if it is still among the
// choices, else the first of them. What is shown is what is done; without any choice the apparatus says why.
func (r *Root) labWanted() [32]byte {
	choice := r.state.Lab.Choice
	for i := range choice {
		if choice[i].Digest == r.lab.wanted {
			return r.lab.wanted
		}
	}
	if len(choice) > 0 {
		return choice[0].Digest
	}
	return [32]byte{}
}
