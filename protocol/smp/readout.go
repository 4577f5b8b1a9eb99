package smp

import "unbrick/internal/cbor"

// ReadoutRequest asks for bytes of the software area as the flash holds them: for a backup before it is
// written. With Count 0 it asks only whether that is allowed.
type ReadoutRequest struct {
	Offset uint32 // from the beginning of the software area
	Count  uint32 // at most MaxPart; fewer are answered at the area's end
}

// Head implements Request.
func (*ReadoutRequest) Head() Header { return user(Read, UserReadout) }

func (m *ReadoutRequest) write(w *cbor.Writer) {
	w.Map(2)
	w.Text("n")
	w.Uint(uint64(m.Count))
	w.Text("off")
	w.Uint(uint64(m.Offset))
}

// DecodeBody implements Body.
func (m *ReadoutRequest) DecodeBody(b []byte) error {
	*m = ReadoutRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "n"):
			m.Count, seen = uint32(r.UintMax(MaxPart)), seen|1
		case is(k, "off"):
			m.Offset, seen = r.Uint32(), seen|2
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 3)
}

// Readout is the answer.
type Readout struct {
	Offset uint32
	Data   []byte
}

func (m *Readout) write(w *cbor.Writer) {
	w.Map(2)
	w.Text("off")
	w.Uint(uint64(m.Offset))
	w.Text("data")
	w.Bytes(m.Data)
}

// DecodeBody implements Body.
func (m *Readout) DecodeBody(b []byte) error {
	*m = Readout{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "off"):
			m.Offset, seen = r.Uint32(), seen|1
		case is(k, "data"):
			m.Data, seen = r.BytesMax(MaxPart), seen|2
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 3)
}
