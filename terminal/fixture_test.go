package terminal_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/delta/diff"
	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/release"
	"unbrick/terminal"
)

// kind is a device to try things on: the part, where its areas end, and its RAM.
type kind struct {
	name string
	list string // geometry
	unit uint32
	page uint32
	zero bool // erased byte 0x00
	ecc  bool
	boot uint32
	ram  uint32
	old  int // bytes of the images
	new  int
	// sample is about how many cuts of each tear -short tries.
	sample int
	slow   bool // a sample even without -short
	// settings are the sectors of settings areas, at the end of the part.
	settings []int
}

// sampled is about how many cuts are tried where not all are.
func (k *kind) sampled(short bool) int {
	switch {
	case short:
		return k.sample
	case k.slow:
		return 10 * k.sample
	}
	return 40 * k.sample
}

// kinds are the geometries that every matrix goes over.
var kinds = []kind{
	{name: "even-4k-unit8", list: "4KiB*14", unit: 8, page: 256, boot: 8 << 10, ram: 192 << 10, old: 7*4096 - 300, new: 8*4096 - 1000, sample: 6},
	{name: "uneven", list: "4KiB*4,16KiB,8KiB*4,4KiB*2", unit: 4, page: 256, boot: 8 << 10, ram: 192 << 10, old: 16384 + 8192 + 100, new: 16384 + 2*8192 + 77, sample: 5},
	{name: "64k-unit32-ecc", list: "64KiB*8", unit: 32, page: 512, ecc: true, boot: 64 << 10, ram: 1 << 20, old: 3*65536 - 5000, new: 3*65536 - 900, sample: 1, slow: true},
	{name: "zero-unit1", list: "4KiB*12", unit: 1, page: 256, zero: true, boot: 4 << 10, ram: 192 << 10, old: 8*4096 - 17, new: 6*4096 - 1, sample: 6},
	{name: "4k-unit32-ecc-page32", list: "4KiB*10", unit: 32, page: 32, ecc: true, boot: 4 << 10, ram: 192 << 10, old: 3*4096 - 17, new: 4*4096 - 1, sample: 8},
}

// fixture is a kind with two signed images.
type fixture struct {
	kind     kind
	part     emulator.Part
	layout   flash.Layout
	software flash.Geometry
	key      ed25519.PrivateKey
	own      *terminal.DeviceKey // of the devices, nil: they have none
	id       terminal.Identity
	a, b     goods
	delta    []byte
	back     []byte // from b to a, made when first needed
}

// goods is a release.
type goods struct {
	image, signed []byte
	m             release.Manifest
}

const resident = 4 << 10

func fixtureOf(t testing.TB, k kind) *fixture {
	t.Helper()
	g, err := flash.ParseGeometry(k.list, 0)
	if err != nil {
		t.Fatal(err)
	}
	g.ProgramUnit, g.Page = k.unit, k.page
	if k.zero {
		g.Erased = 0
	}
	f := &fixture{kind: k, layout: flash.Layout{Geometry: g, Boot: k.boot}}
	at := g.Sectors()
	for _, n := range k.settings {
		at -= n
	}
	for i, n := range k.settings {
		from, _ := g.Sector(at)
		to, size := g.Sector(at + n - 1)
		f.layout.Settings = append(f.layout.Settings, flash.Area{Name: fmt.Sprintf("settings %d", i), Addr: from, Size: to + size - from})
		at += n
	}
	f.software = f.layout.Software()
	f.part = emulator.Part{
		Name: k.name, Geometry: g, ECC: k.ecc,
		Unit:    emulator.Span{Typ: 10 * time.Microsecond, Max: 20 * time.Microsecond},
		Erase:   []emulator.EraseSpan{{Size: 4096, Span: emulator.Span{Typ: 20 * time.Millisecond, Max: 50 * time.Millisecond}}},
		ReadKiB: 10 * time.Microsecond, Source: "test",
	}
	seed := sha256.Sum256([]byte(k.name))
	f.key = ed25519.NewKeyFromSeed(seed[:])
	f.id = terminal.Identity{Model: "0001", Serial: "T-1", Keys: [][32]byte{[32]byte(f.key.Public().(ed25519.PublicKey))}, Threshold: 1, Floor: release.Floor{Counter: 1}, Resident: resident}
	r := rand.New(rand.NewChaCha8(seed))
	old := code(r, k.old)
	f.a = f.goods(t, "1", 1, 1, old)
	f.b = f.goods(t, "2", 2, 2, evolve(r, old, k.new))
	f.delta = f.makeDelta(t, f.a.image, f.b.image, nil)
	return f
}

// code returns bytes that resemble a program: repetitive, with differences.
func code(r *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+64)
	for len(b) < n {
		if len(b) > 200 && r.IntN(3) > 0 {
			at := r.IntN(len(b) - 64)
			b = append(b, b[at:at+16+r.IntN(48)]...)
			continue
		}
		for range 8 + r.IntN(24) {
			b = append(b, byte(r.Uint32()))
		}
	}
	return b[:n]
}

// evolve returns a later version of old with n bytes: pieces moved, changed and new.
func evolve(r *rand.Rand, old []byte, n int) []byte {
	b := append([]byte(nil), code(r, 40)...)
	b = append(b, old...)
	for range 1 + len(b)/2000 {
		b[r.IntN(len(b))] ^= byte(1 + r.IntN(255))
	}
	at := len(b) / 2
	b = append(b[:at:at], append(code(r, 24), b[at:]...)...)
	if len(b) < n {
		b = append(b, code(r, n-len(b))...)
	}
	return b[:n]
}

func (f *fixture) goods(t testing.TB, version string, order, counter uint64, image []byte) goods {
	t.Helper()
	m, err := release.Describe("0001", version, order, counter, image, &f.software)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := release.Sign(&m, f.key)
	if err != nil {
		t.Fatal(err)
	}
	return goods{image: image, signed: signed, m: m}
}

func (f *fixture) makeDelta(t testing.TB, old, new []byte, doubtful []bool) []byte {
	t.Helper()
	file, err := diff.Create(context.Background(), old, new, &diff.Options{Geometry: &f.software, Doubtful: doubtful, Resident: resident})
	if err != nil {
		t.Fatal(err)
	}
	return file
}
