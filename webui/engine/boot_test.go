package engine_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"unbrick/internal/mcuboottest"
	"unbrick/restore"
	"unbrick/webui/engine"
	"unbrick/webui/state"
)

// board waits until a device of another family has said who it is.
func (s *stand) board(device string) state.RestoreBoard {
	s.Helper()
	var b state.RestoreBoard
	s.until(device, func(st *state.State) bool {
		b = shows[state.RestoreBoard](st)
		return b.Told.Device == device
	})
	return b
}

// ready waits until something is chosen that it takes.
func (s *stand) ready() state.RestoreBoard {
	s.Helper()
	var b state.RestoreBoard
	s.until("it can be restored", func(st *state.State) bool { b = shows[state.RestoreBoard](st); return b.Ready })
	return b
}

// bootCord is a cable to a device of another make. Between two attempts the test may look at the device.
type bootCord struct {
	mu   sync.Mutex
	port *mcuboottest.Port
}

func (c *bootCord) List(context.Context) ([]engine.PortInfo, error) {
	return []engine.PortInfo{{Name: "USB 2fe3:0100"}}, nil
}

func (c *bootCord) Open(context.Context, int, uint32) (restore.Port, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.port.Plug()
	return &bootPort{c}, nil
}

type bootPort struct{ c *bootCord }

func (p *bootPort) Read(b []byte, wait time.Duration) (int, error) {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	n, err := p.c.port.Read(b, wait)
	if err == mcuboottest.ErrOut {
		return 0, restore.ErrVanished
	}
	return n, err
}

func (p *bootPort) Write(b []byte) error {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	if err := p.c.port.Write(b); err != nil {
		return restore.ErrVanished
	}
	return nil
}

func (p *bootPort) Now() time.Duration {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	return p.c.port.Now()
}

func (p *bootPort) Close() error { return nil }

func bootKey(word string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(word))
	return ed25519.NewKeyFromSeed(seed[:])
}

func bootImage(key string, major byte) []byte {
	return mcuboottest.Sign(bootKey(key), &mcuboottest.Spec{Major: major, Minor: 1, Build: 9, Payload: bytes.Repeat([]byte{major, 2, 3, 4, 5}, 4000)})
}

// TestBootLoader: a device with MCUboot is found, gets another maker's image, which is not listed, then
// the right one, in two attempts since the cable comes out.
func TestBootLoader(t *testing.T) {
	s := newStand(t)
	device := &mcuboottest.Device{Key: bootKey("maker").Public().(ed25519.PublicKey), Tells: true}
	for i := range device.Slots {
		device.Slots[i] = bytes.Repeat([]byte{0xff}, 64<<10)
	}
	copy(device.Slots[0], bootImage("maker", 1)[:9000])
	c := &bootCord{port: &mcuboottest.Port{Device: device}}
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	if b := s.board("MCUboot device"); len(b.Told.Facts) != 2 || b.Told.Facts[1].Value != "No image that it would start" {
		t.Errorf("half an image is shown: %+v", b)
	}

	s.engine.Do(state.AddFile{Name: "other.bin", Data: bootImage("somebody", 2)})
	facts := map[string]state.BoardFact{}
	for _, f := range s.ready().Told.Facts {
		facts[f.Label] = f
	}
	if f := facts["Will be written"]; f.Value != "Signed MCUboot image 2.1.0+9" || f.Small != "other.bin" || facts["Signed with"].Value != "Ed25519" ||
		len(facts["Hash"].Value) != 64 || len(facts["Key"].Value) != 64 {
		t.Errorf("got %+v", facts)
	}
	s.engine.Do(state.Write{})
	if f := phase[state.RestoreFailed](s).Failure; f.Code != restore.CodeUnlisted || f.Touched != restore.TouchedAll {
		t.Errorf("got %+v, want %v", f, restore.CodeUnlisted)
	}

	right := bootImage("maker", 3)
	s.engine.Do(state.Connect{})
	s.board("MCUboot device")
	s.engine.Do(state.AddFile{Name: "right.bin", Data: right})
	s.until("the other file is chosen", func(st *state.State) bool {
		b, ok := st.Restore.(state.RestoreBoard)
		return ok && b.Ready && slices.ContainsFunc(b.Told.Facts, func(f state.BoardFact) bool { return f.Small == "right.bin" })
	})
	c.mu.Lock()
	sent := 0
	c.port.Out = func(int) bool { sent++; return sent == 12_000 }
	c.mu.Unlock()
	s.engine.Do(state.Write{})
	if f := phase[state.RestoreFailed](s).Failure; f.Code != restore.CodeVanished || f.Touched != restore.TouchedPart {
		t.Errorf("got %+v, want %v", f, restore.CodeVanished)
	}
	s.engine.Do(state.Connect{})
	s.ready() // the choice stays
	before := len(device.Pieces())
	s.engine.Do(state.Write{})
	if done := phase[state.RestoreFlashed](s); !done.Runs || done.Told.Heading != "Restored. It runs." || done.Told.Facts[0].Value != "Signed MCUboot image 3.1.0+9" {
		t.Errorf("got %+v", done)
	}
	again := 0
	for _, n := range device.Pieces()[before:] {
		again += n
	}
	if !bytes.Equal(device.Slots[0][:len(right)], right) || again > len(right)*3/4 || device.Restarts() != 1 {
		t.Errorf("the second attempt brought %d of %d bytes, %d restarts", again, len(right), device.Restarts())
	}
	if f := device.Faults(); len(f) > 0 {
		t.Errorf("a strict device objects to: %v", f)
	}
	s.engine.Do(state.SaveReport{})
	s.until("report", func(*state.State) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.saved) == 1 && strings.Contains(string(s.saved[0].Data), `version "3.1.0+9"`)
	})
}

