package smp

import (
	"fmt"

	"unbrick/internal/cbor"
)

// fields goes over the pairs of a body's map. A body names each of them once, in its method fields, in the
// order of the encoding: shorter keys first, keys of one length in the order of their bytes (RFC 8949, section
// 4.2.1). The method is gone through several times: written are first the number of pairs and then the pairs;
// read is one pair at each turn, whichever comes, and after the last one what the body says of itself is checked.
//
// A body's methods are called by visit and not through an interface, so that nothing here needs the heap.
type fields struct {
	w *cbor.Writer // of the pairs; nil: they are counted, or read
	r *cbor.Reader // nil: they are counted, or written

	pairs int    // counted
	key   []byte // whose value is to be read; nil: all were
	taken bool   // it was one of the body's

	bit        uint64 // of the pair that is named next
	seen, need uint64 // pairs that were read, and that must be
}

// presence says when a pair is there.
type presence uint8

const (
	needed presence = iota // always
	usual                  // always written; read, it may be missing
	rare                   // written only if it is not empty
)

// on reports whether the value that follows is to be written or read now.
func (f *fields) on(key string, p presence, empty bool) bool {
	bit := f.bit
	f.bit <<= 1
	if f.r != nil {
		if p == needed {
			f.need |= bit
		}
		if f.key == nil || string(f.key) != key {
			return false
		}
		f.taken, f.seen = true, f.seen|bit
		return true
	}
	if p == rare && empty {
		return false
	}
	f.pairs++
	if f.w == nil {
		return false
	}
	f.w.Text(key)
	return true
}

// next reads the next key of a map in which n pairs are left, and reports whether there is one.
func (f *fields) next(n *int) bool {
	if !f.r.Next(n) {
		f.begin(nil)
		return false
	}
	f.begin(f.r.TextBytes())
	return true
}

// begin begins a turn.
func (f *fields) begin(key []byte) { f.key, f.taken, f.bit, f.need = key, false, 1, 0 }

// end ends a turn: the value of a key that the body does not know is passed over.
func (f *fields) end() {
	if !f.taken {
		f.r.Skip()
	}
}

// whole reports whether the map was read, and nothing that is needed is missing: then a body checks itself.
func (f *fields) whole() bool {
	return f.r != nil && f.key == nil && f.r.Err() == nil && f.seen&f.need == f.need
}

// most refuses an array with more than limit items.
func (f *fields) most(items, limit int) {
	if items > limit {
		f.r.Fail(ErrLimit)
	}
}

// check refuses a whole body unless ok.
func (f *fields) check(ok bool) {
	if f.whole() && !ok {
		f.r.Fail(ErrLimit)
	}
}

type unsigned interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

// number is a pair with a number of its type's range.
func number[T unsigned](f *fields, key string, p presence, v *T) { atMost(f, key, p, v, ^T(0)) }

// atMost is a pair with a number that is at most limit.
func atMost[T unsigned](f *fields, key string, p presence, v *T, limit T) {
	if !f.on(key, p, *v == 0) {
		return
	}
	if f.r != nil {
		*v = T(f.r.UintMax(uint64(limit)))
		return
	}
	f.w.Uint(uint64(*v))
}

// exactly is a pair with one number and no other.
func (f *fields) exactly(key string, v uint32) {
	if !f.on(key, needed, false) {
		return
	}
	if f.r == nil {
		f.w.Uint(uint64(v))
	} else if f.r.Uint32() != v {
		f.r.Fail(ErrLimit)
	}
}

// zero is a pair with 0 that is written for others, and not looked at.
func (f *fields) zero(key string) {
	if f.r == nil && f.on(key, usual, false) {
		f.w.Uint(0)
	}
}

// maybe is a pair with a number that is there or not, as there says.
func (f *fields) maybe(key string, v *uint32, there *bool) {
	if !f.on(key, rare, !*there) {
		return
	}
	if f.r != nil {
		*v, *there = f.r.Uint32(), true
		return
	}
	f.w.Uint(uint64(*v))
}

func (f *fields) bool(key string, p presence, v *bool) {
	if !f.on(key, p, !*v) {
		return
	}
	if f.r != nil {
		*v = f.r.Bool()
		return
	}
	f.w.Bool(*v)
}

// bytes is a pair with at most limit bytes. They alias what is read.
func (f *fields) bytes(key string, p presence, v *[]byte, limit int) {
	if !f.on(key, p, *v == nil) {
		return
	}
	if f.r != nil {
		*v = f.r.BytesMax(limit)
		return
	}
	f.w.Bytes(*v)
}

// fill is a pair with as many bytes as v has.
func (f *fields) fill(key string, p presence, v []byte) {
	if !f.on(key, p, blank(v)) {
		return
	}
	if f.r != nil {
		f.r.Fill(v)
		return
	}
	f.w.Bytes(v)
}

// text is a pair with a text of at most limit bytes. They alias what is read.
func (f *fields) text(key string, p presence, v *[]byte, limit int) {
	if !f.on(key, p, *v == nil) {
		return
	}
	if f.r == nil {
		f.w.TextBytes(*v)
		return
	}
	if *v = f.r.TextBytes(); len(*v) > limit {
		f.r.Fail(ErrLimit)
	}
}

func blank(v []byte) bool {
	for _, b := range v {
		if b != 0 {
			return false
		}
	}
	return true
}

// visit lets the body go over its pairs.
func visit(f *fields, body Body) {
	switch m := body.(type) {
	case *Status:
		m.fields(f)
	case *Offset:
		m.fields(f)
	case *Digests:
		m.fields(f)
	case *Record:
		m.fields(f)
	case *Identity:
		m.fields(f)
	case *EchoResponse:
		m.fields(f)
	case *Parameters:
		m.fields(f)
	case *State:
		m.fields(f)
	case *EchoRequest:
		m.fields(f)
	case *BootloaderRequest:
		m.fields(f)
	case *Bootloader:
		m.fields(f)
	case *UploadRequest:
		m.fields(f)
	case *StateSetRequest:
		m.fields(f)
	case *ReadoutRequest:
		m.fields(f)
	case *Readout:
		m.fields(f)
	case *EraseRequest:
		m.fields(f)
	case *Erased:
		m.fields(f)
	case *RecordRequest:
		m.fields(f)
	case *DigestsRequest:
		m.fields(f)
	case *BeginRequest:
		m.fields(f)
	case *LeavesRequest:
		m.fields(f)
	case *FileRequest:
		m.fields(f)
	case *DataRequest:
		m.fields(f)
	case *FramesRequest:
		m.fields(f)
	case *Frames:
		m.fields(f)
	case *ReceiptRequest:
		m.fields(f)
	case *Receipt:
		m.fields(f)
	case *TrustRequest:
		m.fields(f)
	case *Empty, *ResetRequest, *ParametersRequest, *StateRequest, *IdentifyRequest, *StatusRequest, *FinishRequest, *AbortRequest:
	default:
		panic("smp: body without an encoding")
	}
}

// write writes the map of a body.
func write(w *cbor.Writer, body Body) {
	f := fields{}
	visit(&f, body)
	w.Map(f.pairs)
	f.w = w
	visit(&f, body)
}

// read reads the map of a body that has its zero value.
func read(body Body, b []byte) error {
	r := cbor.NewLenientReader(b)
	f := fields{r: r}
	for n := r.Map(); f.next(&n); f.end() {
		visit(&f, body)
	}
	visit(&f, body)
	err := r.Finish()
	if err == nil && f.seen&f.need != f.need {
		err = ErrMissing
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBody, err)
	}
	return nil
}
