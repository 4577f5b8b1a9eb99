package engine_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"strings"
	"sync"
	"testing"
	"time"

	"unbrick/internal/mcuboottest"
	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/webui/engine"
	"unbrick/webui/state"
)

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
	if st := phase[state.RestoreLoader](s); len(st.Images) != 0 {
		t.Errorf("half an image is shown: %+v", st)
	}

	s.engine.Do(state.AddFile{Name: "other.bin", Data: bootImage("somebody", 2)})
	if f := phase[state.RestoreImage](s).File; f.Version != "2.1.0+9" || f.Name != "other.bin" || f.Signature != "Ed25519" || len(f.Hash) != 64 || len(f.Key) != 64 {
		t.Errorf("got %+v", f)
	}
	s.engine.Do(state.Write{})
	if f := phase[state.RestoreFailed](s).Failure; f.Code != restore.CodeUnlisted || f.Touched != restore.TouchedAll {
		t.Errorf("got %+v, want %v", f, restore.CodeUnlisted)
	}

	right := bootImage("maker", 3)
	s.engine.Do(state.AddFile{Name: "right.bin", Data: right})
	s.phase(state.RestoreImage{})
	c.mu.Lock()
	sent := 0
	c.port.Out = func(int) bool { sent++; return sent == 12_000 }
	c.mu.Unlock()
	s.engine.Do(state.Write{})
	if f := phase[state.RestoreFailed](s).Failure; f.Code != restore.CodeVanished || f.Touched != restore.TouchedPart {
		t.Errorf("got %+v, want %v", f, restore.CodeVanished)
	}
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreImage{}) // the choice stays
	before := len(device.Pieces())
	s.engine.Do(state.Write{})
	done := phase[state.RestoreInstalled](s)
	if done.Result.Version != "3.1.0+9" || done.Result.Trial != state.TrialStarted {
		t.Errorf("got %+v", done.Result)
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
		return len(s.saved) == 1 && strings.Contains(string(s.saved[0].Data), `image "3.1.0+9"`)
	})
}

// TestBootLoaderSaysWhatIsKnown of the start: whether the program answers, and if not, what does.
func TestBootLoaderSaysWhatIsKnown(t *testing.T) {
	for name, test := range map[string]struct {
		change func(d *mcuboottest.Device)
		trial  state.Trial
		cause  restore.Code
	}{
		"silence":           {func(d *mcuboottest.Device) { d.Quiet = true }, state.TrialNone, 0},
		"boot loader again": {func(d *mcuboottest.Device) { d.Held = true }, 0, restore.CodeNotStarted},
		"trial that runs":   {func(d *mcuboottest.Device) { copy(d.Slots[0], bootImage("maker", 1)); d.Program = true }, state.TrialConfirmed, 0},
		"trial without a server": {func(d *mcuboottest.Device) {
			copy(d.Slots[0], bootImage("maker", 1))
			d.Program, d.Quiet = true, true
		}, state.TrialMarked, 0},
		"trial held back": {func(d *mcuboottest.Device) {
			copy(d.Slots[0], bootImage("maker", 1))
			d.Program, d.Held = true, true
		}, 0, restore.CodePending},
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
			s.phase(state.RestoreLoader{})
			s.engine.Do(state.AddFile{Name: "a.bin", Data: bootImage("maker", 3)})
			s.phase(state.RestoreImage{})
			s.engine.Do(state.Write{})
			if test.cause != 0 {
				if f := phase[state.RestoreFailed](s).Failure; f.Code != test.cause || f.Touched != restore.TouchedWritten {
					t.Errorf("got %+v, want %v", f, test.cause)
				}
				return
			}
			if got := phase[state.RestoreInstalled](s).Result; got.Trial != test.trial {
				t.Errorf("got %+v, want %v", got, test.trial)
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
	s.phase(state.RestoreLoader{})
	broken := bootImage("maker", 2)
	broken[77] ^= 1
	s.engine.Do(state.AddFile{Name: "broken.bin", Data: broken})
	if f := phase[state.RestoreFailed](s).Failure; f.Code != restore.CodeBadRelease || f.Touched != restore.TouchedNothing {
		t.Errorf("got %+v, want %v", f, restore.CodeBadRelease)
	}
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

// TestShowsWhatAnotherBootLoaderSays while it looks for a device, and names it; what comes at other speeds does
// not hide it.
func TestShowsWhatAnotherBootLoaderSays(t *testing.T) {
	s := newStand(t)
	s.ports = &parrot{says: []byte("Unknown command 'A' - try 'help'\r\n=> ")}
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	st := s.phase(state.RestoreNoAnswer{})
	h := shows[state.RestoreNoAnswer](st).Heard
	if len(h.Lines) == 0 || h.Lines[len(h.Lines)-1] != "=>" || len(h.Kinds) != 1 || h.Kinds[0] != boottext.UBoot {
		t.Errorf("got %+v", h)
	}
	s.engine.Do(state.Home{})
	s.phase(state.RestoreIdle{})
}
