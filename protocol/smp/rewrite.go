package smp

import (
	"crypto/sha256"

	"unbrick/internal/cbor"
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

func (m *BeginRequest) write(w *cbor.Writer) {
	if m.AsIs {
		w.Map(3)
		w.Text("asis")
		w.Bool(true)
	} else {
		w.Map(2)
	}
	w.Text("parts")
	w.Bool(m.Parts)
	w.Text("manifest")
	w.Bytes(m.Manifest)
}

// DecodeBody implements Body.
func (m *BeginRequest) DecodeBody(b []byte) error {
	*m = BeginRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "parts"):
			m.Parts = r.Bool()
		case is(k, "asis"):
			m.AsIs = r.Bool()
		case is(k, "manifest"):
			m.Manifest, seen = r.BytesMax(release.MaxManifest), seen|1
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 1)
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

func (m *LeavesRequest) write(w *cbor.Writer) {
	w.Map(2)
	w.Text("at")
	w.Uint(uint64(m.First))
	w.Text("data")
	w.Bytes(m.Data)
}

// DecodeBody implements Body.
func (m *LeavesRequest) DecodeBody(b []byte) error {
	*m = LeavesRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "at"):
			m.First, seen = r.Uint32(), seen|1
		case is(k, "data"):
			m.Data, seen = r.BytesMax(MaxLeafData), seen|2
		default:
			r.Skip()
		}
	}
	if len(m.Data)%LeafDigest != 0 {
		r.Fail(ErrLimit)
	}
	return closing(r, seen, 3)
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

func (m *FileRequest) write(w *cbor.Writer) {
	pairs := 5
	if m.Last {
		pairs++
	}
	w.Map(pairs)
	w.Text("n")
	w.Uint(uint64(m.Number))
	w.Text("sha")
	w.Bytes(m.SHA[:])
	if m.Last {
		w.Text("last")
		w.Bool(true)
	}
	w.Text("size")
	w.Uint(uint64(m.Size))
	w.Text("work")
	w.Uint(uint64(m.Workspace))
	w.Text("block")
	w.Uint(uint64(m.Block))
}

// DecodeBody implements Body.
func (m *FileRequest) DecodeBody(b []byte) error {
	*m = FileRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "n"):
			m.Number, seen = r.Uint32(), seen|1
		case is(k, "sha"):
			r.Fill(m.SHA[:])
			seen |= 2
		case is(k, "size"):
			m.Size, seen = r.Uint32(), seen|4
		case is(k, "work"):
			m.Workspace, seen = r.Uint32(), seen|8
		case is(k, "block"):
			m.Block, seen = r.Uint32(), seen|16
		case is(k, "last"):
			m.Last = r.Bool()
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 31)
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

func (m *DataRequest) write(w *cbor.Writer) {
	w.Map(3)
	w.Text("n")
	w.Uint(uint64(m.Number))
	w.Text("off")
	w.Uint(uint64(m.Offset))
	w.Text("data")
	w.Bytes(m.Data)
}

// DecodeBody implements Body.
func (m *DataRequest) DecodeBody(b []byte) error {
	*m = DataRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "n"):
			m.Number, seen = r.Uint32(), seen|1
		case is(k, "off"):
			m.Offset, seen = r.Uint32(), seen|2
		case is(k, "data"):
			m.Data, seen = r.BytesMax(MaxPart), seen|4
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 7)
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

func (m *Status) write(w *cbor.Writer) {
	number := func(key string, v uint64) { w.Text(key); w.Uint(v) }
	w.Map(13)
	number("ms", uint64(m.Millis))
	number("era", uint64(m.Floor.Era))
	number("ops", uint64(m.Operations))
	number("addr", uint64(m.Addr))
	number("code", uint64(m.Fault))
	number("done", uint64(m.Done))
	number("fail", uint64(m.Failures))
	number("doubt", uint64(m.Doubtful))
	number("files", uint64(m.Applied))
	number("floor", m.Floor.Counter)
	number("fresh", uint64(m.Refreshed))
	number("phase", uint64(m.Phase))
	number("total", uint64(m.Total))
}

// DecodeBody implements Body.
func (m *Status) DecodeBody(b []byte) error {
	*m = Status{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "phase"):
			m.Phase, seen = Phase(r.UintMax(0xff)), seen|1
		case is(k, "code"):
			m.Fault, seen = Fault(r.UintMax(0xffff)), seen|2
		case is(k, "addr"):
			m.Addr = r.Uint32()
		case is(k, "done"):
			m.Done = r.Uint32()
		case is(k, "total"):
			m.Total = r.Uint32()
		case is(k, "files"):
			m.Applied = r.Uint32()
		case is(k, "ops"):
			m.Operations = r.Uint32()
		case is(k, "fail"):
			m.Failures = r.Uint32()
		case is(k, "fresh"):
			m.Refreshed = r.Uint32()
		case is(k, "doubt"):
			m.Doubtful = r.Uint32()
		case is(k, "ms"):
			m.Millis = r.Uint32()
		case is(k, "era"):
			m.Floor.Era = uint16(r.UintMax(0xffff))
		case is(k, "floor"):
			m.Floor.Counter = r.UintMax(release.MaxNumber)
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 3)
}
