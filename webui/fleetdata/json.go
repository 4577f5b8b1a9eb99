package fleetdata

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxNesting bounds how deep an answer may nest; ours nest four deep.
const maxNesting = 16

// parseObject reads a JSON object strictly: nothing before or behind it, no other syntax than RFC 8259,
// valid UTF-8. A repeated key counts the last time. Package encoding/json would cost the program half of
// what all of Fleet weighs, and vugu's vjson panics at malformed input.
func parseObject(b []byte) (Object, bool) {
	if !utf8.Valid(b) {
		return nil, false
	}
	r := jsonReader{s: string(b)}
	v, ok := r.value(0)
	o, is := v.(map[string]any)
	return o, ok && is && r.next() == 0 && r.at == len(r.s)
}

// formatObject writes an object of texts, keys in the order given: key, value, key, value.
func formatObject(words ...string) []byte {
	b := []byte{'{'}
	for i := 0; i+1 < len(words); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(appendText(b, words[i]), ':'), words[i+1])
	}
	return append(b, '}')
}

func appendText(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range s { // what is no UTF-8 becomes U+FFFD
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', byte(c))
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return append(b, '"')
}

// jsonReader reads one text; at is where it is.
type jsonReader struct {
	s  string
	at int
}

// next skips white space and returns the byte behind it, 0 at the end.
func (r *jsonReader) next() byte {
	for r.at < len(r.s) {
		switch c := r.s[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

// take moves over c if it comes next.
func (r *jsonReader) take(c byte) bool {
	if r.next() != c {
		return false
	}
	r.at++
	return true
}

func (r *jsonReader) value(depth int) (any, bool) {
	if depth > maxNesting {
		return nil, false
	}
	switch c := r.next(); {
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.array(depth)
	case c == '"':
		return r.text()
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	for word, v := range map[string]any{"true": true, "false": false, "null": nil} {
		if strings.HasPrefix(r.s[r.at:], word) {
			r.at += len(word)
			return v, true
		}
	}
	return nil, false
}

func (r *jsonReader) object(depth int) (any, bool) {
	r.at++
	o := make(map[string]any)
	if r.take('}') {
		return o, true
	}
	for {
		if r.next() != '"' {
			return nil, false
		}
		key, ok := r.text()
		if !ok || !r.take(':') {
			return nil, false
		}
		v, ok := r.value(depth + 1)
		if !ok {
			return nil, false
		}
		o[key] = v
		if r.take('}') {
			return o, true
		}
		if !r.take(',') {
			return nil, false
		}
	}
}

func (r *jsonReader) array(depth int) (any, bool) {
	r.at++
	list := []any{}
	if r.take(']') {
		return list, true
	}
	for {
		v, ok := r.value(depth + 1)
		if !ok {
			return nil, false
		}
		list = append(list, v)
		if r.take(']') {
			return list, true
		}
		if !r.take(',') {
			return nil, false
		}
	}
}

// number reads -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][+-]?[0-9]+)?
func (r *jsonReader) number() (any, bool) {
	from := r.at
	one := func(set string) bool {
		if r.at < len(r.s) && strings.IndexByte(set, r.s[r.at]) >= 0 {
			r.at++
			return true
		}
		return false
	}
	digits := func() bool {
		any := false
		for one("0123456789") {
			any = true
		}
		return any
	}
	one("-")
	if !one("0") && !digits() {
		return nil, false
	}
	if one(".") && !digits() {
		return nil, false
	}
	if one("eE") {
		one("+-")
		if !digits() {
			return nil, false
		}
	}
	f, err := strconv.ParseFloat(r.s[from:r.at], 64)
	return f, err == nil
}

// text reads a string. Half of a surrogate pair becomes U+FFFD.
func (r *jsonReader) text() (string, bool) {
	r.at++
	from := r.at
	if end := strings.IndexAny(r.s[from:], "\"\\"); end >= 0 && r.s[from+end] == '"' && plain(r.s[from:from+end]) {
		r.at = from + end + 1
		return r.s[from : from+end], true
	}
	var b strings.Builder
	for r.at < len(r.s) {
		c := r.s[r.at]
		r.at++
		switch {
		case c == '"':
			return b.String(), true
		case c < ' ':
			return "", false
		case c != '\\':
			b.WriteByte(c)
		default:
			if !r.escape(&b) {
				return "", false
			}
		}
	}
	return "", false
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' {
			return false
		}
	}
	return true
}

// escape reads what stands behind a backslash.
func (r *jsonReader) escape(b *strings.Builder) bool {
	if r.at >= len(r.s) {
		return false
	}
	c := r.s[r.at]
	r.at++
	if c == 'u' {
		unit, ok := r.unit()
		if !ok {
			return false
		}
		if unit >= 0xd800 && unit < 0xdc00 && strings.HasPrefix(r.s[r.at:], `\u`) {
			back := r.at
			r.at += 2
			low, ok := r.unit()
			if !ok {
				return false
			}
			if low >= 0xdc00 && low < 0xe000 {
				b.WriteRune(0x10000 + (unit-0xd800)<<10 + low - 0xdc00)
				return true
			}
			r.at = back
		}
		b.WriteRune(unit) // a surrogate alone is written as U+FFFD
		return true
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		return false
	}
	b.WriteByte("\"\\/\b\f\n\r\t"[i])
	return true
}

// unit reads four hexadecimal digits.
func (r *jsonReader) unit() (rune, bool) {
	if len(r.s)-r.at < 4 {
		return 0, false
	}
	var u rune
	for _, c := range []byte(r.s[r.at : r.at+4]) {
		d := hexDigit(c)
		if d > 15 {
			return 0, false
		}
		u = u<<4 | rune(d)
	}
	r.at += 4
	return u, true
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
