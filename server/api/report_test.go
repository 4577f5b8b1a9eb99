package api

import (
	"bytes"
	"encoding/json"
	"testing"

	"unbrick/server/fleet"
	"unbrick/server/form"
)

// FuzzReportJSON: what is accepted as JSON can be said in CBOR too.
func FuzzReportJSON(f *testing.F) {
	f.Add([]byte(`{"id":"00112233445566778899aabbccddeeff","model":"0001","serial":"B-1","outcome":"found","via":"page"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in form.Report
		if json.Unmarshal(b, &in) != nil {
			return
		}
		p, err := fromJSON(&in)
		if err != nil {
			return
		}
		c, err := p.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		q, err := fleet.DecodeReport(c)
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		if again, err := q.Append(nil); err != nil || !bytes.Equal(again, c) {
			t.Fatalf("%+v came back as %+v, %v", p, q, err)
		}
	})
}
