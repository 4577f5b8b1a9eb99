package terminal

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
)

// TestTheDeviceKeySigns: a device signs with the key of its key block, with the hardware's if it says so, and not at all without one.
func TestTheDeviceKeySigns(t *testing.T) {
	seed, hard := soundDeviceKey(), DeviceKey{Public: soundDeviceKey().Public, Hardware: true}
	secret := ed25519.NewKeyFromSeed(seed.Seed[:])
	inHardware := func(msg []byte, sig *[64]byte) error { copy(sig[:], ed25519.Sign(secret, msg)); return nil }
	broken := errors.New("broken")
	wrong := seed
	wrong.Public[0] ^= 1
	for _, c := range []struct {
		name string
		key  *DeviceKey
		unit func([]byte, *[64]byte) error
		news error // of New
		want error // of sign
	}{
		{"a seed", &seed, nil, nil, nil},
		{"a seed, and hardware that is not asked", &seed, func([]byte, *[64]byte) error { t.Error("asked"); return nil }, nil, nil},
		{"in hardware", &hard, inHardware, nil, nil},
		{"in hardware that fails", &hard, func([]byte, *[64]byte) error { return broken }, nil, broken},
		{"in hardware that cannot sign", &hard, nil, errNoSign, nil},
		{"none", nil, nil, nil, ErrKeyBlock},
		{"a seed of another public key", &wrong, nil, nil, ErrKeyBlock},
	} {
		t.Run(c.name, func(t *testing.T) {
			term, err := startWithKey(t, keyBlockOf(t, c.key), c.unit)
			if !errors.Is(err, c.news) || c.news == nil && err != nil {
				t.Fatalf("got %v, want %v", err, c.news)
			}
			if err != nil {
				return
			}
			var sig [64]byte
			if err := term.sign([]byte("words"), &sig); !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			public, there := term.deviceKey()
			if there != (c.key != nil) || there && public != c.key.Public {
				t.Errorf("public key %x, %v", public, there)
			}
			if c.want == nil && !ed25519.Verify(public[:], []byte("words"), sig[:]) {
				t.Error("the signature is not the key's")
			}
		})
	}
}

// keyBlockOf returns the key block of k, erased bytes for none.
func keyBlockOf(t *testing.T, k *DeviceKey) []byte {
	t.Helper()
	if k == nil {
		return bytes.Repeat([]byte{0xff}, KeyBlockSize)
	}
	b, err := AppendKeyBlock(nil, k)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// startWithKey starts a device that has these bytes below its identification, and this hardware to sign with.
func startWithKey(t *testing.T, block []byte, unit func([]byte, *[64]byte) error) (*Terminal, error) {
	t.Helper()
	b := newBench(t, 8, 0xff, 2)
	copy(b.part.Cells[keyBlockAddr(&b.layout):], block)
	hw := b.parts
	hw.Sign, hw.SignSeed = unit, SignSeed
	term := new(Terminal)
	return term, New(term, &hw)
}

// TestDamagedKeyBlock: the device works, and has no key.
func TestDamagedKeyBlock(t *testing.T) {
	key := soundDeviceKey()
	block := keyBlockOf(t, &key)
	block[keyBlockSeed] ^= 1
	term, err := startWithKey(t, block, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, there := term.deviceKey(); there {
		t.Error("a damaged key block has a key")
	}
}
