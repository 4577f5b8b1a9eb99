package engine_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"unbrick/emulator"
	"unbrick/internal/firmware"
	"unbrick/lab"
	"unbrick/model"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/porttest"
	"unbrick/server/demo"
	"unbrick/terminal"
	"unbrick/webui/engine"
	"unbrick/webui/state"
)

// Gone implements restore.Leaver.
func (p *pulled) Gone() <-chan struct{} { return p.gone }

func (p *pulled) Write(b []byte) error {
	p.c.mu.Lock()
	gone := p.c.port != p
	p.c.writes++
	if !gone && p.c.pullAt > 0 {
		p.c.pullAt--
		if p.c.pullAt == 0 {
			gone = true
			p.c.port = nil
			close(p.gone)
		}
	}
	p.c.mu.Unlock()
	if gone {
		if p.c.pulled != nil {
			p.c.pulled()
		}
		return p.end()
	}
	p.c.mu.Lock()
	deaf := p.deaf
	p.c.mu.Unlock()
	if deaf {
		return nil
	}
	return p.Opening.Write(b)
}

func (p *pulled) Read(b []byte, wait time.Duration) (int, error) {
	if p.out() {
		return 0, p.end()
	}
	n, err := p.Opening.Read(b, wait)
	if n == 0 && p.out() {
		return 0, p.end()
	}
	return n, err
}

// out reports whether the cord was pulled, or opened anew, since this opening.
func (p *pulled) out() bool {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	return p.c.port != p
}

// end is why nothing comes any more: it was closed, or pulled out.
func (p *pulled) end() error {
	if p.Closed() {
		return restore.ErrClosed
	}
	return restore.ErrVanished
}

// yank pulls the cord out of whatever reads.
func (c *cord) yank() {
	c.mu.Lock()
	p := c.port
	c.port = nil
	c.mu.Unlock()
	if p != nil {
		close(p.gone)
		p.under.Leave()
	}
}

func (c *cord) List(context.Context) ([]engine.PortInfo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.device == nil {
		return nil, nil
	}
	return []engine.PortInfo{{Name: "USB 0403:6001"}}, nil
}

func (c *cord) Open(_ context.Context, _ int, baud uint32) (restore.Port, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy {
		return nil, restore.ErrBusy
	}
	c.opened++
	host := c.host
	if host == nil {
		host = c.device.Port
	}
	port := host()
	opening, err := c.outlet.Open(func() (restore.Port, error) { return port, port.Open() })
	if errors.Is(err, porttest.ErrHeld) {
		return nil, restore.ErrStuck
	}
	if err != nil {
		return nil, err
	}
	c.bauds = append(c.bauds, baud)
	c.port = &pulled{Opening: opening, c: c, under: port, deaf: c.baud != 0 && c.baud != baud, gone: make(chan struct{})}
	return c.port, nil
}

// demoModel is what the maker of the demo's first model knows.
type demoModel struct {
	Model    model.Model
	Key      []byte
	Releases []demoRelease // oldest first
}

type demoRelease struct{ Signed, Image []byte }

func (s *stand) maker() *demoModel {
	s.Helper()
	if s.made == nil {
		d, err := demo.New(s.Context(), s.store, time.Now())
		if err != nil {
			s.Fatal(err)
		}
		told := &d.Models[0]
		m, err := model.Decode(told.Record)
		if err != nil {
			s.Fatal(err)
		}
		older, newer := firmware.OpenSBI()
		s.made = &demoModel{m, told.Public, []demoRelease{{told.Releases[0].Manifest, older}, {told.Releases[1].Manifest, newer}}}
	}
	return s.made
}

// bricked makes a device of the demo's first model whose update was cut at a flash operation, waiting in
// restoration mode on a cord. It returns the version that the update was leading to.
func (s *stand) bricked(operation uint64, readout ...bool) (*cord, string) {
	s.Helper()
	m := s.maker()
	device, err := lab.New(&m.Model, &lab.Options{Seed: 5})
	if err != nil {
		s.Fatal(err)
	}
	id := &terminal.Identity{Model: m.Model.ID, Serial: s.serial, Threshold: 1, Resident: m.Model.Resident, Readout: len(readout) > 0, Keys: [][32]byte{[32]byte(m.Key)}}
	first := m.Releases[0]
	if err := device.Manufacture(id, nil, first.Signed, first.Image); err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.Cleanup(func() { cancel(); <-device.Ended() })
	power := func() {
		if err := device.PowerOn(ctx); err != nil {
			s.Fatal(err)
		}
		if _, err := device.Settle(ctx); err != nil {
			s.Fatal(err)
		}
	}
	power()
	device.CutAt(operation, emulator.Half)
	conn, err := s.away.Dial(ctx)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := device.Update(ctx, conn); err != nil {
		s.Fatal(err)
	}
	<-device.Ended()
	power()
	if got := device.State(); got != lab.Restoration {
		s.Fatalf("after a cut at operation %d the device is %v", operation, got)
	}
	newest, err := release.Verify(m.Releases[len(m.Releases)-1].Signed, []ed25519.PublicKey{m.Key}, 1)
	if err != nil {
		s.Fatal(err)
	}
	return &cord{device: device}, newest.Version
}

// phase waits until Restore is in the phase of want.
func (s *stand) phase(want state.Restore) *state.State {
	s.Helper()
	return s.until(fmt.Sprintf("%T", want), func(st *state.State) bool { return reflect.TypeOf(st.Restore) == reflect.TypeOf(want) })
}

// phase waits until Restore is in a phase, and returns what it shows.
func phase[P state.Restore](s *stand) P {
	s.Helper()
	var want P
	return shows[P](s.phase(want))
}

// shows is what Restore shows in a phase; nothing if it is in another.
func shows[P state.Restore](st *state.State) P {
	p, _ := st.Restore.(P)
	return p
}

func is[P state.Restore](st *state.State) bool {
	_, ok := st.Restore.(P)
	return ok
}

// job is the one that the page offers to go on with; without a serial there is none.
func job(st *state.State) state.PendingJob {
	if all := shows[state.RestoreIdle](st).Jobs; len(all) > 0 {
		return all[0]
	}
	return state.PendingJob{}
}

// stored reports whether the browser keeps a release that matches.
func (s *stand) stored(match func(state.Release) bool) bool {
	return slices.ContainsFunc(s.engine.Library().All(), func(r state.Release) bool { return r.Origin == state.OriginStore && match(r) })
}
