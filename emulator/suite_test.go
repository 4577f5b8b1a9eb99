package emulator

import (
	"testing"

	"unbrick/flash"
	"unbrick/flash/flashtest"
)

// device returns the flash of a soft board with residency, for the suite.
func device(t *testing.T, cfg Config) flash.Device {
	t.Helper()
	cfg.Soft = true
	b := newBoard(t, cfg)
	b.PowerOn()
	secure(b)
	return b.Flash()
}

func TestPartsPassTheSuite(t *testing.T) {
	for _, p := range Parts() {
		size, _ := p.Geometry.Sector(2)
		flashtest.Run(t, p.Name, func(t *testing.T) flash.Device { return device(t, config(p, nil).withBoot(size)) })
	}
}

func (c Config) withBoot(n uint32) Config { c.Boot = n; return c }

func TestOverriddenGeometriesPassTheSuite(t *testing.T) {
	for unit := uint32(1); unit <= 32; unit *= 2 {
		for _, erased := range []byte{0xFF, 0x00} {
			g := smallGeometry(unit, erased)
			g.Blocks = []uint32{32768}
			if unit == 32 {
				g.Page = 512
			}
			flashtest.Run(t, name("unit", unit, "erased", erased), func(t *testing.T) flash.Device {
				cfg := config(PartFor(g), g)
				cfg.Protected = []flash.Area{{Name: "settings", Addr: 31 * 4096, Size: 4096}}
				return device(t, cfg)
			})
		}
	}
}
