package emulator

import (
	"strings"
	"testing"
	"time"

	"unbrick/flash"
)

func TestParts(t *testing.T) {
	for _, p := range Parts() {
		if err := p.Geometry.Validate(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if p.Source == "" || p.Unit.Typ <= 0 || p.Unit.Max < p.Unit.Typ || len(p.Erase) == 0 || p.ReadKiB <= 0 {
			t.Errorf("%s: %+v", p.Name, p)
		}
		for i, e := range p.Erase {
			if e.Typ <= 0 || e.Max < e.Typ || i > 0 && e.Size <= p.Erase[i-1].Size {
				t.Errorf("%s: erase times %+v", p.Name, p.Erase)
			}
		}
		got, err := PartNamed(p.Name)
		if err != nil || got.Name != p.Name {
			t.Errorf("%s: %v, %v", p.Name, got.Name, err)
		}
		g := p.Geometry
		if PartFor(&g).Name != p.Name {
			t.Errorf("%s: for its geometry comes %s", p.Name, PartFor(&g).Name)
		}
	}
	if _, err := PartNamed("eprom"); err == nil || !strings.Contains(err.Error(), "w25q128jv") {
		t.Errorf("unknown part: %v", err)
	}
}

func TestTimes(t *testing.T) {
	w, f, g, l := W25Q128JV(), STM32F407(), STM32G474(), STM32L152()
	for _, c := range []struct {
		what      string
		got, want time.Duration
	}{
		{"w25q page", w.programTime(256, false), 400 * time.Microsecond},
		{"w25q page slow", w.programTime(256, true), 3 * time.Millisecond},
		{"w25q byte", w.programTime(1, false), 30 * time.Microsecond},
		{"w25q sector", w.eraseTime(4096, false), 45 * time.Millisecond},
		{"w25q block slow", w.eraseTime(65536, true), 2 * time.Second},
		{"w25q with sectors of 16 KiB", w.eraseTime(16384, false), 180 * time.Millisecond},
		{"stm32f4 page", f.programTime(256, false), 64 * 16 * time.Microsecond},
		{"stm32f4 uneven", f.eraseTime(64<<10, false), 550 * time.Millisecond},
		{"stm32f4 with sectors of 4 KiB", f.eraseTime(4096, false), 250 * time.Millisecond},
		{"stm32g4 double word", g.programTime(8, false), 81700 * time.Nanosecond},
		{"stm32l1 half page", l.programTime(128, false), 3280 * time.Microsecond},
		{"stm32l1 sector of 16 pages", l.eraseTime(4096, false), 16 * 3280 * time.Microsecond},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := config(W25Q128JV(), smallGeometry(4, 0xFF))
	for what, spoil := range map[string]func(*Config){
		"geometry":  func(c *Config) { c.Geometry = &flash.Geometry{} },
		"times":     func(c *Config) { c.Part.Erase = nil },
		"boot":      func(c *Config) { c.Boot = 1 << 30 },
		"resident":  func(c *Config) { c.Resident = c.RAM + 1 },
		"apps":      func(c *Config) { c.Apps = []App{{"a", c.RAM, 0, false}, {"b", 1, 0, false}} },
		"memory":    func(c *Config) { c.RAM = 1 << 30 },
		"baud":      func(c *Config) { c.Line.Baud = 1 << 31 },
		"depth":     func(c *Config) { c.Line.Depth = -1 },
		"noise":     func(c *Config) { c.Line.BitErrors = 1.5 },
		"turn":      func(c *Config) { c.Line.TurnAround = -1 },
		"wiring":    func(c *Config) { c.Line.Reset, c.Line.Pin = DTR, DTR },
		"page time": func(c *Config) { c.Part.PageSize = 1 },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}
