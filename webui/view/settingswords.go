package view

import (
	"strings"

	"unbrick/restore"
	"unbrick/webui/state"
)

// settingsWish is what a person wants done with the settings of one device. Without a wish they are kept.
type settingsWish struct {
	open   bool   // the choice is shown
	serial string // of the device whose settings are to be erased; empty: of none
	asking bool   // the question before it is shown
}

// erases reports whether the settings of the device at hand are to be erased.
func (r *Root) erases() bool {
	d := &r.state.Restore.Device
	return d.Serial != "" && d.Serial == r.settings.serial && d.Erases
}

func (r *Root) wishErase(erase bool) {
	r.settings.serial = ""
	if erase {
		r.settings.serial = r.state.Restore.Device.Serial
	}
}

// keepSettings closes the question, and keeps them.
func (r *Root) keepSettings() { r.settings = settingsWish{} }

// askFirst is what the primary button does: f, or the question about the settings first.
func (r *Root) askFirst(f func()) func() {
	if !r.erases() {
		return f
	}
	return func() { r.settings.asking = true }
}

// begin is the command that begins the work on the device at hand.
func (r *Root) begin() state.Command {
	if r.state.Restore.Phase == state.RestoreRight {
		return state.Start{Erase: r.erases()}
	}
	return state.Write{Erase: r.erases()}
}

// asked reports whether the question is to be shown.
func (r *Root) asked() bool {
	s := &r.state.Restore
	return r.settings.asking && r.erases() && (s.Phase == state.RestoreFound || s.Phase == state.RestoreRight)
}

// eraseQuestion is asked once more before settings are lost.
func (r *Root) eraseQuestion(s *state.Restore) pane {
	label := "Restore and erase"
	lead := "First its software is restored and verified. Then everything that was set on the device is erased, and it starts as if it had never been set up. What is lost cannot be brought back."
	if s.Phase == state.RestoreRight {
		label = "Erase and start it"
		lead = "Its software stays as it is. Everything that was set on the device is erased, and it starts as if it had never been set up. What is lost cannot be brought back."
	}
	facts := deviceFacts(&s.Device)
	for i, a := range s.Device.Settings {
		f := fact{Value: areaName(a.Name), Small: kb(uint64(a.Size)), Rule: i == 0}
		if i == 0 {
			f.Label = "Will be lost"
		}
		facts = append(facts, f)
	}
	return pane{
		Heading: "Erase its settings?",
		Lead:    lead,
		Facts:   facts,
		Acts: []act{
			primary(label, r.send(r.begin())),
			secondary("Keep the settings", r.keepSettings),
		},
		Quiet: "Nothing has been written yet.",
	}
}

// areaName is a settings area's name as its maker wrote it.
func areaName(name string) string {
	if strings.TrimSpace(name) == "" {
		return "Settings"
	}
	return name
}

// lossWords say what is lost when the settings are erased, or why they cannot be.
func lossWords(d *state.Device) string {
	if !d.Erases {
		return "this device does not know how"
	}
	var names []string
	for _, a := range d.Settings {
		names = append(names, areaName(a.Name)+" ("+kb(uint64(a.Size))+")")
	}
	verb := " is lost"
	if len(names) > 1 {
		verb = " are lost"
	}
	return and(names) + verb + ", for good"
}

// and joins names as a sentence does.
func and(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// plannedSettings is the row about settings before anything is written.
func (r *Root) plannedSettings(s *state.Restore) fact {
	f := settingsFact(s.Plan.Settings, 0)
	if len(s.Device.Settings) == 0 {
		return f
	}
	f.Choose = true
	if r.erases() {
		f.Value, f.Small = "Will be erased", "after the software is verified"
		if s.Phase == state.RestoreRight {
			f.Small = "before it starts"
		}
	}
	return f
}

// settingsFact is the row about settings. addr is of a sector that could not be erased, or 0.
func settingsFact(s restore.Settings, addr uint32) fact {
	f := fact{Label: "Settings"}
	switch s {
	case restore.SettingsKept:
		f.Value = "Kept"
	case restore.SettingsErased:
		f.Value, f.Check, f.Small = "Erased", true, "and read back"
	case restore.SettingsUnable:
		f.Value, f.Small = "Kept", "this device does not know how to erase them"
	case restore.SettingsFailed:
		f.Value, f.Small = "Not all erased", "the device refused"
		if addr > 0 {
			f.Small = "the sector at " + hexAddr(addr) + " can no longer be erased"
		}
	case restore.SettingsNone:
		f.Value, f.Small = "Not touched", "only the software is replaced"
	}
	return f
}

// restWords promise what connecting again does about settings that were being erased.
func restWords(f *state.Failure) string {
	if f.Touched != restore.TouchedSettings {
		return ""
	}
	return " Then the rest of its settings is erased."
}
