package smp

import (
	"unbrick/limits"
)

// MaxEcho is how many bytes of text an echo carries here.
const MaxEcho = limits.Echo

// EchoRequest asks for its text back (group 0, ID 0).
type EchoRequest struct{ Text []byte }

// Head implements Request.
func (*EchoRequest) Head() Header { return Header{Op: Write, Version: 1, Group: GroupOS, ID: OSEcho} }

func (m *EchoRequest) fields(f *fields) {
	f.text("d", usual, &m.Text, MaxEcho)
}

// DecodeBody implements Body. A text longer than MaxEcho is refused.
func (m *EchoRequest) DecodeBody(b []byte) error {
	*m = EchoRequest{}
	return read(m, b)
}

// EchoResponse gives the text back.
type EchoResponse struct{ Text []byte }

func (m *EchoResponse) fields(f *fields) {
	f.text("r", usual, &m.Text, MaxEcho)
}

// DecodeBody implements Body.
func (m *EchoResponse) DecodeBody(b []byte) error {
	*m = EchoResponse{}
	return read(m, b)
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

func (m *Parameters) fields(f *fields) {
	number(f, "buf_size", needed, &m.BufSize)
	number(f, "buf_count", needed, &m.BufCount)
	f.check(m.BufSize >= MinBufSize && m.BufSize <= MaxBufSize && m.BufCount > 0)
}

// DecodeBody implements Body. Sizes are refused outside MinBufSize to MaxBufSize.
func (m *Parameters) DecodeBody(b []byte) error {
	*m = Parameters{}
	return read(m, b)
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

func (m *BootloaderRequest) fields(f *fields) {
	f.text("query", rare, &m.Query, maxBootloader)
}

// DecodeBody implements Body.
func (m *BootloaderRequest) DecodeBody(b []byte) error {
	*m = BootloaderRequest{}
	return read(m, b)
}

// Bootloader is the answer without a query.
type Bootloader struct{ Name []byte }

func (m *Bootloader) fields(f *fields) {
	f.text("bootloader", needed, &m.Name, maxBootloader)
}

// DecodeBody implements Body.
func (m *Bootloader) DecodeBody(b []byte) error {
	*m = Bootloader{}
	return read(m, b)
}
