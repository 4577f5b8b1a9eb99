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

func (c *Log) save() {
	c.Wish.Do(words.SaveText{Name: "unbrick-lab.txt", Text: string(words.LogFile(c.Lab.Log, c.Lab.Map.Facts.Runs))})
}
