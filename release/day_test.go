package release_test

import (
	"testing"
	"time"

	"unbrick/release"
)

// TestDate agrees with package time on every day of four hundred years, and beyond on the edges.
func TestDate(t *testing.T) {
	check := func(day uint32) {
		want := time.Unix(int64(day)*86400, 0).UTC().Format("2006-01-02")
		if got := (&release.Manifest{Day: day}).Date(); got != want {
			t.Fatalf("day %d is %q, want %q", day, got, want)
		}
	}
	for day := uint32(1); day <= 146097; day++ {
		check(day)
	}
	for _, day := range []uint32{365 * 1000, 2932895, 2932896} {
		check(day)
	}
	for _, day := range []uint32{0, 2932897, 1<<32 - 1} {
		if got := (&release.Manifest{Day: day}).Date(); got != "" {
			t.Errorf("day %d is %q", day, got)
		}
	}
}
