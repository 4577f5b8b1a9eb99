package terminaltest_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/lab/stand"
	"unbrick/release"
	"unbrick/terminal"
	"unbrick/terminal/terminaltest"
)

// emulated is a device on an emulated board that was just reset, with a host at the far end of its cable.
type emulated struct {
	stand stand.Stand
	key   ed25519.PrivateKey // the device's own, which lies in hardware
	over  chan struct{}      // ends the agent
	ended chan struct{}      // the agent has ended

	mu       sync.Mutex
	commands []func(*emulator.Port) error // for the host
	received []byte
	stop     bool
	host     sync.WaitGroup
}

const (
	resident = 1 << 10 // bytes that become resident, on most devices
	maxSpeed = 921600
	pauseMax = 10 * time.Millisecond
)

// fixture is what a device has in its flash.
func fixture(t testing.TB, part *emulator.Part, resident uint32, key ed25519.PrivateKey) (flash.Layout, []byte) {
	t.Helper()
	g := part.Geometry
	last, size := g.Sector(g.Sectors() - 1)
	before, n := g.Sector(g.Sectors() - 2)
	l := flash.Layout{Geometry: g, Settings: []flash.Area{{Name: "one", Addr: before, Size: n}, {Name: "two", Addr: last, Size: size}}}
	l.Boot, _ = g.Sector(1)
	if over := l.Software(); over.Sectors() > flash.MaxSoftware {
		addr, _ := g.Sector(l.SoftwareFirst() + flash.MaxSoftware)
		l.Settings = append([]flash.Area{{Name: "rest", Addr: addr, Size: before - addr}}, l.Settings...)
	}
	software := l.Software()
	m, err := release.Describe("0001", "1", 1, 1, make([]byte, 5000), &software)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := release.Sign(&m, key)
	if err != nil {
		t.Fatal(err)
	}
	public := [32]byte(key.Public().(ed25519.PublicKey))
	id := terminal.Identity{Model: "0001", Serial: "T-1", Keys: [][32]byte{public}, Threshold: 1, Floor: release.Floor{Counter: 1}, Resident: resident}
	raw, err := terminal.Factory(&l, &id, &terminal.DeviceKey{Public: public, Hardware: true}, signed, make([]byte, 5000))
	if err != nil {
		t.Fatal(err)
	}
	return l, raw
}

