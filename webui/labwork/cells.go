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
	g := &p.layout.Geometry
	first, software := p.layout.SoftwareFirst(), p.layout.Software()
	records := p.layout.Records()
	end := first + software.Sectors()
	cells := make([]state.Sector, g.Sectors())
	for i := range cells {
		addr, _ := g.Sector(i)
		switch {
		case i == p.active:
			cells[i] = state.SectorLive
		case i == records[0] || i == records[1]:
			cells[i] = state.SectorRecord
		case addr < p.layout.Boot:
			cells[i] = state.SectorBoot
		case i < first || i >= end:
			cells[i] = state.SectorUnused
		default:
			off := addr - p.layout.SoftwareBase()
			bad := p.doubtful != nil && p.doubtful(i)
			view(i, func(have []byte) { cells[i] = p.cell(have, off, bad, g.Erased) })
		}
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
	is := state.SectorDamaged
	switch {
	case p.new == nil && isOld, p.old == nil && isNew, isOld && isNew:
		is = state.SectorSame
	case isNew:
		is = state.SectorNew
	case isOld:
		is = state.SectorOld
	case blank(have, erased):
		is = state.SectorErased
	}
	return shown.Believed(is, !doubtful)
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
