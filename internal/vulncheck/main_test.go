package main

import (
	"strings"
	"testing"
)

// What govulncheck says of a scan, of a vulnerability that is only required, and of two that are called.
const (
	config   = `{"config":{"go_version":"go1.26.8"}}`
	required = `{"finding":{"osv":"GO-1","fixed_version":"v2.0.0","trace":[{"module":"example.com/m","version":"v1.0.0"}]}}`
	called   = `{"finding":{"osv":"GO-2","fixed_version":"v2.0.0","trace":[{"module":"example.com/m","version":"v1.0.0","package":"example.com/m","function":"F"},{"module":"unbrick","function":"main"}]}}`
	library  = `{"finding":{"osv":"GO-3","fixed_version":"v1.26.9","trace":[{"module":"stdlib","version":"v1.26.8","package":"net/http","function":"Get"},{"module":"unbrick","function":"main"}]}}`
	newer    = `{"finding":{"osv":"GO-4","fixed_version":"v1.26.10","trace":[{"module":"stdlib","version":"v1.26.8","package":"net/url","function":"Parse"},{"module":"unbrick","function":"main"}]}}`
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name, said string
		words      string
		fails      bool
	}{
		{"nothing", config, "no module of go.mod", false},
		{"required, not called", config + required, "no module of go.mod", false},
		{"called, twice", config + called + called, "1 known vulnerabilities", true},
		{"the library's", config + library, "build with go1.26.9 or newer", false},
		{"two of the library's", config + newer + library, "(GO-4, GO-3); build with go1.26.10 or newer", false},
		{"both", config + library + called, "GO-2: example.com/m v1.0.0, called as example.com/m.F; fixed in v2.0.0", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, err := read(strings.NewReader(c.said))
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err = judge(&out, found)
			if said := out.String() + "\n"; (err != nil) != c.fails || !strings.Contains(said+errorText(err), c.words) {
				t.Errorf("error %v, said %q; want fails %v and %q", err, said, c.fails, c.words)
			}
		})
	}
}

func TestReadRefusesWhatIsNoScan(t *testing.T) {
	for _, said := range []string{"", "{}", "{", "no JSON"} {
		if _, err := read(strings.NewReader(said)); err == nil {
			t.Errorf("%q passes for a scan", said)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
