package flashmap

import (
	"unbrick/webui/state"
	"unbrick/webui/words"

	"github.com/vugu/vugu"
	"github.com/vugu/vugu/js"
)

// SectorMap is a flash map: the picture, its text summary, and the keyboard's cursor.
type SectorMap struct {
	Map *state.Map
	ID  string
	// Caption stands above the picture; empty for none.
	Caption string
	Label   string
	Tall    float64 // how much taller than wide a cell is
	Axis    bool    // addresses stand beside the rows
	Short   bool    // the summary leaves out what does not occur
	Split   bool    // Between stands between picture and summary
	Between vugu.Builder
	Mount   MountFunc

	drawing *Drawing
}

// MountEvent says, at each render, that a map is on the page, and the element that it is to be shown in.
type MountEvent struct {
	Drawing *Drawing
	Host    js.Value
}

// MountFunc takes such an event.
type MountFunc func(MountEvent)

// Compute brings the drawing up to date; vugu calls it before each build.
func (c *SectorMap) Compute() {
	if c.drawing == nil {
		c.drawing = NewDrawing()
	}
	c.drawing.Set(c.Map, c.Tall)
}

// mounted is called at each render with the element that holds the picture.
func (c *SectorMap) mounted(host js.Value) { c.Mount(MountEvent{c.drawing, host}) }

func (c *SectorMap) legendID() string { return c.ID + "-legend" }

func (c *SectorMap) cursorWords() string { return words.Sector(c.Map, c.drawing.Cursor()) }

// rows are the addresses at the beginnings of the map's rows.
func (c *SectorMap) rows() []string {
	if !c.Axis {
		return nil
	}
	var list []string
	for _, addr := range rowStarts(&c.Map.Facts) {
		list = append(list, words.HexAddr(addr))
	}
	return list
}

func (c *SectorMap) frameClass() string {
	if c.Axis {
		return "mapframe with-axis"
	}
	return "mapframe"
}

// key moves the cursor.
func (c *SectorMap) key(e vugu.DOMEvent) {
	if c.drawing.Key(e.PropString("key")) {
		e.PreventDefault()
	}
}

// point puts the cursor where the pointer was pressed.
func (c *SectorMap) point(e vugu.DOMEvent) {
	c.drawing.Point(e.PropFloat64("offsetX"), e.PropFloat64("offsetY"))
}

// leave takes the cursor away with the focus.
func (c *SectorMap) leave() { c.drawing.Leave() }
