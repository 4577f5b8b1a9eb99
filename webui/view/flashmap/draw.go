package flashmap

import (
	"math"

	"unbrick/webui/state"
)

// markless is the width in CSS pixels below which a cell drops its mark, except those of a damaged and
// of a rewritten sector.
const markless = 8

// drawCell draws one sector. Every state differs in brightness or pattern, not only in hue. ratio is
// device pixels per CSS pixel; r is in device pixels.
func drawCell(img *Pixels, r Rect, s state.Sector, ink *Ink, ratio float64) {
	w, h := float64(r.Dx()), float64(r.Dy())
	marks := w >= markless*ratio
	switch s {
	case state.SectorSame:
		fill(img, r, ink.Same)
	case state.SectorOld:
		fill(img, r, ink.Old)
	case state.SectorNew:
		fill(img, r, ink.New)
	case state.SectorBoot:
		fill(img, r, ink.Boot)
		if marks {
			hatch(img, r, ink.BootLine, 5*ratio, ratio)
		}
	case state.SectorRecord:
		fill(img, r, ink.Boot)
		if marks {
			for _, off := range []float64{-2.5, 2.5} {
				y := h/2 + off*ratio
				stroke(img, r, ink.BootLine, 4*ratio, y, w-4*ratio, y, 1.5*ratio)
			}
		}
	case state.SectorErased:
		fill(img, r, ink.GoneLine)
		fill(img, r.inset(whole(ratio)), ink.Gone)
	case state.SectorDamaged:
		fill(img, r, ink.Bad)
		p, m := w*.25, h/2
		q := w/2 - p
		line := max(1.5*ratio, w/9)
		if !marks {
			fill(img, rect(r.Min.X+int(w*.25), r.Min.Y+int(h*.4), r.Max.X-int(w*.25), r.Max.Y-int(h*.4)), ink.BadLine)
			break
		}
		stroke(img, r, ink.BadLine, p, m-q, w-p, m+q, line)
		stroke(img, r, ink.BadLine, w-p, m-q, p, m+q, line)
	case state.SectorLive:
		fill(img, r, ink.LiveLine)
		ring := 2 * ratio
		if !marks {
			ring = ratio
		}
		fill(img, r.inset(whole(ring)), ink.Live)
	case state.SectorUnused:
		fill(img, r, Colour{})
		c := Point{(r.Min.X + r.Max.X) / 2, (r.Min.Y + r.Max.Y) / 2}
		n := whole(ratio)
		fill(img, rect(c.X-n, c.Y-n, c.X+n, c.Y+n).intersect(r), ink.BootLine)
	}
}

// drawCursor draws the keyboard's cursor over a cell.
func drawCursor(img *Pixels, r Rect, ink *Ink, ratio float64) {
	outer, inner := whole(2*ratio), whole(3*ratio)
	frame(img, r, outer, ink.Cursor)
	frame(img, r.inset(outer), inner-outer, ink.CursorGap)
}

func whole(px float64) int { return max(int(math.Round(px)), 1) }

func fill(img *Pixels, r Rect, c Colour) {
	r = r.intersect(img.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := img.Pix[img.offset(r.Min.X, y):]
		for x := range r.Dx() {
			row[x*4], row[x*4+1], row[x*4+2], row[x*4+3] = c.R, c.G, c.B, c.A
		}
	}
}

func frame(img *Pixels, r Rect, n int, c Colour) {
	fill(img, rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+n), c)
	fill(img, rect(r.Min.X, r.Max.Y-n, r.Max.X, r.Max.Y), c)
	fill(img, rect(r.Min.X, r.Min.Y, r.Min.X+n, r.Max.Y), c)
	fill(img, rect(r.Max.X-n, r.Min.Y, r.Max.X, r.Max.Y), c)
}

// hatch draws diagonals from lower left to upper right, every step pixels along an edge, the first
// through the upper left corner.
func hatch(img *Pixels, r Rect, c Colour, step, width float64) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			d := float64(x-r.Min.X+y-r.Min.Y) + 1
			d -= step * math.Round(d/step)
			// Steeper than the pixel's own slant: thin diagonals stay crisp.
			blend(img, x, y, c, width-2*math.Abs(d)/math.Sqrt2+.5)
		}
	}
}

// stroke draws a straight line with flat ends, in coordinates relative to r and clipped to it.
func stroke(img *Pixels, r Rect, c Colour, x0, y0, x1, y1, width float64) {
	dx, dy := x1-x0, y1-y0
	length := math.Hypot(dx, dy)
	if length == 0 {
		return
	}
	dx, dy = dx/length, dy/length
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			px, py := float64(x-r.Min.X)+.5-x0, float64(y-r.Min.Y)+.5-y0
			along, across := px*dx+py*dy, math.Abs(px*dy-py*dx)
			cover := min(width/2+.5-across, along+.5, length-along+.5)
			blend(img, x, y, c, cover)
		}
	}
}

// blend mixes c into an opaque pixel by its cover, 0 to 1.
func blend(img *Pixels, x, y int, c Colour, cover float64) {
	if cover <= 0 {
		return
	}
	a := int(min(cover, 1) * 256)
	p := img.Pix[img.offset(x, y):]
	p[0] = uint8((int(p[0])*(256-a) + int(c.R)*a) >> 8)
	p[1] = uint8((int(p[1])*(256-a) + int(c.G)*a) >> 8)
	p[2] = uint8((int(p[2])*(256-a) + int(c.B)*a) >> 8)
}
