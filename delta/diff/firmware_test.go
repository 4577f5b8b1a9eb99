package diff_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/internal/firmware"
)

// pairs are the project's own test images with the exact sizes that deltas between them have today, in
// 4 KiB sectors at EffortBest, with at most 64 and 16 KiB of decoder state. CI keeps them from growing:
// change them only on purpose, and when they shrink.
var pairs = []struct {
	name         string
	images       func() (older, newer []byte)
	isa          string
	large, small int
}{
	{"mithermo", firmware.Mithermo, "tc32", 2012, 2108},
	{"opensbi", firmware.OpenSBI, "riscv", 82366, 85955},
}

func TestSizes(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			old, new := p.images()
			area := even(t, "4KiB", old, new)
			for state, want := range map[uint32]int{64 << 10: p.large, 16 << 10: p.small} {
				file, err := diff.Create(t.Context(), old, new, &diff.Options{Geometry: &area, StateMax: state, Effort: diff.EffortBest})
				if err != nil {
					t.Fatal(err)
				}
				h, err := delta.ParseHeader(file)
				if err != nil {
					t.Fatal(err)
				}
				if len(file) != want || h.Setup.ISA.String() != p.isa || h.State > state {
					t.Errorf("state of %d: %d bytes with %s, the table says %d with %s", h.State, len(file), h.Setup.ISA, want, p.isa)
				}
			}
		})
	}
}

func even(t testing.TB, sector string, old, new []byte) flash.Geometry {
	t.Helper()
	n, err := flash.ParseSize(sector)
	if err != nil {
		t.Fatal(err)
	}
	area, err := flash.ParseGeometry(sector, (uint32(max(len(old), len(new)))+n-1)/n*n)
	if err != nil {
		t.Fatal(err)
	}
	return area
}

func TestFirmware(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			old, new := p.images()
			sectors := []string{"4KiB", "64KiB", "256"}
			if testing.Short() {
				sectors = sectors[:1]
			}
			for _, sector := range sectors {
				sc := &scenario{area: even(t, sector, old, new), old: old, new: new}
				file := sc.check(t, rand.New(rand.NewPCG(1, 1)))
				h, err := delta.ParseHeader(file)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s: %d bytes, %s, state %d, stash %d, history %d", sector, len(file), h.Setup.ISA, h.State, h.Stash, h.History)
			}
			back := &scenario{area: even(t, "4KiB", old, new), old: new, new: old}
			back.check(t, rand.New(rand.NewPCG(1, 1)))
		})
	}
}

// TestInterruptedRewriteIsFinished: after any number of rewritten sectors, a delta from what is in the
// flash then leads to the new image, and is no larger than what is left to say.
func TestInterruptedRewriteIsFinished(t *testing.T) {
	old, new := firmware.Mithermo()
	area := even(t, "4KiB", old, new)
	whole, err := diff.Create(context.Background(), old, new, &diff.Options{Geometry: &area})
	if err != nil {
		t.Fatal(err)
	}
	h, _ := delta.ParseHeader(whole)
	for _, torn := range []int{0, 1, int(h.Changed) / 2, int(h.Changed) - 1} {
		sc := &scenario{area: area, old: old, new: new}
		b := sc.flash(rand.New(rand.NewPCG(1, 2)))
		sc.doubtful = make([]bool, area.Sectors())
		var d delta.Decoder
		if err := d.Open(whole, &area, b, make([]byte, h.Memory())); err != nil {
			t.Fatal(err)
		}
		for i := range torn + 1 {
			s, data, err := d.Next()
			if err != nil {
				t.Fatal(err)
			}
			if i < torn {
				_ = b.put(s, data)
				continue
			}
			sc.doubtful[s] = true
		}
		sc.old = b.bytes[:max(len(old), len(new))]
		if file := sc.check(t, rand.New(rand.NewPCG(1, 3))); len(file) > len(whole)+4096*2 {
			t.Errorf("torn in sector %d of %d: finished with %d bytes, the whole took %d", torn, h.Changed, len(file), len(whole))
		}
	}
}

func TestFullIsSmaller(t *testing.T) {
	_, new := firmware.Mithermo()
	area := even(t, "4KiB", nil, new)
	sc := &scenario{area: area, new: new, full: true}
	if file := sc.check(t, rand.New(rand.NewPCG(1, 1))); len(file) > len(new)*3/4 {
		t.Errorf("full image of %d bytes takes %d", len(new), len(file))
	}
}

func TestCancellation(t *testing.T) {
	old, new := firmware.OpenSBI()
	area := even(t, "4KiB", old, new)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	last := -1
	_, err := diff.Create(ctx, old, new, &diff.Options{Geometry: &area, Progress: func(done, total int) {
		if done < last || done > total {
			t.Errorf("progress goes from %d to %d of %d", last, done, total)
		}
		last = done
		if done > total/4 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	area := even(t, "1KiB", make([]byte, 4096), nil)
	odd := area
	odd.Erased = 0x55
	img := bytes.Repeat([]byte{1}, 1000)
	for name, c := range map[string]struct {
		old, new []byte
		o        *diff.Options
	}{
		"no options":         {img, img, nil},
		"no geometry":        {img, img, &diff.Options{}},
		"bad geometry":       {img, img, &diff.Options{Geometry: &odd}},
		"no image":           {img, nil, &diff.Options{Geometry: &area}},
		"new does not fit":   {img, make([]byte, 4097), &diff.Options{Geometry: &area}},
		"old does not fit":   {make([]byte, 4097), img, &diff.Options{Geometry: &area}},
		"flags":              {img, img, &diff.Options{Geometry: &area, Doubtful: make([]bool, 3)}},
		"state too tiny":     {img, make([]byte, 4096), &diff.Options{Geometry: &area, StateMax: 100}},
		"workspace too tiny": {img, make([]byte, 4096), &diff.Options{Geometry: &area, Workspace: 100}},
	} {
		if _, err := diff.Create(context.Background(), c.old, c.new, c.o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// BenchmarkCreate makes deltas between the project's own images and, if UNBRICK_OLD and UNBRICK_NEW name two,
// between these. The e2e tests' BenchmarkDelta runs it in the browser.
func BenchmarkCreate(b *testing.B) {
	list := slices.Clone(pairs)
	if os.Getenv("UNBRICK_OLD") != "" {
		old, new := image(b, os.Getenv("UNBRICK_OLD")), image(b, os.Getenv("UNBRICK_NEW"))
		given := list[0]
		given.name, given.images = "given", func() ([]byte, []byte) { return old, new }
		list = append(list, given)
	}
	for _, p := range list {
		for effort, name := range []string{"fast", "best"} {
			b.Run(p.name+"/"+name, func(b *testing.B) {
				old, new := p.images()
				area := even(b, "4KiB", old, new)
				b.SetBytes(int64(len(new)))
				b.ReportAllocs()
				size := 0
				for b.Loop() {
					file, err := diff.Create(context.Background(), old, new, &diff.Options{Geometry: &area, Effort: diff.Effort(effort)})
					if err != nil {
						b.Fatal(err)
					}
					size = len(file)
				}
				b.ReportMetric(float64(size), "bytes")
			})
		}
	}
}

// image reads an image from a file or, as the browser has none, from an address.
func image(b *testing.B, name string) []byte {
	if !strings.HasPrefix(name, "http://") {
		img, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		return img
	}
	answer, err := http.Get(name)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	img, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s, %v", name, answer.Status, err)
	}
	return img
}
