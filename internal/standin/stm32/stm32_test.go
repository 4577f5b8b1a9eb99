package stm32

import (
	"bytes"
	"testing"
	"time"

	"unbrick/internal/standin"
	"unbrick/restore"
)

// ask sends bytes, one after the other, and collects what comes.
func ask(t *testing.T, p restore.Port, out string) string {
	t.Helper()
	if err := p.Write([]byte(out)); err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	for {
		var b [64]byte
		n, err := p.Read(b[:], 100*time.Millisecond)
		if err != nil {
			return in.String()
		}
		in.Write(b[:n])
	}
}

func TestDialogue(t *testing.T) {
	for _, baud := range []uint32{9600, 57600, 115200} {
		l := &Loader{}
		w := standin.New(l, standin.Options{Seed: 1})
		p, err := w.Open(baud)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ out, want string }{
			{"\x7f", "\x79"},
			{"\x7f\x7f", "\x1f"},
			{"\x02\xfd", "\x79\x01\x04\x10\x79"},
			{"\x01\xfe", "\x79\x22\x00\x00\x79"},
			{"\x00\xff", "\x79\x0b\x22\x00\x01\x02\x11\x21\x31\x43\x63\x73\x82\x92\x79"},
			{"\x31\xce", "\x1f"},
			{"\x55\x55", "\x1f"},
		} {
			if got := ask(t, p, c.out); got != c.want {
				t.Errorf("at %d, to %x: %x, want %x", baud, c.out, got, c.want)
			}
		}
		if !l.Tally.Touched() || l.Tally.Refused != 1 {
			t.Errorf("%+v", l.Tally)
		}
		p.Close()
	}
}

// TestMute: another first byte makes it deaf to the right one.
func TestMute(t *testing.T) {
	for _, first := range []string{"\x03", "0 ", "\n\x06\x09", "\xc0", "\x1b\x01", "break"} {
		l := &Loader{}
		w := standin.New(l, standin.Options{Seed: 1})
		p, err := w.Open(115200)
		if err != nil {
			t.Fatal(err)
		}
		if first == "break" {
			if err := p.Break(time.Millisecond); err != nil {
				t.Fatal(err)
			}
		} else if got := ask(t, p, first); got != "" {
			t.Errorf("%q: %x", first, got)
		}
		if got := ask(t, p, "\x7f\x7f"); got != "" || !l.Muted() {
			t.Errorf("after %q it answers %x", first, got)
		}
		w.Do(l.Reset)
		if got := ask(t, p, "\x7f"); got != "\x79" {
			t.Errorf("after a reset: %x", got)
		}
	}
}
