//go:build linux

package stk500

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"unbrick/internal/standin"
)

// outlet is a board on a pseudo-terminal, in real time. The lines that that lacks are moved when the first byte comes: then there is a reset.
func outlet(t *testing.T, b *Board) string {
	t.Helper()
	w := standin.New(b, standin.Options{Seed: 1, Real: true})
	port, err := w.Open(b.o.Baud)
	if err != nil {
		t.Fatal(err)
	}
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw(slave); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Close(); master.Close(); slave.Close() })
	go func() {
		p := make([]byte, 4096)
		for first := true; ; first = false {
			n, err := master.Read(p)
			if err != nil {
				return
			}
			if first {
				w.Do(b.Reset)
				w.Run(450 * time.Millisecond) // avrdude, too, is silent until it does not blink any more
			}
			if port.Write(p[:n]) != nil {
				return
			}
		}
	}()
	go func() {
		p := make([]byte, 4096)
		for {
			n, err := port.Read(p, time.Second)
			if n > 0 {
				if _, err := master.Write(p[:n]); err != nil {
					return
				}
			} else if err != nil && !strings.Contains(err.Error(), "in time") {
				return
			}
		}
	}()
	return slave.Name()
}

// TestAvrdude: the usual program writes, verifies and reads each of these boards, and makes no mistake that is noted.
func TestAvrdude(t *testing.T) {
	avrdude, err := exec.LookPath("avrdude")
	if err != nil {
		if os.Getenv("UNBRICK_DEVICES") == "1" {
			t.Fatal(err)
		}
		t.Skip("NOT CHECKED with avrdude: there is none")
	}
	for _, c := range []struct {
		name, part, programmer, baud string
		o                            Options
	}{
		{"Optiboot", "m328p", "arduino", "115200", Options{Kind: Optiboot}},
		{"ATmegaBOOT", "m328p", "arduino", "57600", Options{Kind: ATmegaBOOT}},
		{"stk500boot", "m2560", "wiring", "115200", Options{Kind: STK500Boot}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := New(c.o)
			tty := outlet(t, b)
			dir := t.TempDir()
			r := rand.New(rand.NewPCG(1, 2))
			image := make([]byte, 4000)
			for i := range image {
				image[i] = byte(r.Uint32())
			}
			in, out := filepath.Join(dir, "in.bin"), filepath.Join(dir, "out.bin")
			if err := os.WriteFile(in, image, 0o600); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, avrdude, "-q", "-D", "-p", c.part, "-c", c.programmer, "-b", c.baud, "-P", tty,
				"-U", "flash:w:"+in+":r", "-U", "flash:r:"+out+":r")
			if c.o.Kind == STK500Boot { // all 256 KiB would take half a minute
				cmd.Args = cmd.Args[:len(cmd.Args)-2]
			}
			said, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			if !bytes.Equal(b.NOR.Data[:len(image)], image) {
				t.Error("it is not in the flash")
			}
			if got, err := os.ReadFile(out); c.o.Kind != STK500Boot && (err != nil || !bytes.HasPrefix(got, image)) {
				t.Errorf("it reads something else: %v", err)
			}
			if b.Tally.Faults > 0 {
				t.Errorf("%q", b.Tally.Notes)
			}
			t.Logf("%d pages written, %d resets", b.Tally.Writes, b.Resets)
		})
	}
}

// raw lets every byte pass a terminal as it is.
func raw(f *os.File) error {
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t)
}
