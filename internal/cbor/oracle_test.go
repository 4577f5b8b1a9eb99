package cbor_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	oracle "github.com/fxamacker/cbor/v2"

	"unbrick/internal/cbor"
)

// TestOracleAgrees writes random values with our Writer and with fxamacker/cbor, whose deterministic
// mode also sorts map keys, and reads ours with both.
func TestOracleAgrees(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	mode, err := oracle.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		v := value(rnd, 4)
		want, err := mode.Marshal(v)
		if err != nil {
			t.Fatalf("oracle cannot write %v: %v", v, err)
		}
		w := cbor.Appending(nil)
		write(w, v)
		got, err := w.Result()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v: got %x, %v, want %x", v, got, err, want)
		}
		if err := strictly(got); err != nil {
			t.Fatalf("%x: %v", got, err)
		}
		var back any
		if err := oracle.Unmarshal(got, &back); err != nil {
			t.Fatalf("%x: oracle says %v", got, err)
		}
		if again, err := mode.Marshal(back); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%x: oracle read %v", got, reflect.ValueOf(back))
		}
	}
}

// value makes a random value of at most the given depth.
func value(rnd *rand.Rand, depth int) any {
	kinds := 8
	if depth == 0 {
		kinds = 6
	}
	switch rnd.IntN(kinds) {
	case 0:
		return rnd.Uint64() >> rnd.IntN(64)
	case 1:
		return int64(rnd.Uint64()) >> rnd.IntN(64)
	case 2:
		b := make([]byte, rnd.IntN(300))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	case 3:
		r := make([]rune, rnd.IntN(30))
		for i := range r {
			r[i] = rune(rnd.IntN(0xd800))
		}
		return string(r)
	case 4:
		return rnd.IntN(2) == 0
	case 5:
		return nil
	case 6:
		a := make([]any, rnd.IntN(30))
		for i := range a {
			a[i] = value(rnd, depth-1)
		}
		return a
	}
	m := map[uint64]any{}
	for range rnd.IntN(30) {
		m[rnd.Uint64()>>rnd.IntN(64)] = value(rnd, depth-1)
	}
	return m
}

func write(w *cbor.Writer, v any) {
	switch v := v.(type) {
	case uint64:
		w.Uint(v)
	case int64:
		w.Int(v)
	case []byte:
		w.Bytes(v)
	case string:
		w.Text(v)
	case bool:
		w.Bool(v)
	case nil:
		w.Null()
	case []any:
		w.Array(len(v))
		for _, e := range v {
			write(w, e)
		}
	case map[uint64]any:
		w.Map(len(v))
		for last, n := uint64(0), len(v); n > 0; n-- {
			next, found := uint64(0), false
			for k := range v {
				if k >= last && (!found || k < next) {
					next, found = k, true
				}
			}
			w.Uint(next)
			write(w, v[next])
			last = next + 1
		}
	}
}
