//go:build js && wasm

package fetch

import (
	"syscall/js"
	"unicode/utf8"

	"unbrick/wasm/await"
)

// maxNesting bounds how deep an answer may nest; ours nest six deep.
const maxNesting = 16

// Parse reads a text of JSON with the browser's own reader: nil, bool, float64, string, []any or map[string]any. It is nil as well if the
// text is none, nests too deep or is not UTF-8. A repeated key counts the last time.
func Parse(text []byte) any {
	if !utf8.Valid(text) {
		return nil
	}
	read, err := await.Call(js.Global().Get("JSON"), "parse", string(text))
	if err != nil {
		return nil
	}
	v, fine := plain(read, 0)
	if !fine {
		return nil
	}
	return v
}

// plain is a value of JavaScript as Go has it.
func plain(v js.Value, depth int) (any, bool) {
	switch v.Type() {
	case js.TypeBoolean:
		return v.Bool(), true
	case js.TypeNumber:
		return v.Float(), true
	case js.TypeString:
		return v.String(), true
	case js.TypeObject:
	default:
		return nil, true
	}
	if depth == maxNesting {
		return nil, false
	}
	fine := true
	if js.Global().Get("Array").Call("isArray", v).Bool() {
		list := make([]any, v.Length())
		for i := range list {
			var one bool
			list[i], one = plain(v.Index(i), depth+1)
			fine = fine && one
		}
		return list, fine
	}
	entries := js.Global().Get("Object").Call("entries", v)
	object := make(map[string]any, entries.Length())
	for i := range entries.Length() {
		e := entries.Index(i)
		x, one := plain(e.Index(1), depth+1)
		object[e.Index(0).String()] = x
		fine = fine && one
	}
	return object, fine
}

// Format writes an object as JSON, of values that js.ValueOf takes; nil if there is none.
func Format(object map[string]any) []byte {
	if object == nil {
		return nil
	}
	return []byte(js.Global().Get("JSON").Call("stringify", object).String())
}
