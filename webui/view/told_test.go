package view

import (
	"strings"
	"testing"
	"time"
)

// A repair that a page or the command reported is shown as told, until the device has said so itself.
func TestRepairIsShownAsTold(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 4, 0, 0, time.UTC)
	for _, group := range []string{"running", "rewriting", "overdue", "silent"} {
		d := fleetDevice{Group: group, Version: "1", Target: "2", Restored: now, Last: now, Told: true}
		if _, words := deviceState(&d, now); !strings.HasPrefix(words, "Restored, as told, a page or the command says so; the device itself has not said so yet.") {
			t.Errorf("%s: %q", group, words)
		}
		d.Told = false
		if _, words := deviceState(&d, now); strings.Contains(words, "as told") {
			t.Errorf("%s, by its own word: %q", group, words)
		}
	}
	d := fleetDevice{Group: "restoration", Told: true, Last: now}
	if _, words := deviceState(&d, now); !strings.HasPrefix(words, "In restoration mode") {
		t.Errorf("%q", words)
	}
	o, _ := parseObject([]byte(`{"restored_as_told":true,"group":"running"}`))
	if got := readDetail(o); !got.Device.Told {
		t.Errorf("the server's word is not heard: %+v", got.Device)
	}
}
