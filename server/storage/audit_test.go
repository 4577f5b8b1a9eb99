package storage_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"unbrick/internal/vectors"
	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/storage"
)

// TestAuditVectors: rows that say everything, nothing, and what is no ASCII, chained as docs/formats.md says.
func TestAuditVectors(t *testing.T) {
	acts := []storage.Act{
		{At: time.Date(2026, 11, 29, 8, 30, 0, 250e6, time.UTC), Account: "ci", Token: "0a1b2c3d", Address: "192.0.2.1", Name: "release.state",
			Object: "0001/" + strings.Repeat("ab", 32), Before: "offered", After: "withheld", Result: "done"},
		{At: time.UnixMilli(0).UTC()},
		{At: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), Account: "environment", Name: "token.make", Object: "ci", After: "für die Lampe", Result: "not-found"},
	}
	var text strings.Builder
	var before storage.Digest
	for i, act := range acts {
		r := storage.Row{N: int64(i + 1), Act: act}
		before = r.Chain(before)
		line, err := json.Marshal(form.Act{N: r.N, At: act.At, Account: act.Account, Token: act.Token, Address: act.Address, Name: act.Name, Object: act.Object,
			Before: act.Before, After: act.After, Result: act.Result, Hash: release.Hex(before)})
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(line, '\n'))
	}
	vectors.Keep(t, "testdata/audit.jsonl", text.String())
}
