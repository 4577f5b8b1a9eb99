//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"unbrick/internal/firmware"
	"unbrick/internal/mcuboottest"
)

// onPTY puts a device behind a pseudo-terminal until the test ends. look sees it while nothing is under way.
func onPTY(t *testing.T, d *mcuboottest.Device) (link string, look func(func(*mcuboottest.Device))) {
	t.Helper()
	link = filepath.Join(t.TempDir(), "cable")
	cable, err := openPTY(link)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	var mu sync.Mutex
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 256)
		for {
			n, err := cable.Read(b)
			if err != nil {
				return
			}
			mu.Lock()
			var answer []byte
			if !d.Silent() {
				answer, _, _ = d.Take(b[:n])
			}
			mu.Unlock()
			if len(answer) > 0 {
				cable.Write(append([]byte("<inf> mcuboot: \r\n"), answer...))
			}
		}
	}()
	t.Cleanup(func() { cable.Close(); <-done })
	return link, func(f func(*mcuboottest.Device)) { mu.Lock(); defer mu.Unlock(); f(d) }
}

func imageKey() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("image key"))
	return ed25519.NewKeyFromSeed(seed[:])
}

// imageFile writes a signed image of version MAJOR.2.3+4 and returns its path and bytes.
func imageFile(t *testing.T, key ed25519.PrivateKey, major byte) (string, []byte) {
	t.Helper()
	file := mcuboottest.Sign(key, &mcuboottest.Spec{Major: major, Minor: 2, Revision: 3, Build: 4, Counter: 5, Header: 0x200, Payload: bytes.Repeat([]byte{1, 2, 3, major, 5, 6, 7}, 3000)})
	name := filepath.Join(t.TempDir(), "app.signed.bin")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return name, file
}

func bootDevice() *mcuboottest.Device {
	d := &mcuboottest.Device{Key: imageKey().Public().(ed25519.PublicKey)}
	for i := range d.Slots {
		d.Slots[i] = bytes.Repeat([]byte{0xff}, 64<<10)
	}
	return d
}

