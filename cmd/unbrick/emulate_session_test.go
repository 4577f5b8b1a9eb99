package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A device asks again exactly when the server says, and not for ever.
func TestEmulateWaitsAsItIsTold(t *testing.T) {
	trouble := errors.New("503")
	for _, tt := range []struct {
		name   string
		waits  []uint32 // that the server names, one for each time it is asked; it answers after the last
		err    error    // with each of them
		asked  int
		after  time.Duration
		reason string // of the result
	}{
		{"at once", nil, nil, 1, 0, ""},
		{"twice", []uint32{30, 5}, nil, 3, 35 * time.Second, "preparing"},
		{"busy before the upgrade", []uint32{30}, trouble, 2, 30 * time.Second, "preparing"},
		{"the server does not say", []uint32{0}, nil, 2, usualWait * time.Second, "preparing"},
		{"too long", []uint32{30, 600}, nil, 2, 30 * time.Second, "preparing; ask again in 600 s"},
		{"too often", []uint32{100, 100, 100, 100, 100}, nil, 4, 300 * time.Second, "preparing; ask again in 100 s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				e := &emulation{out: &out}
				result := &emulateResult{}
				began, asked := time.Now(), 0
				err := e.patiently(t.Context(), result, func() (bool, uint32, error) {
					if asked++; asked > len(tt.waits) {
						return false, 0, nil
					}
					result.Reason = "preparing"
					return true, tt.waits[asked-1], tt.err
				})
				if gaveUp := asked <= len(tt.waits); gaveUp && err != tt.err || !gaveUp && err != nil {
					t.Errorf("error %v", err)
				}
				if took := time.Since(began); asked != tt.asked || took != tt.after || result.Reason != tt.reason {
					t.Errorf("asked %d times in %v, %q; want %d, %v, %q", asked, took, result.Reason, tt.asked, tt.after, tt.reason)
				}
				if n := strings.Count(out.String(), "asking again in"); n != asked-1 {
					t.Errorf("said %d times that it asks again, asked %d times: %s", n, asked, out.String())
				}
			})
		})
	}
}

// A server that answers no link is told of in its own words, and is asked again if it wants to be.
func TestEmulateHearsARefusal(t *testing.T) {
	for after, want := range map[string]uint32{"7": 7, "": 0} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", after)
			http.Error(w, "too many sessions", http.StatusServiceUnavailable)
		}))
		e := &emulation{emulateFlags: &emulateFlags{serverFlags: serverFlags{server: s.URL}}}
		again, seconds, err := e.ask(context.Background(), &emulateResult{})
		if again != (want > 0) || seconds != want || err == nil || !strings.Contains(err.Error(), "too many sessions") {
			t.Errorf("Retry-After %q: again %v, %d s, %v", after, again, seconds, err)
		}
		s.Close()
	}
}
