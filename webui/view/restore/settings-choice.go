package restore

import "unbrick/webui/state"

// SettingsChoice lets a person have the device's settings erased.
type SettingsChoice struct {
	Device *state.Device
	Erase  bool // is chosen
	Choose ChooseFunc
}

// ChooseEvent says what is to be done with the settings.
type ChooseEvent struct{ Erase bool }

// ChooseFunc takes such an event.
type ChooseFunc func(ChooseEvent)

func (c *SettingsChoice) choose(erase bool) { c.Choose(ChooseEvent{erase}) }
