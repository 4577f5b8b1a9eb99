package smp

// FramesVersion is the version of the fast framing, said in identify: package frame.
const FramesVersion = 1

// FramesRequest asks for the fast framing (or for another speed within it). The device answers in the
// present framing and at the present speed, and changes both after the last stop bit of its answer.
type FramesRequest struct {
	Speed uint32 // wanted, in bits a second; 0: the base speed
}

// Head implements Request.
func (*FramesRequest) Head() Header { return user(Write, UserFrames) }

func (m *FramesRequest) fields(f *fields) {
	f.exactly("v", FramesVersion)
	number(f, "speed", usual, &m.Speed)
}

// DecodeBody implements Body.
func (m *FramesRequest) DecodeBody(b []byte) error {
	*m = FramesRequest{}
	return read(m, b)
}

// Frames is the answer: what the device takes.
type Frames struct {
	Speed uint32 // from now on, in bits a second; 0: the base speed
	Block uint32 // largest block of a file
	Ahead uint32 // most bytes of blocks on their way
}

func (m *Frames) fields(f *fields) {
	number(f, "ahead", needed, &m.Ahead)
	number(f, "block", needed, &m.Block)
	number(f, "speed", needed, &m.Speed)
}

// DecodeBody implements Body.
func (m *Frames) DecodeBody(b []byte) error {
	*m = Frames{}
	return read(m, b)
}
