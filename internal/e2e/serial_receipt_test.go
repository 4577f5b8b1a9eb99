//go:build linux

package e2e

import (
	"testing"
	"time"
)

// TestSerialReceipt: a technician who is signed in nowhere restores a device by the page, and the server believes the device that it is.
func TestSerialReceipt(t *testing.T) {
	p, d := clinic(t, "S-RECEIPT-1", cableAdapter)
	sh := &shell{url: common.url()}
	if was := knows(t, sh, "S-RECEIPT-1"); was.Key == "" || was.Restored != nil {
		t.Fatalf("before it is restored: %+v", was)
	}
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound)
	p.presses("Restore")
	p.sees(atDone, atCableOut)
	d.runs()
	look := time.NewTicker(50 * time.Millisecond) // the page tells the server when it is done with the device
	defer look.Stop()
	for w := (watch{}); knows(t, sh, "S-RECEIPT-1").History[0].Kind != "restored"; <-look.C {
		if w.stuck(p.text()) {
			t.Fatalf("the server is never told; the page shows:\n%s", p.text())
		}
	}
	isBelieved(t, knows(t, sh, "S-RECEIPT-1"), "page")
}
