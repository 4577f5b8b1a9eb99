package flash

import (
	"strings"
	"testing"
)

func TestLayout(t *testing.T) {
	l := Layout{Geometry: mustParse(t, "16KiB*4,64KiB,128KiB*7", 0), Boot: 32 << 10}
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	s := l.Software()
	if l.Records() != [2]int{2, 3} || l.SoftwareFirst() != 4 || l.SoftwareBase() != 64<<10 || s.String() != "64KiB,128KiB*7" {
		t.Errorf("records %v, software from %d at 0x%x: %s", l.Records(), l.SoftwareFirst(), l.SoftwareBase(), s.String())
	}
	l.Settings = []Area{{"calibration", 768 << 10, 128 << 10}, {"user", 896 << 10, 128 << 10}}
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	s = l.Software()
	if s.String() != "64KiB,128KiB*5" {
		t.Errorf("software with settings: %s", s.String())
	}
}

func TestLayoutValidate(t *testing.T) {
	for _, c := range []struct {
		says string
		l    Layout
	}{
		{"geometry: no sectors", Layout{}},
		{"boot area of 0", Layout{Geometry: mustParse(t, "4KiB*8", 0)}},
		{"boot area of 32768", Layout{Geometry: mustParse(t, "4KiB*8", 0), Boot: 32768}},
		{"inside a sector", Layout{Geometry: mustParse(t, "4KiB*8", 0), Boot: 6000}},
		{"2 sectors behind", Layout{Geometry: mustParse(t, "4KiB*8", 0), Boot: 6 * 4096}},
		{"record sector at 0x800 has 2048", Layout{Geometry: mustParse(t, "2KiB*8", 0), Boot: 2048}},
		{"leaves no sector for software", Layout{Geometry: mustParse(t, "4KiB*8", 0), Boot: 4096, Settings: []Area{{"a", 3 * 4096, 4096}}}},
		{"not whole sectors", Layout{Geometry: mustParse(t, "4KiB*8", 0), Boot: 4096, Settings: []Area{{"a", 5 * 4096, 100}}}},
		{"not whole sectors", Layout{Geometry: mustParse(t, "4KiB*8", 0), Boot: 4096, Settings: []Area{{"a", 5*4096 + 8, 4096}}}},
		{"0 bytes", Layout{Geometry: mustParse(t, "4KiB*8", 0), Boot: 4096, Settings: []Area{{"a", 5 * 4096, 0}}}},
		{"in a part of", Layout{Geometry: mustParse(t, "4KiB*8", 0), Boot: 4096, Settings: []Area{{"a", 7 * 4096, ^uint32(0)}}}},
		{"is not behind", Layout{Geometry: mustParse(t, "4KiB*8", 0), Boot: 4096, Settings: []Area{{"a", 5 * 4096, 8192}, {"b", 6 * 4096, 4096}}}},
		{"9 settings areas", Layout{Geometry: mustParse(t, "4KiB*8", 0), Boot: 4096, Settings: make([]Area, 9)}},
		{"name of 33 bytes", Layout{Geometry: mustParse(t, "4KiB*8", 0), Boot: 4096, Settings: []Area{{strings.Repeat("n", 33), 5 * 4096, 4096}}}},
		{"boot area of 128 bytes, at least 352", Layout{Geometry: small(Run{128, 1}, Run{4096, 3}), Boot: 128}},
		{"4097 sectors, at most 4096", Layout{Geometry: mustParse(t, "4KiB*4100", 0), Boot: 4096}},
		{"4097 sectors, at most 4096", Layout{Geometry: mustParse(t, "4KiB*4101", 0), Boot: 4096, Settings: []Area{{"a", 4100 * 4096, 4096}}}},
		{"not whole leaves of 256", Layout{Geometry: small(Run{4096, 3}, Run{384, 4}), Boot: 4096}},
		{"sectors of 16MiB in the software area, at most 16777215", Layout{Geometry: mustParse(t, "4KiB*3,16MiB", 0), Boot: 4096}},
	} {
		if err := c.l.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want %q in it", err, c.says)
		}
	}
}

// small is a geometry for sectors that are not whole pages of the usual size.
func small(runs ...Run) Geometry {
	return Geometry{Runs: runs, ProgramUnit: 8, Page: 128, Erased: 0xff}
}

// TestLargestLayouts: the last that is taken before each of these limits.
func TestLargestLayouts(t *testing.T) {
	for name, l := range map[string]Layout{
		"sectors of software":   {Geometry: mustParse(t, "4KiB*4099", 0), Boot: 4096},
		"and settings behind":   {Geometry: mustParse(t, "4KiB*8192", 0), Boot: 4096, Settings: []Area{{"rest", 4099 * 4096, 4093 * 4096}}},
		"sector of software":    {Geometry: mustParse(t, "4KiB*3,16776960", 0), Boot: 4096},
		"large sectors as boot": {Geometry: mustParse(t, "16MiB,4KiB*3", 0), Boot: 16 << 20},
		"smallest sectors":      {Geometry: mustParse(t, "256*2,4KiB*2,256*4", 0), Boot: 512},
	} {
		if err := l.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChecksDoNotAllocate(t *testing.T) {
	g := mustParse(t, "16KiB*4,64KiB,128KiB*7", 0)
	if n := testing.AllocsPerRun(100, func() {
		_ = g.CheckRead(100, 100)
		_ = g.CheckErase(16<<10, 16<<10)
		_ = g.CheckProgram(256, 256)
		_ = g.SectorAt(70000)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
