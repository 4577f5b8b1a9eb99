package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Gap parts thousands: a narrow space that does not break.
const Gap = "\u202f"

// Group writes n with its thousands parted: 1 636.
func Group(n uint64) string {
	s := strconv.FormatUint(n, 10)
	if len(s) <= 3 {
		return s
	}
	var b strings.Builder
	head := len(s) % 3
	b.WriteString(s[:head])
	for i := head; i < len(s); i += 3 {
		if i > 0 {
			b.WriteString(Gap)
		}
		b.WriteString(s[i : i+3])
	}
	return b.String()
}

// Count writes n of a thing: "1 sector", "42 sectors".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Group(uint64(max(n, 0))) + " " + many
}

// either is what is said of one thing, or of any other number of them.
func either(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// KB writes a number of bytes for Restore, where KB is 1024 bytes and rounded up.
func KB(n uint64) string {
	switch {
	case n < 1024:
		return Count(int(n), "byte", "bytes")
	case n < 10_000<<10:
		return Group((n+1023)>>10) + " KB"
	}
	tenths := (n*10 + 1<<20 - 1) >> 20
	return Group(tenths/10) + "." + strconv.FormatUint(tenths%10, 10) + " MB"
}

// KiB writes a number of bytes for the Lab, exactly where a binary unit is exact.
func KiB(n uint64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return Group(n>>20) + " MiB"
	case n >= 1<<10 && n%(1<<10) == 0:
		return Group(n>>10) + " KiB"
	}
	return Count(int(n), "byte", "bytes")
}

// HexAddr writes an address: 0x067000.
func HexAddr(a uint32) string { return fmt.Sprintf("0x%06x", a) }

// keyText names a key by the first half of its id, as much as a person compares: "7f3a 91c2".
func keyText(id [8]byte) string { return fmt.Sprintf("%x %x", id[:2], id[2:4]) }

// Seconds writes a duration in seconds with the given number of decimals, rounded.
func Seconds(d time.Duration, decimals int) string {
	return strconv.FormatFloat(d.Seconds(), 'f', decimals, 64)
}

// AboutTime writes an estimate: "1 second", "9 seconds", "2 minutes"; always rounded up.
func AboutTime(d time.Duration) string {
	n, unit := roundUp(d)
	return Count(n, unit, unit+"s")
}

// roundUp rounds an estimate as remaining times are: to 1 s below 20 s, 5 s below a minute, else to
// whole minutes.
func roundUp(d time.Duration) (n int, unit string) {
	s := int((max(d, 1) + time.Second - 1) / time.Second)
	switch {
	case s <= 20:
		return s, "second"
	case s <= 55:
		return (s + 4) / 5 * 5, "second"
	}
	return (s + 59) / 60, "minute"
}

// Ago writes how long ago a moment was, for a table's narrow column.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < 10*time.Second:
		return "now"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s ago"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min ago"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h ago"
	}
	return Group(uint64(d/(24*time.Hour))) + " d ago"
}

// Day writes a moment for a history: "Today, 14:02", "3 Aug", "3 Aug 2025".
func Day(t, now time.Time) string {
	switch {
	case t.Year() == now.Year() && t.YearDay() == now.YearDay():
		return "Today, " + t.Format("15:04")
	case t.Year() == now.Year():
		return t.Format("2 Jan, 15:04")
	}
	return t.Format("2 Jan 2006")
}

func micros(n uint32) time.Duration { return time.Duration(n) * time.Microsecond }

// word is the n-th of some words; empty: there is none.
func word[N ~uint8 | ~uint16](list []string, n N) string {
	if int(n) >= len(list) {
		return ""
	}
	return list[n]
}
