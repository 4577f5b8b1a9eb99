//go:build linux

package e2e

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"unbrick/internal/mcuboottest"
	"unbrick/internal/webserial"
)

// stranger is a device of another make on the bench, whose boot loader is MCUboot.
type stranger struct {
	mu     sync.Mutex
	device *mcuboottest.Device
}

// admitStranger plugs a device in that holds half an image.
func admitStranger(t *testing.T, bench *webserial.Bench, a webserial.Adapter, key ed25519.PrivateKey) *stranger {
	t.Helper()
	s := &stranger{device: &mcuboottest.Device{Key: key.Public().(ed25519.PublicKey), Tells: true}}
	for i := range s.device.Slots {
		s.device.Slots[i] = bytes.Repeat([]byte{0xff}, 128<<10)
	}
	port, err := bench.Plug(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { port.Unplug(); <-ended })
	go func() {
		defer close(ended)
		b := make([]byte, 512)
		for {
			n, err := port.Read(b)
			if err != nil {
				return
			}
			s.mu.Lock()
			var answer []byte
			if !s.device.Silent() {
				answer, _, _ = s.device.Take(b[:n])
			}
			s.mu.Unlock()
			if len(answer) > 0 {
				port.Write(append([]byte("[00:00:01.000] <inf> mcuboot: recovery\r\n"), answer...))
			}
		}
	}()
	return s
}

// TestSerialMCUboot restores a device of another make: its boot loader is found, gets an image that the
// technician chooses, lists it and starts it.
func TestSerialMCUboot(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	sh, _, _ := published(t)
	p := newTechnician(t, sh.url, cableAdapter)
	seed := sha256.Sum256([]byte("maker of strangers"))
	key := ed25519.NewKeyFromSeed(seed[:])
	d := admitStranger(t, p.bench, cableAdapter, key)
	d.device.Quiet = true
	file := mcuboottest.Sign(key, &mcuboottest.Spec{Major: 1, Minor: 8, Revision: 2, Build: 14, Payload: bytes.Repeat([]byte("program "), 6000)})
	name := filepath.Join(t.TempDir(), "zephyr.signed.bin")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	p.notices()
	p.presses("Connect your device")
	p.sees("Found your MCUboot device.", atNoAnswer, atFound)
	p.shot("loader")
	p.choosesFile("Choose a file", name)
	p.sees(atFound)
	p.reads("Signed MCUboot image 1.8.2+14", "zephyr.signed.bin", "Ed25519", "matches its bytes")
	p.shot("image")
	p.presses("Restore")
	p.sees("Restored. Look whether it runs.", atCableOut)
	p.shot("done")
	d.mu.Lock()
	defer d.mu.Unlock()
	if !bytes.Equal(d.device.Slots[0][:len(file)], file) || d.device.Restarts() != 1 {
		t.Errorf("the slot does not hold the image; %d restarts", d.device.Restarts())
	}
	if f := d.device.Faults(); len(f) > 0 {
		t.Errorf("a strict device objects to: %v", f)
	}
	throughSerial.Add(1)
}
