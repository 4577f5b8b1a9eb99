package delta

import (
	"fmt"
	"io"

	"unbrick/flash"
	"unbrick/release"
)

// Prove decodes the whole file that d has open and writes nothing: it returns nil only if rewriting
// with it leads to the release m. old reads the same flash that d was opened over; leaves must be
// m.Leaves() long and planned, which tells afterwards what sectors the file builds, one bit
// each, at least one byte for 8 sectors.
//
// Without given, Prove fills leaves from the built sectors and, for all others, from old, and the root
// over them must be m's. With given, leaves are trusted already and only the built sectors are
// compared with them: that is how a file proves itself which builds a part of what must change.
//
// A caller who has computed some leaves from old already, since nothing was written, names them in have, which has a bit
// for each leaf and may be short or nil: without given, these are not read again.
func Prove(d *Decoder, m *release.Manifest, old flash.Reader, leaves release.Leaves, have []byte, given bool, planned []byte) error {
	if err := d.Rewind(); err != nil {
		return err
	}
	if err := d.leads(m, leaves); err != nil {
		return err
	}
	if len(planned) < len(d.given) {
		return fmt.Errorf("%w: %d bytes for the plan, %d needed", ErrMemory, len(planned), len(d.given))
	}
	clear(planned)
	for {
		sector, data, err := d.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		planned[sector>>3] |= 1 << (sector & 7)
		addr, _ := d.area.Sector(sector)
		if err := eachLeaf(m, addr, data, func(i uint32, leaf release.Digest) error {
			if given && leaf != leaves.At(i) {
				return fmt.Errorf("%w: sector %d", ErrMismatch, sector)
			}
			leaves.Set(i, leaf)
			return nil
		}); err != nil {
			return err
		}
	}
	if given {
		return nil
	}
	if err := d.digestRest(m, old, leaves, have, planned); err != nil {
		return err
	}
	if release.Root(leaves) != m.Root {
		return fmt.Errorf("%w: digest of the result is another", ErrMismatch)
	}
	return nil
}

// Putter takes the sectors that a file builds.
type Putter interface {
	// Put takes a sector. data is valid until it returns.
	Put(sector int, data []byte) error
}

// PutFunc is a function that is a Putter.
type PutFunc func(sector int, data []byte) error

// Put implements Putter.
func (f PutFunc) Put(sector int, data []byte) error { return f(sector, data) }

// Rewrite decodes once more, from the start, and calls put for each sector, in the plan's order, if it
// still is what Prove has seen: leaves are those of the proof. put may change that sector's old
// content, and no other. data is valid until put returns.
func Rewrite(d *Decoder, m *release.Manifest, leaves release.Leaves, put Putter) error {
	if err := d.Rewind(); err != nil {
		return err
	}
	if err := d.leads(m, leaves); err != nil {
		return err
	}
	for {
		sector, data, err := d.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		addr, _ := d.area.Sector(sector)
		if err := eachLeaf(m, addr, data, func(i uint32, leaf release.Digest) error {
			if leaf != leaves.At(i) {
				return fmt.Errorf("%w: sector %d is not as proven", ErrMismatch, sector)
			}
			return nil
		}); err != nil {
			return err
		}
		if err := put.Put(sector, data); err != nil {
			return fmt.Errorf("put sector %d: %w", sector, err)
		}
	}
}

// leads checks that the file says it leads to m, and that m's leaves fit the sectors.
func (d *Decoder) leads(m *release.Manifest, leaves release.Leaves) error {
	if d.head.ToSize != m.Size || d.head.To != [8]byte(m.Digest[:8]) {
		return fmt.Errorf("%w: it leads to another one", ErrMismatch)
	}
	if m.LeafSize == 0 || m.LeafSize&(m.LeafSize-1) != 0 {
		return fmt.Errorf("%w: leaves of %d bytes", ErrMismatch, m.LeafSize)
	}
	for _, r := range d.area.Runs {
		if r.Size&(m.LeafSize-1) != 0 {
			return fmt.Errorf("%w: leaves of %d bytes in sectors of %d", ErrGeometry, m.LeafSize, r.Size)
		}
	}
	if uint64(len(leaves)) != uint64(m.Leaves())*uint64(release.LeafBytes) {
		return fmt.Errorf("%w: room for %d leaves of %d", ErrMemory, leaves.Count(), m.Leaves())
	}
	return nil
}

// digestRest fills the leaves of all sectors that are not planned, but those that are there. The decoder is at
// its end, so its buffer is free.
func (d *Decoder) digestRest(m *release.Manifest, old flash.Reader, leaves release.Leaves, have, planned []byte) error {
	for i := range leaves.Count() {
		if at := i >> 3; at < uint32(len(have)) && have[at]>>(i&7)&1 != 0 {
			continue
		}
		addr, n := m.LeafRange(i)
		if s := d.area.SectorAt(addr); planned[s>>3]>>(s&7)&1 != 0 {
			continue
		}
		if err := old.Read(addr, d.buffer[:n]); err != nil {
			return fmt.Errorf("leaf %d: %w", i, err)
		}
		leaves.Set(i, release.Leaf(i, d.buffer[:n]))
	}
	return nil
}

// eachLeaf calls f with every leaf of the image within the sector data at addr.
func eachLeaf(m *release.Manifest, addr uint32, data []byte, f func(i uint32, leaf release.Digest) error) error {
	for i, at := addr/m.LeafSize, addr; ; i, at = i+1, at+m.LeafSize {
		_, n := m.LeafRange(i)
		if n == 0 || at-addr >= uint32(len(data)) {
			return nil
		}
		if err := f(i, release.Leaf(i, data[at-addr:at-addr+n])); err != nil {
			return err
		}
	}
}
