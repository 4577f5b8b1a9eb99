package esp

import (
	"bytes"
	"compress/zlib"
	"io"
	"testing"
)

// TestInflater: every level of the standard library's, in pieces of every size.
func TestInflater(t *testing.T) {
	data := append(append(bytes.Repeat([]byte("abcdefghijklmnop"), 9000), pattern(70000, 1)...), make([]byte, 100000)...)
	for level := zlib.HuffmanOnly; level <= zlib.BestCompression; level++ {
		var b bytes.Buffer
		w, err := zlib.NewWriterLevel(&b, level)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(data)
		w.Close()
		for _, piece := range []int{1, 7, 1024, b.Len()} {
			var f inflater
			var got []byte
			for z := b.Bytes(); len(z) > 0; z = z[min(piece, len(z)):] {
				out, err := f.add(z[:min(piece, len(z))])
				if err != nil {
					t.Fatalf("level %d, pieces of %d: %v after %d", level, piece, err, len(got))
				}
				got = append(got, out...)
			}
			if !f.done || !bytes.Equal(got, data) {
				t.Fatalf("level %d, pieces of %d: %d bytes, done %v", level, piece, len(got), f.done)
			}
		}
	}
}

// FuzzInflater compares it with the standard library's, whole and in pieces.
func FuzzInflater(f *testing.F) {
	f.Add(deflated([]byte("hello hello hello")), uint8(3))
	f.Add(deflated(pattern(2000, 1)), uint8(200))
	f.Add([]byte{0x78, 0x9c, 1, 0, 0, 0xff, 0xff}, uint8(1))
	f.Fuzz(func(t *testing.T, z []byte, piece uint8) {
		var in inflater
		var got []byte
		var err error
		for rest := z; len(rest) > 0 && err == nil && len(got) < 1<<20; {
			n := min(int(piece)+1, len(rest))
			var out []byte
			out, err = in.add(rest[:n])
			got, rest = append(got, out...), rest[n:]
		}
		if len(got) >= 1<<20 {
			return
		}
		r, want := zlib.NewReader(bytes.NewReader(z))
		var all []byte
		if want == nil {
			all, want = io.ReadAll(io.LimitReader(r, 1<<21))
		}
		if good := err == nil && in.done; good && (want != nil || !bytes.Equal(got, all)) {
			t.Fatalf("took %d bytes that the library does not (%v)", len(got), want)
		} else if !good && want == nil && err != errDeflate {
			t.Fatalf("did not take %d bytes that the library does: %v", len(all), err)
		}
	})
}

// FuzzHost throws bytes at a loader that listens, as they are or as the body of a request: it must stay itself, and write nothing that was
// not announced.
func FuzzHost(f *testing.F) {
	f.Add(uint8(0), uint8(0), request(readReg, words(magicAt), 0))
	f.Add(uint8(1), uint8(0), append(request(flashBegin, words(4096, 4, block, 0), 0), request(flashData, chunk(pattern(block, 1), 0), 0)...))
	f.Add(uint8(4), uint8(writeReg), words(0x60002000, 1<<18, 0xffffffff, 0))
	f.Add(uint8(3), uint8(deflBegin), words(1024, 1, block, 0, 0))
	f.Add(uint8(5), uint8(flashBegin), words(1<<20, 1024, block, 0, 0))
	f.Add(uint8(7), uint8(flashMD5), words(0, 1<<20, 0, 0))
	f.Add(uint8(2), uint8(changeBaud), words(921600, 0))
	f.Fuzz(func(t *testing.T, chip, op uint8, p []byte) {
		h := down(t, Config{Chip: models[int(chip)%len(models)].name, Flash: 1 << 20})
		if op != 0 {
			p = request(op, p[:min(len(p), maxFrame)], 0)
		}
		h.send(p)
		for range 60 {
			h.heard(0)
			h.wire.Run(1e9)
		}
		if h.chip.Erased > 512 {
			t.Errorf("%d sectors were erased", h.chip.Erased)
		}
		if h.chip.Writes == 0 && h.chip.Programmed+h.chip.Erased > 0 {
			t.Errorf("%+v", h.chip.Tally)
		}
	})
}
