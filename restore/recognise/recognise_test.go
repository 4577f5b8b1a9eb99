package recognise_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"unbrick/internal/standin"
	"unbrick/internal/standin/esp"
	"unbrick/restore"
	"unbrick/restore/family"
	"unbrick/restore/recognise"
)

// party is somebody who may be at a port.
type party struct {
	name    string
	kind    recognise.Kind
	way     family.Way
	usb     family.USB
	most    time.Duration // that it may take
	make    func() (standin.Device, *standin.Tally)
	options standin.Options
}

const (
	worst = 6 * time.Second
	told  = 2 * time.Second // when the USB numbers say it
)

func parties() []party {
	var all []party
	chip := func(name string, c esp.Config, p party) {
		p.name = c.Chip + name
		p.make = func() (standin.Device, *standin.Tally) { ch := esp.New(c); return ch, &ch.Tally }
		all = append(all, p)
	}
	for _, name := range esp.Names() {
		chip(", empty", esp.Config{Chip: name}, party{kind: recognise.ESP, way: family.WayClassic, most: worst})
		chip(", behind a slow adapter", esp.Config{Chip: name}, party{kind: recognise.ESP, way: family.WayClassic, most: worst,
			options: standin.Options{Latency: 16 * time.Millisecond, Asserts: true, Ragged: true, Seed: 7}})
	}
	for _, name := range []string{"esp32c3", "esp32s3", "esp32c6", "esp32h2"} {
		chip(" at its own USB port", esp.Config{Chip: name, Port: esp.JTAG}, party{kind: recognise.ESP, way: family.WayUSB,
			usb: family.USB{Vendor: 0x303a, Product: 0x1001}, most: told + 1500*time.Millisecond}) // it may be away so long
	}
	chip(" without lines", esp.Config{Chip: "esp32", Port: esp.Manual}, party{kind: recognise.Nobody, most: worst + 4*time.Second})
	chip(" in a slow board", esp.Config{Chip: "esp32", Rise: 120 * time.Millisecond}, party{kind: recognise.ESP, way: family.WaySlow, most: worst + 4*time.Second})
	return all
}

// TestWhoIsThere: each is named, in time, and nothing is written to anybody.
func TestWhoIsThere(t *testing.T) {
	for _, p := range parties() {
		t.Run(p.name, func(t *testing.T) {
			device, tally := p.make()
			w := standin.New(device, p.options)
			port, err := w.Open(restore.DefaultBaud)
			if err != nil {
				t.Fatal(err)
			}
			began := port.Now()
			f, err := recognise.Recognise(t.Context(), port, &recognise.Options{USB: p.usb})
			took := port.Now() - began
			if err != nil {
				t.Fatalf("after %v: %v", took, err)
			}
			if f.Kind != p.kind || p.way != family.WayNone && f.Way != p.way {
				t.Errorf("got %v by %v, want %v by %v; it said %q", f.Kind, f.Way, p.kind, p.way, strings.ToValidUTF8(string(f.Heard), "."))
			}
			if took > p.most {
				t.Errorf("took %v, at most %v", took, p.most)
			}
			if tally.Touched() {
				t.Errorf("something was written: %+v", tally)
			}
			for _, n := range tally.Notes {
				if !slices.Contains(harmless, n) {
					t.Errorf("it objects to: %s", n)
				}
			}
			fmt.Printf("%-32s %-28v %v\n", p.name, f.Kind, took.Round(time.Millisecond))
		})
	}
}

// harmless are what a stand-in notes of those who do not know yet who is there.
var harmless = []string{}
