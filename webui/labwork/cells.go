package labwork

import (
	"bytes"

	"unbrick/flash"
	"unbrick/webui/shown"
	"unbrick/webui/state"
)

// picture is what a flash is compared with to see what each sector is.
type picture struct {
	layout   *flash.Layout
	old, new []byte           // images; either may be nil
	doubtful func(i int) bool // sectors of the part that must not be believed; may be nil
	active   int              // sector of the part at work, or -1
}

// cells compares what a whole part holds, as view lets one see it, with the images. The rest of an image's last sector
// is erased bytes; sectors behind both images are nobody's.
func (p *picture) cells(view func(i int, see func(cells []byte))) []state.Sector {
	g, base := &p.layout.Geometry, p.layout.SoftwareBase()
	cells := shown.Cells(p.layout, func(i, _ int) (is state.Sector) {
		addr, _ := g.Sector(i)
		bad := p.doubtful != nil && p.doubtful(i)
		view(i, func(have []byte) { is = p.cell(have, addr-base, bad, g.Erased) })
		return is
	})
	if p.active >= 0 {
		cells[p.active] = state.SectorLive
	}
	return cells
}

// cell says what a sector of the software area is.
func (p *picture) cell(have []byte, off uint32, doubtful bool, erased byte) state.Sector {
	inOld, inNew := off < uint32(len(p.old)), off < uint32(len(p.new))
	if !inOld && !inNew {
		return state.SectorUnused
	}
	isOld := inOld && holds(have, p.old[off:], erased)
	isNew := inNew && holds(have, p.new[off:], erased)
	switch { // one image alone is old and new
	case p.new == nil:
		isNew = isOld
	case p.old == nil:
		isOld = isNew
	}
	return SectorOf(isOld, isNew, blank(have, erased), doubtful)
}

// SectorOf says what a sector of the software is: it reads as the old image and as the new one, or as erased; or it must not be believed.
func SectorOf(isOld, isNew, erased, doubtful bool) state.Sector {
	switch {
	case doubtful:
		return state.SectorDamaged
	case isOld && isNew:
		return state.SectorSame
	case isNew:
		return state.SectorNew
	case isOld:
		return state.SectorOld
	case erased:
		return state.SectorErased
	}
	return state.SectorDamaged
}

// holds reports whether a sector holds the front of image, erased behind it.
func holds(sector, image []byte, erased byte) bool {
	n := min(len(sector), len(image))
	return bytes.Equal(sector[:n], image[:n]) && blank(sector[n:], erased)
}

func blank(b []byte, erased byte) bool {
	for _, c := range b {
		if c != erased {
			return false
		}
	}
	return true
}
