package smp

import "unbrick/internal/cbor"

// StateSetRequest marks an image (group 1, ID 0, write): to be tried at the next start, or, confirmed, to
// stay. A terminal of ours has one image and does not know this; servers beside MCUboot do. The answer is
// a State.
type StateSetRequest struct {
	Hash    []byte // of the image; nil with Confirm: the one that runs
	Confirm bool
}

// Head implements Request.
func (*StateSetRequest) Head() Header {
	return Header{Op: Write, Version: 1, Group: GroupImage, ID: ImageState}
}

func (m *StateSetRequest) write(w *cbor.Writer) {
	n := 1
	if m.Hash != nil {
		n++
	}
	w.Map(n)
	if m.Hash != nil {
		w.Text("hash")
		w.Bytes(m.Hash)
	}
	w.Text("confirm")
	w.Bool(m.Confirm)
}

// DecodeBody implements Body.
func (m *StateSetRequest) DecodeBody(b []byte) error {
	*m = StateSetRequest{}
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "hash"):
			m.Hash = r.BytesMax(MaxHash)
		case is(k, "confirm"):
			m.Confirm = r.Bool()
		default:
			r.Skip()
		}
	}
	return closing(r, 0, 0)
}
