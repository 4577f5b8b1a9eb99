package restore

import (
	"unbrick/webui/state"
	"unbrick/webui/words"
)

// BenchFigure is the drawing at the top of Restore: computer, cable, device. Its cable tells the state
// before a word is read.
type BenchFigure struct{ State state.Restore }

func (c *BenchFigure) class() string {
	switch c.State.(type) {
	case nil, state.RestoreLoading, state.RestoreIdle:
		return "bench hero"
	}
	return "bench"
}

func (c *BenchFigure) bench() words.BenchState { return words.Bench(c.State) }
