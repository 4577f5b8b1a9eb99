package esp

import (
	"bytes"
	"testing"
)

func answerFrame(op byte, value uint32, body []byte) []byte {
	head := append([]byte{1, op, byte(len(body)), byte(len(body) >> 8)}, words(value)...)
	return appendFrame(nil, head, body)
}

func decodeAll(p []byte) (answers []answer, other []byte) {
	var d decoder
	for _, b := range p {
		a, ok, o := d.push(b)
		other = append(other, o...)
		if ok {
			a.body = bytes.Clone(a.body)
			answers = append(answers, a)
		}
	}
	return answers, append(other, d.rest()...)
}

// TestDecoder: answers come out of whatever surrounds them, and what is none is kept as the chip's words.
func TestDecoder(t *testing.T) {
	one := answerFrame(0x0a, 0xc0dbc0db, []byte{0xc0, 0xdb, 0, 0})
	longest := answerFrame(0x0e, 1, append(repeated(0xc0, 64), 0, 0, 0xdb, 0xc0))
	for name, test := range map[string]struct {
		in    []byte
		want  int
		other string
	}{
		"one":              {one, 1, ""},
		"text in front":    {append([]byte("rst:0x1\r\n"), one...), 1, "rst:0x1\r\n"},
		"two":              {append(bytes.Clone(one), one...), 2, ""},
		"shared end":       {append(bytes.Clone(one), one[1:]...), 2, ""},
		"text between":     {append(append(bytes.Clone(one), "text"...), one...), 2, "text"},
		"lost beginning":   {append(bytes.Clone(one[1:]), one...), 2, ""},
		"longest":          {longest, 1, ""},
		"endless":          {append(repeated('x', 1000), one...), 1, string(repeated('x', 1000))},
		"wrong length":     {appendFrame(nil, []byte{1, 0x0a, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 0, "\x01\x0a\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		"a request":        {appendFrame(nil, []byte{0, 0x0a, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 0, "\x00\x0a\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
		"no status":        {appendFrame(nil, []byte{1, 0x0a, 0, 0, 0, 0, 0, 0}), 0, "\x01\x0a\x00\x00\x00\x00\x00\x00"},
		"wrong escape":     {[]byte{0xc0, 1, 0x0a, 4, 0, 0, 0, 0, 0, 0xdb, 0, 0, 0xc0}, 0, "\x01\x0a\x04\x00\x00\x00\x00\x00\xdb\x00\x00"},
		"escape at an end": {[]byte{0xc0, 1, 0x0a, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0xdb, 0xc0}, 0, "\x01\x0a\x04\x00\x00\x00\x00\x00\x00\x00\x00\xdb"},
	} {
		answers, other := decodeAll(test.in)
		if len(answers) != test.want || string(other) != test.other {
			t.Errorf("%s: %d answers, %q beside them", name, len(answers), other)
		}
		for _, a := range answers {
			if name != "longest" && (a.op != 0x0a || a.value != 0xc0dbc0db || !bytes.Equal(a.body, []byte{0xc0, 0xdb, 0, 0})) {
				t.Errorf("%s: %+v", name, a)
			}
		}
	}
}

// TestStatus: the status stands behind the data that is expected, however many bytes follow.
func TestStatus(t *testing.T) {
	for name, test := range map[string]struct {
		want int
		body []byte
		data int
		err  string
	}{
		"two bytes":            {0, []byte{0, 0}, 0, ""},
		"four bytes":           {0, []byte{0, 0, 0x55, 0x66}, 0, ""},
		"digest":               {32, append(repeated('0', 32), 0, 0, 9, 9), 32, ""},
		"digest, refused":      {32, []byte{1, 6, 0, 0}, 0, "the ROM refuses to do: result is wrong (06)"},
		"digest, cut":          {32, append(repeated(0, 20), 0, 0), 0, errShort.Error()},
		"security, 20":         {-1, append(repeated(0, 20), 0, 0, 1, 1), 20, ""},
		"security, 12":         {-1, append(repeated(0, 12), 0, 0, 1, 1), 12, ""},
		"security, refused":    {-1, []byte{1, 5}, 0, "the ROM refuses to do: it does not know that (05)"},
		"a code of no meaning": {0, []byte{1, 0x77}, 0, "the ROM refuses to do: unknown error (77)"},
	} {
		data, err := status(&request{name: "do", want: test.want}, test.body)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if len(data) != test.data || got != test.err {
			t.Errorf("%s: %d bytes, %q", name, len(data), got)
		}
	}
}

// FuzzDecoder: what comes is an answer or the chip's words, nothing is lost, and nothing grows.
func FuzzDecoder(f *testing.F) {
	f.Add(answerFrame(0x0a, 7, []byte{0, 0, 0, 0}))
	f.Add(answerFrame(0x13, 7, append(repeated('a', 32), 0, 0, 0, 0)))
	f.Add(append(repeated('x', 400), answerFrame(8, 1, []byte{0, 0})...))
	f.Add([]byte{0xc0, 0xdb, 0xdd, 0xdb, 0xdc, 0xdb, 0xc0})
	f.Fuzz(func(t *testing.T, p []byte) {
		answers, other := decodeAll(p)
		n := len(other)
		for _, a := range answers {
			if len(a.body) < 2 || len(a.body) > maxAnswer-header {
				t.Fatalf("body of %d bytes", len(a.body))
			}
			n += len(answerFrame(a.op, a.value, a.body)) - 2
			for _, want := range []int{0, 32, 64, -1} {
				data, err := status(&request{want: want}, a.body)
				if err == nil && want >= 0 && len(data) != want {
					t.Fatalf("%d bytes of data instead of %d", len(data), want)
				}
			}
		}
		if ends := bytes.Count(p, []byte{0xc0}); n+ends != len(p) {
			t.Fatalf("%d bytes in, %d and %d ends out", len(p), n, ends)
		}
	})
}
