// Package suite is the set of devices and real firmware pairs that the power-cut sweep is proven on: what
// `make test-power` goes through, and what a replay of its ids needs. The images are linked into every
// program that imports the package, so the page must not.
package suite

import (
	"context"

	"unbrick/flash"
	"unbrick/internal/firmware"
	"unbrick/lab/sweep"
)

// Entry is one subject, not yet made, and how much of it is tried.
type Entry struct {
	Name     string
	Shape    sweep.Shape
	Old, New []byte
	Options  sweep.Options
}

// Subject makes the entry's subject.
func (e *Entry) Subject(ctx context.Context) (*sweep.Subject, error) {
	return sweep.NewSubject(ctx, e.Name, e.Shape, e.Old, e.New, e.Options.Seed)
}

const kib = 1 << 10

// cut returns at most n bytes of each image, the older a little less: small pairs are the beginnings of
// the real ones.
func cut(old, new []byte, n int) ([]byte, []byte) {
	return old[:min(len(old), n-n/100)], new[:min(len(new), n)]
}

// even is n bytes of sectors of one size behind a boot area of one, and two record sectors.
func even(size, n uint32) []flash.Run {
	return []flash.Run{{Size: size, Count: 3 + (n+size-1)/size}}
}

// All returns every entry. Pairs of cuts are exhaustive where the image has at most 8 sectors, and a
// share elsewhere.
func All() []Entry {
	type images struct {
		name     string
		old, new []byte
	}
	var m, o, p images
	m.name, o.name, p.name = "mithermo", "opensbi", "cityhub"
	m.old, m.new = firmware.Mithermo()
	o.old, o.new = firmware.OpenSBI()
	p.old, p.new = firmware.CityHub()
	whole := sweep.Options{Sample: 1, Pairs: 1, Triples: 97, Link: true, Cable: -1, Defects: true, Noise: 4, Hostile: true, Mend: 64, Decode: 12}
	part := func(sample, heal, pairs float64) sweep.Options {
		return sweep.Options{Sample: sample, Heal: heal, Pairs: pairs, Triples: 97, Link: true, Cable: 20, Defects: true, Noise: 1, Hostile: true}
	}
	entry := func(i images, n int, name string, shape sweep.Shape, options sweep.Options) Entry {
		old, new := i.old, i.new
		if n > 0 {
			old, new = cut(old, new, n)
		}
		options.Seed = 1
		return Entry{Name: i.name + " " + name, Shape: shape, Old: old, New: new, Options: options}
	}
	return []Entry{
		entry(m, 28*kib, "7 sectors of 4 KiB, unit 8", sweep.Shape{Runs: even(4*kib, 28*kib), Unit: 8, Page: 256, Erased: 0xFF}, whole),
		// Smaller pages make more operations of the same images, and so more places to cut.
		entry(p, 16*kib, "4 sectors of 4 KiB, unit 32, ECC", sweep.Shape{Runs: even(4*kib, 16*kib), Unit: 32, Page: 64, Erased: 0xFF, ECC: true}, whole),
		entry(o, 24*kib, "uneven, unit 1, erased 00", sweep.Shape{Runs: []flash.Run{{Size: 4 * kib, Count: 4}, {Size: 16 * kib, Count: 1}, {Size: 8 * kib, Count: 2}}, Unit: 1, Page: 64}, whole),
		entry(m, 20*kib, "5 sectors of 4 KiB, unit 1", sweep.Shape{Runs: even(4*kib, 20*kib), Unit: 1, Page: 64, Erased: 0xFF}, whole),
		entry(m, 0, "even 4 KiB, unit 4", sweep.Shape{Runs: even(4*kib, 85*kib), Unit: 4, Page: 256, Erased: 0xFF}, part(1, 0.2, 0.003)),
		entry(p, 0, "uneven 16, 64 and 128 KiB, unit 4", sweep.Shape{Runs: []flash.Run{{Size: 16 * kib, Count: 4}, {Size: 64 * kib, Count: 1}, {Size: 128 * kib, Count: 1}}, Unit: 4, Page: 256, Erased: 0xFF}, part(0.3, 0.005, 0.00001)),
		entry(o, 0, "even 64 KiB, unit 32, ECC", sweep.Shape{Runs: even(64*kib, 272*kib), Unit: 32, Page: 512, Erased: 0xFF, ECC: true}, part(0.2, 0.005, 0.00001)),
	}
}

// Images returns all images of the suite, for finding those of an id.
func Images() [][]byte {
	var all [][]byte
	for _, e := range All() {
		all = append(all, e.Old, e.New)
	}
	return all
}
