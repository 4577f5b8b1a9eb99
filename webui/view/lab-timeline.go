package view

import "unbrick/webui/state"

// LabTimeline is S01 to S20 on the lanes of terminal, server and apparatus.
type LabTimeline struct{ Page *Root }

func (c *LabTimeline) lab() *state.Lab { return &c.Page.state.Lab }

func (c *LabTimeline) time() string { return timeWords(c.lab()) }

func (c *LabTimeline) all() string {
	all, _ := track(&c.lab().Timeline)
	return all
}

func (c *LabTimeline) been() string {
	_, been := track(&c.lab().Timeline)
	return been
}

func (c *LabTimeline) steps() []stepRow { return stepRows(&c.lab().Timeline) }

func (c *LabTimeline) current(s stepRow) any { return step(s.Current) }

func (c *LabTimeline) nowID() string {
	id, _ := nowWords(c.lab())
	return id
}

func (c *LabTimeline) nowWords() string {
	_, words := nowWords(c.lab())
	return words
}
