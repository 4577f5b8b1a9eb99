package storage

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestParsePhases(t *testing.T) {
	for text, want := range map[string]string{
		"100%": "100%", "1%,10%@24h,100%@72h": "1%,10%@24h0m0s,100%@72h0m0s", "0.01%,0.5%@1m": "0.01%,0.5%@1m0s", "5.25% , 7.1%@1h": "5.25%,7.1%@1h0m0s", "0%": "", "": "",
		"101%": "", "10": "", "1.234%": "", "-1%": "", "+1%": "", "1e1%": "", "10%,5%@1h": "", "10%@2h,20%@1h": "", "10%,20%": "", "10%@soon": "", "10%@-1h": "", "10%@100000h": "",
		"1%,2%@1h,3%@2h,4%@3h,5%@4h,6%@5h,7%@6h,8%@7h,9%@8h,10%@9h,11%@10h,12%@11h,13%@12h,14%@13h,15%@14h,16%@15h,17%@16h": "",
	} {
		p, err := ParsePhases(text)
		if want == "" {
			if !errors.Is(err, ErrPhases) {
				t.Errorf("%q: %v, %v", text, p, err)
			}
			continue
		}
		if got := FormatPhases(p); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
		if again, err := ParsePhases(want); err != nil || FormatPhases(again) != want {
			t.Errorf("%q does not come back: %v", want, err)
		}
	}
}

// TestReaches: shares hold on the whole, nobody who was reached is left again, and each release begins elsewhere.
func TestReaches(t *testing.T) {
	begun := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	phases, err := ParsePhases("2%,25%@10h,100%@20h")
	if err != nil {
		t.Fatal(err)
	}
	r := Rollout{Phases: phases, Begun: begun}
	const devices = 20_000
	both := 0
	for _, step := range []struct {
		at       time.Duration
		min, max int
	}{{-time.Second, 0, 0}, {0, 300, 500}, {10*time.Hour - 1, 300, 500}, {10 * time.Hour, 4700, 5300}, {20 * time.Hour, devices, devices}} {
		reached := 0
		for i := range devices {
			serial := fmt.Sprintf("A17-%06d", i)
			now := r.Reaches("0001", serial, Digest{1}, begun.Add(step.at))
			if !now {
				continue
			}
			reached++
			if !r.Reaches("0001", serial, Digest{1}, begun.Add(step.at+7*time.Hour)) {
				t.Fatalf("%s was reached after %v and is not any more", serial, step.at)
			}
			if step.at == 10*time.Hour && r.Reaches("0001", serial, Digest{2}, begun.Add(step.at)) {
				both++
			}
		}
		if reached < step.min || reached > step.max {
			t.Errorf("after %v: %d of %d devices, want %d to %d", step.at, reached, devices, step.min, step.max)
		}
	}
	if both < 1000 || both > 1500 {
		t.Errorf("%d devices are early for two releases, want a sixteenth of %d", both, devices)
	}
	r.Halted = begun
	if r.Reaches("0001", "A", Digest{1}, begun.Add(100*time.Hour)) {
		t.Error("a halted rollout reaches somebody")
	}
	if none := (&Rollout{Halted: begun}); !none.Reaches("0001", "A", Digest{1}, begun) {
		t.Error("no rollout leaves somebody out")
	}
}
