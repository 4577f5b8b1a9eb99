package pack

import (
	"fmt"
	"reflect"

	"unbrick/internal/cbor"
)

type writer struct {
	c   *Codec
	w   *cbor.Writer
	err error
}

// value writes v, cut at max.
func (w *writer) value(v reflect.Value, max []int) {
	switch v.Kind() {
	case reflect.Bool:
		w.w.Bool(v.Bool())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		w.w.Uint(v.Uint())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		w.w.Int(v.Int())
	case reflect.String:
		w.w.Text(Clip(v.String(), max[0]))
	case reflect.Struct:
		w.fields(v)
	case reflect.Array:
		w.items(v, v.Len(), max)
	case reflect.Slice:
		w.items(v, min(v.Len(), max[0]), inner(max))
	case reflect.Pointer:
		if v.IsNil() {
			w.w.Array(0)
			return
		}
		w.w.Array(1)
		w.value(v.Elem(), max)
	case reflect.Interface:
		w.form(v)
	default:
		panic(fmt.Sprintf("pack: %v cannot be packed", v.Type()))
	}
}

func (w *writer) fields(v reflect.Value) {
	if w.c.zero(v) {
		w.w.Array(0)
		return
	}
	all := w.c.fields(v.Type())
	w.w.Array(len(all))
	for i := range all {
		w.value(v.Field(all[i].index), all[i].max)
	}
}

// zero reports whether all that travels of a struct is zero.
func (c *Codec) zero(v reflect.Value) bool {
	all := c.fields(v.Type())
	for i := range all {
		if !c.nothing(v.Field(all[i].index)) {
			return false
		}
	}
	return true
}

// nothing reports whether v is read as its zero value. An empty slice is none.
func (c *Codec) nothing(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice:
		return v.Len() == 0
	case reflect.Struct:
		return c.zero(v)
	case reflect.Array:
		for i := 0; i < v.Len() && !octets(v.Type()); i++ {
			if !c.nothing(v.Index(i)) {
				return false
			}
		}
		return !octets(v.Type()) || v.IsZero()
	}
	return v.IsZero()
}

// items writes the first n of a slice or an array.
func (w *writer) items(v reflect.Value, n int, max []int) {
	if octets(v.Type()) {
		w.w.Bytes(bytesOf(v, n))
		return
	}
	w.w.Array(n)
	for i := range n {
		w.value(v.Index(i), max)
	}
}

// bytesOf returns the first n of what octets is true of.
func bytesOf(v reflect.Value, n int) []byte {
	if v.Kind() == reflect.Slice || v.CanAddr() {
		return v.Slice(0, n).Bytes()
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(v.Index(i).Uint())
	}
	return b
}

// form writes what an interface holds.
func (w *writer) form(v reflect.Value) {
	if v.IsNil() {
		w.w.Array(0)
		return
	}
	held := v.Elem()
	if !w.c.holds(v) && w.err == nil {
		w.err = fmt.Errorf("pack: %v is no form of %v", held.Type(), v.Type())
	}
	w.w.Array(2)
	w.w.Uint(uint64(w.c.index[held.Type()]))
	w.value(held, nil)
}

// holds reports whether what an interface holds is one of its forms.
func (c *Codec) holds(v reflect.Value) bool {
	_, ok := c.index[v.Elem().Type()]
	return ok && c.forms[v.Type()] != nil
}

// Clip cuts a text to at most max bytes without breaking a character.
func Clip(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && s[max]&0xc0 == 0x80 {
		max--
	}
	return s[:max]
}
