package library

import (
	"testing"

	"unbrick/internal/pack"

	"github.com/hack-pad/hackpadfs/mem"
)

// line is something to be kept.
type line struct{ Text string }

var texts = pack.New(map[string]int{"text": 10})

// TestSlot: whatever order contents are kept in, the one that was put last is kept in the end.
func TestSlot(t *testing.T) {
	fs, err := mem.NewFS()
	if err != nil {
		t.Fatal(err)
	}
	l := New(nil)
	l.Open(fs)
	for _, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}} {
		s := Slot{Library: l, Name: "x", As: texts}
		var keeps []func()
		for _, content := range []string{"a", "b", "c"} {
			keeps = append(keeps, s.Put(&line{content}))
		}
		for _, i := range order {
			keeps[i]()
		}
		var kept line
		if s.Recall(&kept); kept.Text != "c" {
			t.Errorf("order %v: kept %q", order, kept.Text)
		}
	}
}