// TestBootLoaderSaysWhatIsKnown of the start: whether the program answers, and if not, what does.
func TestBootLoaderSaysWhatIsKnown(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(d *mcuboottest.Device)
		heading string
		cause   restore.Code
	}{
		"silence":           {func(d *mcuboottest.Device) { d.Quiet = true }, "Restored. Look whether it runs.", 0},
		"boot loader again": {func(d *mcuboottest.Device) { d.Held = true }, "", restore.CodeNotStarted},
		"trial that runs":   {func(d *mcuboottest.Device) { copy(d.Slots[0], bootImage("maker", 1)); d.Program = true }, "Restored. It runs.", 0},
		"trial without a server": {func(d *mcuboottest.Device) {
			copy(d.Slots[0], bootImage("maker", 1))
			d.Program, d.Quiet = true, true
		}, "Written. Its boot loader tries it.", 0},
		"trial held back": {func(d *mcuboottest.Device) {
			copy(d.Slots[0], bootImage("maker", 1))
			d.Program, d.Held = true, true
		}, "", restore.CodePending},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			device := &mcuboottest.Device{Key: bootKey("maker").Public().(ed25519.PublicKey), Tells: true}
			for i := range device.Slots {
				device.Slots[i] = bytes.Repeat([]byte{0xff}, 64<<10)
			}
			test.change(device)
			s.ports = &bootCord{port: &mcuboottest.Port{Device: device}}
			s.run()
			s.phase(state.RestoreIdle{})
			s.engine.Do(state.Connect{})
			s.board("MCUboot device")
			s.engine.Do(state.AddFile{Name: "a.bin", Data: bootImage("maker", 3)})
			s.ready()
			s.engine.Do(state.Write{})
			if test.cause != 0 {
				if f := phase[state.RestoreFailed](s).Failure; f.Code != test.cause || f.Touched != restore.TouchedWritten {
					t.Errorf("got %+v, want %v", f, test.cause)
				}
				return
			}
			if got := phase[state.RestoreFlashed](s); got.Told.Heading != test.heading {
				t.Errorf("got %+v, want %q", got, test.heading)
			}
		})
	}
}

// What does not fit the device at hand is refused with the same words as a damaged file.
func TestWrongFileForABootLoader(t *testing.T) {
	s := newStand(t)
	device := &mcuboottest.Device{Key: bootKey("maker").Public().(ed25519.PublicKey)}
	c := &bootCord{port: &mcuboottest.Port{Device: device}}
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	s.board("MCUboot device")
	broken := bootImage("maker", 2)
	broken[77] ^= 1
	s.engine.Do(state.AddFile{Name: "broken.bin", Data: broken})
	s.until("it is refused", func(st *state.State) bool {
		b, ok := st.Restore.(state.RestoreBoard)
		return ok && !b.Ready && b.Told.Heading == "This file cannot be used." && strings.Contains(b.Told.Lead, "damaged")
	})
}

// parrot is a port at which another boot loader says the same to whatever it is sent.
type parrot struct{ says []byte }

func (p *parrot) List(context.Context) ([]engine.PortInfo, error) {
	return []engine.PortInfo{{Name: "USB 10c4:ea60"}}, nil
}

func (p *parrot) Open(_ context.Context, _ int, baud uint32) (restore.Port, error) {
	says := p.says
	if baud != restore.DefaultBaud {
		says = []byte{0xfe, 0x80, 0x00, 0xf8, 0x80, 0xfe}
	}
	return &parrotPort{says: says}, nil
}

type parrotPort struct {
	says, rest []byte
	now        time.Duration
}

func (p *parrotPort) Write([]byte) error { p.rest = append(p.rest, p.says...); return nil }
func (p *parrotPort) Now() time.Duration { return p.now }
func (p *parrotPort) Close() error       { return nil }

func (p *parrotPort) Read(b []byte, wait time.Duration) (int, error) {
	if p.now += wait; len(p.rest) == 0 {
		return 0, restore.ErrTimeout
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// TestShowsWhatAnotherBootLoaderSays: it names it, with its own words.
func TestShowsWhatAnotherBootLoaderSays(t *testing.T) {
	s := newStand(t)
	s.ports = &parrot{says: []byte("Unknown command 'A' - try 'help'\r\n=> ")}
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	b := phase[state.RestoreBoard](s)
	if says := b.Told.Says; b.Told.Device != "Device with U-Boot" || !b.Sealed || len(says) == 0 || says[len(says)-1] != "=>" {
		t.Errorf("got %+v", b)
	}
	s.engine.Do(state.Home{})
	s.phase(state.RestoreIdle{})
}
