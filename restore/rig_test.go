package restore_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"testing"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/lab"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/protocol/conntest"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/terminal"
)

// rig is a kind of device, its maker's key, and releases for it.
type rig struct {
	t     testing.TB
	model model.Model
	key   ed25519.PrivateKey
	area  flash.Geometry
	own   *terminal.DeviceKey // of its devices, nil: they have none
}

// made is one release.
type made struct {
	manifest      release.Manifest
	signed, image []byte
}

func (m *made) file() []byte {
	return release.AppendFile(nil, &release.File{Signed: m.signed, Image: m.image})
}

type shape struct {
	geometry string
	size     uint32
	unit     uint32
	erased   byte
	boot     uint32
	ram      uint32
}

var even = shape{"4KiB", 256 << 10, 8, 0xff, 16 << 10, 128 << 10}

func newRig(t testing.TB, s shape) *rig {
	t.Helper()
	g, err := flash.ParseGeometry(s.geometry, s.size)
	if err != nil {
		t.Fatal(err)
	}
	g.ProgramUnit, g.Erased = s.unit, s.erased
	m := model.Model{ID: "0001", Name: "test device", Layout: flash.Layout{Geometry: g, Boot: s.boot}, RAM: s.ram, Resident: 8 << 10,
		Apps: []model.App{{Name: "app", Size: s.ram / 4, Importance: 1}}, Line: 115200}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	seed := sha256.Sum256([]byte("restore test key"))
	return &rig{t: t, model: m, key: ed25519.NewKeyFromSeed(seed[:]), area: m.Layout.Software()}
}

// code makes bytes that look like a program: repetitive, with differences.
func code(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 9))
	words := make([][]byte, 64)
	for i := range words {
		words[i] = make([]byte, 2+rnd.IntN(14))
		for k := range words[i] {
			words[i][k] = byte(rnd.Uint32())
		}
	}
	var b []byte
	for len(b) < n {
		b = append(b, words[rnd.IntN(len(words))]...)
		if rnd.IntN(4) == 0 {
			b = append(b, byte(rnd.Uint32()), byte(rnd.Uint32()))
		}
	}
	return b[:n]
}

// edit changes an image as a minor release does: some bytes here and there, some more code in the middle.
func edit(image []byte, seed uint64) []byte {
	rnd := rand.New(rand.NewPCG(seed, 10))
	b := bytes.Clone(image)
	for range 12 {
		b[rnd.IntN(len(b))] ^= byte(1 + rnd.IntN(255))
	}
	at := len(b) / 2
	return append(b[:at:at], append(code(seed, 300), b[at:]...)...)
}

func (r *rig) release(version string, order, counter uint64, image []byte) *made {
	r.t.Helper()
	return r.releaseBy(r.key, r.model.ID, version, order, counter, image)
}

func (r *rig) releaseBy(key ed25519.PrivateKey, model, version string, order, counter uint64, image []byte) *made {
	r.t.Helper()
	m, err := release.Describe(model, version, order, counter, image, &r.area)
	if err != nil {
		r.t.Fatal(err)
	}
	signed, err := release.Sign(&m, key)
	if err != nil {
		r.t.Fatal(err)
	}
	return &made{m, signed, image}
}

// device makes a device with a release in it and switches it on.
func (r *rig) device(in *made, o *lab.Options) *lab.Device {
	r.t.Helper()
	d, err := lab.New(&r.model, o)
	if err != nil {
		r.t.Fatal(err)
	}
	pub := [32]byte(r.key.Public().(ed25519.PublicKey))
	id := terminal.Identity{Model: r.model.ID, Serial: "S-1", Threshold: 1, Keys: [][32]byte{pub}, Resident: r.model.Resident}
	if err := d.Manufacture(&id, r.own, in.signed, in.image); err != nil {
		r.t.Fatal(err)
	}
	r.on(d)
	r.t.Cleanup(func() { d.PowerOff(emulator.NotBegun) })
	return d
}

