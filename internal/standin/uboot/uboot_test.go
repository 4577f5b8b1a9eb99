package uboot

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"unbrick/internal/standin"
)

// build makes a board on a port that is open.
func build(t *testing.T, o Options) (*Board, func(out string, d time.Duration) string) {
	t.Helper()
	b := New(o)
	w := standin.New(b, standin.Options{Seed: 1})
	p, err := w.Open(115200)
	if err != nil {
		t.Fatal(err)
	}
	return b, func(out string, d time.Duration) string {
		t.Helper()
		if err := p.Write([]byte(out)); err != nil {
			t.Fatal(err)
		}
		var in bytes.Buffer
		for end := p.Now() + d; p.Now() < end; {
			var q [256]byte
			if n, err := p.Read(q[:], end-p.Now()); err == nil {
				in.Write(q[:n])
			}
		}
		return in.String()
	}
}

func TestCountdown(t *testing.T) {
	b, ask := build(t, Options{Seconds: 3})
	if got := ask("", 1500*time.Millisecond); !strings.Contains(got, "Hit any key to stop autoboot:  3 \b\b\b 2 ") {
		t.Errorf("%q", got)
	}
	if got := ask("\x7f", time.Second); got != "\r\n=> " || !b.Stopped() {
		t.Errorf("a key: %q", got)
	}
	if got := ask("\x03\r", time.Second); got != "<INTERRUPT>\r\n=> \r\n=> " {
		t.Errorf("the prompt: %q", got)
	}
	if got := ask("nonsense\r", time.Second); got != "nonsense\r\nUnknown command 'nonsense' - try 'help'\r\n=> " || b.Tally.Touched() {
		t.Errorf("a command: %q", got)
	}
	if ask("cp.b 0 1 2\r", time.Second); !b.Tally.Touched() || b.Commands != 2 {
		t.Errorf("what would have written does not count: %+v", b.Tally)
	}
}

func TestKeyedSilentAndGone(t *testing.T) {
	b, ask := build(t, Options{Seconds: 2, Key: "stop"})
	if got := ask("", 500*time.Millisecond); !strings.HasSuffix(got, "Autoboot in 2 seconds\r\n") {
		t.Errorf("%q", got)
	}
	if ask(" \x03\x7f", 500*time.Millisecond); b.Stopped() {
		t.Error("another key stops it")
	}
	if got := ask("stop", 500*time.Millisecond); got != "\r\n=> " {
		t.Errorf("its key: %q", got)
	}
	b, ask = build(t, Options{Seconds: 1, Silent: true})
	if got := ask(" ", 500*time.Millisecond); got != "" || b.Stopped() {
		t.Errorf("silent: %q", got)
	}
	if got := ask("", 2*time.Second); !strings.HasSuffix(got, "board login: ") {
		t.Errorf("nobody stopped it: %q", got)
	}
	b, ask = build(t, Options{Running: true})
	if got := ask("\x03\r", time.Second); !strings.Contains(got, "login: ") || b.Stopped() {
		t.Errorf("a running Linux: %q", got)
	}
}
