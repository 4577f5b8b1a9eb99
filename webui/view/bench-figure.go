package view

import "unbrick/webui/state"

// BenchFigure is the drawing at the top of Restore: computer, cable, device. Its cable tells the state
// before a word is read.
type BenchFigure struct{ Page *Root }

func (c *BenchFigure) class() string {
	if p := c.Page.state.Restore.Phase; p == state.RestoreLoading || p == state.RestoreIdle {
		return "bench hero"
	}
	return "bench"
}

func (c *BenchFigure) line() string {
	line, _, _ := bench(&c.Page.state.Restore)
	return line
}

func (c *BenchFigure) word() string {
	_, word, _ := bench(&c.Page.state.Restore)
	return word
}

func (c *BenchFigure) device() string {
	_, _, device := bench(&c.Page.state.Restore)
	return device
}
