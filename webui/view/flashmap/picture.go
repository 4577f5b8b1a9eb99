package flashmap

import (
	"slices"

	"unbrick/webui/state"
)

// picture keeps the pixels of one map between frames and draws only cells that changed.
type picture struct {
	img    *Pixels
	layout layout
	drawn  []state.Sector
	cursor int // cell with the keyboard's cursor, -1 none
	width  float64
	ratio  float64
	tall   float64
	facts  state.MapFacts
}

// update draws m as it is now for a host of the given size. It returns the part that changed; an empty
// one says that nothing has to be shown. all draws every cell, after a change of colours.
func (p *picture) update(m *state.Map, ink *Ink, cursor int, width, ratio, tall float64, all bool) Rect {
	if p.img == nil || all || width != p.width || ratio != p.ratio || tall != p.tall || !slices.Equal(p.facts.Runs, m.Facts.Runs) {
		p.layout = lay(m.Facts.Runs, width, ratio, tall)
		p.img = newPixels(p.layout.size)
		p.drawn = nil
		p.width, p.ratio, p.tall, p.facts = width, ratio, tall, m.Facts
		p.cursor = -1
	}
	n := min(len(p.layout.cells), len(m.Cells))
	var changed Rect
	fresh := len(p.drawn) != n
	if fresh {
		p.drawn = make([]state.Sector, n)
		changed = p.img.Bounds()
	}
	for i := range n {
		marked := cursor != p.cursor && (i == cursor || i == p.cursor)
		if !fresh && p.drawn[i] == m.Cells[i] && !marked {
			continue
		}
		r := p.layout.cells[i]
		drawCell(p.img, r, m.Cells[i], ink, ratio)
		if i == cursor {
			drawCursor(p.img, r, ink, ratio)
		}
		p.drawn[i] = m.Cells[i]
		changed = changed.union(r)
	}
	p.cursor = cursor
	return changed
}
