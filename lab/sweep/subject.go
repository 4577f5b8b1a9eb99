package sweep

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal"
	"unbrick/terminal/record"
)

// Subject is a pair of images on a device of one shape, with all that a sweep needs made: releases
// signed by a throw-away key, the update file between them, the device as it leaves the factory. It
// is not changed after New and may be used by several sweeps at once.
type Subject struct {
	Name  string
	Shape Shape

	layout    flash.Layout
	software  flash.Geometry
	id        terminal.Identity
	own       terminal.DeviceKey // of the device
	key       ed25519.PrivateKey
	goods     [2]goods // old and new
	info      protocol.Info
	file      []byte                    // the update file
	statement []byte                    // the maker's trust statement
	changed   []bool                    // software sectors that differ between the images
	digests   [2][][smp.DigestSize]byte // of every software sector, when it holds that image
	start     *emulator.Snapshot
	raw       []byte // the factory's flash
	apps      []emulator.App
	ram       uint32
	seed      uint64

	mu    sync.Mutex
	files map[string][]byte // update files of restorations, by what the flash holds
}

// Which names one of the two images.
type Which uint8

// The images.
const (
	Old Which = iota
	New
)

func (w Which) String() string { return [...]string{"old", "new"}[w] }

// goods is one release.
type goods struct {
	image  []byte
	padded []byte // to the end of its last sector
	signed []byte
	m      release.Manifest
	upload []byte // the release file
	end    int    // sectors of the software area that it lies in
}

// NewSubject makes a subject. seed is that of everything random on the device. The images are not
// changed and must not be.
func NewSubject(ctx context.Context, name string, shape Shape, old, new []byte, seed uint64) (*Subject, error) {
	s := &Subject{Name: name, Shape: shape.normal(), seed: seed, files: make(map[string][]byte)}
	if err := s.prepare(ctx, old, new); err != nil {
		return nil, fmt.Errorf("sweep %s: %w", name, err)
	}
	return s, nil
}

func (s *Subject) prepare(ctx context.Context, old, new []byte) error {
	var err error
	if s.layout, err = s.Shape.layout(); err != nil {
		return err
	}
	s.software = s.layout.Software()
	if bytes.Equal(old, new) {
		return errors.New("the two images are the same")
	}
	seed := sha256.Sum256([]byte("unbrick sweep"))
	s.key = ed25519.NewKeyFromSeed(seed[:])
	// The trust statement is one that the factory did not give it, and the floor is above the factory's: what is lost on the way shows.
	retired := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{0xEE}, ed25519.SeedSize))
	if s.statement, err = release.SignStatement(&release.Statement{
		Version: 1, MaxOrder: release.MaxNumber, MaxCounter: release.MaxNumber, Threshold: 1, Name: "Sweep",
		Retired: []release.KeyID{release.IDOf(retired.Public().(ed25519.PublicKey))},
		Keys:    []release.ReleaseKey{{Public: publicOf(s.key), Uses: release.Install | release.Run}},
	}, s.key); err != nil {
		return err
	}
	s.id = terminal.Identity{Model: "0001", Serial: "sweep", Keys: [][32]byte{publicOf(retired), publicOf(s.key)}, Threshold: 1, Floor: release.Floor{Counter: 1}, Resident: resident}
	s.own = terminal.NewDeviceKey(&seed)
	for i, image := range [][]byte{old, new} {
		if s.goods[i], err = s.release(uint64(i+1), startFloor+uint64(i), image); err != nil {
			return err
		}
	}
	if s.file, err = diff.Create(ctx, old, new, &diff.Options{Geometry: &s.software, Resident: resident, Workspace: s.workspace()}); err != nil {
		return err
	}
	if err := s.size(ctx); err != nil {
		return err
	}
	h, err := delta.ParseHeader(s.file)
	if err != nil {
		return err
	}
	g := &s.goods[New]
	s.info = protocol.Info{
		Kind: protocol.KindDelta, Size: uint32(len(s.file)), Digest: sha256.Sum256(s.file),
		Workspace: delta.NeedsOf(&h, uint32(len(s.file)), g.m.Leaves(), resident).Workspace(), Steps: 1, Manifest: g.signed,
	}
	for w := range s.goods {
		for i := range s.software.Sectors() {
			addr, n := s.software.Sector(i)
			sum := sha256.Sum256(s.cells(Which(w), addr, n))
			s.digests[w] = append(s.digests[w], [smp.DigestSize]byte(sum[:]))
		}
	}
	s.changed = make([]bool, s.software.Sectors())
	for i := range max(s.goods[Old].end, s.goods[New].end) {
		addr, n := s.software.Sector(i)
		if i < s.goods[New].end {
			s.changed[i] = !bytes.Equal(s.cells(Old, addr, n), s.cells(New, addr, n))
		}
	}
	if s.raw, err = terminal.Factory(&s.layout, &s.id, &s.own, s.goods[Old].signed, old); err != nil {
		return err
	}
	s.age()
	b, err := s.board()
	if err != nil {
		return err
	}
	if err := b.Load(s.raw, nil); err != nil {
		return err
	}
	s.start = b.Snapshot()
	return nil
}

