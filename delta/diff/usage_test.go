package diff_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
)

// A delta needs what is on the device, a full file nothing; either must fit the device's memory.
func ExampleCreate() {
	area := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 16}}, ProgramUnit: 8, Page: 256, Erased: 0xFF}
	from := make([]byte, 40000)
	for i, x := 0, uint32(1); i < len(from); i++ { // nothing in it repeats itself
		x = x*1664525 + 1013904223
		from[i] = byte(x >> 24)
	}
	to := bytes.Clone(from)
	copy(to[20000:], "a line that is new in this release")

	o := &diff.Options{Geometry: &area, Workspace: 64 << 10, Resident: 4 << 10}
	file, err := diff.Create(context.Background(), from, to, o)
	if err != nil {
		fmt.Println(err)
		return
	}
	full, err := diff.Full(context.Background(), to, o)
	if err != nil {
		fmt.Println(err)
		return
	}
	h, err := delta.ParseHeader(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	needs := delta.NeedsOf(&h, uint32(len(file)), uint32(len(to)+255)/256, o.Resident)
	fmt.Println("a delta of less than 200 bytes:", len(file) < 200)
	fmt.Println("a full file of about the image:", len(full) > len(to)*9/10)
	fmt.Println("the device has the memory:", needs.Workspace() <= o.Workspace)

	o.Workspace = 8 << 10
	_, err = diff.Create(context.Background(), from, to, o)
	var small *diff.ErrDoesNotFit
	fmt.Println("with 8 KiB it does not fit:", errors.As(err, &small))
	// Output:
	// a delta of less than 200 bytes: true
	// a full file of about the image: true
	// the device has the memory: true
	// with 8 KiB it does not fit: true
}
