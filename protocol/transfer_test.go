package protocol

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// TestTransfer runs random transfers through both sides' rules: every byte arrives once and in order,
// never more than the window is under way, and the transfer always ends.
func TestTransfer(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range 300 {
		size := uint32(1 + rnd.IntN(300_000))
		window := uint32(1 + rnd.IntN(100_000))
		from := uint32(rnd.IntN(int(size) + 1))
		r, err := NewReceiver(size, from, window)
		if err != nil {
			t.Fatal(err)
		}
		q := r.Request(Digest{1})
		s, err := NewSender(size, &q)
		if err != nil {
			t.Fatal(err)
		}
		file := make([]byte, size)
		for i := range file {
			file[i] = byte(rnd.Uint32())
		}
		var got []byte
		var unstored uint32
		for steps := 0; !r.Finished(); steps++ {
			if steps > int(size)+10 {
				t.Fatalf("size %d window %d from %d: no end", size, window, from)
			}
			off, n := s.Next()
			if n > 0 {
				d := Data{Offset: off, Bytes: file[off : off+uint32(n)]}
				if err := r.Accept(&d); err != nil {
					t.Fatalf("size %d window %d from %d: %v", size, window, from, err)
				}
				got = append(got, d.Bytes...)
				if unstored += uint32(n); unstored > window {
					t.Fatalf("%d bytes under way, window %d", unstored, window)
				}
			}
			if n == 0 || rnd.IntN(2) == 0 {
				k := uint32(rnd.IntN(int(unstored) + 1))
				if n == 0 {
					k = unstored
				}
				unstored -= k
				if c := r.Stored(k); c > 0 {
					if err := s.Grant(&Credit{Bytes: c}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if !bytes.Equal(got, file[from:]) || !s.Finished() || r.Offset() != size {
			t.Fatalf("size %d window %d from %d: got %d bytes, finished %t", size, window, from, len(got), s.Finished())
		}
	}
}

func TestTransferRules(t *testing.T) {
	if _, err := NewSender(10, &Request{Offset: 11}); !errors.Is(err, ErrOffset) {
		t.Errorf("offset behind the end: got %v", err)
	}
	if _, err := NewReceiver(10, 11, 5); !errors.Is(err, ErrSize) {
		t.Errorf("receiver behind the end: got %v", err)
	}
	if _, err := NewReceiver(10, 0, 0); !errors.Is(err, ErrCredit) {
		t.Errorf("no window: got %v", err)
	}
	s, _ := NewSender(1<<25, &Request{Credit: MaxCredit})
	if err := s.Grant(&Credit{Bytes: 1}); !errors.Is(err, ErrCredit) {
		t.Errorf("credit beyond the limit: got %v", err)
	}
	r, _ := NewReceiver(10, 4, 3)
	for _, test := range []struct {
		d    Data
		want error
	}{
		{Data{Offset: 3, Bytes: []byte{1}}, ErrOffset},
		{Data{Offset: 5, Bytes: []byte{1}}, ErrOffset},
		{Data{Offset: 4, Bytes: make([]byte, 4)}, ErrCredit},
		{Data{Offset: 4, Bytes: make([]byte, 7)}, ErrSize},
		{Data{Offset: 4, Bytes: make([]byte, 3)}, nil},
		{Data{Offset: 7, Bytes: make([]byte, 1)}, ErrCredit},
	} {
		if err := r.Accept(&test.d); !errors.Is(err, test.want) {
			t.Errorf("%d bytes at %d: got %v, want %v", len(test.d.Bytes), test.d.Offset, err, test.want)
		}
	}
}
