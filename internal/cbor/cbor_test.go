package cbor_test

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"unbrick/internal/cbor"
	"unbrick/internal/vectors"
)

func TestErrorSticksWithItsOffset(t *testing.T) {
	r := cbor.NewReader(vectors.Unhex(t, "83016101ff"))
	if n := r.Array(); n != 3 {
		t.Fatalf("array of %d", n)
	}
	r.Uint()
	if v := r.Uint(); v != 0 {
		t.Errorf("a text read as number %d", v)
	}
	r.Text()
	r.Fail(cbor.ErrRange)
	var at *cbor.Error
	err := r.Finish()
	if !errors.As(err, &at) || at.Offset != 2 || !errors.Is(err, cbor.ErrKind) {
		t.Errorf("got %v, want kind at offset 2", err)
	}
	if got := err.Error(); got != "cbor at offset 2: item of another kind" {
		t.Errorf("message %q", got)
	}
	if r.More() || r.Kind() != cbor.KindEnd || r.Break() || r.Null() || r.Bool() || r.Item() != nil {
		t.Error("a failed reader still reads")
	}
	if n := 3; r.Next(&n) {
		t.Error("a failed reader has another item")
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		name, in string
		read     func(r *cbor.Reader)
		err      error
	}{
		{"number at its limit", "1864", func(r *cbor.Reader) { r.UintMax(100) }, nil},
		{"number above its limit", "1865", func(r *cbor.Reader) { r.UintMax(100) }, cbor.ErrRange},
		{"32 bits", "1affffffff", func(r *cbor.Reader) { r.Uint32() }, nil},
		{"33 bits", "1b0000000100000000", func(r *cbor.Reader) { r.Uint32() }, cbor.ErrRange},
		{"2^63 as signed", "1b8000000000000000", func(r *cbor.Reader) { r.Int() }, cbor.ErrRange},
		{"-2^63-1 as signed", "3b8000000000000000", func(r *cbor.Reader) { r.Int() }, cbor.ErrRange},
		{"bytes at their limit", "420102", func(r *cbor.Reader) { r.BytesMax(2) }, nil},
		{"bytes beyond their limit", "420102", func(r *cbor.Reader) { r.BytesMax(1) }, cbor.ErrLength},
		{"text beyond its limit", "626161", func(r *cbor.Reader) { r.TextMax(1) }, cbor.ErrLength},
		{"fill", "420102", func(r *cbor.Reader) { r.Fill(make([]byte, 2)) }, nil},
		{"fill too much", "420102", func(r *cbor.Reader) { r.Fill(make([]byte, 3)) }, cbor.ErrLength},
		{"number where bytes are due", "01", func(r *cbor.Reader) { r.Bytes() }, cbor.ErrKind},
		{"number where a bool is due", "01", func(r *cbor.Reader) { r.Bool() }, cbor.ErrKind},
		{"indefinite array", "9fff", func(r *cbor.Reader) { r.Array() }, cbor.ErrIndefinite},
	} {
		r := cbor.NewReader(vectors.Unhex(t, c.in))
		c.read(r)
		if err := r.Finish(); !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.err)
		}
	}
}

func TestInt(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 23, 24, -24, -25, 255, 256, -256, -257, 65535, 65536, math.MaxInt64, math.MinInt64} {
		w := cbor.Appending(nil)
		w.Int(v)
		b, _ := w.Result()
		r := cbor.NewReader(b)
		if got := r.Int(); got != v || r.Finish() != nil {
			t.Errorf("%d came back as %d, %v", v, got, r.Err())
		}
	}
}

func TestLenientReading(t *testing.T) {
	// {_ "rc": 0 (in nine bytes), "a": [_ 1, 2], "d": (_ h'0102'), "e": (_ ), "t": (_ "x")}
	r := cbor.NewLenientReader(vectors.Unhex(t, "bf6272631b00000000000000006161"+"9f0102ff"+"6164"+"5f420102ff"+"6165"+"5fff"+"6174"+"7f6178ffff"))
	n := r.Map()
	if n != -1 {
		t.Fatalf("map of %d", n)
	}
	var keys cbor.Keys
	for r.Next(&n) {
		switch string(keys.Text(r)) {
		case "rc":
			if v := r.Uint(); v != 0 {
				t.Errorf("rc %d", v)
			}
		case "a":
			sum := uint64(0)
			for m := r.Array(); r.Next(&m); {
				sum += r.Uint()
			}
			if sum != 3 {
				t.Errorf("sum %d", sum)
			}
		case "d":
			if p := r.Bytes(); !bytes.Equal(p, []byte{1, 2}) {
				t.Errorf("d %x", p)
			}
		case "e":
			if p := r.Bytes(); p == nil || len(p) != 0 {
				t.Errorf("e %x", p)
			}
		case "t":
			if s := r.Text(); s != "x" {
				t.Errorf("t %q", s)
			}
		default:
			t.Errorf("unexpected key")
		}
	}
	if err := r.Finish(); err != nil {
		t.Error(err)
	}
	r = cbor.NewLenientReader(vectors.Unhex(t, "5f41014102ff"))
	if r.Bytes(); !errors.Is(r.Err(), cbor.ErrChunks) {
		t.Errorf("two chunks: %v", r.Err())
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		in   string
		fine bool
	}{{"a3010002000300", true}, {"a201000100", false}, {"a202000100", false}, {"a218ff00190100f6", true}} {
		r := cbor.NewReader(vectors.Unhex(t, c.in))
		var keys cbor.Keys
		for n := r.Map(); r.Next(&n); {
			keys.Uint(r)
			r.Skip()
		}
		if err := r.Finish(); (err == nil) != c.fine || !c.fine && !errors.Is(err, cbor.ErrOrder) {
			t.Errorf("%s: %v", c.in, err)
		}
	}
}

func TestWriterKeepsToItsBuffer(t *testing.T) {
	var whole [64]byte
	w := cbor.NewWriter(whole[:0:5])
	w.Bytes([]byte{1, 2, 3, 4})
	if b, err := w.Result(); err != nil || len(b) != 5 || &b[0] != &whole[0] {
		t.Errorf("got %x, %v", b, err)
	}
	w.Null()
	w.Text("")
	if _, err := w.Result(); !errors.Is(err, cbor.ErrOverflow) {
		t.Errorf("full buffer: %v", err)
	}
	if whole[5] != 0 {
		t.Error("wrote beyond the buffer's capacity")
	}
	w = cbor.Appending([]byte{9})
	w.Text("\xff")
	w.Bool(true)
	if _, err := w.Result(); !errors.Is(err, cbor.ErrUTF8) {
		t.Errorf("text that is none: %v", err)
	}
}

func TestNoAllocation(t *testing.T) {
	in := vectors.Unhex(t, "a50102024101036161048301f5f605a1d8180020")
	var buf [64]byte
	var keep uint64
	n := testing.AllocsPerRun(100, func() {
		r := cbor.NewReader(in)
		var keys cbor.Keys
		w := cbor.NewWriter(buf[:])
		for n := r.Map(); r.Next(&n); {
			keep += keys.Uint(r)
			switch r.Kind() {
			case cbor.KindUint:
				w.Uint(r.Uint())
			case cbor.KindText:
				w.TextBytes(r.TextBytes())
			default:
				w.Raw(r.Item())
			}
		}
		if r.Finish() != nil {
			keep = 0
		}
	})
	if n != 0 || keep == 0 {
		t.Errorf("%v allocations, %d", n, keep)
	}
}
