package pack

import (
	"fmt"
	"reflect"

	"unbrick/internal/cbor"
)

// Changes are what makes one struct of another of its type: an array of pairs, the index of a field that differs and what it is now,
// ascending. Of two kinds of field less than all travels, as their tags say:
//
//	Part  part  `change:"parts"` // a struct: what it is now are changes
//	Lines []row `change:"rows"`  // how many rows are gone from the front, and those that came at the end
//
// Both sides hold the same value before, so that a reader needs no more than this.

// AppendChanges appends to dst what makes *is of *was, two structs of one type.
func (c *Codec) AppendChanges(dst []byte, was, is any) ([]byte, error) {
	w := writer{c: c, w: cbor.Appending(dst)}
	w.changes(reflect.ValueOf(was).Elem(), reflect.ValueOf(is).Elem())
	if w.err != nil {
		return nil, w.err
	}
	return w.w.Result()
}

// Change makes of *v what AppendChanges was given. It replaces slices and never writes into one that v had, so that a copy of *v
// stays as it was. After an error v is of no use.
func (c *Codec) Change(b []byte, v any) error {
	r := reader{c: c, r: cbor.NewReader(b)}
	r.changes(reflect.ValueOf(v).Elem())
	return r.r.Finish()
}

func (w *writer) changes(was, is reflect.Value) {
	var changed []field
	for _, f := range w.c.fields(is.Type()) {
		if !reflect.DeepEqual(was.Field(f.index).Interface(), is.Field(f.index).Interface()) {
			changed = append(changed, f)
		}
	}
	w.w.Array(2 * len(changed))
	for _, f := range changed {
		w.w.Uint(uint64(f.index))
		old, now := was.Field(f.index), is.Field(f.index)
		switch f.change {
		case "parts":
			w.changes(old, now)
		case "rows":
			w.rows(old, now, f.max)
		default:
			w.value(now, f.max)
		}
	}
}

// rows writes how many of old's rows are gone from the front, and what stands behind the rest of them in now.
func (w *writer) rows(old, now reflect.Value, max []int) {
	if now.Len() > max[0] {
		w.err = fmt.Errorf("pack: %d rows, at most %d", now.Len(), max[0])
		return
	}
	from := 0
	for ; from < old.Len(); from++ {
		if rest := old.Len() - from; rest <= now.Len() && same(old, now, from, rest) {
			break
		}
	}
	w.w.Array(2)
	w.w.Uint(uint64(from))
	fresh := now.Slice(old.Len()-from, now.Len())
	w.items(fresh, fresh.Len(), inner(max))
}

// same reports whether n rows of old, from one on, are the first of now.
func same(old, now reflect.Value, from, n int) bool {
	for i := range n {
		if !reflect.DeepEqual(old.Index(from+i).Interface(), now.Index(i).Interface()) {
			return false
		}
	}
	return true
}

func (r *reader) changes(v reflect.Value) {
	n := r.r.Array()
	if n%2 != 0 {
		r.r.Fail(ErrShape)
	}
	all, last := r.c.fields(v.Type()), -1
	for ; n > 0 && r.r.Err() == nil; n -= 2 {
		index := int(r.r.UintMax(uint64(v.NumField())))
		f, ok := fieldAt(all, index)
		if !ok || index <= last {
			r.r.Fail(ErrShape)
			return
		}
		last = index
		switch into := v.Field(index); f.change {
		case "parts":
			r.changes(into)
		case "rows":
			r.rows(into, f.max)
		default:
			into.SetZero()
			r.value(into, f.max)
		}
	}
	r.check(v)
}

func fieldAt(all []field, index int) (field, bool) {
	for _, f := range all {
		if f.index == index {
			return f, true
		}
	}
	return field{}, false
}

func (r *reader) rows(v reflect.Value, max []int) {
	r.expect(2)
	gone := int(r.r.UintMax(uint64(v.Len())))
	fresh := reflect.New(v.Type()).Elem()
	r.slice(fresh, max[0], inner(max))
	left := v.Len() - gone
	if r.r.Err() == nil && left+fresh.Len() > max[0] {
		r.r.Fail(ErrShape)
	}
	if r.r.Err() != nil {
		return
	}
	all := reflect.MakeSlice(v.Type(), 0, left+fresh.Len())
	all = reflect.AppendSlice(all, v.Slice(gone, v.Len()))
	v.Set(reflect.AppendSlice(all, fresh))
}
