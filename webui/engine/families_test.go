package engine_test

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"unbrick/internal/espimages"
	"unbrick/internal/standin"
	"unbrick/internal/standin/esp"
	"unbrick/restore"
	"unbrick/restore/family"
	"unbrick/webui/engine"
	"unbrick/webui/families"
	"unbrick/webui/state"
)

// visitor is the program that speaks with other families, as the browser starts it: an engine of its own that borrows.
type visitor struct {
	*engine.Engine
	leave context.CancelFunc
}

func (v *visitor) Leave() { v.leave() }

// welcome starts one.
func (s *stand) welcome(_ context.Context, v *engine.Visit) (engine.Visitor, error) {
	ctx, leave := context.WithCancel(context.Background())
	w := &engine.World{Backend: &desk{by: s.engine.Engine, server: s.server()}, Lent: true, Browser: "test", Save: v.Save,
		Show: func(shown *state.State) { v.Show(shown.Restore) }}
	e := engine.New(w, families.New(v, leave))
	go func() {
		e.Run(ctx)
		v.Gone()
	}()
	return &visitor{e, leave}, nil
}

// chipCord is a cable to a stand-in.
type chipCord struct {
	mu   sync.Mutex
	wire *standin.Wire
	usb  family.USB
	hold chan struct{} // each write waits for one; nil: none does
}

// chipPort is its port, as one that a test can make wait.
type chipPort struct {
	*standin.Port
	hold <-chan struct{}
}

func (p *chipPort) Write(b []byte) error {
	if p.hold != nil {
		<-p.hold
	}
	return p.Port.Write(b)
}

func (c *chipCord) List(context.Context) ([]engine.PortInfo, error) {
	return []engine.PortInfo{{Name: "USB 10c4:ea60", USB: c.usb}}, nil
}

func (c *chipCord) Open(_ context.Context, _ int, baud uint32) (restore.Port, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	port, err := c.wire.Open(baud)
	return &chipPort{port, c.hold}, err
}

// TestEspressifChip: a chip whose flash is empty is recognised, gets a merged image, and runs.
func TestEspressifChip(t *testing.T) {
	s := newStand(t)
	chip := esp.New(esp.Config{Chip: "esp32c3"})
	wire := standin.New(chip, standin.Options{Seed: 3})
	hold, writing := make(chan struct{}), make(chan struct{})
	go func() { // while it is written, until that was shown
		for {
			select {
			case hold <- struct{}{}:
			case <-t.Context().Done():
				return
			}
			touched := false
			if wire.Do(func() { touched = chip.Touched() }); touched {
				<-writing
			}
		}
	}()
	s.ports = &chipCord{wire: wire, hold: hold}
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	s.board("ESP32-C3")
	c := espimages.Find("esp32c3")
	image := c.Merged("lamp", "1.2.3", 60_000, 5)
	s.engine.Do(state.AddFile{Name: "merged.bin", Data: image})
	if s.ready().Right {
		t.Error("an empty flash is said to have it already")
	}
	if chip.Touched() {
		t.Error("written before Restore was pressed")
	}
	s.engine.Do(state.Write{})
	s.phase(state.RestoreFlashing{})
	close(writing)
	end := phase[state.RestoreFlashed](s)
	if !end.Runs {
		t.Errorf("got %+v", end)
	}
	if got := chip.Plain(espimages.Application, 60_000); !bytes.Equal(got, image[espimages.Application:][:60_000]) {
		t.Error("its flash has something else")
	}
	s.engine.Do(state.SaveReport{})
	s.until("report", func(*state.State) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.saved) == 1 && bytes.Contains(s.saved[0].Data, []byte(`"1.2.3"`))
	})
	s.engine.Do(state.Home{})
	s.phase(state.RestoreIdle{})
}
