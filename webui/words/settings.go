package words

import (
	"strings"

	"unbrick/restore"
	"unbrick/webui/state"
)

// askFirst is what the primary button wishes: the work, or the question about the settings first.
func askFirst(work state.Command, erase bool) any {
	if erase {
		return AskErase{}
	}
	return work
}

// EraseQuestion is asked once more before settings are lost. right says that there is nothing wrong with the device's software.
func EraseQuestion(d *state.Device, right bool) Pane {
	label, work := "Restore and erase", state.Command(state.Write{Erase: true})
	lead := "First its software is restored and verified. Then everything that was set on the device is erased, and it starts as if it " +
		"had never been set up. What is lost cannot be brought back."
	if right {
		label, work = "Erase and start it", state.Start{Erase: true}
		lead = "Its software stays as it is. Everything that was set on the device is erased, and it starts as if it had never been set " +
			"up. What is lost cannot be brought back."
	}
	facts := deviceFacts(d)
	for i, a := range d.Settings {
		f := Fact{Value: areaName(a.Name), Small: KB(uint64(a.Size)), Rule: i == 0}
		if i == 0 {
			f.Label = "Will be lost"
		}
		facts = append(facts, f)
	}
	return Pane{
		Heading: "Erase its settings?",
		Lead:    lead,
		Facts:   facts,
		Acts: []Act{
			Primary(label, work),
			Secondary("Keep the settings", KeepSettings{}),
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

// Loss say what is lost when the settings are erased, or why they cannot be.
func Loss(d *state.Device) string {
	if !d.Erases {
		return "this device does not know how"
	}
	var names []string
	for _, a := range d.Settings {
		names = append(names, areaName(a.Name)+" ("+KB(uint64(a.Size))+")")
	}
	return and(names) + either(max(len(names), 1), " is lost", " are lost") + ", for good"
}

// and joins names as a sentence does.
func and(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// plannedSettings is the row about settings before anything is written. when says when they are erased, if they are.
func plannedSettings(s *state.Offer, erase bool, when string) Fact {
	f := settingsFact(s.Plan.Settings, 0)
	if len(s.Device.Settings) == 0 {
		return f
	}
	f.Choose = true
	if erase {
		f.Value, f.Small = "Will be erased", when
	}
	return f
}

// settingsFacts say what becomes of the settings.
var settingsFacts = [...]Fact{
	restore.SettingsNone:   {Value: "Not touched", Small: "only the software is replaced"},
	restore.SettingsKept:   {Value: "Kept"},
	restore.SettingsErased: {Value: "Erased", Check: true, Small: "and read back"},
	restore.SettingsUnable: {Value: "Kept", Small: "this device does not know how to erase them"},
	restore.SettingsFailed: {Value: "Not all erased", Small: "the device refused"},
}

// at is what a list has for a value, or nothing.
func at[T any, N ~uint8](list []T, n N) (v T) {
	if int(n) < len(list) {
		v = list[n]
	}
	return v
}

// settingsFact is the row about settings. addr is of a sector that could not be erased, or 0.
func settingsFact(s restore.Settings, addr uint32) Fact {
	f := at(settingsFacts[:], s)
	f.Label = "Settings"
	if s == restore.SettingsFailed && addr > 0 {
		f.Small = "the sector at " + HexAddr(addr) + " can no longer be erased"
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
