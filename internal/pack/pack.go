// Package pack carries values between the programs of the page, and into the browser's storage: it writes and reads them as CBOR
// (RFC 8949, deterministic) by their Go definition, so that there is no second description of a value that could differ from the
// first.
//
// A struct is an array of its exported fields in their order, and one of which all are zero an empty array; what is not exported
// stays behind. Numbers, flags and texts are
// CBOR's own, durations whole numbers. A slice or an array is an array, or a byte string if its items are of one byte. A pointer
// is an array of no item or one. An interface is an array: nothing, or which of its forms it is, and the value.
//
// Whatever may be long has a bound: a text, a slice, the texts in a slice. A tag of its field names it, of the bounds that the
// Codec was made with:
//
//	Lines []string `max:"lines,line"` // so many, each so long
//	Name  string   // without a tag a text has the bound "text"
//
// Writing cuts at the bound, reading refuses what goes beyond it. Both sides are programs of one build; a reader refuses all the
// same what is not exactly such a value, since what was stored may be of another build.
package pack

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"unbrick/internal/cbor"
)

// ErrShape says that what is read is no value of that type.
var ErrShape = errors.New("item has another shape")

// Checker is a value with a rule beyond its definition. Check is called behind reading.
type Checker interface{ Check() error }

// Codec writes and reads the values of one set of bounds and forms. It may be used concurrently.
type Codec struct {
	bounds map[string]int
	forms  map[reflect.Type][]reflect.Type // of an interface
	index  map[reflect.Type]int            // of a form among those of its interface
	shapes sync.Map                        // reflect.Type of a struct: []field
}

// field is one exported field of a struct.
type field struct {
	index  int
	max    []int  // its own bound, then that of its items; shorter where there is none
	change string // how changes of it travel: "", "parts", "rows"
}

// Form is what one interface may hold. Its order is that of the numbers that stand for them.
type Form struct {
	of  reflect.Type
	all []reflect.Type
}

// Forms lists the types that an interface may hold, by a value of each.
func Forms[I any](values ...I) Form {
	f := Form{of: reflect.TypeFor[I]()}
	for _, v := range values {
		f.all = append(f.all, reflect.TypeOf(v))
	}
	return f
}

// New returns a codec. It panics if a type is a form twice: its number would say nothing.
func New(bounds map[string]int, forms ...Form) *Codec {
	c := &Codec{bounds: bounds, forms: make(map[reflect.Type][]reflect.Type), index: make(map[reflect.Type]int)}
	for _, f := range forms {
		c.forms[f.of] = f.all
		for i, t := range f.all {
			if _, twice := c.index[t]; twice {
				panic(fmt.Sprintf("pack: %v is listed twice", t))
			}
			c.index[t] = i
		}
	}
	return c
}

// Append appends v, or what it points to, to dst. It fails for an interface that holds none of its forms, and panics for a type
// that cannot be packed.
func (c *Codec) Append(dst []byte, v any) ([]byte, error) {
	w := writer{c: c, w: cbor.Appending(dst)}
	w.value(reflect.Indirect(reflect.ValueOf(v)), nil)
	if w.err != nil {
		return nil, w.err
	}
	return w.w.Result()
}

// Decode reads what Append wrote into what v points to. It shares no memory with b. After an error v is of no use.
func (c *Codec) Decode(b []byte, v any) error {
	r := reader{c: c, r: cbor.NewReader(b)}
	r.value(reflect.ValueOf(v).Elem(), nil)
	return r.r.Finish()
}

// fields returns those of a struct type.
func (c *Codec) fields(t reflect.Type) []field {
	if known, ok := c.shapes.Load(t); ok {
		return known.([]field)
	}
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			continue
		}
		all = append(all, field{index: i, max: c.bound(t, &f), change: f.Tag.Get("change")})
	}
	c.shapes.Store(t, all)
	return all
}

// bound returns the bounds of a field.
func (c *Codec) bound(t reflect.Type, f *reflect.StructField) []int {
	tag, said := f.Tag.Lookup("max")
	if !said {
		tag = "text"
	}
	var all []int
	for name := range strings.SplitSeq(tag, ",") {
		max, ok := c.bounds[name]
		if !ok {
			panic(fmt.Sprintf("pack: %v.%s: no bound %q", t, f.Name, name))
		}
		all = append(all, max)
	}
	switch end := within(f.Type); end.Kind() {
	case reflect.Map, reflect.Func, reflect.Chan, reflect.Float32, reflect.Float64,
		reflect.Complex64, reflect.Complex128, reflect.Uintptr, reflect.UnsafePointer:
		panic(fmt.Sprintf("pack: %v.%s: %v cannot be packed", t, f.Name, end))
	}
	if !said && mayBeLong(f.Type) {
		panic(fmt.Sprintf("pack: %v.%s: no bound", t, f.Name))
	}
	return all
}

// within is the type of what arrays, slices and pointers of t lead to.
func within(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Array || t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// mayBeLong reports whether a field of the type needs a bound of its own.
func mayBeLong(t reflect.Type) bool {
	for t.Kind() == reflect.Array {
		t = t.Elem()
	}
	return t.Kind() == reflect.Slice
}

// inner is the bound of the items of what has these.
func inner(max []int) []int {
	if len(max) > 1 {
		return max[1:]
	}
	return max
}

// octets reports whether a slice or an array is a string of bytes.
func octets(t reflect.Type) bool { return t.Elem().Kind() == reflect.Uint8 }
