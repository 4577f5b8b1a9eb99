package lab

import (
	"unbrick/webui/state"
	"unbrick/webui/words"
)

// Log is what happened, newest last.
type Log struct {
	Lab  *state.Lab
	Wish WishFunc
}

func (c *Log) lines() []words.LogLine { return words.LogLines(c.Lab.Log, c.Lab.Map.Facts.Runs) }

func (c *Log) some() bool { return len(c.Lab.Log) > 0 }

func (c *Log) save() {
	c.Wish.Do(words.SaveText{Name: "unbrick-lab.txt", Text: string(words.LogFile(c.Lab.Log, c.Lab.Map.Facts.Runs))})
}
