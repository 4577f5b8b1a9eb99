package view

// SettingsChoice lets a person have the device's settings erased.
type SettingsChoice struct{ Page *Root }

func (c *SettingsChoice) erase() bool { return c.Page.erases() }

func (c *SettingsChoice) unable() bool { return !c.Page.state.Restore.Device.Erases }

func (c *SettingsChoice) loss() string { return lossWords(&c.Page.state.Restore.Device) }

func (c *SettingsChoice) choose(erase bool) { c.Page.wishErase(erase) }
