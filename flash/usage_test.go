package flash_test

import (
	"bytes"
	"errors"
	"fmt"

	"unbrick/flash"
	"unbrick/flash/flashtest"
)

// A part with uneven sectors is written as a list.
func ExampleParseGeometry() {
	g, err := flash.ParseGeometry("16KiB*4,64KiB,128KiB*7", 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	g.ProgramUnit, g.Page, g.Erased = 4, 256, 0xFF
	addr, size := g.Sector(5)
	fmt.Println(g.Sectors(), "sectors,", flash.FormatSize(g.Size()))
	fmt.Printf("sector 5: %s at 0x%x\n", flash.FormatSize(size), addr)
	fmt.Println("0x1ffff is in sector", g.SectorAt(0x1ffff))
	// Output:
	// 12 sectors, 1MiB
	// sector 5: 128KiB at 0x20000
	// 0x1ffff is in sector 4
}

// A layout divides a part: boot area, two record sectors, software, settings.
func ExampleLayout() {
	g, err := flash.ParseGeometry("4KiB", 128<<10)
	if err != nil {
		fmt.Println(err)
		return
	}
	g.ProgramUnit, g.Page, g.Erased = 8, 256, 0xFF
	l := flash.Layout{Geometry: g, Boot: 32 << 10, Settings: []flash.Area{{Name: "wifi", Addr: 120 << 10, Size: 8 << 10}}}
	fmt.Println(l.Validate())
	software := l.Software()
	fmt.Printf("records in sectors %d and %d, software from 0x%x: %d sectors, %s\n",
		l.Records()[0], l.Records()[1], l.SoftwareBase(), software.Sectors(), flash.FormatSize(software.Size()))
	// Output:
	// <nil>
	// records in sectors 8 and 9, software from 0xa000: 20 sectors, 80KiB
}

// Erase and Program begin an operation, and Wait ends it; a unit is programmed once after an erase.
func ExampleDevice() {
	g := flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 4}}, ProgramUnit: 8, Page: 256, Erased: 0xFF}
	var d flash.Device = flashtest.NewArray(&g, nil, 1)
	step := func(what string, err error) { fmt.Printf("%s: %v\n", what, err) }
	step("erase", d.Erase(4096, 4096))
	step("read", errors.Unwrap(d.Read(0, make([]byte, 1))))
	step("wait", d.Wait())
	step("program", d.Program(4096, []byte("unbrick!")))
	step("wait", d.Wait())
	step("again", errors.Unwrap(d.Program(4096, []byte("unbrick?"))))
	got := make([]byte, 8)
	step("read", d.Read(4096, got))
	fmt.Println(bytes.Equal(got, []byte("unbrick!")))
	// Output:
	// erase: <nil>
	// read: part is busy
	// wait: <nil>
	// program: <nil>
	// wait: <nil>
	// again: unit did not program
	// read: <nil>
	// true
}
