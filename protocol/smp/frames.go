package smp

import (
	"crypto/sha256"

	"unbrick/internal/cbor"
)

// FramesVersion is the version of the fast framing, said in identify: package frame.
const FramesVersion = 1

// FramesRequest asks for the fast framing (or for another speed within it). The device answers in the
// present framing and at the present speed, and changes both after the last stop bit of its answer.
type FramesRequest struct {
	Speed uint32 // wanted, in bits a second; 0: the base speed
}

// Head implements Request.
func (*FramesRequest) Head() Header { return user(Write, UserFrames) }

func (m *FramesRequest) write(w *cbor.Writer) {
	w.Map(2)
	w.Text("v")
	w.Uint(FramesVersion)
	w.Text("speed")
	w.Uint(uint64(m.Speed))
}

// DecodeBody implements Body.
func (m *FramesRequest) DecodeBody(b []byte) error {
	*m = FramesRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "v"):
			if r.Uint32() != FramesVersion {
				r.Fail(ErrLimit)
			}
			seen |= 1
		case is(k, "speed"):
			m.Speed = r.Uint32()
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 1)
}

// Frames is the answer: what the device takes.
type Frames struct {
	Speed uint32 // from now on, in bits a second; 0: the base speed
	Block uint32 // largest block of a file
	Ahead uint32 // most bytes of blocks on their way
}

func (m *Frames) write(w *cbor.Writer) {
	w.Map(3)
	w.Text("ahead")
	w.Uint(uint64(m.Ahead))
	w.Text("block")
	w.Uint(uint64(m.Block))
	w.Text("speed")
	w.Uint(uint64(m.Speed))
}

// DecodeBody implements Body.
func (m *Frames) DecodeBody(b []byte) error {
	*m = Frames{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "ahead"):
			m.Ahead, seen = r.Uint32(), seen|1
		case is(k, "block"):
			m.Block, seen = r.Uint32(), seen|2
		case is(k, "speed"):
			m.Speed, seen = r.Uint32(), seen|4
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 7)
}

// NextRequest announces an update file that comes in blocks, in frames, and is applied by itself when it
// is whole and the file before it was applied. It may come while that one is. Answered by Offset: how many
// bytes from the start are there, all of them if it was applied already. With Last the device goes on to the
// verdict by itself when the file was applied, as if Finish had been asked for.
type NextRequest struct {
	Number    uint32 // of files since begin, from 1
	Size      uint32
	SHA       [sha256.Size]byte
	Workspace uint32 // bytes of workspace that the file needs, all included
	Block     uint32 // bytes, a power of two
	Last      bool
}

// Head implements Request.
func (*NextRequest) Head() Header { return user(Write, UserNext) }

func (m *NextRequest) write(w *cbor.Writer) {
	pairs := 5
	if m.Last {
		pairs++
	}
	w.Map(pairs)
	w.Text("n")
	w.Uint(uint64(m.Number))
	w.Text("sha")
	w.Bytes(m.SHA[:])
	if m.Last {
		w.Text("last")
		w.Bool(true)
	}
	w.Text("size")
	w.Uint(uint64(m.Size))
	w.Text("work")
	w.Uint(uint64(m.Workspace))
	w.Text("block")
	w.Uint(uint64(m.Block))
}

// DecodeBody implements Body.
func (m *NextRequest) DecodeBody(b []byte) error {
	*m = NextRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "n"):
			m.Number, seen = r.Uint32(), seen|1
		case is(k, "sha"):
			r.Fill(m.SHA[:])
			seen |= 2
		case is(k, "size"):
			m.Size, seen = r.Uint32(), seen|4
		case is(k, "work"):
			m.Workspace, seen = r.Uint32(), seen|8
		case is(k, "block"):
			m.Block, seen = r.Uint32(), seen|16
		case is(k, "last"):
			m.Last = r.Bool()
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 31)
}
