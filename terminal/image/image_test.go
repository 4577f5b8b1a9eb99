package image_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"unbrick/flash"
	"unbrick/flash/flashtest"
	"unbrick/terminal/image"
)

// bench is an area on a part, and what it told of its sectors.
type bench struct {
	*flashtest.Array
	area image.Area
	told []string
}

func (b *bench) tell(what string, sector int, n uint32) {
	b.told = append(b.told, fmt.Sprintf("%s %d 0x%x", what, sector, n))
}

func (b *bench) Retry(sector int, try uint32)  { b.tell("retry", sector, try) }
func (b *bench) Dead(sector int, addr uint32)  { b.tell("dead", sector, addr) }
func (b *bench) Alive(sector int, addr uint32) { b.tell("alive", sector, addr) }

// layout: the software area begins with sector 3, at 0x3000.
var layout = flash.Layout{
	Geometry: flash.Geometry{Runs: []flash.Run{{Size: 4096, Count: 5}, {Size: 16384, Count: 1}}, ProgramUnit: 8, Page: 256, Erased: 0xFF},
	Boot:     4096,
}

const base = 0x3000

func newBench(t *testing.T) *bench {
	t.Helper()
	if err := layout.Validate(); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, layout.Geometry.Size())
	for i := range raw {
		raw[i] = byte(i*7 + i>>8)
	}
	b := &bench{Array: flashtest.NewArray(&layout.Geometry, raw, 1)}
	b.area.Open(b.Array, &layout, b, sha256.New())
	return b
}

// content is as long as sector s of the area, with pages of erased bytes in it.
func (b *bench) content(s int, seed byte) []byte {
	_, n := b.area.Software.Sector(s)
	p := bytes.Repeat([]byte{0xFF}, int(n))
	for i := range n / 2 {
		p[i] = byte(i) ^ seed
	}
	return p
}

func (b *bench) want(t *testing.T, c image.Counts, told ...string) {
	t.Helper()
	if b.area.Counts != c || fmt.Sprint(b.told) != fmt.Sprint(told) {
		t.Errorf("counted %+v, told %q; want %+v, %q", b.area.Counts, b.told, c, told)
	}
}

func TestWriteSector(t *testing.T) {
	b := newBench(t)
	data := b.content(2, 1)
	if err := b.area.WriteSector(2, data); err != nil || !bytes.Equal(b.Cells[0x5000:], data) {
		t.Fatalf("%v, or other bytes", err)
	}
	// Pages of erased bytes are left as the erase made them.
	b.want(t, image.Counts{Operations: 1 + 32, Erases: 1}, "alive 5 0x5000")
}

// TestSectorIsErasedAlways: what reads erased may be an erase that was cut short.
func TestSectorIsErasedAlways(t *testing.T) {
	b := newBench(t)
	blank := bytes.Repeat([]byte{0xFF}, 4096)
	copy(b.Cells[base:], blank)
	for range 2 {
		if err := b.area.WriteSector(0, blank); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.area.Wipe(3); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(b.Erased) != fmt.Sprint([]uint32{base, base, base}) {
		t.Errorf("erased at %#x", b.Erased)
	}
}

// TestSectorThatIsRightLater takes its data when its cells do.
func TestSectorThatIsRightLater(t *testing.T) {
	b := newBench(t)
	b.Worn[base+4000] = 0x08
	b.OnErase = func(uint32) {
		if len(b.Erased) == 2 {
			clear(b.Worn)
		}
	}
	data := b.content(0, 1)
	if err := b.area.WriteSector(0, data); err != nil || !bytes.Equal(b.Cells[base:][:4096], data) {
		t.Fatalf("%v, or other bytes", err)
	}
	b.want(t, image.Counts{Operations: 3 * (1 + 8), Erases: 3, Failed: 2}, "retry 3 0x1", "retry 3 0x2", "alive 3 0x3000")
}

func TestDeadSector(t *testing.T) {
	for name, tt := range map[string]struct {
		wear func(b *bench)
		do   func(b *bench) error
		want error
		told []string
	}{
		"no program": {func(b *bench) { b.Broken[base+9] = true },
			func(b *bench) error { return b.area.WriteSector(0, b.content(0, 1)) }, flash.ErrProgram,
			[]string{"retry 3 0x1", "retry 3 0x2", "dead 3 0x3000"}},
		"no erase": {func(b *bench) { b.Worn[base+4000] = 1 },
			func(b *bench) error { return b.area.WriteSector(0, b.content(0, 1)) }, flash.ErrVerify,
			[]string{"retry 3 0x1", "retry 3 0x2", "dead 3 0x3000"}},
		"wipe": {func(b *bench) { b.Worn[base+4000] = 1 },
			func(b *bench) error { return b.area.Wipe(3) }, flash.ErrVerify,
			[]string{"retry 3 0x1", "retry 3 0x2"}}, // a settings area is no reason to name a sector that software needs
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			tt.wear(b)
			err := tt.do(b)
			var dead *image.DeadSectorError
			if !errors.As(err, &dead) || dead.Sector != 3 || dead.Addr != base || !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v at 0x%x", err, tt.want, base)
			}
			if fmt.Sprint(b.told) != fmt.Sprint(tt.told) || b.area.Counts.Erases != 3 || b.area.Counts.Failed != 3 {
				t.Errorf("told %q, counted %+v", b.told, b.area.Counts)
			}
		})
	}
}

