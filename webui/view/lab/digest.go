package lab

import "encoding/hex"

// digestText and digestOf carry a digest through a form.
func digestText(d [32]byte) string { return hex.EncodeToString(d[:]) }

func digestOf(s string) (d [32]byte) {
	if b, err := hex.DecodeString(s); err == nil && len(b) == len(d) {
		d = [32]byte(b)
	}
	return d
}
