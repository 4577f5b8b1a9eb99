package pack

import (
	"fmt"
	"reflect"

	"unbrick/internal/cbor"
)

// Changes are what makes one struct of another of its type: an array of pairs, the index of a field that differs and what it is now,
// ascending. Of these kinds of field less than all travels, as their tags say:
//
//	Part  part  `change:"parts"` // a struct: what it is now are changes
//	Form  form  `change:"parts"` // an interface: which form it holds, and changes of one of that form with nothing in it, if it held another
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
		if !w.c.same(was.Field(f.index), is.Field(f.index)) {
			changed = append(changed, f)
		}
	}
	w.w.Array(2 * len(changed))
	for _, f := range changed {
		w.w.Uint(uint64(f.index))
		old, now := was.Field(f.index), is.Field(f.index)
		switch f.change {
		case "parts":
			w.parts(old, now)
		case "rows":
			w.rows(old, now, f.max)
		default:
			w.value(now, f.max)
		}
	}
}

// parts writes what makes now of old. An interface that holds nothing, or no form of its own, travels as value writes it.
func (w *writer) parts(old, now reflect.Value) {
	if now.Kind() != reflect.Interface {
		w.changes(old, now)
		return
	}
	if now.IsNil() || !w.c.holds(now) {
		w.form(now)
		return
	}
	held := now.Elem()
	was := reflect.Zero(held.Type())
	if !old.IsNil() && old.Elem().Type() == held.Type() {
		was = old.Elem()
	}
	w.w.Array(2)
	w.w.Uint(uint64(w.c.index[held.Type()]))
	w.changes(was, held)
}

// rows writes how many of old's rows are gone from the front, and what stands behind the rest of them in now.
func (w *writer) rows(old, now reflect.Value, max []int) {
	if now.Len() > max[0] {
		w.err = fmt.Errorf("pack: %d rows, at most %d", now.Len(), max[0])
		return
	}
	from := 0
	for ; from < old.Len(); from++ {
		if rest := old.Len() - from; rest <= now.Len() && w.c.begins(old, now, from, rest) {
			break
		}
	}
	w.w.Array(2)
	w.w.Uint(uint64(from))
	fresh := now.Slice(old.Len()-from, now.Len())
	w.items(fresh, fresh.Len(), inner(max))
}

// begins reports whether n rows of old, from one on, are the first of now.
func (c *Codec) begins(old, now reflect.Value, from, n int) bool {
	for i := range n {
		if !c.same(old.Index(from+i), now.Index(i)) {
			return false
		}
	}
	return true
}

// same reports whether what travels of a and b is the same.
func (c *Codec) same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Bool:
		return a.Bool() == b.Bool()
	case reflect.String:
		return a.String() == b.String()
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return a.Uint() == b.Uint()
	case reflect.Slice:
		return a.Len() == b.Len() && (a.Pointer() == b.Pointer() || c.begins(a, b, 0, a.Len()))
	case reflect.Array:
		return c.begins(a, b, 0, a.Len())
	case reflect.Struct:
		for _, f := range c.fields(a.Type()) {
			if !c.same(a.Field(f.index), b.Field(f.index)) {
				return false
			}
		}
		return true
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		a, b = a.Elem(), b.Elem()
		return a.Type() == b.Type() && c.same(a, b)
	}
	return a.Int() == b.Int()
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
			r.parts(into)
		case "rows":
			r.rows(into, f.max)
		default:
			into.SetZero()
			r.value(into, f.max)
		}
	}
	r.check(v)
}

func (r *reader) parts(v reflect.Value) {
	if v.Kind() != reflect.Interface {
		r.changes(v)
		return
	}
	form, ok := r.which(v)
	if !ok {
		v.SetZero()
		return
	}
	held := reflect.New(form).Elem()
	if !v.IsNil() && v.Elem().Type() == form {
		held.Set(v.Elem())
	}
	r.changes(held)
	v.Set(held)
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