// TestDigest reads what the flash holds, or what it would hold with one sector replaced.
func TestDigest(t *testing.T) {
	b := newBench(t)
	for _, size := range []uint32{1, 4095, 4096, 5000, 8192, 8193, 24576} {
		was := bytes.Clone(b.Cells[base:][:size])
		if got, err := b.area.Digest(size, -1, nil); err != nil || got != sha256.Sum256(was) {
			t.Errorf("%d bytes: %v, or another digest", size, err)
		}
		for s := range 3 {
			addr, _ := b.area.Software.Sector(s)
			p := b.content(s, 9)
			want := bytes.Clone(was)
			copy(want[min(addr, size):], p)
			if got, err := b.area.Digest(size, s, p); err != nil || got != sha256.Sum256(want) {
				t.Errorf("%d bytes, with sector %d: %v, or another digest", size, s, err)
			}
		}
	}
	b.Unreadable[base+4096] = true
	if _, err := b.area.Digest(8192, -1, nil); !errors.Is(err, flash.ErrUnreadable) {
		t.Errorf("got %v", err)
	}
	if _, err := b.area.Digest(8192, 1, b.content(1, 9)); err != nil {
		t.Errorf("the sector that is replaced was read: %v", err)
	}
}

func TestStableAndHolds(t *testing.T) {
	b := newBench(t)
	mem := make([]byte, 300)
	data := bytes.Clone(b.Cells[base+4096:][:4096])
	if !b.area.Stable(1, mem) || !b.area.Holds(1, data) {
		t.Errorf("a sound sector is not")
	}
	b.Flicker[base+8191] = 0xFF
	if b.area.Stable(1, mem) || b.area.Holds(1, data) {
		t.Errorf("a sector that reads differently each time is taken")
	}
	clear(b.Flicker)
	b.Unreadable[base+4096+8] = true
	if b.area.Stable(1, mem) || b.area.Holds(1, data) {
		t.Errorf("a sector that cannot be read is taken")
	}
}

func TestSectors(t *testing.T) {
	b := newBench(t)
	for size, want := range map[uint32]int{0: 0, 1: 1, 4096: 1, 4097: 2, 8192: 2, 8193: 3, 24576: 3} {
		if got := b.area.Sectors(size); got != want {
			t.Errorf("%d bytes: got %d sectors, want %d", size, got, want)
		}
	}
	if b.area.Base != base || b.area.First != 3 {
		t.Errorf("the area begins at 0x%x, with sector %d", b.area.Base, b.area.First)
	}
}

func TestAreaAllocatesNothing(t *testing.T) {
	b := newBench(t)
	data := b.content(0, 1)
	if n := testing.AllocsPerRun(10, func() {
		b.area.Counts = image.Counts{}
		if _, err := b.area.Digest(5000, 0, data); err != nil {
			t.Fatal(err)
		}
		_ = b.area.Holds(0, data)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
