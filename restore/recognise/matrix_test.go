package recognise_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"unbrick/internal/mcuboottest"
	"unbrick/internal/standin"
	"unbrick/internal/standin/esp"
	"unbrick/internal/standin/stk500"
	"unbrick/internal/standin/stm32"
	"unbrick/internal/standin/uboot"
	"unbrick/restore"
	"unbrick/restore/recognise"
)

// firsts are what each family's own tool sends first.
var firsts = map[string][]byte{
	"an STM32's":  {0x7f, 0x7f},
	"an SMP":      []byte("\n\x06\x09ACgCAAAHAAAAAKFhZGd1bmJyaWNrAAA=\n"),
	"an ESP's":    append(append([]byte{0xc0, 0, 8, 36, 0, 0, 0, 0, 0, 7, 7, 0x12, 0x20}, bytes.Repeat([]byte{0x55}, 32)...), 0xc0),
	"STK500 v1's": {0x30, 0x20, 0x30, 0x20},
	"STK500 v2's": {0x1b, 1, 0, 1, 0x0e, 1, 0x14},
	"U-Boot's":    []byte("   \x03\r"),
}

// TestAfterAnothersTool: somebody has called with each family's first bytes before. Each device is named all the same, but for an STM32, which is
// deaf until its next reset once its first byte was another; nothing hangs, and nothing is written.
func TestAfterAnothersTool(t *testing.T) {
	for name, make := range map[string]func() (standin.Device, recognise.Kind, func() bool){
		"ESP32": func() (standin.Device, recognise.Kind, func() bool) {
			d := esp.New(esp.Config{Chip: "esp32"})
			return d, recognise.ESP, func() bool { return d.Touched() }
		},
		"ESP8266": func() (standin.Device, recognise.Kind, func() bool) {
			d := esp.New(esp.Config{Chip: "esp8266"})
			return d, recognise.ESP, func() bool { return d.Touched() }
		},
		"Uno": func() (standin.Device, recognise.Kind, func() bool) {
			d := stk500.New(stk500.Options{})
			return d, recognise.STK500v1, d.Tally.Touched
		},
		"older Nano": func() (standin.Device, recognise.Kind, func() bool) {
			d := stk500.New(stk500.Options{Kind: stk500.ATmegaBOOT})
			return d, recognise.STK500v1, d.Tally.Touched
		},
		"Mega": func() (standin.Device, recognise.Kind, func() bool) {
			d := stk500.New(stk500.Options{Kind: stk500.STK500Boot})
			return d, recognise.STK500v2, d.Tally.Touched
		},
		"STM32": func() (standin.Device, recognise.Kind, func() bool) {
			d := &stm32.Loader{}
			return d, recognise.STM32, d.Tally.Touched
		},
		"U-Boot": func() (standin.Device, recognise.Kind, func() bool) {
			d := uboot.New(uboot.Options{})
			return d, recognise.UBoot, d.Tally.Touched
		},
		"Linux": func() (standin.Device, recognise.Kind, func() bool) {
			d := uboot.New(uboot.Options{Running: true})
			return d, recognise.Linux, d.Tally.Touched
		},
	} {
		for of, first := range firsts {
			t.Run(name+" after "+of, func(t *testing.T) {
				device, want, touched := make()
				port, err := standin.New(device, standin.Options{Seed: 5}).Open(restore.DefaultBaud)
				if err != nil {
					t.Fatal(err)
				}
				if err := port.Write(first); err != nil {
					t.Fatal(err)
				}
				port.Read(nil, 500*time.Millisecond)
				if l, is := device.(*stm32.Loader); is && l.Muted() {
					want = recognise.Nobody
				}
				began := port.Now()
				f, err := recognise.Recognise(t.Context(), port, nil)
				took := port.Now() - began
				if err != nil || f.Kind != want {
					t.Errorf("got %+v, %v, want %v", f, err, want)
				}
				if most := worst; took > most && want != recognise.Nobody {
					t.Errorf("took %v, at most %v", took, most)
				}
				if touched() {
					t.Error("something was written")
				}
			})
		}
	}
}

// TestMCUbootIsThere: a strict boot loader of MCUboot's kind is named, and objects to nothing that was tried before.
func TestMCUbootIsThere(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	for name, d := range map[string]*mcuboottest.Device{
		"tells itself": {Key: key.Public().(ed25519.PublicKey), Tells: true},
		"tells less":   {Key: key.Public().(ed25519.PublicKey)},
	} {
		for i := range d.Slots {
			d.Slots[i] = bytes.Repeat([]byte{0xff}, 64<<10)
		}
		port := &bootPort{Port: &mcuboottest.Port{Device: d}}
		f, err := recognise.Recognise(t.Context(), port, nil)
		if err != nil || f.Kind != recognise.SMP || f.Session == nil || !f.Session.Foreign() || port.Now() > worst {
			t.Errorf("%s: got %+v, %v after %v", name, f, err, port.Now())
		}
		if faults := d.Faults(); len(faults) > 0 || len(d.Pieces()) > 0 {
			t.Errorf("%s objects to %v, and took %v", name, faults, d.Pieces())
		}
	}
}

// bootPort is its port.
type bootPort struct{ *mcuboottest.Port }

func (p *bootPort) Close() error { return nil }
