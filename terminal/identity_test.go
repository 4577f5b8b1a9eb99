package terminal

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"unbrick/release"
)

// TestNoIdentity makes no device, and starts none, under a name that nobody can address.
func TestNoIdentity(t *testing.T) {
	sound, err := AppendIdentity(nil, &Identity{Model: "MODEL", Serial: "SERIAL", Keys: make([][32]byte, 1), Threshold: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", ".", "..", "A1 ", " A1", "a/b", "A\n1", "\u00e4", "-1", strings.Repeat("a", 33)} {
		for _, id := range []Identity{{Model: bad, Serial: "S", Keys: make([][32]byte, 1), Threshold: 1}, {Model: "0001", Serial: bad, Keys: make([][32]byte, 1), Threshold: 1}} {
			if _, err := AppendIdentity(nil, &id); !errors.Is(err, release.ErrID) {
				t.Errorf("model %q, serial %q: got %v", id.Model, id.Serial, err)
			}
		}
		if len(bad) > 6 {
			continue
		}
		b := bytes.Clone(sound) // as a factory of another make would write it
		field := b[identitySerial : identitySerial+7]
		clear(field)
		field[0] = byte(copy(field[1:], bad))
		crc := crcFor(b)
		copy(b[len(b)-4:], crc[:])
		if _, err := ParseIdentity(b); !errors.Is(err, ErrIdentity) {
			t.Errorf("serial %q in the boot area: got %v", bad, err)
		}
	}
}
