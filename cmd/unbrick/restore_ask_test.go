//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"unbrick/internal/mcuboottest"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/server/storage"
)

// answer makes text all that standard input has; with open, more could come.
func answer(t *testing.T, text string, open bool) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if !open {
		w.Close()
	}
	was := os.Stdin
	os.Stdin = r
	t.Cleanup(func() { os.Stdin = was; w.Close(); r.Close() })
}

// refusals are answers that are no yes, and what must come of them.
var refusals = []struct {
	text string
	code int
	says string
}{
	{"", exitUsage, "say --yes"},
	{"n\n", exitFailed, "nothing was written"},
	{"n", exitFailed, "nothing was written"},
	{"what?\ny\n", exitFailed, "nothing was written"},
}

// What standard input says is the answer, whether that is a terminal or not.
func TestRestoreWritesOnlyAfterAYes(t *testing.T) {
	b := newStory(t)
	b.emulate(exitRestoration, "0001", "dev.bin", "--cut-at", "100")
	path, stop := b.cable("0001", "dev.bin")
	for _, flags := range [][]string{nil, {"--json"}} {
		for _, test := range refusals {
			t.Run(strings.Join(flags, "")+test.text, func(t *testing.T) {
				answer(t, test.text, false)
				code, out, errOut := execute(t, append([]string{"restore", "--port", path}, flags...)...)
				if code != test.code || out != "" || !strings.Contains(errOut, "Restore it?") || !strings.Contains(errOut, test.says) {
					t.Errorf("exit code %d, want %d and %q: %s%s", code, test.code, test.says, out, errOut)
				}
			})
		}
	}
	t.Run("stopped", func(t *testing.T) {
		answer(t, "", true)
		ctx, cancel := context.WithCancel(t.Context())
		errOut := &words{line: make(chan struct{}, 1)}
		ended := make(chan int, 1)
		go func() { ended <- run(ctx, []string{"restore", "--port", path}, &bytes.Buffer{}, errOut) }()
		errOut.await(t, "Restore it?")
		cancel()
		if code := <-ended; code != exitFailed || !strings.Contains(errOut.String(), "Nothing was written") {
			t.Errorf("exit code %d: %s", code, errOut)
		}
	})
	if code, _, errOut := execute(t, "identify", "--port", path); code != exitOK {
		t.Fatalf("identify ended with %d: %s", code, errOut)
	}
	client, err := newAPI(b.server.url, b.server.token)
	if err != nil {
		t.Fatal(err)
	}
	if d, _, err := client.do(t.Context(), "GET", "/api/devices/0001/S", nil, nil, nil); err != nil || strings.Contains(string(d), string(storage.NotRestored)) {
		t.Errorf("the server was told of a restoration that nobody wanted: %s %v", d, err)
	}
	answer(t, "y\n", false)
	if code, out, errOut := execute(t, "restore", "--port", path); code != exitOK || !strings.Contains(out, "Restored.") {
		t.Errorf("after a yes: %d, %s%s", code, out, errOut)
	}
	if code := stop(); code != exitOK || !b.holds("dev.bin", b.two) {
		t.Errorf("the restored device ended with %d", code)
	}
}

func TestRestoreImageWritesOnlyAfterAYes(t *testing.T) {
	link, look := onPTY(t, bootDevice())
	name, file := imageFile(t, imageKey(), 2)
	for _, test := range refusals {
		answer(t, test.text, false)
		code, out, errOut := execute(t, "restore", "--port", link, "--image", name)
		if code != test.code || out != "" || !strings.Contains(errOut, "Write it?") || !strings.Contains(errOut, test.says) {
			t.Errorf("exit code %d, want %d and %q: %s%s", code, test.code, test.says, out, errOut)
		}
	}
	look(func(d *mcuboottest.Device) {
		if len(d.Pieces()) > 0 || bytes.Contains(d.Slots[0], file[:64]) {
			t.Error("something was written")
		}
	})
}

// The facts do not contradict each other: why a device came into restoration mode may be mended by now, and what is sent
// is set beside the image that the page shows it beside.
func TestAskSaysHowItIsNow(t *testing.T) {
	for _, test := range []struct {
		why   smp.Why
		kind  restore.Kind
		says  []string
		never string
	}{
		{smp.WhyInterrupted, restore.KindStart, []string{"an update stopped halfway", "mended since", "release 2"}, "Nothing is wrong"},
		{smp.WhyDamaged, restore.KindStart, []string{"its software is damaged", "mended since"}, "Nothing is wrong"},
		{smp.WhyAsked, restore.KindStart, []string{"asked for over the cable", "only has to start"}, "mended"},
		{smp.WhyInterrupted, restore.KindDelta, []string{"700 bytes to send for an image of 2000,"}, "4000"},
	} {
		var errOut bytes.Buffer
		r := &restoration{restoreFlags: &restoreFlags{yes: true}, errOut: &errOut}
		p := &restore.Plan{Device: &restore.Device{}, Release: release.Manifest{Version: "2", Size: 2000}, Kind: test.kind, BytesSend: 700, BytesFull: 4000}
		p.Device.Why = test.why
		if err := r.ask(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		for _, words := range test.says {
			if !strings.Contains(errOut.String(), words) {
				t.Errorf("%v: %q is not said: %s", test.why, words, errOut.String())
			}
		}
		if strings.Contains(errOut.String(), test.never) {
			t.Errorf("%v: %q is said: %s", test.why, test.never, errOut.String())
		}
	}
}
