package fleetdata

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseObject(t *testing.T) {
	for _, s := range []string{
		`{}`, `{"a":1}`, " {\"a\" : [ ] ,\n\"b\":{\"c\":null}} ", `{"groups":{"restoration":1},"list":[{"n":-0.5e+3},true,false]}`,
		`{"a":"\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00","a":"twice"}`, `{"half":"\ud83d","low":"\ude00x","two":"\ud83d\ud83d\ude00"}`,
	} {
		var want map[string]any
		if err := json.Unmarshal([]byte(s), &want); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		got, ok := parseObject([]byte(s))
		if !ok || !reflect.DeepEqual(map[string]any(got), want) {
			t.Errorf("%s: got %#v, %v, want %#v", s, got, ok, want)
		}
	}
	deep := strings.Repeat(`{"a":`, 100_000)
	for _, s := range []string{
		"", "null", "[]", `{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{"a":01}`, `{"a":1.}`, `{"a":+1}`, `{"a":1e}`, `{"a":1e999}`, `{"a":nul}`,
		`{} x`, `{}{}`, `{"a":"\x"}`, `{"a":"\u12"}`, "{\"a\":\"\n\"}", "{\"a\":\"\xff\"}", `{"a":[1,]}`, `{"a":"`, deep,
	} {
		if o, ok := parseObject([]byte(s)); ok {
			t.Errorf("%.40q was read as %v", s, o)
		}
	}
}

func TestFormatObject(t *testing.T) {
	words := []string{"model", "00\"01\\", "state", "with\nheld \u2028 ä \xff"}
	var got map[string]string
	if err := json.Unmarshal(formatObject(words...), &got); err != nil {
		t.Fatal(err)
	}
	if got["model"] != words[1] || got["state"] != "with\nheld \u2028 ä \ufffd" || len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

// What is accepted means the same to the standard library.
func FuzzParseObject(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5e-3,"\ud83d\ude00",null,true],"b":{"c":{}}}`))
	f.Add([]byte(` {"":""} `))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := parseObject(b)
		var want map[string]any
		err := json.Unmarshal(b, &want)
		if !ok {
			return // stricter is no mistake: invalid UTF-8, deep nesting, null
		}
		if err != nil || !utf8.Valid(b) || !reflect.DeepEqual(map[string]any(got), want) {
			t.Errorf("%q: got %#v, the standard library %#v, %v", b, got, want, err)
		}
	})
}
