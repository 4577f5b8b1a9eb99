package fleet

import (
	"bytes"
	"testing"

	"unbrick/server/storage"
)

func FuzzDecodeReport(f *testing.F) {
	b, err := (&Report{ID: [16]byte{1}, Model: "0001", Serial: "A-1", Outcome: OutcomeRestored, From: "1", Version: "2", Image: storage.Digest{1}, Sectors: 42, Sent: 38_000, Via: "page"}).Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodeReport(b)
		if err != nil {
			return
		}
		again, err := p.Append(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x encodes again as %x, %v", b, again, err)
		}
	})
}
