package terminal

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"
)

// IdentitySize is how many bytes the identification takes: the last ones of the boot area.
const IdentitySize = limits.Identity

// KeySlots is how many keys the boot area can hold.
const KeySlots = limits.KeySlots

// Identity is element 111 as it is made in the factory: who the device is and whom it trusts. It
// never changes.
type Identity struct {
	Model    string // an identifier, see release.CheckID
	Serial   string // an identifier
	Keys     [][32]byte
	Floor    uint64 // the security floor before any release confirmed itself
	Resident uint32 // bytes of code and drivers that must be in RAM while the flash is busy
	Readout  bool   // its software may be read out over the cable, in restoration mode
}

// ErrIdentity tells that the boot area holds no identification. Such a device was never made.
var ErrIdentity = errors.New("no identification in the boot area")

var identityMagic = [8]byte{'U', 'N', 'B', 'R', 'K', 'I', 'D', '1'}

// Layout of the identification: magic 8, model 1+32, serial 1+32, number of keys 1, keys 4*32,
// floor 8, resident 4, read-out 1; zeros; CRC-32 (IEEE) of everything before it in the last four bytes.
const (
	identityModel    = 8
	identitySerial   = identityModel + 1 + release.MaxText
	identityKeys     = identitySerial + 1 + release.MaxText
	identityFloor    = identityKeys + 1 + KeySlots*32
	identityResident = identityFloor + 8
	identityReadout  = identityResident + 4
	identityCRC      = IdentitySize - 4
)

// identityAddr returns where the identification lies.
func identityAddr(l *flash.Layout) uint32 { return l.Boot - IdentitySize }

// AppendIdentity appends the IdentitySize bytes of id to dst.
func AppendIdentity(dst []byte, id *Identity) ([]byte, error) {
	if err := release.CheckID(id.Model); err != nil {
		return nil, fmt.Errorf("identity: model: %w", err)
	}
	if err := release.CheckID(id.Serial); err != nil {
		return nil, fmt.Errorf("identity: serial: %w", err)
	}
	if n := len(id.Keys); n == 0 || n > KeySlots {
		return nil, fmt.Errorf("identity: %d keys, 1 to %d", n, KeySlots)
	}
	var b [IdentitySize]byte
	copy(b[:], identityMagic[:])
	b[identityModel] = byte(len(id.Model))
	copy(b[identityModel+1:], id.Model)
	b[identitySerial] = byte(len(id.Serial))
	copy(b[identitySerial+1:], id.Serial)
	b[identityKeys] = byte(len(id.Keys))
	for i := range id.Keys {
		copy(b[identityKeys+1+32*i:], id.Keys[i][:])
	}
	binary.LittleEndian.PutUint64(b[identityFloor:], id.Floor)
	binary.LittleEndian.PutUint32(b[identityResident:], id.Resident)
	if id.Readout {
		b[identityReadout] = 1
	}
	binary.LittleEndian.PutUint32(b[identityCRC:], crc32.ChecksumIEEE(b[:identityCRC]))
	return append(dst, b[:]...), nil
}

// ParseIdentity is the inverse of AppendIdentity and fails with ErrIdentity on anything else.
func ParseIdentity(b []byte) (Identity, error) {
	if len(b) != IdentitySize || [8]byte(b[:8]) != identityMagic ||
		binary.LittleEndian.Uint32(b[identityCRC:]) != crc32.ChecksumIEEE(b[:identityCRC]) {
		return Identity{}, ErrIdentity
	}
	model, serial, keys := int(b[identityModel]), int(b[identitySerial]), int(b[identityKeys])
	if model > release.MaxText || serial > release.MaxText || keys > KeySlots {
		return Identity{}, ErrIdentity
	}
	id := Identity{
		Model:    string(b[identityModel+1:][:model]),
		Serial:   string(b[identitySerial+1:][:serial]),
		Floor:    binary.LittleEndian.Uint64(b[identityFloor:]),
		Resident: binary.LittleEndian.Uint32(b[identityResident:]),
		Readout:  b[identityReadout] == 1,
	}
	for i := range keys {
		id.Keys = append(id.Keys, [32]byte(b[identityKeys+1+32*i:][:32]))
	}
	again, err := AppendIdentity(nil, &id)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	if !slices.Equal(again, b) {
		return Identity{}, ErrIdentity
	}
	return id, nil
}

// trusted fills dst with the keys of id that retired (one bit a key slot) does not name.
func (id *Identity) trusted(dst []ed25519.PublicKey, retired uint8) []ed25519.PublicKey {
	dst = dst[:0]
	for i := range id.Keys {
		if retired>>i&1 == 0 {
			dst = append(dst, id.Keys[i][:])
		}
	}
	return dst
}
