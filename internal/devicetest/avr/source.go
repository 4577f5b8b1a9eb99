package avr

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// source is where the board's program lies.
func source() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "testdata", "board.c")
}

// load lays the boot loader into a flash. Its file is Intel HEX; a sum that is wrong, or a type that is not known, is an error.
func (m Model) load(flash []byte) error {
	text, err := os.ReadFile(m.Hex)
	if err != nil {
		return err
	}
	base := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		p, err := hex.DecodeString(strings.TrimPrefix(line, ":"))
		if err != nil || len(p) < 5 || len(p) != 5+int(p[0]) {
			return fmt.Errorf("%s: %q is no record", m.Hex, line)
		}
		sum := byte(0)
		for _, b := range p {
			sum += b
		}
		if sum != 0 {
			return fmt.Errorf("%s: the sum of %q is wrong", m.Hex, line)
		}
		data := p[4 : len(p)-1]
		at := base + int(p[1])<<8 + int(p[2])
		switch p[3] {
		case 0:
			if at < len(flash) { // Debian's Optiboot 4.4 has a leftover of its linker behind the flash
				copy(flash[at:], data)
			}
		case 1, 3, 5: // the end, and where it starts
		case 2:
			base = (int(data[0])<<8 + int(data[1])) << 4
		case 4:
			base = (int(data[0])<<8 + int(data[1])) << 16
		default:
			return fmt.Errorf("%s: %q is of no known type", m.Hex, line)
		}
	}
	return nil
}
