package smp

import (
	"unbrick/internal/cbor"
	"unbrick/limits"
)

// MaxEcho is how many bytes of text an echo carries here.
const MaxEcho = limits.Echo

// EchoRequest asks for its text back (group 0, ID 0).
type EchoRequest struct{ Text []byte }

// Head implements Request.
func (*EchoRequest) Head() Header { return Header{Op: Write, Version: 1, Group: GroupOS, ID: OSEcho} }

func (m *EchoRequest) write(w *cbor.Writer) {
	w.Map(1)
	w.Text("d")
	w.TextBytes(m.Text)
}

// DecodeBody implements Body. A text longer than MaxEcho is refused.
func (m *EchoRequest) DecodeBody(b []byte) error {
	*m = EchoRequest{}
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		if is(r.TextBytes(), "d") {
			m.Text = text(r, MaxEcho)
			continue
		}
		r.Skip()
	}
	return closing(r, 0, 0)
}

// EchoResponse gives the text back.
type EchoResponse struct{ Text []byte }

func (m *EchoResponse) write(w *cbor.Writer) {
	w.Map(1)
	w.Text("r")
	w.TextBytes(m.Text)
}

// DecodeBody implements Body.
func (m *EchoResponse) DecodeBody(b []byte) error {
	*m = EchoResponse{}
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		if is(r.TextBytes(), "r") {
			m.Text = text(r, MaxEcho)
			continue
		}
		r.Skip()
	}
	return closing(r, 0, 0)
}

func text(r *cbor.Reader, max int) []byte {
	p := r.TextBytes()
	if len(p) > max {
		r.Fail(ErrLimit)
		return nil
	}
	return p
}

// ResetRequest restarts the device (group 0, ID 5). The answer comes before the reset.
type ResetRequest struct{ Empty }

// Head implements Request.
func (*ResetRequest) Head() Header {
	return Header{Op: Write, Version: 1, Group: GroupOS, ID: OSReset}
}

// ParametersRequest asks for the sizes of buffers (group 0, ID 6).
type ParametersRequest struct{ Empty }

// Head implements Request.
func (*ParametersRequest) Head() Header {
	return Header{Op: Read, Version: 1, Group: GroupOS, ID: OSParameters}
}

// Parameters is the answer.
type Parameters struct {
	BufSize  uint32 // longest packet the device takes
	BufCount uint32 // how many it buffers
}

func (m *Parameters) write(w *cbor.Writer) {
	w.Map(2)
	w.Text("buf_size")
	w.Uint(uint64(m.BufSize))
	w.Text("buf_count")
	w.Uint(uint64(m.BufCount))
}

// DecodeBody implements Body. Sizes are refused outside MinBufSize to MaxBufSize.
func (m *Parameters) DecodeBody(b []byte) error {
	*m = Parameters{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "buf_size"):
			m.BufSize, seen = r.Uint32(), seen|1
		case is(k, "buf_count"):
			m.BufCount, seen = r.Uint32(), seen|2
		default:
			r.Skip()
		}
	}
	if seen == 3 && (m.BufSize < MinBufSize || m.BufSize > MaxBufSize || m.BufCount == 0) {
		r.Fail(ErrLimit)
	}
	return closing(r, seen, 3)
}

// BootloaderName is what a terminal of ours answers a BootloaderRequest with: the standard question that tells
// it from any other server.
const BootloaderName = "Unbrick"

// maxBootloader is how many bytes of a name are taken.
const maxBootloader = 64

// BootloaderRequest asks for the name of the boot loader (group 0, ID 8). Query, which a server may know, asks
// for something else instead.
type BootloaderRequest struct{ Query []byte }

// Head implements Request.
func (*BootloaderRequest) Head() Header {
	return Header{Op: Read, Version: 1, Group: GroupOS, ID: OSBootloader}
}

func (m *BootloaderRequest) write(w *cbor.Writer) {
	if m.Query == nil {
		w.Map(0)
		return
	}
	w.Map(1)
	w.Text("query")
	w.TextBytes(m.Query)
}

// DecodeBody implements Body.
func (m *BootloaderRequest) DecodeBody(b []byte) error {
	*m = BootloaderRequest{}
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		if is(r.TextBytes(), "query") {
			m.Query = text(r, maxBootloader)
			continue
		}
		r.Skip()
	}
	return closing(r, 0, 0)
}

// Bootloader is the answer without a query.
type Bootloader struct{ Name []byte }

func (m *Bootloader) write(w *cbor.Writer) {
	w.Map(1)
	w.Text("bootloader")
	w.TextBytes(m.Name)
}

// DecodeBody implements Body.
func (m *Bootloader) DecodeBody(b []byte) error {
	*m = Bootloader{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		if is(r.TextBytes(), "bootloader") {
			m.Name, seen = text(r, maxBootloader), 1
			continue
		}
		r.Skip()
	}
	return closing(r, seen, 1)
}