// TestRestoreImage runs the command as a user does: identify, restore --image, and again what the device
// then is.
func TestRestoreImage(t *testing.T) {
	link, look := onPTY(t, bootDevice())
	name, file := imageFile(t, imageKey(), 2)
	var out, errOut bytes.Buffer
	if code := run(context.Background(), []string{"identify", "--port", link}, &out, &errOut); code != exitOK || !strings.Contains(out.String(), "lists no image") {
		t.Fatalf("identify: %d, %q, %q", code, out.String(), errOut.String())
	}
	out.Reset()
	if code := run(context.Background(), []string{"restore", "--yes", "--port", link, "--image", name, "--json"}, &out, &errOut); code != exitOK {
		t.Fatalf("restore: %d, %q, %q", code, out.String(), errOut.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var got imageResult
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != "2.2.3+4" || got.Bytes != len(file) || got.Counter == nil || *got.Counter != 5 || got.Signature != "Ed25519" || len(got.Hash) != 64 || got.Slot != 0 {
		t.Errorf("got %+v", got)
	}
	if len(lines) < 2 {
		t.Error("no line of progress")
	}
	if !strings.Contains(errOut.String(), "hash "+got.Hash+": it is right") {
		t.Errorf("the hash is not shown: %q", errOut.String())
	}
	look(func(d *mcuboottest.Device) {
		if !bytes.Equal(d.Slots[0][:len(file)], file) || d.Restarts() != 1 || len(d.Faults()) > 0 {
			t.Errorf("slot 0 is not the image; %d restarts, objections: %v", d.Restarts(), d.Faults())
		}
		d.Tells = true
	})
	out.Reset()
	if code := run(context.Background(), []string{"identify", "--port", link, "--json"}, &out, &errOut); code != exitOK ||
		!strings.Contains(out.String(), `"version":"2.2.3+4"`) || !strings.Contains(out.String(), got.Hash) {
		t.Errorf("identify afterwards: %d, %q, %q", code, out.String(), errOut.String())
	}
}

// TestRestoreImageOnTrial: a running program takes it into the second slot, and it is told to stay.
func TestRestoreImageOnTrial(t *testing.T) {
	d := bootDevice()
	_, old := imageFile(t, imageKey(), 1)
	copy(d.Slots[0], old)
	d.Program, d.Tells = true, true
	link, look := onPTY(t, d)
	name, file := imageFile(t, imageKey(), 2)
	var out, errOut bytes.Buffer
	if code := run(context.Background(), []string{"restore", "--yes", "--port", link, "--image", name}, &out, &errOut); code != exitOK || !strings.Contains(out.String(), "told to stay") {
		t.Fatalf("restore: %d, %q, %q", code, out.String(), errOut.String())
	}
	look(func(d *mcuboottest.Device) {
		if !bytes.Equal(d.Slots[0][:len(file)], file) || !d.Confirmed() || len(d.Faults()) > 0 {
			t.Errorf("confirmed %t, objections: %v", d.Confirmed(), d.Faults())
		}
	})
}

// TestRestoreImageSaysWhatIsKnown: a trial that was not started is no restoration, and an image of which only the
// boot loader's word is known is not said to run.
func TestRestoreImageSaysWhatIsKnown(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(d *mcuboottest.Device)
		args   []string
		code   int
		says   []string
		never  string
	}{
		{"trial still pending", func(d *mcuboottest.Device) { d.Direct, d.Tells, d.Held = true, true, true },
			[]string{"--image-number", "2", "--await", "1s"}, exitFailed, []string{"was not started", "C-124", "the boot loader lists it"}, "Restored"},
		{"first slot, no hash", func(d *mcuboottest.Device) { d.Direct, d.Tells, d.NoHash = true, true, true },
			[]string{"--image-number", "1"}, exitOK, []string{"Restored. It runs image 2.2.3+4"}, "Written"},
		{"boot loader again", func(d *mcuboottest.Device) { d.Tells, d.Held = true, true }, []string{"--await", "1s"}, exitFailed, []string{"has not started", "C-126"}, "Restored"},
		{"silence", func(d *mcuboottest.Device) { d.Quiet = true }, nil, exitOK, []string{"Written.", "took the command to start", "Nothing has answered"}, "Restored"},
		{"silence of a trial", func(d *mcuboottest.Device) { d.Direct, d.Tells, d.Quiet = true, true, true },
			[]string{"--image-number", "2", "--await", "1s"}, exitOK, []string{"Written.", "is to try it", "took the command to start"}, "Restored"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := bootDevice()
			test.change(d)
			link, _ := onPTY(t, d)
			name, _ := imageFile(t, imageKey(), 2)
			var out, errOut bytes.Buffer
			code := run(context.Background(), append([]string{"restore", "--yes", "--port", link, "--image", name}, test.args...), &out, &errOut)
			all := out.String() + errOut.String()
			if code != test.code || strings.Contains(all, test.never) {
				t.Errorf("got %d, want %d: %q", code, test.code, all)
			}
			for _, words := range test.says {
				if !strings.Contains(all, words) {
					t.Errorf("%q is not said: %q", words, all)
				}
			}
		})
	}
}

