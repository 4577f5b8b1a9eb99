package pack

import (
	"fmt"
	"reflect"

	"unbrick/internal/cbor"
)

type reader struct {
	c *Codec
	r *cbor.Reader
}

// value reads into v, which holds nothing yet, what is not longer than max.
func (r *reader) value(v reflect.Value, max []int) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.r.Bool())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.r.UintMax(^uint64(0) >> (64 - v.Type().Bits())))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := r.r.Int()
		if v.OverflowInt(n) {
			r.r.Fail(ErrShape)
			return
		}
		v.SetInt(n)
	case reflect.String:
		v.SetString(r.r.TextMax(max[0]))
	case reflect.Struct:
		r.fields(v)
	case reflect.Array:
		r.array(v, max)
	case reflect.Slice:
		r.slice(v, max[0], inner(max))
	case reflect.Pointer:
		if r.one() {
			v.Set(reflect.New(v.Type().Elem()))
			r.value(v.Elem(), max)
		}
	case reflect.Interface:
		r.form(v)
	default:
		panic(fmt.Sprintf("pack: %v cannot be packed", v.Type()))
	}
}

// expect opens an array of n items.
func (r *reader) expect(n int) {
	if got := r.r.Array(); got != n && r.r.Err() == nil {
		r.r.Fail(ErrShape)
	}
}

func (r *reader) fields(v reflect.Value) {
	all := r.c.fields(v.Type())
	switch n := r.r.Array(); {
	case r.r.Err() != nil:
		return
	case n == 0: // all zero
	case n != len(all):
		r.r.Fail(ErrShape)
		return
	default:
		for i := 0; i < len(all) && r.r.Err() == nil; i++ {
			r.value(v.Field(all[i].index), all[i].max)
		}
		if r.r.Err() == nil && r.c.zero(v) {
			r.r.Fail(ErrShape)
		}
	}
	r.check(v)
}

// check asks a value that has a rule of its own.
func (r *reader) check(v reflect.Value) {
	if r.r.Err() != nil || !v.CanAddr() {
		return
	}
	if c, ok := v.Addr().Interface().(Checker); ok {
		if err := c.Check(); err != nil {
			r.r.Fail(err)
		}
	}
}

func (r *reader) array(v reflect.Value, max []int) {
	if octets(v.Type()) {
		r.r.Fill(v.Slice(0, v.Len()).Bytes())
		return
	}
	r.expect(v.Len())
	for i := range v.Len() {
		r.value(v.Index(i), max)
	}
}

func (r *reader) slice(v reflect.Value, most int, max []int) {
	if octets(v.Type()) {
		b := r.r.BytesMax(most)
		if len(b) == 0 {
			return
		}
		room := reflect.MakeSlice(v.Type(), len(b), len(b))
		copy(room.Bytes(), b)
		v.Set(room)
		return
	}
	n := r.r.Array()
	if n > most {
		r.r.Fail(ErrShape)
	}
	if r.r.Err() != nil || n == 0 {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), n, n)) // a definite array has at least a byte of input for each item
	for i := 0; i < n && r.r.Err() == nil; i++ {
		r.value(v.Index(i), max)
	}
}

// one opens an array of no item or one, and reports whether there is one.
func (r *reader) one() bool {
	n := r.r.Array()
	if n > 1 {
		r.r.Fail(ErrShape)
	}
	return r.r.Err() == nil && n == 1
}

func (r *reader) form(v reflect.Value) {
	if form, ok := r.which(v); ok {
		held := reflect.New(form).Elem()
		r.value(held, nil)
		v.Set(held)
	}
}

// which opens what an interface holds, and returns its form; false: it holds nothing.
func (r *reader) which(v reflect.Value) (reflect.Type, bool) {
	forms := r.c.forms[v.Type()]
	n := r.r.Array()
	if r.r.Err() != nil || n == 0 {
		return nil, false
	}
	i := r.r.UintMax(uint64(max(len(forms), 1) - 1))
	if n != 2 || len(forms) == 0 {
		r.r.Fail(ErrShape)
	}
	if r.r.Err() != nil {
		return nil, false
	}
	return forms[i], true
}
