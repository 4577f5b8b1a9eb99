package terminal_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"unbrick/delta/diff"
	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/lab/stand"
	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/terminal"
	"unbrick/terminal/record"
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

// rig is one device: a board and, while it runs, the terminal on it.
type rig struct {
	t     testing.TB
	f     *fixture
	board *emulator.Board
	stand stand.Stand // of the board
	mu    sync.Mutex
	log   []terminal.Event
	last  *terminal.Terminal
	mode  terminal.Mode
	hook  func(terminal.Event)     // told of every event, may be nil
	parts func(*terminal.Hardware) // changes the hardware, may be nil
	// whySeen is why the last restoration mode was entered.
	whySeen smp.Why
}

func (f *fixture) board(t testing.TB) *emulator.Board {
	t.Helper()
	b, err := emulator.New(emulator.Config{
		Part: f.part, Boot: f.kind.boot, Protected: f.layout.Settings, RAM: f.kind.ram, Resident: resident, Seed: 7,
		Apps: []emulator.App{{Name: "system", Size: 4 << 10, Importance: 9, Fixed: true}, {Name: "mail", Size: 24 << 10, Importance: 2}, {Name: "call", Size: 16 << 10, Importance: 8}},
		Line: emulator.LineConfig{Baud: 921600, Depth: 8192},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// device makes a device from the factory that runs g.
func (f *fixture) device(t testing.TB, g goods) *rig {
	t.Helper()
	r := &rig{t: t, f: f, board: f.board(t)}
	r.stand = stand.Stand{Board: r.board, Layout: &f.layout, Change: r.wire}
	raw, err := terminal.Factory(&f.layout, &f.id, f.own, g.signed, g.image)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.board.Load(raw, nil); err != nil {
		t.Fatal(err)
	}
	return r
}

// made is device with a release that the key slots need not have signed.
func (f *fixture) made(t testing.TB, g goods) *rig {
	t.Helper()
	r := f.device(t, f.a)
	raw, state := r.board.Save()
	raw = bytes.Clone(raw)
	addr, size := f.layout.Geometry.Sector(f.layout.Records()[0])
	sector := bytes.Repeat([]byte{f.software.Erased}, int(size))
	record.Put(sector, &record.Record{Sequence: 1, State: record.Installed, Confirmed: true, Floor: f.id.Floor, To: g.signed}, f.kind.unit)
	copy(raw[addr:], sector)
	copy(raw[f.layout.SoftwareBase():], g.image)
	if err := r.board.Load(raw, state); err != nil {
		t.Fatal(err)
	}
	return r
}

// wire makes the hardware of the stand the rig's.
func (r *rig) wire(hw *terminal.Hardware) {
	hw.SignSeed = terminal.SignSeed
	hw.Event = func(e terminal.Event) {
		r.mu.Lock()
		r.log = append(r.log, e)
		r.mu.Unlock()
		if e.Code == terminal.EventIntent {
			r.board.ResetCounter()
		}
		if r.hook != nil {
			r.hook(e)
		}
	}
	if r.parts != nil {
		r.parts(hw)
	}
}

// run boots the device and hands it to f while it runs. Without f it stops after the boot.
func (r *rig) run(f func(*terminal.Terminal)) emulator.Ending {
	r.mode = 0
	e := r.board.Run(func() {
		term := new(terminal.Terminal)
		err := terminal.New(term, r.stand.Hardware())
		if err != nil {
			r.t.Errorf("new: %v", err)
			return
		}
		r.last = term
		if r.mode = term.Boot(); r.mode == terminal.Restoration {
			r.whySeen = term.Why()
		}
		if f != nil {
			f(term)
		}
	})
	if e.Fault != nil {
		r.t.Errorf("fault: %v", e.Fault)
	}
	return e
}

// boot boots the device and returns its mode.
func (r *rig) boot() terminal.Mode {
	r.t.Helper()
	if e := r.run(nil); e.Kind != emulator.EndReturned {
		r.t.Fatalf("boot ended with %v", e.Kind)
	}
	return r.mode
}

// update boots the device and lets it have one session with s.
func (r *rig) update(s *server) (out terminal.Outcome, e emulator.Ending) {
	e = r.run(func(term *terminal.Terminal) {
		if r.mode != terminal.Running {
			return
		}
		out, _ = term.Session(s.conn())
		if out == terminal.Rewritten || out == terminal.Damaged {
			r.board.Reset(emulator.CauseSoftware)
		}
	})
	return out, e
}

// power cuts and restores power between runs, so that unstable bits are drawn anew.
func (r *rig) power() {
	r.board.Cut(emulator.NotBegun)
}

// raw returns n bytes of the software area from the board's own copy.
func (r *rig) raw(n int) []byte {
	p := make([]byte, n)
	r.board.Peek(r.f.layout.SoftwareBase(), p)
	return p
}

// holds is the oracle: whether the board's cells hold exactly g, whole to the end of its last sector.
func (r *rig) holds(g goods) bool {
	end := 0
	for i := range r.f.software.Sectors() {
		addr, size := r.f.software.Sector(i)
		if int(addr) < len(g.image) {
			end = int(addr + size)
		}
	}
	p := r.raw(end)
	if !bytes.Equal(p[:len(g.image)], g.image) {
		return false
	}
	for _, c := range p[len(g.image):] {
		if c != r.f.software.Erased {
			return false
		}
	}
	return true
}

func (r *rig) events(code terminal.EventCode) (out []terminal.Event) {
	for _, e := range r.log {
		if e.Code == code {
			out = append(out, e)
		}
	}
	return out
}

// server is a software management server in one piece: what it offers, and how it misbehaves.
type server struct {
	t      testing.TB
	info   protocol.Info
	file   []byte
	nonce  protocol.Nonce
	host   string             // under which it is dialled, empty: server.test
	first  protocol.Message   // what it says instead of the challenge
	before []protocol.Message // and before the information
	gone   *protocol.Info     // what there is instead when the file is requested
	hello  protocol.Hello
	done   bool
	fail   func(sent int) error // before each message to the terminal
	damage func(data []byte)
	offset uint32
	sent   int
	fault  protocol.Fault
}

func (f *fixture) serverFor(t testing.TB, file []byte, g goods) *server {
	s := &server{t: t, file: file}
	kind := protocol.KindDelta
	switch {
	case bytes.HasPrefix(file, []byte("ENDSLEY")):
		kind = protocol.KindBsdiff
	case len(file) > 3 && file[3]&3 == 2:
		kind = protocol.KindFull
	}
	s.info = protocol.Info{
		Kind: kind, Size: uint32(len(file)), Digest: sha256.Sum256(file), Workspace: f.workspace(t, file, g),
		Steps: 1, Manifest: g.signed,
	}
	return s
}

func nothing(t testing.TB) *server {
	return &server{t: t, info: protocol.Info{Kind: protocol.KindNone, Reason: protocol.ReasonUpToDate}}
}

func (s *server) conn() protocol.Conn {
	c := &conn{s: s}
	if c.put(&protocol.Challenge{Nonce: s.nonce}); s.first != nil {
		c.queue = nil
		c.put(s.first)
	}
	return c
}

// conn answers within Send, so that a session needs no second goroutine.
type conn struct {
	s      *server
	queue  [][]byte
	sender protocol.Sender
	closed bool
}

var errPulled = errors.New("line was pulled")

func (c *conn) put(m protocol.Message) {
	b, err := m.Append(nil)
	if err != nil {
		panic(fmt.Sprintf("test server: %v", err))
	}
	c.queue = append(c.queue, b)
}

func (c *conn) Send(msg []byte) error {
	if c.closed {
		return protocol.ErrClosed
	}
	m, err := protocol.Decode(append([]byte(nil), msg...))
	if err != nil {
		c.s.t.Errorf("terminal sent: %v", err)
		return err
	}
	switch m := m.(type) {
	case *protocol.Hello:
		if err := protocol.VerifyHello(msg, &c.s.nonce, c.Host()); err != nil && !errors.Is(err, protocol.ErrUnsigned) {
			c.s.t.Errorf("hello: %v", err)
		}
		c.s.hello = *m
		for _, m := range c.s.before {
			c.put(m)
		}
		c.put(&c.s.info)
	case *protocol.Request:
		c.s.offset = m.Offset
		if c.s.gone != nil {
			c.put(&protocol.Gone{Info: *c.s.gone})
			break
		}
		if m.Digest != c.s.info.Digest {
			c.s.t.Errorf("request for another file")
		}
		if c.sender, err = protocol.NewSender(uint32(len(c.s.file)), m); err != nil {
			c.s.t.Errorf("request: %v", err)
		}
		c.feed()
	case *protocol.Credit:
		if err := c.sender.Grant(m); err != nil {
			c.s.t.Errorf("credit: %v", err)
		}
		c.feed()
	case *protocol.Done:
		c.s.done = true
	case *protocol.Error:
		c.s.fault = m.Fault
	case *protocol.Bye:
		c.put(&protocol.Bye{})
	default:
		c.s.t.Errorf("terminal sent %v", m.Code())
	}
	return nil
}

func (c *conn) feed() {
	for {
		at, n := c.sender.Next()
		if n == 0 {
			break
		}
		p := append([]byte(nil), c.s.file[at:at+uint32(n)]...)
		if c.s.damage != nil {
			c.s.damage(p)
		}
		c.put(&protocol.Data{Offset: at, Bytes: p})
	}
	if c.sender.Finished() {
		c.put(&protocol.End{Size: c.s.info.Size, Digest: c.s.info.Digest})
	}
}

func (c *conn) Recv() ([]byte, error) {
	if c.closed || len(c.queue) == 0 {
		return nil, protocol.ErrClosed
	}
	c.s.sent++
	if c.s.fail != nil {
		if err := c.s.fail(c.s.sent); err != nil {
			c.closed = true
			return nil, err
		}
	}
	b := c.queue[0]
	c.queue = c.queue[1:]
	return b, nil
}

func (c *conn) Close() error { c.closed = true; return nil }

func (c *conn) Host() string { return cmp.Or(c.s.host, "server.test") }
