package avr

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"unbrick/release"
	"unbrick/restore/family"
)

// least is what our speed must be of avrdude's.
const least = 0.9

// shown is avrdude's bar when it is full, with its time.
var shown = regexp.MustCompile(`(Writing|Reading) \|[# ]*\| 100% ([0-9.]+)s`)

// avrdude writes and verifies an image, and returns how long it says that took, and all of it.
func avrdude(t *testing.T, b *Board, m Model, image []byte) (write, read, all time.Duration) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app.bin")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	programmer, part := "arduino", "m328p"
	if m.MCU == STK500Boot.MCU {
		programmer, part = "wiring", "m2560"
	}
	cmd := exec.CommandContext(ctx, Need(t, "avrdude"), "-D", "-p", part, "-c", programmer, "-b", strconv.Itoa(int(m.Baud)), "-P", b.Path,
		"-U", "flash:w:"+file+":r")
	b.Hold()
	begun := time.Now()
	said, err := cmd.CombinedOutput()
	all = time.Since(begun)
	if err != nil {
		t.Fatalf("avrdude: %v\n%s", err, said)
	}
	for _, bar := range shown.FindAllSubmatch(said, -1) {
		s, err := strconv.ParseFloat(string(bar[2]), 64)
		if err != nil {
			t.Fatal(err)
		}
		if d := time.Duration(s * float64(time.Second)); string(bar[1]) == "Writing" {
			write = d
		} else {
			read = d // the last one: the first is the signature
		}
	}
	if write == 0 || read == 0 {
		t.Fatalf("avrdude does not say how long it took:\n%s", said)
	}
	return write, read, all
}

// TestGenuineFigures times avrdude and the family on the same board and line, one after the other, with the same image on an empty flash.
func TestGenuineFigures(t *testing.T) {
	if os.Getenv("UNBRICK_DEVICES") != "1" {
		t.Skip("figures only with UNBRICK_DEVICES=1: they want a quiet machine")
	}
	for _, m := range []Model{Optiboot, ATmegaBOOT, STK500Boot} {
		t.Run(m.Name, func(t *testing.T) {
			const bytesOf, tries = 16 << 10, 3
			app := image(1, bytesOf, 0, "")
			var theirs, ours time.Duration // the best of each: others use the machine, too
			for try := 0; try < tries && (ours == 0 || float64(theirs)/float64(ours) < least); try++ {
				b := m.Start(t, nil)
				theirWrite, theirRead, theirAll := avrdude(t, b, m, app)
				if !bytes.Equal(b.Flash()[:bytesOf], app) {
					t.Fatal("avrdude did not write it")
				}
				b.Unplug()

				b = m.Start(t, nil)
				ctx := context.Background()
				begun := time.Now()
				l := enter(t, b, &family.Options{Baud: m.Baud, USB: m.usb()})
				parts := []release.Part{{Data: app}}
				mark := time.Now()
				d, err := l.Compare(ctx, parts, nil)
				compare := time.Since(mark)
				if err != nil {
					t.Fatal(err)
				}
				mark = time.Now()
				if err := l.Write(ctx, d, nil); err != nil {
					t.Fatal(err)
				}
				write := time.Since(mark)
				mark = time.Now()
				if _, err := l.Verify(ctx, parts, nil); err != nil {
					t.Fatal(err)
				}
				read := time.Since(mark)
				all := time.Since(begun)
				mark = time.Now()
				if d, err = l.Compare(ctx, parts, nil); err != nil || d.Differ != 0 {
					t.Fatalf("%+v, %v", d, err)
				}
				same := time.Since(mark)
				l.Close()
				b.Unplug()

				line := time.Duration(bytesOf) * 10 * time.Second / time.Duration(m.Baud)
				if took := theirWrite + theirRead; theirs == 0 || took < theirs {
					theirs = took
				}
				if took := write + read; ours == 0 || took < ours {
					ours = took
				}
				round := func(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
				t.Logf("%d bytes at %d baud; the line alone takes %v each way", bytesOf, m.Baud, round(line))
				t.Logf("avrdude: write %v, verify %v; with its start, reset and end %v", round(theirWrite), round(theirRead), round(theirAll))
				t.Logf("ours:    write %v, verify %v; with reset and a comparison of %v before it %v; nothing to do: %v",
					round(write), round(read), round(compare), round(all), round(same))
			}
			line := time.Duration(bytesOf) * 10 * time.Second / time.Duration(m.Baud)
			ratio := float64(theirs) / float64(ours)
			t.Logf("write and verify: %.2f of avrdude's speed, %.2f of the line's", ratio, float64(2*line)/float64(ours))
			if ratio < least {
				t.Errorf("%.2f of avrdude's speed, want %.2f", ratio, least)
			}
		})
	}
}

// usb are the numbers of a board as it is sold.
func (m Model) usb() family.USB {
	if m.MCU == STK500Boot.MCU {
		return family.USB{Vendor: 0x2341, Product: 0x0042}
	}
	return family.USB{}
}
