//go:build js && wasm

package fetch

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// TestParse: what is JSON means what it means to the standard library, and what is none is nothing.
func TestParse(t *testing.T) {
	for _, s := range []string{
		`{}`, `{"a":1}`, " {\"a\" : [ ] ,\n\"b\":{\"c\":null}} ", `{"groups":{"restoration":1},"list":[{"n":-0.5e+3},true,false]}`, `[1]`, `"x"`, `true`, `null`,
		`{"a":"\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00","a":"twice"}`, `{"":""}`, `{"__proto__":{"a":1},"constructor":2,"length":3}`,
	} {
		var want any
		if err := json.Unmarshal([]byte(s), &want); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if got := Parse([]byte(s)); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %#v, want %#v", s, got, want)
		}
	}
	for _, s := range []string{
		"", `{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{"a":01}`, `{"a":1.}`, `{"a":+1}`, `{"a":nul}`, `{} x`, `{}{}`, `{"a":"\x"}`, "{\"a\":\"\xff\"}", `{"a":[1,]}`,
		strings.Repeat(`{"a":`, 17) + "1" + strings.Repeat("}", 17), strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "<html>",
	} {
		if v := Parse([]byte(s)); v != nil {
			t.Errorf("%.40q was read as %v", s, v)
		}
	}
}

func TestFormat(t *testing.T) {
	object := map[string]any{"model": "00\"01\\", "state": "with\nheld \u2028 ä", "__proto": "", "barred": true, "roles": []any{"view", "a\"b"}, "models": []any{}}
	var got map[string]any
	if err := json.Unmarshal(Format(object), &got); err != nil || !reflect.DeepEqual(got, object) {
		t.Errorf("got %q, %v", got, err)
	}
	if Format(nil) != nil {
		t.Error("no body is a body")
	}
}
