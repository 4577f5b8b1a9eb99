package restore_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"testing"
	"time"

	"unbrick/emulator"
	"unbrick/lab"
	"unbrick/restore"
)

// bricked returns a device that was cut in an update from the first to the second release.
func bricked(t *testing.T, o *lab.Options) (*rig, *lab.Device, *restore.Files, *made) {
	t.Helper()
	r := newRig(t, even)
	v1 := r.release("1", 1, 1, code(1, 150_000))
	v2 := r.release("2", 2, 1, edit(v1.image, 2))
	d := r.device(v1, o)
	if s := r.brick(d, v1, v2, 150, emulator.Half); s != lab.Restoration {
		t.Fatalf("device is %v", s)
	}
	return r, d, source(t, v1, v2), v2
}

// retryable returns the code of an error that running again may heal, and fails for any other.
func retryable(t *testing.T, err error) restore.Code {
	t.Helper()
	var e *restore.Error
	if !errors.As(err, &e) || !e.Retry() {
		t.Fatalf("got %v, want an error that can be retried", err)
	}
	return e.Code
}

// TestVanishesAtEveryWrite pulls the plug at the first write, then at the second, and so on, always on the
// same device, until one attempt gets through.
func TestVanishesAtEveryWrite(t *testing.T) {
	r, d, src, v2 := bricked(t, nil)
	for k := 1; ; k++ {
		if k > 200 {
			t.Fatal("never restored")
		}
		inner := d.Port()
		if err := inner.Open(); err != nil {
			t.Fatal(err)
		}
		port := &faultyPort{Port: inner, write: func(n int, p []byte) ([]byte, error) {
			if n == k {
				return nil, fmt.Errorf("write %d: %w", n, restore.ErrVanished)
			}
			return p, nil
		}}
		_, err := run(t, port, src, nil, nil)
		inner.Close()
		if err == nil {
			break
		}
		if code := retryable(t, err); code != restore.CodeVanished {
			t.Fatalf("write %d: got %v", k, err)
		}
	}
	r.restored(d, v2)
}

// TestLine: lost and repeated frames, a talking device and bit errors end in a restored device, at worst
// after another attempt.
func TestLine(t *testing.T) {
	for _, test := range []struct {
		name  string
		line  emulator.LineConfig
		write func(n int, p []byte) ([]byte, error)
		read  func(n int, p []byte) ([]byte, error)
	}{
		{name: "every request twice", write: func(_ int, p []byte) ([]byte, error) { return append(p[:len(p):len(p)], p...), nil }},
		{name: "every third request lost", write: func(n int, p []byte) ([]byte, error) {
			if n%3 == 0 {
				return nil, nil
			}
			return p, nil
		}},
		{name: "every fourth answer lost", read: func(n int, p []byte) ([]byte, error) {
			if n%4 == 0 {
				return nil, nil
			}
			return p, nil
		}},
		{name: "device talks", read: talk()},
		{name: "bit errors 1e-5", line: emulator.LineConfig{BitErrors: 1e-5}},
		{name: "bit errors 1e-4", line: emulator.LineConfig{BitErrors: 1e-4}},
		{name: "lost bytes", line: emulator.LineConfig{LostBytes: 1e-4}},
		{name: "slow adapter", line: emulator.LineConfig{TurnAround: 16 * time.Millisecond}},
		{name: "small receive buffer", line: emulator.LineConfig{Depth: 32}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, d, src, v2 := bricked(t, &lab.Options{Seed: 7, Line: test.line})
			for attempt := 0; ; attempt++ {
				inner := d.Port()
				if err := inner.Open(); err != nil {
					t.Fatal(err)
				}
				res, err := run(t, &faultyPort{Port: inner, write: test.write, read: test.read}, src, nil, nil)
				inner.Close()
				if err == nil {
					t.Logf("attempt %d: %d requests repeated, %v", attempt, res.Repeated, res.Elapsed)
					break
				}
				if retryable(t, err); attempt == 5 {
					t.Fatal(err)
				}
			}
			r.restored(d, v2)
		})
	}
}

// talk puts lines of a log between the lines of frames.
func talk() func(n int, p []byte) ([]byte, error) {
	between := true
	return func(_ int, p []byte) ([]byte, error) {
		out := p
		if between {
			out = append([]byte("\x1b[1;31mE: sensor 3 \x06 fails\r\n"), p...)
		}
		between = p[len(p)-1] == '\n'
		return out, nil
	}
}