// TestRestoreImageGoesOn: a run that was stopped in the middle is gone on with by the next one, which knows nothing
// of it but what the boot loader says.
func TestRestoreImageGoesOn(t *testing.T) {
	link, look := onPTY(t, bootDevice())
	name, file := imageFile(t, imageKey(), 2)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	look(func(d *mcuboottest.Device) {
		d.Lose = func(int) bool {
			if len(d.Pieces()) > 30 {
				stop()
			}
			return false
		}
	})
	var out, errOut bytes.Buffer
	if code := run(ctx, []string{"restore", "--yes", "--port", link, "--image", name}, &out, &errOut); code != exitFailed || !strings.Contains(errOut.String(), "stopped before the end") {
		t.Fatalf("stopped: %d, %q", code, errOut.String())
	}
	before := 0
	look(func(d *mcuboottest.Device) {
		d.Lose = nil
		for _, n := range d.Pieces() {
			before += n
		}
	})
	if code := run(context.Background(), []string{"restore", "--yes", "--port", link, "--image", name, "--json"}, &out, &errOut); code != exitOK {
		t.Fatalf("%d, %q", code, errOut.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var got imageResult
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &got); err != nil {
		t.Fatal(err)
	}
	look(func(d *mcuboottest.Device) {
		if int(got.Resumed) != before || d.Erases() != 1 || !bytes.Equal(d.Slots[0][:len(file)], file) {
			t.Errorf("%d bytes were there, %d resumed, %d erases", before, got.Resumed, d.Erases())
		}
	})
}

// TestRestoreImageRefuses: each refusal says whether the device is safe.
func TestRestoreImageRefuses(t *testing.T) {
	link, look := onPTY(t, bootDevice())
	seed := sha256.Sum256([]byte("another"))
	other, _ := imageFile(t, ed25519.NewKeyFromSeed(seed[:]), 2)
	name, file := imageFile(t, imageKey(), 3)
	file[1000] ^= 1
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--image", name}, exitFailed, "Nothing was written"},
		{[]string{"--image", "restore_image_test.go"}, exitFailed, "no signed MCUboot image"},
		{[]string{"--image", other}, exitFailed, "does not list it"},
		{[]string{"--image", name, "--release", "2"}, exitUsage, "--image"},
		{[]string{"--image", name, "--await", "-1s"}, exitUsage, "--await"},
		{[]string{"--image", name, "--erase-settings"}, exitUsage, "--image"},
	} {
		var out, errOut bytes.Buffer
		if code := run(context.Background(), append([]string{"restore", "--yes", "--port", link}, test.args...), &out, &errOut); code != test.code || !strings.Contains(errOut.String(), test.says) {
			t.Errorf("%q: got %d, %q, want %d and %q", test.args, code, errOut.String(), test.code, test.says)
		}
	}
	look(func(d *mcuboottest.Device) {
		if d.Restarts() != 0 {
			t.Errorf("it was started %d times", d.Restarts())
		}
	})
}

// TestCutFilesAreToldAsSuch: a file that only lacks its end is named for what it is.
func TestCutFilesAreToldAsSuch(t *testing.T) {
	b := &story{T: t, dir: t.TempDir()}
	image, _ := firmware.Mithermo()
	b.write("1.bin", image)
	b.must(exitOK, "key", "new", "-o", b.path("release.key"))
	b.must(exitOK, "model", "put", "0001", "--flash", "512KiB", "--ram", "128KiB", "-o", b.path("0001.model"))
	b.must(exitOK, "publish", "--key", b.path("release.key"), "--model", "0001", "--model-file", b.path("0001.model"), "--version", "1", "--order", "1",
		"-o", b.path("1.release"), b.path("1.bin"))
	whole := b.read("1.release")
	name, signed := imageFile(t, imageKey(), 2)
	for _, test := range []struct{ flag, name, whole, says string }{
		{"--release-file", b.path("cut"), whole[:5000], fmt.Sprintf("This release file is cut short: it has 5000 of %d bytes.", len(whole))},
		{"--release-file", b.path("cut"), whole[:50], "This release file is cut short: it ends after 50 bytes"},
		{"--image", name, string(signed[:len(signed)-1]), fmt.Sprintf("This signed image is cut short: it has %d of at least %d bytes.", len(signed)-1, len(signed))},
	} {
		if err := os.WriteFile(test.name, []byte(test.whole), 0o600); err != nil {
			t.Fatal(err)
		}
		if said := b.must(exitFailed, "restore", "--port", "none", test.flag, test.name); !strings.Contains(said, test.says) || !strings.Contains(said, "get the file again") {
			t.Errorf("%q is not said: %s", test.says, said)
		}
	}
}
