package flashmap

import (
	"strconv"
	"strings"
)

// Ink is the colours of a map, one for each token of app.css that it uses.
type Ink struct {
	Boot, BootLine, Same, Old, New, Gone, GoneLine, Bad, BadLine, Live, LiveLine, Cursor, CursorGap Colour
}

// LightInk and DarkInk are the colours of the two themes, as app.css has them.
var (
	LightInk = ReadInk(func(name string) string { return lightTokens[name] })
	DarkInk  = ReadInk(func(name string) string { return darkTokens[name] })
)

var lightTokens = map[string]string{
	"--s-boot": "#e6e9e3", "--s-boot-line": "#87938e", "--s-same": "#cfd6cf", "--s-old": "#98a39e", "--s-new": "#0a5d63",
	"--s-gone": "#fafaf7", "--s-gone-line": "#7d8984", "--s-bad": "#b2281d", "--s-bad-line": "#ffffff",
	"--s-live": "#e58a1f", "--s-live-line": "#15201e", "--ink": "#15201e", "--face": "#fafaf7",
}

var darkTokens = map[string]string{
	"--s-boot": "#1b2322", "--s-boot-line": "#6b7974", "--s-same": "#303b38", "--s-old": "#66736e", "--s-new": "#7ed3cd",
	"--s-gone": "#0f1514", "--s-gone-line": "#6b7974", "--s-bad": "#d8483a", "--s-bad-line": "#fff4f2",
	"--s-live": "#f7b04f", "--s-live-line": "#fffdf8", "--ink": "#e9eeea", "--face": "#161d1c",
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