// TestDeviceRestarts resets the device at one write of an attempt: the attempt ends well, or with an error
// that can be retried; then the next one does.
func TestDeviceRestarts(t *testing.T) {
	restarted := 0
	for k := 2; k < 40; k += 5 {
		r, d, src, v2 := bricked(t, &lab.Options{Line: emulator.LineConfig{Reset: emulator.DTR}})
		for attempt := 0; ; attempt++ {
			inner := d.Port()
			if err := inner.Open(); err != nil {
				t.Fatal(err)
			}
			port := &faultyPort{Port: inner, write: func(n int, p []byte) ([]byte, error) {
				if n == k && attempt == 0 {
					inner.SetDTR(true)
					inner.SetDTR(false)
				}
				return p, nil
			}}
			_, err := run(t, port, src, nil, nil)
			inner.Close()
			if err == nil {
				break
			}
			if retryable(t, err) == restore.CodeRestarted {
				restarted++
			}
			if attempt == 2 {
				t.Fatalf("reset at write %d: %v", k, err)
			}
		}
		r.restored(d, v2)
	}
	if restarted == 0 {
		t.Error("no attempt told that the device restarted")
	}
}

// TestCancel: a context ends the work between two frames.
func TestCancel(t *testing.T) {
	r, d, src, v2 := bricked(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	port := d.Port()
	s, err := restore.Connect(ctx, port, nil)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := s.Identify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(ctx, dev, src, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Run(ctx, p, func(p restore.Progress) {
		if p.Sectors > 2 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if _, err := run(t, port, src, nil, nil); err != nil {
		t.Fatal(err)
	}
	port.Close()
	r.restored(d, v2)
}

// TestRefusals: what is wrong with a release is found here, before a byte of it goes out, and nothing is
// written.
func TestRefusals(t *testing.T) {
	r := newRig(t, even)
	image := code(1, 100_000)
	v1 := r.release("1", 1, 1, image)
	v2 := r.release("2", 2, 2, edit(image, 2))
	d := r.device(v2, nil)
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	tampered := r.release("4", 4, 4, image)
	tampered.signed = append([]byte(nil), tampered.signed...)
	tampered.signed[len(tampered.signed)-1] ^= 1
	for _, test := range []struct {
		name     string
		releases []*made
		choice   restore.Choice
		want     restore.Code
	}{
		{"nothing at hand", nil, restore.Choice{}, restore.CodeNoRelease},
		{"no such version", []*made{v1}, restore.Choice{Version: "9"}, restore.CodeNoRelease},
		{"another model", []*made{r.releaseBy(r.key, "0002", "1", 1, 1, image)}, restore.Choice{}, restore.CodeModel},
		{"another model, chosen", []*made{v2, r.releaseBy(r.key, "0002", "5", 5, 5, image)}, restore.Choice{Version: "5"}, restore.CodeModel},
		{"unknown key", []*made{r.releaseBy(other, r.model.ID, "3", 3, 3, image)}, restore.Choice{}, restore.CodeUnknownKey},
		{"unknown key, chosen", []*made{r.releaseBy(other, r.model.ID, "3", 3, 3, image)}, restore.Choice{Version: "3"}, restore.CodeUnknownKey},
		{"key that the caller does not allow", []*made{v2}, restore.Choice{Keys: []ed25519.PublicKey{other.Public().(ed25519.PublicKey)}}, restore.CodeExcluded},
		{"key that the caller does not allow, chosen", []*made{v2}, restore.Choice{Version: "2", Keys: []ed25519.PublicKey{other.Public().(ed25519.PublicKey)}}, restore.CodeExcluded},
		{"tampered", []*made{tampered}, restore.Choice{Version: "4"}, restore.CodeSignature},
	} {
		t.Run(test.name, func(t *testing.T) {
			port := d.Port()
			if err := port.Open(); err != nil {
				t.Fatal(err)
			}
			defer port.Close()
			_, err := run(t, port, source(t, test.releases...), nil, &test.choice)
			var e *restore.Error
			if !errors.As(err, &e) || e.Code != test.want || e.Touched != restore.TouchedNothing {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	if n := d.Counts().Operations; n != 0 {
		t.Errorf("%d flash operations", n)
	}
	bad := v1.file()
	bad[len(bad)-1] ^= 1
	var e *restore.Error
	if _, err := (&restore.Files{}).Add(bad); !errors.As(err, &e) || e.Code != restore.CodeBadRelease {
		t.Errorf("damaged image: got %v", err)
	}
	if _, err := (&restore.Files{}).Add([]byte("no release file")); !errors.As(err, &e) || e.Code != restore.CodeBadFile {
		t.Errorf("another file: got %v", err)
	}
}

// TestNoDevice: a line with nobody at its other end.
func TestNoDevice(t *testing.T) {
	r := newRig(t, even)
	d, err := lab.New(&r.model, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ways []restore.Way
	_, err = restore.Connect(context.Background(), d.Port(), &restore.Options{OnWay: func(w restore.Way) { ways = append(ways, w) }})
	var e *restore.Error
	if !errors.As(err, &e) || e.Code != restore.CodeSilent {
		t.Errorf("got %v", err)
	}
	if len(ways) != 6 {
		t.Errorf("tried %v", ways)
	}
}
