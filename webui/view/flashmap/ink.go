package flashmap

import (
	"strconv"
	"strings"
)

// Ink is the colours of a map, one for each token of app.css that it uses.
type Ink struct {
	Boot, BootLine, Same, Old, New, Gone, GoneLine, Bad, BadLine, Live, LiveLine, Cursor, CursorGap Colour
}

// ReadInk reads the colours from the page's style: value returns a custom property as it is computed
// for the document. A property that is no hexadecimal colour becomes mid grey, visible on any ground.
func ReadInk(value func(property string) string) Ink {
	c := func(name string) Colour { return parseColour(value(name)) }
	return Ink{
		Boot: c("--s-boot"), BootLine: c("--s-boot-line"), Same: c("--s-same"), Old: c("--s-old"), New: c("--s-new"),
		Gone: c("--s-gone"), GoneLine: c("--s-gone-line"), Bad: c("--s-bad"), BadLine: c("--s-bad-line"),
		Live: c("--s-live"), LiveLine: c("--s-live-line"), Cursor: c("--ink"), CursorGap: c("--face"),
	}
}

func parseColour(s string) Colour {
	s = strings.TrimPrefix(strings.TrimSpace(s), "#")
	if len(s) == 3 {
		s = string([]byte{s[0], s[0], s[1], s[1], s[2], s[2]})
	}
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil || len(s) != 6 {
		return Colour{128, 128, 128, 255}
	}
	return Colour{uint8(n >> 16), uint8(n >> 8), uint8(n), 255}
}
