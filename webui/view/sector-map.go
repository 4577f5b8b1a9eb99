package view

import (
	"unbrick/webui/state"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"
)

// SectorMap is a flash map: the picture, its text summary, and the keyboard's cursor.
type SectorMap struct {
	Page *Root
	Map  *state.Map
	ID   string
	// Caption stands above the picture; empty for none.
	Caption string
	Label   string
	Tall    float64 // how much taller than wide a cell is
	Axis    bool    // addresses stand beside the rows
	Short   bool    // the summary leaves out what does not occur
	Replay  bool    // the control of a replay stands between picture and summary
}

// mapView is what a map keeps between renders.
type mapView struct {
	canvas  Canvas
	picture picture
	data    *state.Map
	tall    float64
	cursor  int
}

// draw brings the picture up to date.
func (v *mapView) draw(ink *Ink, all bool) {
	width, ratio := v.canvas.Size()
	if width <= 0 || ratio <= 0 {
		return
	}
	changed := v.picture.update(v.data, ink, v.cursor, width, ratio, v.tall, all)
	if !changed.empty() {
		v.canvas.Show(v.picture.img, changed, v.picture.layout.height)
	}
}

func (c *SectorMap) view() *mapView {
	v := c.Page.maps[c.ID]
	if v == nil {
		v = &mapView{cursor: -1}
		c.Page.maps[c.ID] = v
	}
	v.data, v.tall = c.Map, tallness(c.Map.Facts.Runs, c.Tall)
	return v
}

// mounted is called at each render with the element that holds the picture.
func (c *SectorMap) mounted(host js.Value) {
	v := c.view()
	canvas := c.Page.hooks.Canvas(host)
	if canvas != v.canvas {
		v.canvas, v.picture = canvas, picture{}
	}
	c.Page.fresh = append(c.Page.fresh, c.ID)
}

func (c *SectorMap) legendID() string { return c.ID + "-legend" }

func (c *SectorMap) cursorWords() string { return sectorWords(c.Map, c.view().cursor) }

func (c *SectorMap) entries() []legendEntry { return legend(c.Map, c.Short) }

func (c *SectorMap) rows() []string {
	if !c.Axis {
		return nil
	}
	return axis(&c.Map.Facts)
}

func (c *SectorMap) frameClass() string {
	if c.Axis {
		return "mapframe with-axis"
	}
	return "mapframe"
}

// key moves the cursor.
func (c *SectorMap) key(e vugu.DOMEvent) {
	v := c.view()
	l := &v.picture.layout
	switch e.PropString("key") {
	case "ArrowRight":
		v.cursor = l.move(v.cursor, 1, 0)
	case "ArrowLeft":
		v.cursor = l.move(v.cursor, -1, 0)
	case "ArrowDown":
		v.cursor = l.move(v.cursor, 0, 1)
	case "ArrowUp":
		v.cursor = l.move(v.cursor, 0, -1)
	case "Home":
		v.cursor = 0
	case "End":
		v.cursor = len(c.Map.Cells) - 1
	case "Escape":
		v.cursor = -1
	default:
		return
	}
	e.PreventDefault()
}

// point puts the cursor where the pointer was pressed.
func (c *SectorMap) point(e vugu.DOMEvent) {
	v := c.view()
	v.cursor = v.picture.layout.at(e.PropFloat64("offsetX"), e.PropFloat64("offsetY"))
}

// leave takes the cursor away with the focus.
func (c *SectorMap) leave() { c.view().cursor = -1 }
