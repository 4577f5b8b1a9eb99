package smp

import (
	"unbrick/limits"
)

// Part is one of the signed statements that a record holds.
type Part uint8

// The parts.
const (
	PartFrom      Part = 0 // manifest of the release before, if the record has it
	PartTo        Part = 1 // manifest of the release that is installed, or is being written
	PartStatement Part = 2 // the trust statement
)

// RecordRequest asks for bytes of a signed statement in the record.
type RecordRequest struct {
	Part   Part
	Offset uint32 // from this byte on
}

// Head implements Request.
func (*RecordRequest) Head() Header { return user(Read, UserRecord) }

func (m *RecordRequest) fields(f *fields) {
	number(f, "off", usual, &m.Offset)
	atMost(f, "part", needed, &m.Part, PartStatement)
}

// DecodeBody implements Body.
func (m *RecordRequest) DecodeBody(b []byte) error {
	*m = RecordRequest{}
	return read(m, b)
}

// maxSigned is the longest of them.
const maxSigned = max(limits.Manifest, limits.Statement)

// Record is the answer: the bytes from the offset on, as many as fit; none at the end.
type Record struct {
	Length uint32 // of the whole statement, 0: there is none
	Offset uint32
	Data   []byte
}

func (m *Record) fields(f *fields) {
	atMost(f, "len", needed, &m.Length, maxSigned)
	atMost(f, "off", needed, &m.Offset, maxSigned)
	f.bytes("data", needed, &m.Data, maxSigned)
	f.check(uint64(m.Offset)+uint64(len(m.Data)) <= uint64(m.Length))
}

// DecodeBody implements Body.
func (m *Record) DecodeBody(b []byte) error {
	*m = Record{}
	return read(m, b)
}

// DigestsRequest asks for digests of the software area, of the tree over its first Of sectors. Level 0
// is a digest for each sector: the first 8 bytes of the SHA-256 of its bytes. A digest of level k is
// that of the concatenated digests of level k-1, Fanout of them, the last group as many as there are.
type DigestsRequest struct {
	Level uint32
	First uint32 // index in the level
	Count uint32 // at most MaxDigests; 0 at level 0: of all sectors that the releases of the record lie in
	Of    uint32 // sectors that the tree is over; 0: all of the software area
}

// Head implements Request.
func (*DigestsRequest) Head() Header { return user(Read, UserDigests) }

func (m *DigestsRequest) fields(f *fields) {
	atMost(f, "n", needed, &m.Count, MaxDigests)
	number(f, "at", needed, &m.First)
	number(f, "of", usual, &m.Of)
	atMost(f, "lvl", needed, &m.Level, MaxLevel)
}

// DecodeBody implements Body.
func (m *DigestsRequest) DecodeBody(b []byte) error {
	*m = DigestsRequest{}
	return read(m, b)
}

// Digests is the answer.
type Digests struct {
	First    uint32
	Digests  []byte // DigestSize bytes each
	Doubtful []byte // level 0: a bit for each digest, lowest first; 1: the sector must not be believed
}

func (m *Digests) fields(f *fields) {
	number(f, "at", needed, &m.First)
	f.bytes("bad", usual, &m.Doubtful, (MaxDigests+7)/8)
	f.bytes("data", needed, &m.Digests, MaxDigests*DigestSize)
	n := len(m.Digests) / DigestSize
	f.check(len(m.Digests)%DigestSize == 0 && (len(m.Doubtful) == 0 || len(m.Doubtful) == (n+7)/8))
}

// DecodeBody implements Body. The bitmap is as long as the digests need, or empty.
func (m *Digests) DecodeBody(b []byte) error {
	*m = Digests{}
	return read(m, b)
}
