package smp

import "math"

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

func (m *State) fields(f *fields) {
	f.images("images", &m.Images)
	f.zero("splitStatus")
}

func (m *Image) fields(f *fields) {
	f.bytes("hash", usual, &m.Hash, MaxHash)
	number(f, "slot", usual, &m.Slot)
	number(f, "image", usual, &m.Number)
	f.bool("active", usual, &m.Active)
	f.bool("pending", usual, &m.Pending)
	f.text("version", usual, &m.Version, MaxVersion)
	f.bool("bootable", usual, &m.Bootable)
	f.bool("confirmed", usual, &m.Confirmed)
	f.bool("permanent", usual, &m.Permanent)
}

// DecodeBody implements Body. It allocates Images.
func (m *State) DecodeBody(b []byte) error {
	*m = State{}
	return read(m, b)
}

func (f *fields) images(key string, v *[]Image) {
	if !f.on(key, needed, false) {
		return
	}
	if f.r == nil {
		f.w.Array(len(*v))
		for i := range *v {
			one := fields{}
			(*v)[i].fields(&one)
			f.w.Map(one.pairs)
			one.w = f.w
			(*v)[i].fields(&one)
		}
		return
	}
	*v = nil
	for n := f.r.Array(); f.r.Next(&n); {
		if len(*v) == MaxImages {
			f.r.Fail(ErrLimit)
			return
		}
		var m Image
		one := fields{r: f.r}
		for n := f.r.Map(); one.next(&n); one.end() {
			m.fields(&one)
		}
		*v = append(*v, m)
	}
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

func (m *UploadRequest) fields(f *fields) {
	f.maybe("len", &m.Length, &m.HasLength)
	number(f, "off", needed, &m.Offset)
	f.bytes("sha", rare, &m.SHA, MaxHash)
	f.bytes("data", needed, &m.Data, math.MaxUint16)
	number(f, "image", rare, &m.Image)
}

// DecodeBody implements Body.
func (m *UploadRequest) DecodeBody(b []byte) error {
	*m = UploadRequest{}
	return read(m, b)
}

// Offset is the answer to pieces of a file, in group 1 and our own group: the offset that the device wants
// next. After a lost or repeated packet it is not the end of what was sent; the host goes on there.
type Offset struct{ Offset uint32 }

func (m *Offset) fields(f *fields) {
	f.zero("rc")
	number(f, "off", needed, &m.Offset)
}

// DecodeBody implements Body.
func (m *Offset) DecodeBody(b []byte) error {
	*m = Offset{}
	return read(m, b)
}
