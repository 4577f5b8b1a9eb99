package cbor_test

import (
	"unbrick/internal/cbor"
)

// copyItem reads one item with the typed methods and writes it with theirs.
func copyItem(r *cbor.Reader, w *cbor.Writer) {
	switch r.Kind() {
	case cbor.KindUint:
		w.Uint(r.Uint())
	case cbor.KindNegative:
		// Int covers half of what major type 1 can say; the rest is passed on as it is.
		probe := *r
		if v := probe.Int(); probe.Err() == nil {
			*r = probe
			w.Int(v)
			return
		}
		w.Raw(r.Item())
	case cbor.KindBytes:
		w.Bytes(r.Bytes())
	case cbor.KindText:
		w.Text(r.Text())
	case cbor.KindArray:
		n := r.Array()
		w.Array(n)
		for r.Next(&n) {
			copyItem(r, w)
		}
	case cbor.KindMap:
		n := r.Map()
		w.Map(n)
		for r.Next(&n) {
			copyItem(r, w)
			copyItem(r, w)
		}
	case cbor.KindTag:
		w.Tag(r.Tag())
		copyItem(r, w)
	case cbor.KindBool:
		w.Bool(r.Bool())
	case cbor.KindNull:
		if r.Null() {
			w.Null()
		}
	case cbor.KindEnd, cbor.KindOther, cbor.KindBreak:
		r.Skip()
	}
}

func strictly(b []byte) error {
	r := cbor.NewReader(b)
	r.Skip()
	return r.Finish()
}

func leniently(b []byte) error {
	r := cbor.NewLenientReader(b)
	r.Skip()
	return r.Finish()
}
