package smp

import (
	"unbrick/internal/cbor"
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

func (m *RecordRequest) write(w *cbor.Writer) {
	w.Map(2)
	w.Text("off")
	w.Uint(uint64(m.Offset))
	w.Text("part")
	w.Uint(uint64(m.Part))
}

// DecodeBody implements Body.
func (m *RecordRequest) DecodeBody(b []byte) error {
	*m = RecordRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "part"):
			m.Part, seen = Part(r.UintMax(uint64(PartStatement))), seen|1
		case is(k, "off"):
			m.Offset = r.Uint32()
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 1)
}

// maxSigned is the longest of them.
const maxSigned = max(limits.Manifest, limits.Statement)

// Record is the answer: the bytes from the offset on, as many as fit; none at the end.
type Record struct {
	Length uint32 // of the whole statement, 0: there is none
	Offset uint32
	Data   []byte
}

func (m *Record) write(w *cbor.Writer) {
	w.Map(3)
	w.Text("len")
	w.Uint(uint64(m.Length))
	w.Text("off")
	w.Uint(uint64(m.Offset))
	w.Text("data")
	w.Bytes(m.Data)
}

// DecodeBody implements Body.
func (m *Record) DecodeBody(b []byte) error {
	*m = Record{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "len"):
			m.Length, seen = uint32(r.UintMax(maxSigned)), seen|1
		case is(k, "off"):
			m.Offset, seen = uint32(r.UintMax(maxSigned)), seen|2
		case is(k, "data"):
			m.Data, seen = r.BytesMax(maxSigned), seen|4
		default:
			r.Skip()
		}
	}
	if uint64(m.Offset)+uint64(len(m.Data)) > uint64(m.Length) {
		r.Fail(ErrLimit)
	}
	return closing(r, seen, 7)
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

func (m *DigestsRequest) write(w *cbor.Writer) {
	w.Map(4)
	w.Text("n")
	w.Uint(uint64(m.Count))
	w.Text("at")
	w.Uint(uint64(m.First))
	w.Text("of")
	w.Uint(uint64(m.Of))
	w.Text("lvl")
	w.Uint(uint64(m.Level))
}

// DecodeBody implements Body.
func (m *DigestsRequest) DecodeBody(b []byte) error {
	*m = DigestsRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "n"):
			m.Count, seen = uint32(r.UintMax(MaxDigests)), seen|1
		case is(k, "at"):
			m.First, seen = r.Uint32(), seen|2
		case is(k, "of"):
			m.Of = r.Uint32()
		case is(k, "lvl"):
			m.Level, seen = uint32(r.UintMax(MaxLevel)), seen|4
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 7)
}

// Digests is the answer.
type Digests struct {
	First    uint32
	Digests  []byte // DigestSize bytes each
	Doubtful []byte // level 0: a bit for each digest, lowest first; 1: the sector must not be believed
}

func (m *Digests) write(w *cbor.Writer) {
	w.Map(3)
	w.Text("at")
	w.Uint(uint64(m.First))
	w.Text("bad")
	w.Bytes(m.Doubtful)
	w.Text("data")
	w.Bytes(m.Digests)
}

// DecodeBody implements Body. The bitmap is as long as the digests need, or empty.
func (m *Digests) DecodeBody(b []byte) error {
	*m = Digests{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "at"):
			m.First, seen = r.Uint32(), seen|1
		case is(k, "bad"):
			m.Doubtful = r.BytesMax((MaxDigests + 7) / 8)
		case is(k, "data"):
			m.Digests, seen = r.BytesMax(MaxDigests*DigestSize), seen|2
		default:
			r.Skip()
		}
	}
	n := len(m.Digests) / DigestSize
	if len(m.Digests)%DigestSize != 0 || len(m.Doubtful) != 0 && len(m.Doubtful) != (n+7)/8 {
		r.Fail(ErrLimit)
	}
	return closing(r, seen, 3)
}
