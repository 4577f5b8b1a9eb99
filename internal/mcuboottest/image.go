package mcuboottest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
)

// Spec is an image to be made.
type Spec struct {
	Major, Minor byte
	Revision     uint16
	Build        uint32
	Flags        uint32
	Header       int    // bytes; 0: 32
	Counter      uint32 // security counter; 0: none, and no protected area
	Payload      []byte
	Slot         int // bytes of a slot to be filled up to its trailer; 0: none
}

// Sign makes an image as imgtool does with an Ed25519 key.
func Sign(key ed25519.PrivateKey, s *Spec) []byte {
	header := s.Header
	if header == 0 {
		header = 32
	}
	b := make([]byte, header)
	put16 := func(v uint16) { b = binary.LittleEndian.AppendUint16(b, v) }
	tlv := func(kind uint16, value []byte) { put16(kind); put16(uint16(len(value))); b = append(b, value...) }
	binary.LittleEndian.PutUint32(b, 0x96f3b83d)
	binary.LittleEndian.PutUint16(b[8:], uint16(header))
	binary.LittleEndian.PutUint32(b[12:], uint32(len(s.Payload)))
	binary.LittleEndian.PutUint32(b[16:], s.Flags)
	b[20], b[21] = s.Major, s.Minor
	binary.LittleEndian.PutUint16(b[22:], s.Revision)
	binary.LittleEndian.PutUint32(b[24:], s.Build)
	if s.Counter != 0 {
		binary.LittleEndian.PutUint16(b[10:], 12)
	}
	b = append(b, s.Payload...)
	if s.Counter != 0 {
		put16(0x6908)
		put16(12)
		tlv(0x50, binary.LittleEndian.AppendUint32(nil, s.Counter))
	}
	hash := sha256.Sum256(b)
	public := sha256.Sum256(key.Public().(ed25519.PublicKey))
	put16(0x6907)
	put16(4 + 3*4 + 32 + 32 + 64)
	tlv(0x10, hash[:])
	tlv(0x01, public[:])
	tlv(0x24, ed25519.Sign(key, hash[:]))
	if s.Slot > len(b)+16 {
		for len(b) < s.Slot-16 {
			b = append(b, 0xff)
		}
		b = append(b, 0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80)
	}
	return b
}

// read finds hash and version of an image that lies at the beginning of a slot and that a key has signed.
func read(slot []byte, key ed25519.PublicKey) (version string, hash []byte, ok bool) {
	if len(slot) < 32 || binary.LittleEndian.Uint32(slot) != 0x96f3b83d {
		return "", nil, false
	}
	end := int(binary.LittleEndian.Uint16(slot[8:])) + int(binary.LittleEndian.Uint32(slot[12:]))
	end += int(binary.LittleEndian.Uint16(slot[10:]))
	if end < 32 || end+4 > len(slot) || binary.LittleEndian.Uint16(slot[end:]) != 0x6907 {
		return "", nil, false
	}
	tlvs := slot[end+4:]
	if n := int(binary.LittleEndian.Uint16(slot[end+2:])); n < 4 || n-4 > len(tlvs) {
		return "", nil, false
	} else {
		tlvs = tlvs[:n-4]
	}
	sum := sha256.Sum256(slot[:end])
	var signature []byte
	for len(tlvs) >= 4 {
		n := int(binary.LittleEndian.Uint16(tlvs[2:]))
		if n > len(tlvs)-4 {
			return "", nil, false
		}
		switch binary.LittleEndian.Uint16(tlvs) {
		case 0x10:
			hash = tlvs[4 : 4+n]
		case 0x24:
			signature = tlvs[4 : 4+n]
		}
		tlvs = tlvs[4+n:]
	}
	if string(hash) != string(sum[:]) || !ed25519.Verify(key, sum[:], signature) {
		return "", nil, false
	}
	return listed(slot), hash, true
}

// listed is a version as boot_serial writes it.
func listed(slot []byte) string {
	number := func(v uint32) string {
		digits := []byte{byte('0' + v%10)}
		for v /= 10; v > 0; v /= 10 {
			digits = append([]byte{byte('0' + v%10)}, digits...)
		}
		return string(digits)
	}
	s := number(uint32(slot[20])) + "." + number(uint32(slot[21])) + "." + number(uint32(binary.LittleEndian.Uint16(slot[22:])))
	if build := binary.LittleEndian.Uint32(slot[24:]); build != 0 {
		s += "." + number(build)
	}
	return s
}
