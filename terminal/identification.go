package terminal

import (
	"encoding/binary"
	"hash/crc32"

	"unbrick/release"
)

// identification is an identification as it lies in the boot area. A running terminal reads it in place: strings and lists are
// made where they are needed. The methods but valid are for one that is.
type identification [IdentitySize]byte

// valid reports whether b is exactly what AppendIdentity writes for some Identity. It allocates nothing.
func (b *identification) valid() bool {
	le := binary.LittleEndian
	if [8]byte(b[:8]) != identityMagic || le.Uint32(b[identityCRC:]) != crc32.ChecksumIEEE(b[:identityCRC]) {
		return false
	}
	return idField(b[identityModel:identitySerial]) && idField(b[identitySerial:identityKeys]) && b.validKeys() &&
		b.reads()&^readsAll == 0 && b[identityCompletes] <= 1 && b.stages()&^stagesAll == 0 && b.floor().Counter <= release.MaxNumber &&
		b[identityFlags]&^flagReadout == 0 && blank(b[identityFlags+1:identityLeast], 0) && blank(b[identityResident+4:identityCRC], 0)
}

// idField reports whether f is a length, an identifier of that length, and zeros behind it.
func idField(f []byte) bool {
	n := int(f[0])
	return n < len(f) && release.IsID(f[1:1+n]) && blank(f[1+n:], 0)
}

func (b *identification) validKeys() bool {
	n := b.keys()
	if n == 0 || n > KeySlots || b.threshold() == 0 || int(b.threshold()) > n {
		return false
	}
	for i := range n {
		for k := range i {
			if [32]byte(b.key(i)) == [32]byte(b.key(k)) {
				return false
			}
		}
	}
	return blank(b[identityKeys+1+32*n:identityThreshold], 0)
}

// Model and serial, as long as b is there.
func (b *identification) model() []byte  { return b[identityModel+1:][:b[identityModel]] }
func (b *identification) serial() []byte { return b[identitySerial+1:][:b[identitySerial]] }

// keys returns how many keys there are, key one of them, as long as b is there.
func (b *identification) keys() int        { return int(b[identityKeys]) }
func (b *identification) key(i int) []byte { return b[identityKeys+1+32*i:][:32:32] }

// appendKeys appends the keys to dst.
func (b *identification) appendKeys(dst [][32]byte) [][32]byte {
	for i := range b.keys() {
		dst = append(dst, [32]byte(b.key(i)))
	}
	return dst
}

func (b *identification) threshold() uint8 { return b[identityThreshold] }
func (b *identification) reads() Reads     { return Reads(binary.LittleEndian.Uint16(b[identityReads:])) }
func (b *identification) completes() bool  { return b[identityCompletes] == 1 }
func (b *identification) stages() Stages   { return Stages(b[identityStages]) }
func (b *identification) readout() bool    { return b[identityFlags] == flagReadout }
func (b *identification) least() uint32    { return binary.LittleEndian.Uint32(b[identityLeast:]) }
func (b *identification) resident() uint32 { return binary.LittleEndian.Uint32(b[identityResident:]) }

func (b *identification) floor() release.Floor {
	le := binary.LittleEndian
	return release.Floor{Era: le.Uint16(b[identityEra:]), Counter: le.Uint64(b[identityFloor:])}
}

// identity returns what b says. It allocates.
func (b *identification) identity() Identity {
	return Identity{
		Model: string(b.model()), Serial: string(b.serial()), Keys: b.appendKeys(nil), Threshold: b.threshold(),
		Reads: b.reads(), Completes: b.completes(), Stages: b.stages(),
		Floor: b.floor(), Readout: b.readout(), Least: b.least(), Resident: b.resident(),
	}
}
