package smp

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

func (m *StateSetRequest) fields(f *fields) {
	f.bytes("hash", rare, &m.Hash, MaxHash)
	f.bool("confirm", usual, &m.Confirm)
}

// DecodeBody implements Body.
func (m *StateSetRequest) DecodeBody(b []byte) error {
	*m = StateSetRequest{}
	return read(m, b)
}
