package smp

import "unbrick/internal/cbor"

// EraseRequest asks for one settings area to be erased, named by exactly the address and size that the
// identification gives it. The device takes it only while its software is verified and recorded, answers at
// once and works afterwards. Asked again it says how far it is; an area that is erased stays as it is.
type EraseRequest struct {
	Addr uint32 // in the flash
	Size uint32 // bytes
}

// Head implements Request.
func (*EraseRequest) Head() Header { return user(Write, UserErase) }

func (m *EraseRequest) write(w *cbor.Writer) {
	w.Map(2)
	w.Text("n")
	w.Uint(uint64(m.Size))
	w.Text("at")
	w.Uint(uint64(m.Addr))
}

// DecodeBody implements Body.
func (m *EraseRequest) DecodeBody(b []byte) error {
	*m = EraseRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "n"):
			m.Size, seen = r.Uint32(), seen|1
		case is(k, "at"):
			m.Addr, seen = r.Uint32(), seen|2
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 3)
}

// Erased is the answer: how much of the area is erased and was read back since the device started.
type Erased struct {
	Addr uint32 // of the area
	Size uint32
	Done uint32 // bytes from Addr on; Size: all of it
}

func (m *Erased) write(w *cbor.Writer) {
	w.Map(3)
	w.Text("n")
	w.Uint(uint64(m.Size))
	w.Text("at")
	w.Uint(uint64(m.Addr))
	w.Text("done")
	w.Uint(uint64(m.Done))
}

// DecodeBody implements Body.
func (m *Erased) DecodeBody(b []byte) error {
	*m = Erased{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "n"):
			m.Size, seen = r.Uint32(), seen|1
		case is(k, "at"):
			m.Addr, seen = r.Uint32(), seen|2
		case is(k, "done"):
			m.Done, seen = r.Uint32(), seen|4
		default:
			r.Skip()
		}
	}
	if m.Done > m.Size {
		r.Fail(ErrLimit)
	}
	return closing(r, seen, 7)
}
