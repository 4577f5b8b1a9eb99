package flash

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseSize reads a number of bytes: decimal digits alone, or followed by KiB or MiB.
func ParseSize(s string) (uint32, error) {
	digits, factor := s, uint64(1)
	if d, ok := strings.CutSuffix(s, "KiB"); ok {
		digits, factor = d, 1<<10
	} else if d, ok := strings.CutSuffix(s, "MiB"); ok {
		digits, factor = d, 1<<20
	} else if unit := strings.TrimLeft(s, "0123456789"); unit != "" && unit != s {
		return 0, fmt.Errorf("size %q: the unit %q is neither KiB nor MiB", s, unit)
	}
	n, err := parseNumber(digits)
	if err != nil {
		return 0, fmt.Errorf("size %q: %w", s, err)
	}
	if n*factor > 1<<32-1 {
		return 0, fmt.Errorf("size %q: more than 4294967295 bytes", s)
	}
	return uint32(n * factor), nil
}

// FormatSize writes n so that ParseSize reads it back: in MiB or KiB if those are whole.
func FormatSize(n uint32) string {
	switch {
	case n != 0 && n%(1<<20) == 0:
		return strconv.FormatUint(uint64(n>>20), 10) + "MiB"
	case n != 0 && n%(1<<10) == 0:
		return strconv.FormatUint(uint64(n>>10), 10) + "KiB"
	}
	return strconv.FormatUint(uint64(n), 10)
}

// ParseGeometry reads a list of sector sizes such as "16KiB*4,64KiB,128KiB*7". One size without a
// count means sectors of that size over all size bytes. If size is not 0, the list must add up
// to it. Program unit and page are DefaultUnit and DefaultPage, the page less where sectors are
// not whole pages; the erased byte is 0xFF.
func ParseGeometry(list string, size uint32) (Geometry, error) {
	g := Geometry{ProgramUnit: DefaultUnit, Page: DefaultPage, Erased: 0xFF}
	items := strings.Split(list, ",")
	at := 0
	for i, item := range items {
		wrong := func(offset int, err error) error {
			return fmt.Errorf("geometry %q: item %d at byte %d: %w", list, i+1, at+offset, err)
		}
		if i == MaxRuns {
			return Geometry{}, wrong(0, fmt.Errorf("more than %d items", MaxRuns))
		}
		text, count, counted := strings.Cut(item, "*")
		r := Run{Count: 1}
		var err error
		if r.Size, err = ParseSize(text); err != nil {
			return Geometry{}, wrong(0, err)
		}
		if r.Size == 0 {
			return Geometry{}, wrong(0, fmt.Errorf("sector of 0 bytes"))
		}
		if counted {
			n, err := parseNumber(count)
			if err != nil {
				return Geometry{}, wrong(len(text)+1, fmt.Errorf("count %q: %w", count, err))
			}
			if n == 0 || n > MaxSectors {
				return Geometry{}, wrong(len(text)+1, fmt.Errorf("count %d is not 1 to %d", n, MaxSectors))
			}
			r.Count = uint32(n)
		} else if len(items) == 1 {
			if size == 0 {
				return Geometry{}, wrong(0, fmt.Errorf("one size means even sectors, but the size of the part is not given"))
			}
			if size%r.Size != 0 {
				return Geometry{}, wrong(0, fmt.Errorf("sectors of %s do not divide a part of %s", FormatSize(r.Size), FormatSize(size)))
			}
			r.Count = size / r.Size
		}
		if n := len(g.Runs); n > 0 && g.Runs[n-1].Size == r.Size {
			// Counts are bounded above and items by MaxRuns, so this sum cannot wrap.
			g.Runs[n-1].Count += r.Count
		} else {
			g.Runs = append(g.Runs, r)
		}
		for g.Page > g.ProgramUnit && r.Size%g.Page != 0 {
			g.Page /= 2
		}
		at += len(item) + 1
	}
	if err := g.Validate(); err != nil {
		return Geometry{}, fmt.Errorf("geometry %q: %w", list, err)
	}
	if size != 0 && g.Size() != size {
		return Geometry{}, fmt.Errorf("geometry %q: sectors add up to %d bytes, the part has %d", list, g.Size(), size)
	}
	return g, nil
}

// String writes the list of sectors so that ParseGeometry(s, 0) reads the same sectors back.
func (g *Geometry) String() string {
	var b strings.Builder
	for i, r := range g.Runs {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(FormatSize(r.Size))
		// A lone size without a count would mean an even part of unknown size.
		if r.Count != 1 || len(g.Runs) == 1 {
			b.WriteByte('*')
			b.WriteString(strconv.FormatUint(uint64(r.Count), 10))
		}
	}
	return b.String()
}

// parseNumber reads decimal digits and nothing else: no sign, no spaces, no underscores.
func parseNumber(s string) (uint64, error) {
	if s == "" {
		return 0, fmt.Errorf("no number")
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, fmt.Errorf("%q is not a decimal number", s)
		}
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return n, nil
}
