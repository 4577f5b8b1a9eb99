package terminal

import (
	"time"

	"unbrick/release"
)

// imageDigest computes the SHA-256 of the first size bytes of the software area, from the flash; with a
// sector other than -1, of what it would be if that sector held instead.
func (t *Terminal) imageDigest(size uint32, sector int, instead []byte) (release.Digest, error) {
	t.hash.Reset()
	var from, to uint32
	if sector >= 0 {
		var n uint32
		from, n = t.software.Sector(sector)
		to = min(from+n, size)
	}
	for at := uint32(0); at < size; {
		if sector >= 0 && at == from && at < to {
			t.hash.Write(instead[:to-from])
			at = to
			continue
		}
		n := min(size-at, chunk)
		if sector >= 0 && at < from {
			n = min(n, from-at)
		}
		if err := t.hw.Flash.Read(t.base+at, t.chunk[:n]); err != nil {
			return release.Digest{}, err
		}
		t.hash.Write(t.chunk[:n])
		at += n
	}
	return release.Digest(t.hash.Sum(t.current[:0])), nil
}

// measure computes the digest of the first size bytes of the software area and tells how long it took.
// What cannot be read has no digest: the zero one, which no image has.
func (t *Terminal) measure(size uint32) release.Digest {
	start := t.hw.Clock.Now()
	d, err := t.imageDigest(size, -1, nil)
	if err != nil {
		d = release.Digest{}
	}
	took := t.hw.Clock.Now() - start
	t.emit(Event{Step: t.step, Element: 118, Code: EventDigest, Sector: noSector, A: size, B: uint32(took / time.Microsecond), Digest: d})
	return d
}

// sectorsOf returns how many sectors an image of size bytes lies in.
func (t *Terminal) sectorsOf(size uint32) int {
	if size == 0 {
		return 0
	}
	return t.software.SectorAt(size-1) + 1
}
