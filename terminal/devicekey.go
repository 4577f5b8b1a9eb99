package terminal

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"unbrick/flash"
	"unbrick/limits"
)

// KeyBlockSize is how many bytes the key block takes, directly below the identification.
const KeyBlockSize = limits.KeyBlock

// DeviceKey is the Ed25519 key by which a device shows that it is itself: the content of the key block.
type DeviceKey struct {
	Public [32]byte
	// Seed is the private key (RFC 8032), a secret. It is not there if the key lies in hardware: then Hardware.Sign signs with it.
	Seed     [32]byte
	Hardware bool
}

// NewDeviceKey returns the device key with this seed.
func NewDeviceKey(seed *[32]byte) DeviceKey {
	return DeviceKey{Public: [32]byte(ed25519.NewKeyFromSeed(seed[:])[32:]), Seed: *seed}
}

// ErrKeyBlock tells that what lies below the identification is no key block, and not erased.
var ErrKeyBlock = errors.New("damaged key block")

var keyBlockMagic = [8]byte{'U', 'N', 'B', 'R', 'K', 'K', 'E', 'Y'}

// Layout of the key block (docs/boot-area.md); the CRC-32 (IEEE) is over everything before it.
const (
	keyBlockKind   = 8
	keyBlockPublic = 16
	keyBlockSeed   = 48
	keyBlockCRC    = KeyBlockSize - 4

	kindSeed     = 1
	kindHardware = 2
)

// keyBlockAddr returns where the key block lies.
func keyBlockAddr(l *flash.Layout) uint32 { return identityAddr(l) - KeyBlockSize }

// AppendKeyBlock appends the KeyBlockSize bytes of k to dst. It fails with ErrKeyBlock if there is a Seed beside a key in hardware.
// That Public is the key that Seed makes is its maker's care (NewDeviceKey): neither this nor a boot takes the time to find out.
func AppendKeyBlock(dst []byte, k *DeviceKey) ([]byte, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	var b [KeyBlockSize]byte
	copy(b[:], keyBlockMagic[:])
	b[keyBlockKind] = kindSeed
	if k.Hardware {
		b[keyBlockKind] = kindHardware
	}
	copy(b[keyBlockPublic:], k.Public[:])
	copy(b[keyBlockSeed:], k.Seed[:])
	binary.LittleEndian.PutUint32(b[keyBlockCRC:], crc32.ChecksumIEEE(b[:keyBlockCRC]))
	return append(dst, b[:]...), nil
}

// check reports what makes k no key.
func (k *DeviceKey) check() error {
	if k.Hardware && k.Seed != [32]byte{} {
		return fmt.Errorf("%w: a seed beside a key in hardware", ErrKeyBlock)
	}
	return nil
}

// ParseKeyBlock is the inverse of AppendKeyBlock. KeyBlockSize erased bytes are no key: there is none, and no error. It fails with
// ErrKeyBlock on anything else.
func ParseKeyBlock(b []byte, erased byte) (k DeviceKey, there bool, err error) {
	if len(b) != KeyBlockSize {
		return DeviceKey{}, false, ErrKeyBlock
	}
	if blank(b, erased) {
		return DeviceKey{}, false, nil
	}
	if [8]byte(b[:8]) != keyBlockMagic || binary.LittleEndian.Uint32(b[keyBlockCRC:]) != crc32.ChecksumIEEE(b[:keyBlockCRC]) {
		return DeviceKey{}, false, ErrKeyBlock
	}
	kind := b[keyBlockKind]
	if kind != kindSeed && kind != kindHardware || !blank(b[keyBlockKind+1:keyBlockPublic], 0) || !blank(b[keyBlockSeed+32:keyBlockCRC], 0) {
		return DeviceKey{}, false, ErrKeyBlock
	}
	k = DeviceKey{Public: [32]byte(b[keyBlockPublic:]), Seed: [32]byte(b[keyBlockSeed:]), Hardware: kind == kindHardware}
	if err := k.check(); err != nil {
		return DeviceKey{}, false, err
	}
	return k, true, nil
}

func blank(b []byte, erased byte) bool {
	for _, c := range b {
		if c != erased {
			return false
		}
	}
	return true
}

var errNoSign = errors.New("terminal: the device key lies in hardware, and the hardware does not sign")

// readBootArea reads element 111, which never changes. A few tries, since nothing works without it.
func (d *device) readBootArea() error {
	var err error
	for range 3 {
		if err = d.hw.Flash.Read(identityAddr(d.hw.Layout), d.identity[:]); err != nil {
			continue
		}
		if d.identity.valid() {
			return d.readDeviceKey()
		}
		err = ErrIdentity
	}
	return err
}

// readDeviceKey reads the key block. A damaged one is as none: a device that cannot show who it is still runs and can be restored.
func (d *device) readDeviceKey() error {
	b := d.chunk[:KeyBlockSize]
	for range 3 {
		if err := d.hw.Flash.Read(keyBlockAddr(d.hw.Layout), b); err != nil {
			continue
		}
		k, there, err := ParseKeyBlock(b, d.hw.Layout.Geometry.Erased)
		if err != nil {
			continue
		}
		if there && k.Hardware && d.hw.Sign == nil {
			return errNoSign
		}
		d.key, d.hasKey = k, there
		return nil
	}
	return nil
}

// deviceKey returns the public key that the device signs with; false if it has none.
func (d *device) deviceKey() ([32]byte, bool) { return d.key.Public, d.hasKey }

// sign writes the device key's signature of msg to sig. It is for devices that have one.
func (d *device) sign(msg []byte, sig *[ed25519.SignatureSize]byte) error {
	switch {
	case !d.hasKey:
		return ErrKeyBlock
	case d.key.Hardware:
		if err := d.hw.Sign(msg, sig); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
		return nil
	}
	if d.hw.SignSeed == nil {
		return errNoSign
	}
	return d.hw.SignSeed(&d.key, msg, sig)
}

// SignSeed is Hardware.SignSeed in software. It fails with ErrKeyBlock if the public key is not the seed's: a signature with such a
// pair would give the seed away.
func SignSeed(key *DeviceKey, msg []byte, sig *[ed25519.SignatureSize]byte) error {
	secret := ed25519.NewKeyFromSeed(key.Seed[:])
	if [32]byte(secret[32:]) != key.Public {
		return fmt.Errorf("%w: the public key is not the seed's", ErrKeyBlock)
	}
	copy(sig[:], ed25519.Sign(secret, msg))
	return nil
}
