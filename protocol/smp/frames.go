package smp

import "unbrick/internal/cbor"

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
