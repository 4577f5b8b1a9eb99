package smp

import (
	"crypto/sha256"

	"unbrick/release"
)

// BeginRequest begins a restoration to the release of a signed manifest. The device checks signature,
// model, floor and size, and answers with a fault or with Status; then it refreshes doubtful sectors by
// itself. Asked again with the same manifest it answers Status and changes nothing.
type BeginRequest struct {
	Manifest []byte
	Parts    bool // leaf digests come first, then a series of partial update files
	AsIs     bool // no sector is refreshed: every doubtful one of the image will be written
}

// Head implements Request.
func (*BeginRequest) Head() Header { return user(Write, UserBegin) }

func (m *BeginRequest) fields(f *fields) {
	f.bool("asis", rare, &m.AsIs)
	f.bool("parts", usual, &m.Parts)
	f.bytes("manifest", needed, &m.Manifest, release.MaxManifest)
}

// DecodeBody implements Body.
func (m *BeginRequest) DecodeBody(b []byte) error {
	*m = BeginRequest{}
	return read(m, b)
}

// LeavesRequest brings, in parts mode and before the first file, digests of the leaves of sectors
// that will be written. All other leaves the device computes from its flash; the root of all must be
// that of the manifest before the first erase. Bringing a leaf again is no error. Answered by Empty.
type LeavesRequest struct {
	First uint32 // index of the first leaf
	Data  []byte // LeafDigest bytes each, at most MaxLeafData
}

// Head implements Request.
func (*LeavesRequest) Head() Header { return user(Write, UserLeaves) }

func (m *LeavesRequest) fields(f *fields) {
	number(f, "at", needed, &m.First)
	f.bytes("data", needed, &m.Data, MaxLeafData)
	f.check(len(m.Data)%LeafDigest == 0)
}

// DecodeBody implements Body.
func (m *LeavesRequest) DecodeBody(b []byte) error {
	*m = LeavesRequest{}
	return read(m, b)
}

// FileRequest announces an update file that comes in blocks and is applied by itself when it is whole and the file before it
// was applied. It may come while that one is. Answered by Offset: how many bytes from the start are there, all of them if
// it was applied already. With Last the device goes on to the verdict by itself when the file was applied, as if Finish had
// been asked for.
type FileRequest struct {
	Number    uint32 // of files since begin, from 1
	Size      uint32
	SHA       [sha256.Size]byte
	Workspace uint32 // bytes of workspace that the file needs, all included
	Block     uint32 // bytes, a power of two
	Last      bool
}

// Head implements Request.
func (*FileRequest) Head() Header { return user(Write, UserFile) }

func (m *FileRequest) fields(f *fields) {
	number(f, "n", needed, &m.Number)
	f.fill("sha", needed, m.SHA[:])
	f.bool("last", rare, &m.Last)
	number(f, "size", needed, &m.Size)
	number(f, "work", needed, &m.Workspace)
	number(f, "block", needed, &m.Block)
}

// DecodeBody implements Body.
func (m *FileRequest) DecodeBody(b []byte) error {
	*m = FileRequest{}
	return read(m, b)
}

// DataRequest brings whole blocks of a file in the console framing: one or more that follow each other, the last of a file
// as long as it is. Answered by Offset, of the byte that is wanted next.
type DataRequest struct {
	Number uint32 // of the file
	Offset uint32 // in it, a multiple of its block
	Data   []byte
}

// Head implements Request.
func (*DataRequest) Head() Header { return user(Write, UserData) }

func (m *DataRequest) fields(f *fields) {
	number(f, "n", needed, &m.Number)
	number(f, "off", needed, &m.Offset)
	f.bytes("data", needed, &m.Data, MaxPart)
}

// DecodeBody implements Body.
func (m *DataRequest) DecodeBody(b []byte) error {
	*m = DataRequest{}
	return read(m, b)
}

// StatusRequest asks where things stand.
type StatusRequest struct{ Empty }

// Head implements Request.
func (*StatusRequest) Head() Header { return user(Read, UserStatus) }

// FinishRequest asks for the verdict: the whole image is read, and recorded if it is the signed one.
// Answered by Status. Asked again it changes nothing.
type FinishRequest struct{ Empty }

// Head implements Request.
func (*FinishRequest) Head() Header { return user(Write, UserFinish) }

// AbortRequest forgets the restoration in RAM; what the flash holds stays. Answered by Empty.
type AbortRequest struct{ Empty }

// Head implements Request.
func (*AbortRequest) Head() Header { return user(Write, UserAbort) }

// Status says where a restoration stands.
type Status struct {
	Phase      Phase
	Fault      Fault         // how the last work ended; FaultNone: well, or not yet
	Addr       uint32        // address that the fault is about, else 0
	Done       uint32        // sectors of the present work that are done
	Total      uint32        // sectors of the present work
	Applied    uint32        // update files applied since begin
	Operations uint32        // flash operations since begin
	Failures   uint32        // erases and programs that had to be repeated since begin
	Refreshed  uint32        // doubtful sectors that are good again
	Doubtful   uint32        // doubtful sectors left
	Millis     uint32        // milliseconds that the device worked by itself since begin
	Floor      release.Floor // security floor
}

func (m *Status) fields(f *fields) {
	number(f, "ms", usual, &m.Millis)
	number(f, "era", usual, &m.Floor.Era)
	number(f, "ops", usual, &m.Operations)
	number(f, "addr", usual, &m.Addr)
	number(f, "code", needed, &m.Fault)
	number(f, "done", usual, &m.Done)
	number(f, "fail", usual, &m.Failures)
	number(f, "doubt", usual, &m.Doubtful)
	number(f, "files", usual, &m.Applied)
	atMost(f, "floor", usual, &m.Floor.Counter, release.MaxNumber)
	number(f, "fresh", usual, &m.Refreshed)
	number(f, "phase", needed, &m.Phase)
	number(f, "total", usual, &m.Total)
}

// DecodeBody implements Body.
func (m *Status) DecodeBody(b []byte) error {
	*m = Status{}
	return read(m, b)
}
