package esp

import (
	"bytes"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"testing"

	"unbrick/release"
)

// TestPieces8266: whatever the run, all of it is erased before it is written, and nothing else is.
func TestPieces8266(t *testing.T) {
	for start := uint32(0); start < 40; start++ {
		for n := 1; n <= 70; n++ {
			pic, err := newPicture([]release.Part{{Offset: start * sector, Data: make([]byte, n*sector)}})
			if err != nil {
				t.Fatal(err)
			}
			all := max(n, 2) // of one alone the next is kept and written again
			state := make(map[uint32]string)
			next := start
			for _, p := range cut8266(pic, start*sector, n) {
				if p.addr/sector != next {
					t.Fatalf("%d at %d: a piece at %d instead of %d", n, start, p.addr/sector, next)
				}
				k := uint32(p.sectors())
				whole := next + erased8266(next, erase8266(next, k))
				for done := range int(k) {
					from := next + uint32(rest8266(next, k, done))
					if m := k - (from - next); int(from-next) > done || from+erased8266(from, erase8266(from, m)) > whole || erased8266(from, erase8266(from, m)) < m {
						t.Fatalf("%d at %d, of which %d are done: begun again at %d", k, next, done, from)
					}
				}
				for i := range erased8266(next, erase8266(next, k)) {
					state[next+i] = "erased"
				}
				for i := range k {
					if state[next+i] != "erased" {
						t.Fatalf("%d at %d: sector %d is written and was not erased", n, start, next+i)
					}
					state[next+i] = "written"
				}
				next += k
			}
			for s, what := range state {
				if what != "written" || s < start || s >= start+uint32(all) {
					t.Fatalf("%d at %d: sector %d is %s", n, start, s, what)
				}
			}
			if len(state) != all {
				t.Fatalf("%d at %d: %d sectors", n, start, len(state))
			}
		}
	}
}

// TestPicture: parts that touch or share a sector, and what lies beside them.
func TestPicture(t *testing.T) {
	pic, err := newPicture([]release.Part{
		{Offset: 0x1800, Data: repeated(1, 0x800)}, {Offset: 0x2000, Data: repeated(2, 0x10)}, {Offset: 0x2020, Data: repeated(3, 0x10)}, {Offset: 0x9000, Data: repeated(4, 1)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pic.all) != 3 || len(pic.sectorsOf()) != 3 {
		t.Errorf("%d stretches, sectors %v", len(pic.all), pic.sectorsOf())
	}
	gaps := pic.gaps()
	if len(gaps) != 2 || gaps[0].Addr != 0x1000 || gaps[0].Size != 0x800 || gaps[1].Addr != 0x2010 || gaps[1].Size != 0x10 {
		t.Errorf("gaps %v", gaps)
	}
	pic.keep = []stretch{{0x1000, repeated(9, 0x800)}, {0x2010, repeated(8, 0x10)}}
	want := append(repeated(9, 0x800), repeated(1, 0x800)...)
	want = append(append(append(append(want, repeated(2, 0x10)...), repeated(8, 0x10)...), repeated(3, 0x10)...), repeated(0xff, 0xfd0)...)
	if got := pic.fill(0x1000, 2); !bytes.Equal(got, want) {
		t.Error("two sectors are not what parts and kept bytes make of them")
	}
	for name, parts := range map[string][]release.Part{
		"none":       nil,
		"overlap":    {{Offset: 0, Data: make([]byte, 10)}, {Offset: 9, Data: make([]byte, 1)}},
		"descending": {{Offset: 9, Data: make([]byte, 10)}, {Offset: 0, Data: make([]byte, 1)}},
		"empty":      {{Offset: 0}},
		"beyond":     {{Offset: ring - 1, Data: make([]byte, 2)}},
		"far beyond": {{Offset: 0xffffffff, Data: make([]byte, 2)}},
	} {
		if _, err := newPicture(parts); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestInflating: a block's time-out never goes by fewer bytes than it becomes.
func TestInflating(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 300_000)
	for i := range data[:100_000] {
		data[i] = byte(rnd.Uint32())
	}
	stream := deflate(data)
	most := inflating(stream, len(data))
	got := 0
	for i := range most { // what can be inflated from the first blocks alone
		z, err := zlib.NewReader(bytes.NewReader(stream[:min((i+1)*block, len(stream))]))
		if err != nil {
			t.Fatal(err)
		}
		all, _ := io.ReadAll(z)
		if n := len(all) - got; n > most[i] {
			t.Errorf("block %d becomes %d bytes and may become %d", i, n, most[i])
		}
		got = len(all)
	}
	if got != len(data) {
		t.Errorf("%d bytes", got)
	}
}

func TestSizeOf(t *testing.T) {
	for id, want := range map[uint32]uint32{
		0x1640ef: 4 << 20, 0x1840c8: 16 << 20, 0x1940ef: 32 << 20, 0x1a40ef: 64 << 20, 0x2040ef: 64 << 20, 0x1c40ef: 256 << 20, 0x3625c2: 4 << 20, 0x12aa5e: 256 << 10,
		0x01451f: 1 << 20, 0x01891f: 16 << 20, 0x1340ef: 512 << 10, 0x0040ef: 0, 0x7740ef: 0,
	} {
		if got := sizeOf(id); got != want {
			t.Errorf("%06x: %d instead of %d", id, got, want)
		}
	}
}
