package esp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/internal/standin"
	chip "unbrick/internal/standin/esp"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/esp"
	"unbrick/restore/family"
)

// kinds are the chips of the stand-in: where each has its boot loader, and the number in its images.
var kinds = []struct {
	name       string
	loader, id int
}{
	{"esp8266", 0, 0}, {"esp32", 0x1000, 0}, {"esp32s2", 0x1000, 2}, {"esp32s3", 0, 9}, {"esp32c2", 0, 12}, {"esp32c3", 0, 5}, {"esp32c5", 0x2000, 23},
	{"esp32c6", 0, 13}, {"esp32h2", 0, 16}, {"esp32p4", 0x2000, 18},
}

// newImage is an image that a ROM and a boot loader take, of so many bytes, which deflate as those of a program do: to about 60 %.
func newImage(rnd *rand.Rand, name string, id, size int) []byte {
	head := 24
	if name == "esp8266" {
		head = 8
	}
	p := make([]byte, head, size)
	p[0], p[1], p[2] = 0xe9, 1, 2
	binary.LittleEndian.PutUint32(p[4:], 0x40080000)
	if head == 24 {
		binary.LittleEndian.PutUint16(p[12:], uint16(id))
	}
	n := size - head - 8 - 16
	p = binary.LittleEndian.AppendUint32(p, 0x3ffb0000)
	p = binary.LittleEndian.AppendUint32(p, uint32(n))
	p = append(p, program(rnd, n)...)
	sum := byte(0xef)
	for _, b := range p[head+8:] {
		sum ^= b
	}
	for len(p)%16 != 15 {
		p = append(p, 0)
	}
	return append(p, sum)
}

// program is what looks like one: words of a small set, and others.
func program(rnd *rand.Rand, n int) []byte {
	p := make([]byte, n)
	for i := 0; i < n; i++ {
		if i > 64 && rnd.IntN(4) == 0 {
			k := min(n-i, 3+rnd.IntN(6))
			from := rnd.IntN(min(i-8, 4000)) + max(0, i-8-4000)
			copy(p[i:i+k], p[from:])
			i += k - 1
			continue
		}
		p[i] = byte(rnd.NormFloat64()*40 + 100)
	}
	return p
}

// software is boot loader, partition table and application for a chip.
func software(seed uint64, name string, loader, id, size int) []release.Part {
	rnd := rand.New(rand.NewPCG(seed, 1))
	if name == "esp8266" {
		return []release.Part{{Name: "program", Offset: 0, Data: newImage(rnd, name, id, size)}}
	}
	table := make([]byte, 0xc00)
	for i := range table {
		table[i] = 0xff
	}
	entry := []byte{0xaa, 0x50, 0, 0, 0, 0, 1, 0, 0, 0, 0x10, 0}
	copy(table, append(entry, make([]byte, 20)...))
	return []release.Part{
		{Name: "bootloader", Offset: uint32(loader), Data: newImage(rnd, name, id, 20000)},
		{Name: "table", Offset: 0x8000, Data: table},
		{Name: "program", Offset: 0x10000, Data: newImage(rnd, name, id, size)},
	}
}

// rig is a chip, its line and a loader that talks to it.
type rig struct {
	t    *testing.T
	chip *chip.Chip
	wire *standin.Wire
	port *standin.Port
	o    family.Options
}

func newRig(t *testing.T, c chip.Config, o standin.Options) *rig {
	t.Helper()
	r := &rig{t: t, chip: chip.New(c)}
	r.wire = standin.New(r.chip, o)
	switch c.Port {
	case chip.JTAG:
		r.o.USB = family.USB{Vendor: 0x303a, Product: 0x1001}
	case chip.OTG:
		product := map[string]uint16{"esp32s2": 0x0002, "esp32s3": 0x0009, "esp32p4": 0x0012}[c.Chip]
		r.o.USB = family.USB{Vendor: 0x303a, Product: product}
	case chip.Manual:
		r.o.Patience = 10 * time.Second
	}
	r.open()
	return r
}

func (r *rig) open() {
	r.t.Helper()
	for range 50 { // a chip with USB of its own may be off the bus
		p, err := r.wire.Open(115200)
		if err == nil {
			r.port = p
			return
		}
		r.wire.Run(100 * time.Millisecond)
	}
	r.t.Fatal("the port does not come")
}

func (r *rig) enter() family.Loader {
	r.t.Helper()
	l, err := esp.Enter(context.Background(), r.port, &r.o)
	if err != nil {
		r.t.Fatalf("enter: %v", err)
	}
	return l
}

// byHand is a person who holds BOOT while the chip is plugged in.
func (r *rig) byHand() family.Loader {
	r.t.Helper()
	r.port.Close()
	r.wire.Unplug()
	r.wire.Do(func() { r.chip.Hold(true) })
	r.wire.Replug()
	r.open()
	r.wire.Do(func() { r.chip.Hold(false) })
	r.o.Way, r.o.Patience = family.WayThere, 10*time.Second
	l := r.enter()
	r.o.Way, r.o.Patience = family.WayNone, 0
	return l
}

// whole is a restoration from the way in to the start.
func whole(ctx context.Context, l family.Loader, parts []release.Part) (*family.Difference, family.Proof, *family.Sight, error) {
	if _, err := l.Describe(ctx); err != nil {
		return nil, 0, nil, err
	}
	d, err := l.Compare(ctx, parts, nil)
	if err != nil {
		return nil, 0, nil, err
	}
	if err := l.Write(ctx, d, nil); err != nil {
		return d, 0, nil, err
	}
	proof, err := l.Verify(ctx, parts, nil)
	if err != nil {
		return d, 0, nil, err
	}
	s, err := l.Start(ctx)
	return d, proof, s, err
}

// holds checks that the flash holds parts.
func (r *rig) holds(parts []release.Part) {
	r.t.Helper()
	for _, p := range parts {
		got := r.chip.Plain(int(p.Offset), len(p.Data))
		for i := range got {
			if got[i] != p.Data[i] {
				r.t.Fatalf("part %s differs from %#x on: %#x instead of %#x", p.Name, int(p.Offset)+i, got[i], p.Data[i])
			}
		}
	}
}

// has says whether the flash holds parts.
func (r *rig) has(parts []release.Part) bool {
	for _, p := range parts {
		if !bytes.Equal(r.chip.Plain(int(p.Offset), len(p.Data)), p.Data) {
			return false
		}
	}
	return true
}

// faultless checks that the host made no mistake.
func (r *rig) faultless() {
	r.t.Helper()
	if r.chip.Faults > 0 {
		r.t.Errorf("%d mistakes: %q", r.chip.Faults, r.chip.Notes)
	}
}

func code(err error) restore.Code {
	var e *restore.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func touched(err error) restore.Touched {
	var e *restore.Error
	if errors.As(err, &e) {
		return e.Touched
	}
	return 255
}
