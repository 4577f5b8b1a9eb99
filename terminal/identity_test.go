package terminal

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"strings"
	"testing"

	"unbrick/flash"
	"unbrick/flash/flashtest"
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

// written reports whether b is what AppendIdentity writes for what b seems to say.
func written(b []byte) bool {
	if len(b) != IdentitySize || b[identityModel] > release.MaxText || b[identitySerial] > release.MaxText || b[identityKeys] > KeySlots {
		return false
	}
	view := identification(b)
	id := view.identity()
	again, err := AppendIdentity(nil, &id)
	return err == nil && bytes.Equal(again, b)
}

// oneChanged calls f for copies of b that differ in one byte before the CRC, with a CRC that is right.
func oneChanged(b []byte, f func(b []byte, at int)) {
	for at := range b[:len(b)-4] {
		for _, c := range []byte{b[at], b[at] ^ 1, b[at] ^ 0x80, 0, 1, 2, 3, 4, 5, 32, 33, 'z', 0xFF} {
			changed := bytes.Clone(b)
			changed[at] = c
			f(sealed(changed), at)
		}
	}
}

// TestInPlace: what is looked at in place is refused exactly when it is not what the encoder writes.
func TestInPlace(t *testing.T) {
	taken, refused := 0, 0
	check := func(name string, at int, err error, want bool) {
		if (err == nil) != want {
			t.Errorf("%s, byte %d changed: %v, the encoder writes it: %v", name, at, err, want)
		}
		if want {
			taken++
		} else {
			refused++
		}
	}
	for _, v := range identityVectors() {
		oneChanged(v.Payload, func(b []byte, at int) {
			_, err := ParseIdentity(b)
			check(v.Name, at, err, written(b))
		})
	}
	for _, k := range []DeviceKey{soundDeviceKey(), {Public: [32]byte{9}, Hardware: true}} {
		oneChanged(mustBytes(AppendKeyBlock(nil, &k)), func(b []byte, at int) {
			_, _, err := ParseKeyBlock(b, 0xFF)
			said := DeviceKey{Public: [32]byte(b[keyBlockPublic:]), Seed: [32]byte(b[keyBlockSeed:]), Hardware: b[keyBlockKind] == kindHardware}
			again, bad := AppendKeyBlock(nil, &said)
			check("key block", at, err, bad == nil && bytes.Equal(again, b))
		})
	}
	if taken == 0 || refused == 0 {
		t.Errorf("%d taken, %d refused", taken, refused)
	}
}

// TestNewAllocates: New takes no memory but what Hash takes, for a part with erase blocks and settings areas too, and with a device key.
// Boot takes some, which is only told: the versions in the manifests are strings.
func TestNewAllocates(t *testing.T) {
	plain := newBench(t, 8, 0xFF, 9)
	rich := flash.Layout{
		Geometry: flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 64}}, ProgramUnit: 32, Page: 256, Erased: 0xFF, Blocks: []uint32{32 << 10, 64 << 10}},
		Boot:     4096, Settings: []flash.Area{{Name: "one", Addr: 192 << 10, Size: 4096}, {Name: "two", Addr: 200 << 10, Size: 8192}},
	}
	keys := map[string]*DeviceKey{"no key": nil, "key in hardware": {Public: [32]byte{9}, Hardware: true}}
	seed := soundDeviceKey()
	keys["key in flash"] = &seed
	for name, key := range keys {
		for _, l := range []*flash.Layout{&plain.layout, &rich} {
			id := plain.Identity()
			raw, err := Factory(l, &id, key, plain.signed, plain.image)
			if err != nil {
				t.Fatal(err)
			}
			ready := [2]hash.Hash{sha256.New(), sha256.New()}
			given := 0
			hw := plain.parts
			hw.Flash, hw.Layout = flashtest.NewArray(&l.Geometry, raw, 2), l
			hw.Sign = func([]byte, *[64]byte) error { return nil }
			hw.Hash = func() hash.Hash { given++; return ready[given%2] }
			term := new(Terminal)
			allocates := func(f func()) float64 { return testing.AllocsPerRun(20, f) }
			if n := allocates(func() {
				if err := New(term, &hw); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s, %v: New allocates %v times", name, l, n)
			}
			t.Logf("%s: Boot allocates %v times", name, allocates(func() {
				if term.Boot() != Running {
					t.Fatal("does not run")
				}
			}))
		}
	}
}
