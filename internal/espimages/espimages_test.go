package espimages_test

import (
	"testing"

	"unbrick/firmware"
	"unbrick/internal/espimages"
)

// TestTheyAreWhatTheySay: the strict reader takes each, and finds what was put in.
func TestTheyAreWhatTheySay(t *testing.T) {
	for i := range espimages.Chips {
		c := &espimages.Chips[i]
		t.Run(c.Name, func(t *testing.T) {
			f, err := firmware.Read("app.bin", c.App("lamp", "1.2.3", 40_000, 7))
			if err != nil {
				t.Fatal(err)
			}
			if f.Family != firmware.ESP || f.Chip != c.Name || c.Name != "esp8266" && (f.Format != firmware.ESPApplication || f.Project != "lamp" || f.Version != "1.2.3") {
				t.Errorf("got %v for %q, %q %q", f.Format, f.Chip, f.Project, f.Version)
			}
			for _, k := range f.Checks {
				if !k.Held && c.Name != "esp8266" && k.Kind != firmware.SignatureSum {
					t.Errorf("%v does not hold", k.Kind)
				}
			}
			m, err := firmware.Read("merged.bin", c.Merged("lamp", "1.2.3", 40_000, 7))
			if err != nil {
				t.Fatal(err)
			}
			if c.Name != "esp8266" && (m.Format != firmware.ESPMerged || len(m.Parts) != 3 || m.Chip != c.Name || m.Version != "1.2.3") {
				t.Errorf("got %v with %d parts for %q", m.Format, len(m.Parts), m.Chip)
			}
		})
	}
}
