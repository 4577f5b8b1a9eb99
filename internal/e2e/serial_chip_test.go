//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"unbrick/internal/espimages"
	"unbrick/internal/standin"
	"unbrick/internal/standin/esp"
	"unbrick/internal/standin/stk500"
	"unbrick/internal/webserial"
	"unbrick/restore"
)

// admitChip plugs a stand-in in, in real time: what the browser does to the lines and the speed of the port reaches it.
func admitChip(t *testing.T, bench *webserial.Bench, a webserial.Adapter, device standin.Device) *standin.Wire {
	t.Helper()
	wire := standin.New(device, standin.Options{Real: true})
	host, err := wire.Open(restore.DefaultBaud)
	if err != nil {
		t.Fatal(err)
	}
	port, err := bench.Plug(a, func(e webserial.Event) {
		switch e.Kind {
		case webserial.Opened, webserial.Signals:
			host.SetLines(e.DTR, e.RTS)
		case webserial.Settings:
			if e.Speed > 0 {
				host.SetSpeed(e.Speed)
			}
		case webserial.Asked:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	out, in := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { port.Unplug(); host.Close(); <-out; <-in })
	go func() {
		defer close(out)
		b := make([]byte, 4096)
		for {
			n, err := port.Read(b)
			if err != nil || host.Write(b[:n]) != nil {
				return
			}
		}
	}()
	go func() {
		defer close(in)
		b := make([]byte, 4096)
		for {
			n, err := host.Read(b, time.Second)
			if n > 0 {
				port.Write(b[:n]) // while nobody has it open, it is lost
			} else if !errors.Is(err, restore.ErrTimeout) {
				return
			}
		}
	}()
	return wire
}

// TestSerialESP: a person with an ESP32-C3 whose flash is empty presses Connect, reads what it is and what is wrong, gives it its firmware,
// and it runs.
func TestSerialESP(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	sh, _, _ := published(t)
	p := newTechnician(t, sh.url, cableAdapter)
	chip := esp.New(esp.Config{Chip: "esp32c3"})
	wire := admitChip(t, p.bench, cableAdapter, chip)
	c := espimages.Find("esp32c3")
	image := c.Merged("lamp", "1.2.3", 30_000, 5)
	name := filepath.Join(t.TempDir(), "lamp-merged.bin")
	if err := os.WriteFile(name, image, 0o600); err != nil {
		t.Fatal(err)
	}
	p.presses("Connect your device")
	p.sees("Found your ESP32-C3.", atNoAnswer, atCableOut)
	p.shot("esp-found")
	p.choosesFile("Choose a file", name)
	p.sees(atFound, atCableOut)
	p.reads("1.2.3", "lamp-merged.bin", "lamp")
	p.shot("esp-ready")
	p.presses("Restore")
	p.sees("Restored. It runs.", atCableOut)
	p.shot("esp-runs")
	wire.Do(func() {
		if got := chip.Plain(espimages.Application, 30_000); !bytes.Equal(got, image[espimages.Application:][:30_000]) || !chip.Running() {
			t.Errorf("its flash has something else, or it does not run: %t", chip.Running())
		}
	})
	throughSerial.Add(1)
}

// TestSerialAVR: a person with an Uno, and one with a Mega, gives it a sketch as Intel HEX.
func TestSerialAVR(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	for _, c := range []struct {
		name, device string
		o            stk500.Options
		page         int
	}{
		{"uno", "ATmega328P", stk500.Options{Says: "blink 1.0\r\n"}, 128},
		{"mega", "ATmega2560", stk500.Options{Kind: stk500.STK500Boot, Says: "blink 1.0\r\n"}, 256},
	} {
		t.Run(c.name, func(t *testing.T) {
			sh, _, _ := published(t)
			p := newTechnician(t, sh.url, cableAdapter)
			board := stk500.New(c.o)
			wire := admitChip(t, p.bench, cableAdapter, board)
			sketch := make([]byte, 5*c.page)
			for i := range sketch {
				sketch[i] = byte(i*7 + i>>8)
			}
			name := filepath.Join(t.TempDir(), "blink.hex")
			if err := os.WriteFile(name, intelHex(sketch), 0o600); err != nil {
				t.Fatal(err)
			}
			p.presses("Connect your device")
			p.sees("Found your "+c.device+".", atNoAnswer, atCableOut)
			p.shot(c.name + "-found")
			p.choosesFile("Choose a file", name)
			p.sees(atFound, atCableOut)
			p.reads("Intel HEX file", "blink.hex")
			p.shot(c.name + "-ready")
			p.presses("Restore")
			p.sees("Restored. It runs.", atCableOut, "Restored. Look whether it runs.")
			p.shot(c.name + "-runs")
			wire.Do(func() {
				if !bytes.Equal(board.NOR.Data[:len(sketch)], sketch) {
					t.Error("its flash has something else")
				}
			})
			throughSerial.Add(1)
		})
	}
}

// intelHex is a file of records of 16 bytes.
func intelHex(b []byte) []byte {
	var f bytes.Buffer
	record := func(at uint16, kind byte, data []byte) {
		r := append([]byte{byte(len(data)), byte(at >> 8), byte(at), kind}, data...)
		sum := byte(0)
		for _, x := range r {
			sum += x
		}
		fmt.Fprintf(&f, ":%X\r\n", append(r, -sum))
	}
	for at := 0; at < len(b); at += 16 {
		record(uint16(at), 0, b[at:min(at+16, len(b))])
	}
	record(0, 1, nil)
	return f.Bytes()
}
