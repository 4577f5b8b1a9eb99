package terminal

import (
	"encoding/binary"
	"hash/crc32"

	"unbrick/release"
)

// survivor is what RAM keeps over a reset and loses with power: hints only, nothing that safety depends
// on. Layout: magic u32, CRC-32 of the rest u32, faults in a row u8, flags u8, two zeros, address of
// a dead sector u32, digest of an update file that failed its proof. Boot code and running software share it: docs/boot-area.md.
type survivor struct{ b []byte }

const (
	survivorMagic   = 0x5655424E
	survivorDead    = 1 << 0
	survivorRefused = 1 << 1
)

func (s *survivor) begin(b []byte) {
	s.b = b[:SurvivorSize]
	le := binary.LittleEndian
	if le.Uint32(s.b) != survivorMagic || le.Uint32(s.b[4:]) != crc32.ChecksumIEEE(s.b[8:]) {
		clear(s.b)
		s.seal()
	}
}

func (s *survivor) seal() {
	le := binary.LittleEndian
	le.PutUint32(s.b, survivorMagic)
	le.PutUint32(s.b[4:], crc32.ChecksumIEEE(s.b[8:]))
}

func (s *survivor) faults() uint8 { return s.b[8] }

func (s *survivor) setFaults(n uint8) {
	s.b[8] = n
	s.seal()
}

// dead returns the address of a sector that did not take its data before the reset.
func (s *survivor) dead() (addr uint32, ok bool) {
	return binary.LittleEndian.Uint32(s.b[12:]), s.b[9]&survivorDead != 0
}

func (s *survivor) setDead(addr uint32) {
	binary.LittleEndian.PutUint32(s.b[12:], addr)
	s.b[9] |= survivorDead
	s.seal()
}

func (s *survivor) clearDead() {
	s.b[9] &^= survivorDead
	s.seal()
}

// refused returns the digest of an update file that failed its proof.
func (s *survivor) refused() (release.Digest, bool) {
	return release.Digest(s.b[16:48]), s.b[9]&survivorRefused != 0
}

func (s *survivor) setRefused(d release.Digest) {
	copy(s.b[16:48], d[:])
	s.b[9] |= survivorRefused
	s.seal()
}
