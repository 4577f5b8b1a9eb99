package smp

// ReadoutRequest asks for bytes of the software area as the flash holds them: for a backup before it is
// written. With Count 0 it asks only whether that is allowed.
type ReadoutRequest struct {
	Offset uint32 // from the beginning of the software area
	Count  uint32 // at most MaxPart; fewer are answered at the area's end
}

// Head implements Request.
func (*ReadoutRequest) Head() Header { return user(Read, UserReadout) }

func (m *ReadoutRequest) fields(f *fields) {
	atMost(f, "n", needed, &m.Count, MaxPart)
	number(f, "off", needed, &m.Offset)
}

// DecodeBody implements Body.
func (m *ReadoutRequest) DecodeBody(b []byte) error {
	*m = ReadoutRequest{}
	return read(m, b)
}

// Readout is the answer.
type Readout struct {
	Offset uint32
	Data   []byte
}

func (m *Readout) fields(f *fields) {
	number(f, "off", needed, &m.Offset)
	f.bytes("data", needed, &m.Data, MaxPart)
}

// DecodeBody implements Body.
func (m *Readout) DecodeBody(b []byte) error {
	*m = Readout{}
	return read(m, b)
}
