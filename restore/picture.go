package restore

import (
	"context"

	"unbrick/delta"
	"unbrick/flash"
	"unbrick/protocol/smp"
	"unbrick/release"
)

// maxBases bounds how many other releases are tried as the content of sectors when the record does not
// say which were there.
const maxBases = 6

// picture is the flash as it is, as far as it is known: rebuilt from releases at hand by the digests of
// its sectors.
type picture struct {
	area     *flash.Geometry
	count    int      // sectors that were looked at
	bytes    []byte   // of those sectors; unknown ones hold nothing of use
	known    []bool   // by sector of the whole area: bytes are what the flash holds
	doubtful []bool   // by sector of the whole area: the device does not believe it yet
	images   [][]byte // candidates, the wanted one first
	erased   map[uint32]digest
}

// bases returns the images that the flash may hold: the wanted one, the record's, and if there is no
// record the newest others.
func bases(ctx context.Context, d *Device, src Source, w *chosen) ([][]byte, error) {
	images := [][]byte{w.image}
	seen := map[release.Digest]bool{w.manifest.Digest: true}
	add := func(m *release.Manifest) error {
		if seen[m.Digest] || m.Size > d.Software.Size() {
			return nil
		}
		seen[m.Digest] = true
		for i := range w.listings {
			l := &w.listings[i]
			if l.Manifest.Digest != m.Digest || l.Manifest.Model != m.Model {
				continue
			}
			_, image, err := src.Get(ctx, l)
			if err == nil && m.CheckImage(image) == nil {
				images = append(images, image)
				break
			}
		}
		return ctx.Err()
	}
	for _, k := range []*Known{d.From, d.To} {
		if k != nil {
			if err := add(&k.Manifest); err != nil {
				return nil, err
			}
		}
	}
	if d.From != nil || d.To != nil {
		return images, nil
	}
	for _, l := range w.listings {
		if len(images) > maxBases {
			break
		}
		if l.Manifest.Model == d.Model {
			if err := add(&l.Manifest); err != nil {
				return nil, err
			}
		}
	}
	return images, nil
}

func newPicture(d *Device, images [][]byte) *picture {
	p := &picture{area: &d.Software, images: images, erased: make(map[uint32]digest)}
	for _, image := range images {
		p.count = max(p.count, sectorsOf(p.area, uint32(len(image))))
	}
	n := p.area.Sectors()
	p.known, p.doubtful = make([]bool, n), make([]bool, n)
	addr, size := p.area.Sector(p.count - 1)
	p.bytes = make([]byte, addr+size)
	return p
}

// assume takes the whole of an image as what the flash holds: the device has said so by its digest.
func (p *picture) assume(image []byte) {
	for i := range sectorsOf(p.area, uint32(len(image))) {
		p.put(i, content(p.area, image, i))
	}
}

// look compares digests with every candidate. from is the first sector of r.
func (p *picture) look(r *reading, from int) {
	for k, got := range r.digests {
		i := from + k
		p.known[i], p.doubtful[i] = false, r.doubtful[k]
		for _, image := range p.images {
			if b := content(p.area, image, i); b != nil && digestOf(b) == got {
				p.put(i, b)
				break
			}
		}
		if !p.known[i] && p.blank(i) == got {
			addr, size := p.area.Sector(i)
			for at := addr; at < addr+size; at++ {
				p.bytes[at] = p.area.Erased
			}
			p.known[i] = true
		}
	}
}

// blank returns the digest of sector i when it is erased.
func (p *picture) blank(i int) digest {
	_, size := p.area.Sector(i)
	d, ok := p.erased[size]
	if !ok {
		b := make([]byte, size)
		for k := range b {
			b[k] = p.area.Erased
		}
		d = digestOf(b)
		p.erased[size] = d
	}
	return d
}

func (p *picture) put(i int, b []byte) {
	addr, _ := p.area.Sector(i)
	copy(p.bytes[addr:], b)
	p.known[i] = true
}

// sector returns what is known of sector i's content, or nil.
func (p *picture) sector(i int) []byte {
	if i >= p.count || !p.known[i] {
		return nil
	}
	addr, size := p.area.Sector(i)
	return p.bytes[addr : addr+size]
}

// base returns what an update file may start from: the last sector of the longest images ends behind what one can name.
func (p *picture) base() []byte { return p.bytes[:min(len(p.bytes), delta.MaxImage)] }

// right reports whether sector i holds what image wants there.
func (p *picture) right(image []byte, i int) bool {
	b := p.sector(i)
	return b != nil && string(b) == string(content(p.area, image, i))
}

// states tells what each sector of the area is, for people. was is the image that was there before, nil
// if that is not known.
func (p *picture) states(image, was []byte) []SectorState {
	states := make([]SectorState, p.area.Sectors())
	for i := range sectorsOf(p.area, uint32(len(image))) {
		b := p.sector(i)
		switch {
		case b == nil:
			states[i] = SectorDamaged
		case p.right(image, i):
			states[i] = SectorNew
			if was == nil || string(content(p.area, was, i)) == string(b) {
				states[i] = SectorSame
			}
		case digestOf(b) == p.blank(i):
			states[i] = SectorErased
		default:
			states[i] = SectorOld
		}
	}
	return states
}

// survey makes the picture of a device. One question is enough for an intact image, none if the device
// has said by the whole digest what it holds, or was asked for all digests when it was identified.
func (s *Session) survey(ctx context.Context, d *Device, images [][]byte) (*picture, error) {
	p := newPicture(d, images)
	if d.Doubtful == 0 {
		if image := matched(d, images); image != nil {
			p.assume(image)
			return p, nil
		}
	}
	if d.Doubtful == 0 && d.seen == nil {
		intact, err := s.whole(ctx, p.area, images[0])
		if err != nil {
			return nil, err
		}
		if intact {
			p.assume(images[0])
			return p, nil
		}
	}
	at := 0
	if r := d.seen; r != nil {
		d.seen = nil // the flash may become another until the next plan
		at = min(len(r.digests), p.count)
		p.look(&reading{r.digests[:at], r.doubtful[:at]}, 0)
	}
	if at < p.count {
		r, err := s.digests(ctx, 0, at, p.count-at, p.count)
		if err != nil {
			return nil, err
		}
		p.look(r, at)
	}
	return p, nil
}

// matched returns the image that the device says it holds, if it is at hand.
func matched(d *Device, images [][]byte) []byte {
	var k *Known
	switch d.Match {
	case smp.MatchNone:
	case smp.MatchFrom:
		k = d.From
	case smp.MatchTo:
		k = d.To
	}
	if k == nil {
		return nil
	}
	for _, image := range images {
		if k.Manifest.CheckImage(image) == nil {
			return image
		}
	}
	return nil
}

// again asks anew for the sectors that were doubtful: the device has refreshed what it could.
func (s *Session) again(ctx context.Context, p *picture) error {
	for i := 0; i < p.count; i++ {
		if !p.doubtful[i] {
			continue
		}
		n := 1
		for i+n < p.count && p.doubtful[i+n] {
			n++
		}
		r, err := s.digests(ctx, 0, i, n, p.count)
		if err != nil {
			return err
		}
		p.look(r, i)
		i += n - 1
	}
	return nil
}
