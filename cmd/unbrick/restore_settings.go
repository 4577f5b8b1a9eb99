package main

import (
	"errors"
	"fmt"
	"strings"

	"unbrick/flash"
	"unbrick/restore"
)

// wish puts the wish about settings into the plan, and says what will become of them. It reports whether they
// will be erased.
func (r *restoration) wish(p *restore.Plan) bool {
	d := p.Device
	p.EraseSettings = r.erase
	switch {
	case !r.erase:
		return false
	case len(d.Layout.Settings) == 0:
		fmt.Fprintln(r.errOut, "This device has no settings areas: there is nothing to erase.")
		return false
	case !d.Erases:
		fmt.Fprintln(r.errOut, keptWords)
		return false
	}
	fmt.Fprintf(r.errOut, "When its software is verified, its settings are erased, and what is in them is lost: %s.\n",
		areaWords(d.Layout.Settings))
	return true
}

const keptWords = "This device does not know how to erase its settings: they are kept."

func areaWords(areas []flash.Area) string {
	var list []string
	for _, a := range areas {
		list = append(list, fmt.Sprintf("%q (%s at %#x)", a.Name, flash.FormatSize(a.Size), a.Addr))
	}
	return strings.Join(list, ", ")
}

// settled says what became of the settings. It fails if they were to be erased, and the device could not.
func (r *restoration) settled(result *restore.Result) error {
	switch result.Settings {
	case restore.SettingsErased:
		fmt.Fprintf(r.errOut, "Erased its settings: %s.\n", areaWords(result.Erased))
	case restore.SettingsUnable:
		if result.Plan.Device.Erases { // else it was said before
			fmt.Fprintln(r.errOut, keptWords)
		}
	case restore.SettingsFailed:
		why := fmt.Sprintf("the device refused: %v", result.SettingsFault)
		if result.SettingsAddr > 0 {
			why = fmt.Sprintf("the sector at %#x does not erase any more", result.SettingsAddr)
		}
		return fmt.Errorf("its settings are not all erased: %s.\nIs the device safe? Yes. Its software is verified and starts.\nWhat to do: "+
			"run the same command again; if it stays, that part of the flash is worn out", why)
	case restore.SettingsNone, restore.SettingsKept:
	}
	return nil
}

// settingsOnly reports whether an attempt ended when the device had verified its software, and only its
// settings were left to be erased.
func settingsOnly(err error) bool {
	e, known := errors.AsType[*restore.Error](err)
	return known && e.Touched == restore.TouchedSettings
}
