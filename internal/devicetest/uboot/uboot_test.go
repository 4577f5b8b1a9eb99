package uboot

import (
	"bytes"
	"context"
	"testing"
	"time"

	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/recognise"
)

// says reads until a text has come.
func says(t *testing.T, p restore.Port, want string) {
	t.Helper()
	var all []byte
	for end := p.Now() + patience; !bytes.Contains(all, []byte(want)); {
		var q [512]byte
		n, err := p.Read(q[:], end-p.Now())
		if all = append(all, q[:n]...); err != nil {
			t.Fatalf("it never says %q: %v\n%q", want, err, all)
		}
	}
}

// TestGenuineUBoot: U-Boot is named at its prompt, where it ended up, and while it counts.
func TestGenuineUBoot(t *testing.T) {
	b := Start(t)
	p := b.Open(115200)
	defer p.Close()
	b.Run()
	says(t, p, "stop autoboot")
	if err := p.Write([]byte(" ")); err != nil {
		t.Fatal(err)
	}
	says(t, p, "=> ")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, when := range []string{"at its prompt", "at its prompt, again", "while it starts"} {
		if when == "while it starts" {
			b.Reset()
		}
		begun := time.Now()
		f, err := recognise.Recognise(ctx, p, nil)
		if err != nil || f.Kind != recognise.UBoot {
			t.Fatalf("%s: %+v, %v", when, f, err)
		}
		t.Logf("%s: after %v, %v", when, time.Since(begun).Round(time.Millisecond), f.Said)
		if f.Said != nil && f.Said[0] != boottext.UBoot {
			t.Errorf("%s: it is taken for %v", when, f.Said)
		}
	}
}
