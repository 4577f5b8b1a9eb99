package smp

import "unbrick/internal/cbor"

// Limits of the image group.
const (
	MaxVersion = 48 // bytes of a version text
	MaxHash    = 64 // bytes of an image's hash
	MaxImages  = 8  // images in a state
)

// StateRequest asks which images there are (group 1, ID 0).
type StateRequest struct{ Empty }

// Head implements Request.
func (*StateRequest) Head() Header {
	return Header{Op: Read, Version: 1, Group: GroupImage, ID: ImageState}
}

// Image is one entry of a state.
type Image struct {
	Number, Slot uint32
	Version      []byte // text
	Hash         []byte // of the image, may be absent
	Bootable     bool
	Pending      bool
	Confirmed    bool
	Active       bool
	Permanent    bool
}

// State is the answer. A terminal has one image in one slot; Images may be memory of the caller's.
type State struct{ Images []Image }

func (m *State) write(w *cbor.Writer) {
	w.Map(2)
	w.Text("images")
	w.Array(len(m.Images))
	for i := range m.Images {
		m.Images[i].write(w)
	}
	w.Text("splitStatus")
	w.Uint(0)
}

func (m *Image) write(w *cbor.Writer) {
	w.Map(9)
	w.Text("hash")
	w.Bytes(m.Hash)
	w.Text("slot")
	w.Uint(uint64(m.Slot))
	w.Text("image")
	w.Uint(uint64(m.Number))
	w.Text("active")
	w.Bool(m.Active)
	w.Text("pending")
	w.Bool(m.Pending)
	w.Text("version")
	w.TextBytes(m.Version)
	w.Text("bootable")
	w.Bool(m.Bootable)
	w.Text("confirmed")
	w.Bool(m.Confirmed)
	w.Text("permanent")
	w.Bool(m.Permanent)
}

// DecodeBody implements Body. It allocates Images.
func (m *State) DecodeBody(b []byte) error {
	*m = State{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		if !is(r.TextBytes(), "images") {
			r.Skip()
			continue
		}
		seen |= 1
		for n := r.Array(); r.Next(&n); {
			if len(m.Images) == MaxImages {
				r.Fail(ErrLimit)
				break
			}
			m.Images = append(m.Images, readImage(r))
		}
	}
	return closing(r, seen, 1)
}

func readImage(r *cbor.Reader) Image {
	var m Image
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "image"):
			m.Number = r.Uint32()
		case is(k, "slot"):
			m.Slot = r.Uint32()
		case is(k, "version"):
			m.Version = text(r, MaxVersion)
		case is(k, "hash"):
			m.Hash = r.BytesMax(MaxHash)
		case is(k, "bootable"):
			m.Bootable = r.Bool()
		case is(k, "pending"):
			m.Pending = r.Bool()
		case is(k, "confirmed"):
			m.Confirmed = r.Bool()
		case is(k, "active"):
			m.Active = r.Bool()
		case is(k, "permanent"):
			m.Permanent = r.Bool()
		default:
			r.Skip()
		}
	}
	return m
}

// UploadRequest brings one piece of a file (group 1, ID 1). With offset 0 it begins anew and Length
// says how long the whole is; HasLength tells whether the key was there.
type UploadRequest struct {
	Image     uint32
	Length    uint32
	HasLength bool
	Offset    uint32
	SHA       []byte // of the whole file, 32 bytes, or nil; with offset 0 only
	Data      []byte
}

// Head implements Request.
func (*UploadRequest) Head() Header {
	return Header{Op: Write, Version: 1, Group: GroupImage, ID: ImageUpload}
}

func (m *UploadRequest) write(w *cbor.Writer) {
	n := 2
	if m.HasLength {
		n++
	}
	if m.SHA != nil {
		n++
	}
	if m.Image != 0 {
		n++
	}
	w.Map(n)
	if m.HasLength {
		w.Text("len")
		w.Uint(uint64(m.Length))
	}
	w.Text("off")
	w.Uint(uint64(m.Offset))
	if m.SHA != nil {
		w.Text("sha")
		w.Bytes(m.SHA)
	}
	w.Text("data")
	w.Bytes(m.Data)
	if m.Image != 0 {
		w.Text("image")
		w.Uint(uint64(m.Image))
	}
}

// DecodeBody implements Body.
func (m *UploadRequest) DecodeBody(b []byte) error {
	*m = UploadRequest{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		switch k := r.TextBytes(); {
		case is(k, "image"):
			m.Image = r.Uint32()
		case is(k, "len"):
			m.Length, m.HasLength = r.Uint32(), true
		case is(k, "off"):
			m.Offset, seen = r.Uint32(), seen|1
		case is(k, "sha"):
			m.SHA = r.BytesMax(MaxHash)
		case is(k, "data"):
			m.Data, seen = r.Bytes(), seen|2
		default:
			r.Skip()
		}
	}
	return closing(r, seen, 3)
}

// Offset is the answer to pieces of a file, in group 1 and our own group: the offset that the device wants
// next. After a lost or repeated packet it is not the end of what was sent; the host goes on there.
type Offset struct{ Offset uint32 }

func (m *Offset) write(w *cbor.Writer) {
	w.Map(2)
	w.Text("rc")
	w.Uint(0)
	w.Text("off")
	w.Uint(uint64(m.Offset))
}

// DecodeBody implements Body.
func (m *Offset) DecodeBody(b []byte) error {
	*m = Offset{}
	var seen uint32
	r := cbor.NewLenientReader(b)
	for n := r.Map(); r.Next(&n); {
		if is(r.TextBytes(), "off") {
			m.Offset, seen = r.Uint32(), 1
			continue
		}
		r.Skip()
	}
	return closing(r, seen, 1)
}
