package flashtest

import (
	"fmt"
	"runtime"
	"testing"

	"unbrick/flash"
)

func geometries(t *testing.T) map[string]flash.Geometry {
	t.Helper()
	out := make(map[string]flash.Geometry)
	add := func(name, list string, unit, page uint32, erased byte, blocks ...uint32) {
		g, err := flash.ParseGeometry(list, 0)
		if err != nil {
			t.Fatal(err)
		}
		g.ProgramUnit, g.Page, g.Erased, g.Blocks = unit, page, erased, blocks
		if err := g.Validate(); err != nil {
			t.Fatal(err)
		}
		out[name] = g
	}
	for unit := uint32(1); unit <= flash.MaxUnit; unit *= 2 {
		add(fmt.Sprintf("even/unit%d", unit), "4KiB*16", unit, 256, 0xFF)
	}
	add("uneven", "16KiB*4,64KiB,128KiB*2", 4, 256, 0xFF)
	add("zero", "4KiB*8", 4, 128, 0x00)
	add("blocks", "4KiB*32", 1, 256, 0xFF, 32<<10, 64<<10)
	add("page512", "8KiB*8", 32, 512, 0xFF)
	add("pageIsUnit", "2KiB*8", 8, 8, 0xFF)
	return out
}

func TestSuitePassesOnAGoodDevice(t *testing.T) {
	for name, g := range geometries(t) {
		Run(t, name, func(*testing.T) flash.Device { return newMemory(g, 2*g.Runs[0].Size, "") })
	}
}

// recorder is a TB that keeps what a check says.
type recorder struct {
	failed bool
	first  string
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Errorf(format string, args ...any) {
	if !r.failed {
		r.first = fmt.Sprintf(format, args...)
	}
	r.failed = true
}
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// judge runs the suite against devices with a flaw and returns the first complaint, or "".
func judge(g flash.Geometry, flaw string) string {
	for _, c := range Checks() {
		r := &recorder{}
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.Run(r, newMemory(g, 2*g.Runs[0].Size, flaw))
		}()
		<-done
		if r.failed {
			return c.Name + ": " + r.first
		}
	}
	return ""
}

func TestSuiteFailsOnEveryFlaw(t *testing.T) {
	g := geometries(t)["blocks"]
	g.ProgramUnit = 4
	if said := judge(g, ""); said != "" {
		t.Fatalf("without a flaw: %s", said)
	}
	for _, flaw := range flaws {
		said := judge(g, flaw)
		if said == "" {
			t.Errorf("%s: the suite passes", flaw)
		}
		t.Logf("%s: %s", flaw, said)
	}
}
