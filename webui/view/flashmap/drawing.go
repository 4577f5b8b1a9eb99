package flashmap

import "unbrick/webui/state"

// Canvas is one drawing in the page.
type Canvas interface {
	// Size is the width of the host in CSS pixels, 0 while it is not laid out, and device pixels per
	// CSS pixel.
	Size() (width, ratio float64)
	// Show shows img, one pixel of it per device pixel, height CSS pixels high. Only changed differs
	// from what was shown before; img must not be kept.
	Show(img *Pixels, changed Rect, height float64)
}

// Drawing is one map on the page: what it shows, where, and the keyboard's cursor.
type Drawing struct {
	canvas  Canvas
	picture picture
	data    *state.Map
	tall    float64
	cursor  int // sector, -1 none
}

// NewDrawing returns a map that shows nothing yet.
func NewDrawing() *Drawing { return &Drawing{cursor: -1} }

// Set says what is to be shown. tall is how much taller than wide a cell is.
func (d *Drawing) Set(m *state.Map, tall float64) {
	d.data, d.tall = m, tallness(m.Facts.Runs, tall)
}

// Mount says where it is to be shown.
func (d *Drawing) Mount(c Canvas) {
	if c != d.canvas {
		d.canvas, d.picture = c, picture{}
	}
}

// Draw brings the picture up to date. all draws every cell, after a change of colours.
func (d *Drawing) Draw(ink *Ink, all bool) {
	width, ratio := d.canvas.Size()
	if width <= 0 || ratio <= 0 {
		return
	}
	changed := d.picture.update(d.data, ink, d.cursor, width, ratio, d.tall, all)
	if !changed.empty() {
		d.canvas.Show(d.picture.img, changed, d.picture.layout.height)
	}
}

// Cursor is the sector that the person is at, -1 for none.
func (d *Drawing) Cursor() int { return d.cursor }

// Key moves the cursor, and reports whether the key is one that does.
func (d *Drawing) Key(key string) bool {
	l := &d.picture.layout
	switch key {
	case "ArrowRight":
		d.cursor = l.move(d.cursor, 1, 0)
	case "ArrowLeft":
		d.cursor = l.move(d.cursor, -1, 0)
	case "ArrowDown":
		d.cursor = l.move(d.cursor, 0, 1)
	case "ArrowUp":
		d.cursor = l.move(d.cursor, 0, -1)
	case "Home":
		d.cursor = 0
	case "End":
		d.cursor = len(d.data.Cells) - 1
	case "Escape":
		d.cursor = -1
	default:
		return false
	}
	return true
}

// Point puts the cursor at a place, in CSS pixels.
func (d *Drawing) Point(x, y float64) { d.cursor = d.picture.layout.at(x, y) }

// Leave takes the cursor away.
func (d *Drawing) Leave() { d.cursor = -1 }
