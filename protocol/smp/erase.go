package smp

// EraseRequest asks for one settings area to be erased, named by exactly the address and size that the
// identification gives it. The device takes it only while its software is verified and recorded, answers at
// once and works afterwards. Asked again it says how far it is; an area that is erased stays as it is.
type EraseRequest struct {
	Addr uint32 // in the flash
	Size uint32 // bytes
}

// Head implements Request.
func (*EraseRequest) Head() Header { return user(Write, UserErase) }

func (m *EraseRequest) fields(f *fields) {
	number(f, "n", needed, &m.Size)
	number(f, "at", needed, &m.Addr)
}

// DecodeBody implements Body.
func (m *EraseRequest) DecodeBody(b []byte) error {
	*m = EraseRequest{}
	return read(m, b)
}

// Erased is the answer: how much of the area is erased and was read back since the device started.
type Erased struct {
	Addr uint32 // of the area
	Size uint32
	Done uint32 // bytes from Addr on; Size: all of it
}

func (m *Erased) fields(f *fields) {
	number(f, "n", needed, &m.Size)
	number(f, "at", needed, &m.Addr)
	number(f, "done", needed, &m.Done)
	f.check(m.Done <= m.Size)
}

// DecodeBody implements Body.
func (m *Erased) DecodeBody(b []byte) error {
	*m = Erased{}
	return read(m, b)
}
