package terminaltest

import (
	"bytes"
	"time"

	"unbrick/terminal"
)

const (
	// slack is how much later than asked a wait may end.
	slack = 20 * time.Millisecond
	// patience is how long something is waited for that must come.
	patience = 30 * time.Second
)

// bench is a rig with helpers that fail the test.
type bench struct {
	TB
	*terminal.Hardware
	far *Far
}

func newBench(t TB, r *Rig) *bench {
	t.Helper()
	if hw := r.Hardware; hw.Flash == nil || hw.Layout == nil || hw.RAM == nil || hw.Cable == nil || hw.Clock == nil {
		t.Fatalf("the hardware is not complete: %+v", hw)
	}
	return &bench{t, r.Hardware, r.Far}
}

// missing says that the port does not have something, and is true then.
func (b *bench) missing(there bool, what string) bool {
	if !there {
		b.Logf("not checked: %s", what)
	}
	return !there
}

// list returns the regions as they are now.
func (b *bench) list() []terminal.Region { return append([]terminal.Region(nil), b.RAM.Regions()...) }

// unchanged fails unless the regions are as before.
func (b *bench) unchanged(before []terminal.Region, after string) {
	b.Helper()
	now := b.list()
	for i := range before {
		if i >= len(now) || now[i] != before[i] {
			b.Fatalf("after %s region %d is not what it was: %+v", after, i, before[i])
		}
	}
}

// wantState fails unless region i is in a state and all others are as before.
func (b *bench) wantState(before []terminal.Region, i int, s terminal.RegionState, after string) {
	b.Helper()
	want := append([]terminal.Region(nil), before...)
	want[i].State = s
	for k, r := range b.list() {
		if r != want[k] {
			b.Fatalf("after %s of region %d: region %d is %+v, want %+v", after, i, k, r, want[k])
		}
	}
}

func (b *bench) stopAll() {
	b.Helper()
	for i, r := range b.list() {
		if r.State == terminal.RegionRunning {
			b.must(b.RAM.Stop(i), "stop region %d", i)
		}
	}
}

func (b *bench) startAll() {
	b.Helper()
	for i, r := range b.list() {
		if r.State == terminal.RegionStopped {
			b.must(b.RAM.Start(i), "start region %d", i)
		}
	}
}

func (b *bench) must(err error, what string, args ...any) {
	b.Helper()
	if err != nil {
		b.Fatalf(what+": %v", append(args, err)...)
	}
}

// window returns the largest run of adjacent regions that are stopped or free.
func (b *bench) window() (off, n uint32) {
	var at, size, end uint32
	for _, r := range b.list() {
		if r.State != terminal.RegionStopped && r.State != terminal.RegionFree {
			size = 0
			continue
		}
		if size == 0 || r.Off != end {
			at, size = r.Off, 0
		}
		size += r.Size
		end = r.Off + r.Size
		if size > n {
			off, n = at, size
		}
	}
	return off, n
}

func (b *bench) claim(off, n uint32) []byte {
	b.Helper()
	mem, err := b.RAM.Claim(off, n)
	b.must(err, "claim %d bytes at 0x%x", n, off)
	if uint32(len(mem)) != n || uint32(cap(mem)) != n {
		b.Fatalf("claim %d bytes at 0x%x: got %d with room for %d", n, off, len(mem), cap(mem))
	}
	return mem
}

// secure takes all memory, fills it with the pattern of seed, makes the rewriter resident in its tail, and returns the rest.
func (b *bench) secure(seed uint32) []byte {
	b.Helper()
	b.stopAll()
	off, n := b.window()
	mem := pattern(b.claim(off, n), seed)
	code := b.identity().Resident
	if code > n {
		b.Fatalf("the identification asks for %d resident bytes, and %d can be claimed", code, n)
	}
	b.must(b.RAM.Resident(mem[n-code:]), "make %d bytes resident", code)
	return mem[: n-code : n-code]
}

// identity returns the identification.
func (b *bench) identity() terminal.Identity {
	b.Helper()
	p := make([]byte, terminal.IdentitySize)
	b.must(b.Flash.Read(b.Layout.Boot-terminal.IdentitySize, p), "read the identification")
	id, err := terminal.ParseIdentity(p)
	b.must(err, "read the identification")
	return id
}

// scratch returns the sector that checks may change: the last of the software area.
func (b *bench) scratch() (addr, n uint32) {
	software := b.Layout.Software()
	return b.Layout.Geometry.Sector(b.Layout.SoftwareFirst() + software.Sectors() - 1)
}

func (b *bench) erase(addr, n uint32) {
	b.Helper()
	b.must(b.Flash.Erase(addr, n), "erase %d bytes at 0x%x", n, addr)
	b.must(b.Flash.Wait(), "erase %d bytes at 0x%x", n, addr)
}

func (b *bench) program(addr uint32, p []byte) {
	b.Helper()
	b.must(b.Flash.Program(addr, p), "program %d bytes at 0x%x", len(p), addr)
	b.must(b.Flash.Wait(), "program %d bytes at 0x%x", len(p), addr)
}

// wantFlash compares the flash with p.
func (b *bench) wantFlash(addr uint32, p []byte, after string) {
	b.Helper()
	got := make([]byte, len(p))
	b.must(b.Flash.Read(addr, got), "read %d bytes at 0x%x after %s", len(p), addr, after)
	if !bytes.Equal(got, p) {
		b.Fatalf("after %s the flash at 0x%x is not what it should be", after, addr)
	}
}

func (b *bench) blank(n uint32) []byte { return bytes.Repeat([]byte{b.Layout.Geometry.Erased}, int(n)) }

// pattern fills p so that every byte depends on its place and on seed, with no short period.
func pattern(p []byte, seed uint32) []byte {
	x := seed*2654435761 + 1
	for i := range p {
		x = x*1664525 + 1013904223
		p[i] = byte(x >> 24)
	}
	return p
}

// wantPattern fails unless p is what pattern made.
func (b *bench) wantPattern(p []byte, seed uint32, after string) {
	b.Helper()
	want := pattern(make([]byte, len(p)), seed)
	for i := range p {
		if p[i] != want[i] {
			b.Fatalf("%s: byte %d of %d of the workspace has changed", after, i, len(p))
		}
	}
}