func (r *rig) on(d *lab.Device) lab.State {
	r.t.Helper()
	if err := d.PowerOn(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	s, err := d.Settle(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	if s == lab.Faulted {
		r.t.Fatal(d.Fault())
	}
	return s
}

// update runs one session in which the device is offered an update from one release to another.
func (r *rig) update(d *lab.Device, from, to *made) lab.Session {
	r.t.Helper()
	file, err := diff.Create(context.Background(), from.image, to.image, &diff.Options{Geometry: &r.area, Workspace: r.model.MaxWorkspace(), Resident: r.model.Resident})
	if err != nil {
		r.t.Fatal(err)
	}
	client, server := conntest.Pair()
	done := make(chan error, 1)
	go func() { done <- serve(server, file, to) }()
	s, err := d.Update(context.Background(), client)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := <-done; err != nil && !errors.Is(err, protocol.ErrClosed) {
		r.t.Fatal(err)
	}
	return s
}

// serve is the least server: it offers one file.
func serve(c protocol.Conn, file []byte, to *made) error {
	defer c.Close()
	h, err := delta.ParseHeader(file)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(file)
	var sender protocol.Sender
	buf, err := protocol.Send(c, &protocol.Challenge{}, nil)
	if err != nil {
		return err
	}
	for {
		b, err := c.Recv()
		if err != nil {
			return err
		}
		m, err := protocol.Decode(b)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *protocol.Hello:
			needs := delta.NeedsOf(&h, uint32(len(file)), to.manifest.Leaves(), 8<<10).Workspace()
			info := protocol.Info{Kind: protocol.KindDelta, Size: uint32(len(file)), Digest: sum, Workspace: needs, Has: m.Workspace, Steps: 1, Manifest: to.signed}
			if m.Digest == to.manifest.Digest {
				info = protocol.Info{Reason: protocol.ReasonUpToDate}
			}
			if buf, err = protocol.Send(c, &info, buf); err != nil {
				return err
			}
		case *protocol.Request:
			if sender, err = protocol.NewSender(uint32(len(file)), m); err != nil {
				return err
			}
		case *protocol.Credit:
			if err := sender.Grant(m); err != nil {
				return err
			}
		case *protocol.Bye:
			_, err := protocol.Send(c, &protocol.Bye{}, buf)
			return err
		case *protocol.Error:
			return errors.New(m.Fault.String() + ": " + string(m.Text))
		case *protocol.Done:
			continue
		}
		if sender == (protocol.Sender{}) {
			continue
		}
		for {
			off, n := sender.Next()
			if n == 0 {
				break
			}
			if buf, err = protocol.Send(c, &protocol.Data{Offset: off, Bytes: file[off:][:n]}, buf); err != nil {
				return err
			}
		}
		if sender.Finished() {
			if buf, err = protocol.Send(c, &protocol.End{Size: uint32(len(file)), Digest: sum}, buf); err != nil {
				return err
			}
		}
	}
}

// brick updates a device and cuts the power inside the n-th flash operation; the device is on again.
func (r *rig) brick(d *lab.Device, from, to *made, n uint64, tear emulator.Tear) lab.State {
	r.t.Helper()
	d.CutAt(n, tear)
	if s := r.update(d, from, to); s.State != lab.Off {
		d.CutAt(0, tear)
		return s.State
	}
	return r.on(d)
}

// source returns a source of releases.
func source(t testing.TB, releases ...*made) *restore.Files {
	t.Helper()
	f := &restore.Files{}
	for _, m := range releases {
		if _, err := f.Add(m.file()); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// restored fails unless the device runs exactly this release.
func (r *rig) restored(d *lab.Device, want *made) {
	r.t.Helper()
	s, err := d.Settle(context.Background())
	if err != nil || s != lab.Running {
		r.t.Fatalf("device is %v, %v (%v); want it running", s, err, d.Fault())
	}
	got := make([]byte, len(want.image))
	d.Board().Peek(r.model.Layout.SoftwareBase(), got)
	if !bytes.Equal(got, want.image) {
		r.t.Fatal("flash holds another image")
	}
	if m, ok := d.About().Installed, d.About().Known; !ok || m.Digest != want.manifest.Digest {
		r.t.Fatalf("record says %q, want %q", m.Version, want.manifest.Version)
	}
}

// run restores over the given port as command and page do.
func run(t testing.TB, port restore.Port, src restore.Source, o *restore.Options, c *restore.Choice) (*restore.Result, error) {
	t.Helper()
	s, _, p, err := planned(port, src, o, c)
	if err != nil {
		return nil, err
	}
	return s.Run(context.Background(), p, nil)
}

// planned goes as far as the question whether to restore.
func planned(port restore.Port, src restore.Source, o *restore.Options, c *restore.Choice) (*restore.Session, *restore.Device, *restore.Plan, error) {
	ctx := context.Background()
	s, err := restore.Connect(ctx, port, o)
	if err != nil {
		return nil, nil, nil, err
	}
	d, err := s.Identify(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	p, err := s.Plan(ctx, d, src, c)
	return s, d, p, err
}
