package delta_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/internal/firmware"
)

// BenchmarkDecode decodes deltas of real firmware, in bytes of the new image a second: opening, which reads
// the plan, and all sectors. Beside it stands what no decoder can do without: copying the old bytes, what
// bspatch does then, adding a difference to each, and the digest that a proof takes of the new ones.
func BenchmarkDecode(b *testing.B) {
	for name, images := range map[string]func() (older, newer []byte){"mithermo": firmware.Mithermo, "opensbi": firmware.OpenSBI} {
		old, new := images()
		size := max(len(old), len(new))
		area, err := flash.ParseGeometry(fmt.Sprintf("4KiB*%d", (size+4095)/4096), 0)
		if err != nil {
			b.Fatal(err)
		}
		file, err := diff.Create(context.Background(), old, new, &diff.Options{Geometry: &area})
		if err != nil {
			b.Fatal(err)
		}
		h, err := delta.ParseHeader(file)
		if err != nil {
			b.Fatal(err)
		}
		board, mem := make(flash.Bytes, area.Size()), make([]byte, h.Memory())
		copy(board, old)
		var d delta.Decoder
		run := func(what string, f func(b *testing.B)) {
			b.Run(name+"/"+what, func(b *testing.B) {
				b.SetBytes(int64(len(new)))
				for b.Loop() {
					f(b)
				}
			})
		}
		run("decode", func(b *testing.B) {
			if err := d.Open(file, &area, board, mem); err != nil {
				b.Fatal(err)
			}
			for {
				if _, _, err := d.Next(); err == io.EOF {
					return
				} else if err != nil {
					b.Fatal(err)
				}
			}
		})
		out, apart := make([]byte, len(new)), make([]byte, len(new))
		for i := range min(len(old), len(new)) {
			apart[i] = new[i] - old[i]
		}
		run("copy", func(*testing.B) { copy(out, board) })
		run("add", func(*testing.B) {
			for i := range out {
				out[i] = board[i] + apart[i]
			}
		})
		run("digest", func(*testing.B) { sha256.Sum256(new) })
	}
}
