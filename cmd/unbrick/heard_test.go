//go:build unix

package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSaysWhatAnotherDeviceSays: behind the port is no device of ours, and what it says is shown and named.
func TestSaysWhatAnotherDeviceSays(t *testing.T) {
	defer func(d time.Duration) { handFor = d }(handFor)
	handFor = time.Second
	for name, test := range map[string]struct {
		says  string // again and again, to whatever is sent
		shown []string
		never string
	}{
		"U-Boot's prompt": {"\x1b[0mUnknown command 'ABkA' - try 'help'\r\n=> ", []string{"| =>", "That is U-Boot.", "Nothing was written"}, "\x1b"},
		"an ESP's ROM":    {"rst:0x1 (POWERON_RESET),boot:0x3 (DOWNLOAD_BOOT(UART0))\r\nwaiting for download\r\n", []string{"| waiting for download", "ESP chip's ROM boot loader, waiting"}, ""},
		"something":       {"temperature 21.5\x07\r\n", []string{"| temperature 21.5", "Nothing in it is known here"}, "\x07"},
		"noise":           {"\x80\xfe\x93\xc1\x00\xff", []string{"No answer yet. A device that was just being restored", "What to do:"}, "It says"},
	} {
		t.Run(name, func(t *testing.T) {
			link := filepath.Join(t.TempDir(), "cable")
			cable, err := openPTY(link)
			if err != nil {
				t.Skipf("no pseudo-terminal: %v", err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				b := make([]byte, 256)
				for {
					if _, err := cable.Read(b); err != nil {
						return
					}
					cable.Write([]byte(test.says))
				}
			}()
			t.Cleanup(func() { cable.Close(); <-done })
			var out, errOut bytes.Buffer
			if code := run(context.Background(), []string{"identify", "--port", link}, &out, &errOut); code != exitFailed {
				t.Errorf("got %d", code)
			}
			for _, words := range test.shown {
				if !strings.Contains(errOut.String(), words) {
					t.Errorf("%q is not said: %q", words, errOut.String())
				}
			}
			if test.never != "" && strings.Contains(errOut.String(), test.never) {
				t.Errorf("says %q", errOut.String())
			}
		})
	}
}
