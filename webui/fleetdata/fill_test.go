package fleetdata

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"unbrick/server/form"
)

// TestFill: what the server sends of each answer arrives, but for bytes.
func TestFill(t *testing.T) {
	now := time.Date(2026, 11, 28, 20, 0, 0, 1e6, time.UTC)
	n := 7
	device := form.Device{
		Model: "0001", Serial: "A", Demo: true, Group: "running", Since: now, FirstSeen: now, LastSeen: now, Sessions: 1 << 40,
		Release: form.Running{Version: "1", Order: 1 << 52, Image: "aa", Known: true, Confirmed: true}, Target: &form.Target{Version: "2", Image: "bb"},
		Workspace: math.MaxUint32, Needs: 2, Kinds: []string{"delta"}, Keys: []string{"k"}, Progress: &form.Progress{Sent: 1, Size: 2},
		Restored: &now, Told: true, Conflict: &now, Key: "ab", Attempts: []form.Attempt{{Image: "aa", Failures: 3, Held: true, By: "server", Until: &now, Last: now}},
		Refusals: []form.Refusal{{File: "ff", Until: now}}, Dead: []form.Dead{{Addr: 4096, Freed: true}},
	}
	same(t, form.Devices{Devices: []form.Device{device, {}}, Total: 2, Next: "c"})
	known := form.Known{DeviceKeys: []form.DeviceKey{{Key: "ab", State: "enrolled", Since: now}}, Strangers: []form.Stranger{{Model: "m", Serial: "s", Key: "cd",
		Standing: "pending", Name: "n", Address: "192.0.2.1", First: now, Last: now, Sessions: 7, Release: form.Running{Version: "1"}, Workspace: 4096}}}
	same(t, known)
	same(t, form.Strangers{Strangers: known.Strangers, Next: "c"})
	same(t, form.DeviceDetail{Device: device, Known: known, ModelName: "x", Geometry: "y", Next: "5",
		History: []form.Event{{ID: 5, At: now, Kind: "k", Source: "s", From: "1", To: "2", Bytes: 1 << 50, File: "f", Detail: map[string]any{"a": "b", "n": 1.0}}}})
	same(t, form.Summary{Devices: 3, Groups: map[string]int{"silent": 2}, Strangers: map[string]int{"pending": 1}, Releases: []form.ReleaseCount{{Model: "m", Installed: 1, Known: true}}})
	same(t, form.Releases{Releases: []form.Release{{Claims: form.Claims{Model: "m", Order: 9, Era: 65535, Keys: []string{"k"}}, Published: now, Installed: &n, Rollout: &form.Rollout{
		Phases: "1%", Begun: now, Passed: 60, Next: &now, Limit: 3, Halted: &now, Why: "so"}}}})
}

// same fails unless v comes back as it was.
func same[T any](t *testing.T, v T) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(b, &plain); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(read[T](plain))
	if err != nil || string(again) != string(b) {
		t.Errorf("%T came back as\n%s, not as\n%s: %v", v, again, b, err)
	}
}

// TestFillTakesWhatFits: a field of another shape is left zero, and the others are there.
func TestFillTakesWhatFits(t *testing.T) {
	for text, want := range map[string]form.Devices{
		`{"total":"1","next":"n"}`: {Next: "n"}, `{"total":-1,"next":7}`: {}, `{"total":1e300}`: {}, `{"devices":{},"total":2}`: {Total: 2}, `[]`: {}, `null`: {}, `"x"`: {},
		`{"devices":[1,null,{"workspace":4294967296,"needs":1.5,"since":"yesterday","target":3,"kinds":["a",1,"b"]}]}`: {Devices: []form.Device{{Needs: 1, Kinds: []string{"a", "b"}}}},
	} {
		var plain any
		if err := json.Unmarshal([]byte(text), &plain); err != nil {
			t.Fatal(err)
		}
		if got := read[form.Devices](plain); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// FuzzFill: whatever a stranger answers is read without a panic, and what the standard library takes for an answer means the same.
func FuzzFill(f *testing.F) {
	f.Add([]byte(`{"model":"0001","since":"2026-11-28T20:00:00Z","release":{"order":1},"attempts":[{"held":true}],"history":[{"detail":{"a":[1]}}],"restored":null}`))
	f.Add([]byte(`{"kinds":[null],"progress":{"sent":1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var plain any
		if json.Unmarshal(b, &plain) != nil {
			return
		}
		read[form.Summary](plain)
		read[form.Releases](plain)
		read[form.Devices](plain)
		var want form.DeviceDetail
		if json.Unmarshal(b, &want) == nil && want.Sessions >= 0 && want.Sessions < 1<<53 { // and in the form in which the server writes it
			text, err := json.Marshal(want)
			if err != nil {
				return // a year that JSON has no form for
			}
			var back any
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			got := read[form.DeviceDetail](back)
			if got.Serial != want.Serial || got.Release.Version != want.Release.Version || len(got.Attempts) != len(want.Attempts) || len(got.History) != len(want.History) {
				t.Errorf("%s: got %+v", text, got)
			}
		}
	})
}
