package words

import (
	"testing"
	"time"
)

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Group(0), "0"}, {Group(999), "999"}, {Group(1636), "1\u202f636"}, {Group(100000), "100\u202f000"}, {Group(1234567),
			"1\u202f234\u202f567"},
		{Count(1, "sector", "sectors"), "1 sector"}, {Count(42, "sector", "sectors"), "42 sectors"}, {Count(0, "sector", "sectors"), "0 sectors"},
		{KB(0), "0 bytes"}, {KB(1), "1 byte"}, {KB(1023), "1\u202f023 bytes"}, {KB(1024), "1 KB"}, {KB(1025), "2 KB"}, {KB(928 << 10),
			"928 KB"}, {KB(16 << 20), "16.0 MB"}, {KB(16<<20 + 1), "16.1 MB"},
		{KiB(1 << 20), "1 MiB"}, {KiB(80 << 10), "80 KiB"}, {KiB(62311), "62\u202f311 bytes"},
		{HexAddr(0x67000), "0x067000"}, {HexAddr(0x8000000), "0x8000000"},
		{keyText([8]byte{0x7f, 0x3a, 0x91, 0xc2, 0xff}), "7f3a 91c2"},
		{Seconds(8600*time.Millisecond, 1), "8.6"}, {Seconds(6914*time.Millisecond, 3), "6.914"},
		{AboutTime(8100 * time.Millisecond), "9 seconds"}, {AboutTime(time.Millisecond), "1 second"}, {AboutTime(21 * time.Second), "25 seconds"},
		{AboutTime(55 * time.Second), "55 seconds"}, {AboutTime(56 * time.Second), "1 minute"}, {AboutTime(61 * time.Second), "2 minutes"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestMoments(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 4, 0, 0, time.UTC)
	for _, c := range []struct {
		t         time.Time
		ago, when string
	}{
		{now.Add(-3 * time.Second), "now", "Today, 14:03"},
		{now.Add(-30 * time.Second), "30 s ago", "Today, 14:03"},
		{now.Add(-4 * time.Minute), "4 min ago", "Today, 14:00"},
		{now.Add(-3 * time.Hour), "3 h ago", "Today, 11:04"},
		{now.Add(-47 * time.Hour), "47 h ago", "20 Nov, 15:04"},
		{now.AddDate(0, 0, -8), "8 d ago", "14 Nov, 14:04"},
		{now.AddDate(-1, 0, 0), "365 d ago", "22 Nov 2025"},
		{now.Add(time.Minute), "now", "Today, 14:05"}, // a clock that runs ahead
	} {
		if got := Ago(c.t, now); got != c.ago {
			t.Errorf("%v: %q, want %q", c.t, got, c.ago)
		}
		if got := Day(c.t, now); got != c.when {
			t.Errorf("%v: %q, want %q", c.t, got, c.when)
		}
	}
	if got := Ago(time.Time{}, now); got != "never" {
		t.Errorf("no time at all: %q", got)
	}
}
