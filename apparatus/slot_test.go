package apparatus

import (
	"testing"

	"unbrick/webui/library"

	"github.com/hack-pad/hackpadfs/mem"
)

// line is something to be kept.
type line struct{ Text string }

// TestSlot: whatever order contents are kept in, the one that was put last is kept in the end.
func TestSlot(t *testing.T) {
	fs, err := mem.NewFS()
	if err != nil {
		t.Fatal(err)
	}
	l := library.New(nil)
	l.Open(fs, true)
	for _, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}} {
		s := slot{lib: l, name: "x"}
		var keeps []func()
		for _, content := range []string{"a", "b", "c"} {
			keeps = append(keeps, s.put(&line{content}))
		}
		for _, i := range order {
			keeps[i]()
		}
		var kept line
		if recall(l, "x", &kept); kept.Text != "c" {
			t.Errorf("order %v: kept %q", order, kept.Text)
		}
	}
}
