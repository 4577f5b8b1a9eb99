package view

import "unbrick/webui/state"

// LabRam is the emulated RAM: applications, workspace, and what was limited for it.
type LabRam struct{ Page *Root }

func (c *LabRam) ram() *state.RAM { return &c.Page.state.Lab.RAM }

func (c *LabRam) words() string { return ramWords(&c.Page.state.Lab) }

func (c *LabRam) stackClass() string {
	if c.ram().Contents == state.ContentsLost {
		return "stack is-lost"
	}
	return "stack"
}

func (c *LabRam) blocks() []block { return ramBlocks(c.ram()) }

// taken is what was limited for an update; in restoration mode nothing runs that could be.
func (c *LabRam) taken() []block {
	if restoring(c.Page.state.Lab.Phase) {
		return nil
	}
	return ramTaken(c.ram())
}

func (c *LabRam) apps() []appRow { return appRows(&c.Page.state.Lab) }
