package lab

import (
	"unbrick/webui/state"
	"unbrick/webui/words"
)

// Timeline is S01 to S20 on the lanes of terminal, server and apparatus.
type Timeline struct{ Lab *state.Lab }

func (c *Timeline) all() string {
	all, _ := words.Track(&c.Lab.Timeline)
	return all
}

func (c *Timeline) been() string {
	_, been := words.Track(&c.Lab.Timeline)
	return been
}

func (c *Timeline) nowID() string {
	id, _ := words.Now(c.Lab)
	return id
}

func (c *Timeline) nowWords() string {
	_, now := words.Now(c.Lab)
	return now
}