// newEmulated starts a device of the part. A breach of the board's rules is refused, not fatal: that is what the suite of the flash
// tries.
func newEmulated(t testing.TB, part emulator.Part, resident uint32) (*emulated, *terminaltest.Rig) {
	t.Helper()
	seed := sha256.Sum256([]byte(part.Name))
	e := &emulated{key: ed25519.NewKeyFromSeed(seed[:]), over: make(chan struct{}), ended: make(chan struct{})}
	layout, raw := fixture(t, &part, resident, e.key)
	board, err := emulator.New(emulator.Config{
		Part: part, Boot: layout.Boot, Protected: layout.Settings, RAM: 80 << 10, Resident: resident, Seed: 1, Soft: true, PauseMax: pauseMax,
		Apps: []emulator.App{{Name: "system", Size: 4 << 10, Importance: 9, Fixed: true}, {Name: "mail", Size: 24 << 10, Importance: 2}, {Name: "call", Size: 16 << 10, Importance: 8}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := board.Load(raw, nil); err != nil {
		t.Fatal(err)
	}
	e.stand = stand.Stand{Board: board, Layout: &layout, Change: e.units}
	started := make(chan error)
	go func() {
		defer close(e.ended)
		board.Run(func() { // the test's goroutine stands in for the agent's
			started <- board.RAM().StartAll()
			<-e.over
		})
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	port := board.Host()
	if err := port.Open(); err != nil {
		t.Fatal(err)
	}
	e.host.Add(1)
	go e.attend(port)
	far := &terminaltest.Far{Baud: emulator.DefaultBaud, Send: e.send, Received: e.take,
		Break:    func() { e.tell(func(p *emulator.Port) error { return p.Break(2 * time.Millisecond) }) },
		SetSpeed: func(baud uint32) { e.tell(func(p *emulator.Port) error { return p.SetSpeed(baud) }) }}
	return e, &terminaltest.Rig{Hardware: e.stand.Hardware(), Far: far}
}

// units gives the hardware what the board has no parts for.
func (e *emulated) units(hw *terminal.Hardware) {
	chance := rand.NewChaCha8([32]byte{1})
	hw.MaxSpeed, hw.Hash, hw.Verify, hw.VerifyTrust = maxSpeed, sha256.New, release.Verify, release.VerifyStatement
	hw.Random = func(p []byte) error { _, err := chance.Read(p); return err }
	hw.SignSeed = terminal.SignSeed
	hw.Sign = func(msg []byte, sig *[64]byte) error { copy(sig[:], ed25519.Sign(e.key, msg)); return nil }
}

// attend is the host: it does what it is told, and keeps what comes.
func (e *emulated) attend(p *emulator.Port) {
	defer e.host.Done()
	defer p.Close()
	var buf [512]byte
	for {
		e.mu.Lock()
		todo, stop := e.commands, e.stop
		e.commands = nil
		e.mu.Unlock()
		if stop {
			return
		}
		for _, f := range todo {
			if f(p) != nil {
				return
			}
		}
		n, err := p.Read(buf[:], time.Millisecond)
		if err != nil && err != emulator.ErrTimeout {
			return
		}
		e.mu.Lock()
		e.received = append(e.received, buf[:n]...)
		e.mu.Unlock()
	}
}

func (e *emulated) tell(f func(*emulator.Port) error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.commands = append(e.commands, f)
}

func (e *emulated) send(b []byte) {
	b = append([]byte(nil), b...)
	e.tell(func(p *emulator.Port) error { return p.Write(b) })
}

func (e *emulated) take(n int) []byte {
	for range 1000 {
		e.mu.Lock()
		have := len(e.received)
		e.mu.Unlock()
		if have >= n {
			break
		}
		e.stand.Board.Clock().Sleep(time.Millisecond)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	got := e.received
	e.received = nil
	return got
}

// close ends the device, and returns what the suite did that no suite may do on silicon.
func (e *emulated) close() []emulator.Fault {
	e.mu.Lock()
	e.stop = true
	e.mu.Unlock()
	_ = e.stand.Board.Host().Close()
	e.host.Wait()
	close(e.over)
	<-e.ended
	var bad []emulator.Fault
	for _, f := range e.stand.Board.Faults() {
		switch f.Kind {
		case emulator.OutOfBounds, emulator.Protected, emulator.NotErased, emulator.Busy:
			// What a driver refuses, and is asked for to see that it does.
		case emulator.NotResident, emulator.AppRunning, emulator.MemoryTouched, emulator.ResidentTouched, emulator.BadClaim,
			emulator.BadPause, emulator.PauseTooLong:
			bad = append(bad, f)
		}
	}
	return bad
}

// TestEmulatedBoard: what all our tests run on keeps the contract, on every part, and also a device whose rewriter lies in RAM at all
// times and needs nothing of the workspace.
func TestEmulatedBoard(t *testing.T) {
	for _, part := range emulator.Parts() {
		if part.Geometry.Size() > 1<<20 { // more of the same
			part.Geometry.Runs = []flash.Run{{Size: 4096, Count: 64}}
		}
		passes(t, part.Name, part, resident)
	}
	passes(t, "nothing becomes resident", emulator.STM32G474(), 0)
}

func passes(t *testing.T, name string, part emulator.Part, resident uint32) {
	t.Helper()
	terminaltest.Run(t, name, func(t *testing.T) *terminaltest.Rig {
		e, r := newEmulated(t, part, resident)
		t.Cleanup(func() {
			if bad := e.close(); len(bad) > 0 {
				t.Errorf("the suite breaks the rules of the board: %v", bad)
			}
		})
		return r
	})
}