// cells returns what n bytes of software at addr hold when image w is in the flash: erased bytes behind it.
func (s *Subject) cells(w Which, addr, n uint32) []byte {
	p := s.goods[w].padded
	if uint64(addr)+uint64(n) <= uint64(len(p)) {
		return p[addr : addr+n]
	}
	return bytes.Repeat([]byte{s.Shape.Erased}, int(n))
}

func (s *Subject) release(number, counter uint64, image []byte) (goods, error) {
	g := goods{image: image}
	var err error
	if g.m, err = release.Describe(s.id.Model, fmt.Sprint(number), number, counter, image, &s.software); err != nil {
		return g, err
	}
	if g.signed, err = release.Sign(&g.m, s.key); err != nil {
		return g, err
	}
	g.upload = release.AppendFile(nil, &release.File{Signed: g.signed, Image: image})
	g.end = s.software.SectorAt(uint32(len(image))-1) + 1
	addr, n := s.software.Sector(g.end - 1)
	g.padded = append(bytes.Clone(image), bytes.Repeat([]byte{s.Shape.Erased}, int(addr+n)-len(image))...)
	return g, nil
}

// The device's applications: one that cannot be stopped, and two that must run again.
const (
	fixedRAM  = 512
	loggerRAM = 512
	screenRAM = 1024
)

// workspace returns how much an update can have; 0 is without limit.
func (s *Subject) workspace() uint32 {
	if s.Shape.RAM == 0 {
		return 0
	}
	return s.Shape.RAM
}

// size decides how large the RAM is: as the shape says, or as much as the update, a full image and any
// restoration between the two need.
func (s *Subject) size(ctx context.Context) error {
	need := s.Shape.RAM
	if need == 0 {
		files := [][]byte{s.file}
		leaves := max(s.goods[Old].m.Leaves(), s.goods[New].m.Leaves())
		for i := range s.goods {
			full, err := diff.Full(ctx, s.goods[i].image, &diff.Options{Geometry: &s.software, Resident: resident})
			if err != nil {
				return err
			}
			files = append(files, full)
		}
		for _, f := range files {
			h, err := delta.ParseHeader(f)
			if err != nil {
				return err
			}
			need = max(need, delta.NeedsOf(&h, uint32(len(f)), leaves, resident).Workspace())
		}
		// A delta from a mixture of both can have more stash than either.
		need += diff.DefaultStash
	}
	need = (need + 1023) &^ 1023
	s.ram = fixedRAM + need
	s.apps = []emulator.App{{Name: "system", Size: fixedRAM, Importance: 9, Fixed: true}, {Name: "logger", Size: loggerRAM, Importance: 2}, {Name: "screen", Size: screenRAM, Importance: 1}}
	return nil
}

// board makes the hardware, with erased flash.
func (s *Subject) board() (*emulator.Board, error) {
	return emulator.New(emulator.Config{
		Part: s.Shape.part(&s.layout.Geometry), Boot: s.layout.Boot, RAM: s.ram, Apps: s.apps, Resident: resident, Seed: s.seed,
	})
}

// Sectors returns how many sectors the part has, and what each is for.
func (s *Subject) Sectors() []Use {
	all := make([]Use, s.layout.Geometry.Sectors())
	first := s.layout.SoftwareFirst()
	for i := range all {
		switch {
		case i < first-2:
			all[i] = UseBoot
		case i < first:
			all[i] = UseRecord
		case i-first < s.software.Sectors():
			all[i] = UseSoftware
		}
	}
	return all
}

// Use is what a sector is for.
type Use uint8

// The uses of a sector.
const (
	UseNone Use = iota
	UseBoot
	UseRecord
	UseSoftware
)

// What the records of a device say that has lived for a while.
const (
	startFloor = 3
)

func publicOf(key ed25519.PrivateKey) [32]byte { return [32]byte(key.Public().(ed25519.PublicKey)) }

// age makes the factory's record one of a device that has raised its floor and adopted a trust statement.
func (s *Subject) age() {
	addr, n := s.layout.Geometry.Sector(s.layout.Records()[0])
	sector := s.raw[addr : addr+n]
	for i := range sector {
		sector[i] = s.Shape.Erased
	}
	record.Put(sector, &record.Record{
		Sequence: 1, State: record.Installed, Confirmed: true, Floor: release.Floor{Counter: startFloor}, To: s.goods[Old].signed, Statement: s.statement,
	}, s.Shape.Unit)
}
