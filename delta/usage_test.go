package delta_test

import (
	"bytes"
	"context"
	"fmt"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/flash/flashtest"
	"unbrick/release"
)

// A device proves an update file against its own flash, writing nothing, and then rewrites with it.
func Example() {
	area := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 4}}, ProgramUnit: 8, Page: 256, Erased: 0xFF}
	from := bytes.Repeat([]byte("the software that runs. "), 500)
	to := bytes.ReplaceAll(from, []byte("runs"), []byte("went"))

	// The server's part.
	file, err := diff.Create(context.Background(), from, to, &diff.Options{Geometry: &area})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := release.Describe("lamp", "2", 2, 1, to, &area)
	if err != nil {
		fmt.Println(err)
		return
	}

	// The device's part: its flash, and memory as the file's header says.
	cells := bytes.Repeat([]byte{area.Erased}, int(area.Size()))
	copy(cells, from)
	part := flashtest.NewArray(&area, cells, 1)
	h, err := delta.ParseHeader(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	var d delta.Decoder
	if err := d.Open(file, &area, part, make([]byte, h.Memory())); err != nil {
		fmt.Println(err)
		return
	}
	leaves, planned := release.MakeLeaves(m.Leaves()), make([]byte, 1)
	fmt.Println("proof:", delta.Prove(&d, &m, part, leaves, nil, false, planned), "and nothing is erased:", len(part.Erased) == 0)
	put := delta.PutFunc(func(sector int, data []byte) error {
		addr, n := area.Sector(sector)
		if err := part.Erase(addr, n); err != nil {
			return err
		}
		if err := part.Wait(); err != nil {
			return err
		}
		for at := uint32(0); at < n; at += area.Page {
			if err := part.Program(addr+at, data[at:at+area.Page]); err != nil {
				return err
			}
			if err := part.Wait(); err != nil {
				return err
			}
		}
		return nil
	})
	fmt.Println("rewrite:", delta.Rewrite(&d, &m, leaves, put))
	fmt.Println("there:", bytes.Equal(part.Cells[:len(to)], to), "sectors:", len(part.Erased))
	// Output:
	// proof: <nil> and nothing is erased: true
	// rewrite: <nil>
	// there: true sectors: 3
}
