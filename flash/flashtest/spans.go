package flashtest

import (
	"encoding/hex"
	"fmt"
	"strings"

	"unbrick/flash"
)

// Spans lists what of a sector is not erased, 32 bytes a line: the sector's number, the offset in hexadecimal, the bytes.
func Spans(sector int, p []byte, erased byte) string {
	var b strings.Builder
	for at := 0; at < len(p); at += 32 {
		if line := p[at:min(at+32, len(p))]; !flash.Erased(line, erased) {
			fmt.Fprintf(&b, "%d %04x %s\n", sector, at, hex.EncodeToString(line))
		}
	}
	return b.String()
}
