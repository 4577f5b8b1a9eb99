package labwork

import (
	"strings"
	"testing"
)

// drawn shows the steps as one letter each.
func drawn(t *walk) string {
	var b strings.Builder
	for _, s := range t.Steps {
		b.WriteByte("wdlsb"[s])
	}
	return b.String()
}

func TestTimeline(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []uint8
		end   func(*walk)
		want  string
	}{
		{"nothing yet", nil, nil, "wwwwwwwwwwwwwwwwwwww"},
		{"asking", []uint8{1, 2}, nil, "dlwwwwwwwwwwwwwwwwww"},
		{"up to date", []uint8{1, 2, 4, 5, 6}, (*walk).finish, "ddddddwwwwwwwwwwwwww"},
		{"an update skips S06", []uint8{1, 4, 5, 7, 8}, nil, "dddddsdlwwwwwwwwwwww"},
		{"updated", []uint8{1, 5, 7, 11, 12, 13, 14}, (*walk).finish, "dddddsddddddddwwwwww"},
		{"cut while rewriting", []uint8{1, 5, 7, 12, 13}, (*walk).fail, "dddddsddddddbwwwwwww"},
		{"and in restoration mode", []uint8{1, 5, 7, 12, 13, 15}, nil, "dddddsddddddbslwwwww"},
		{"restored", []uint8{1, 5, 7, 12, 13, 15, 16, 18, 19, 20}, (*walk).finish, "dddddsddddddbsdddddd"},
		{"restored without an update", []uint8{15, 16, 17, 20}, (*walk).finish, "ssssssssssssssdddddd"},
		{"back is no way", []uint8{1, 5, 11, 8}, nil, "dddddsddddlwwwwwwwww"},
		{"no such step", []uint8{0, 21}, nil, "wwwwwwwwwwwwwwwwwwww"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var line walk
			for _, n := range c.steps {
				line.reach(n)
			}
			if c.end != nil {
				c.end(&line)
			}
			if got := drawn(&line); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
