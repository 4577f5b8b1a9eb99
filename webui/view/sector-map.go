package view

import (
	"unbrick/webui/state"
	"unbrick/webui/view/flashmap"

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

func (c *SectorMap) view() *flashmap.Drawing {
	d := c.Page.maps[c.ID]
	if d == nil {
		d = flashmap.NewDrawing()
		c.Page.maps[c.ID] = d
	}
	d.Set(c.Map, c.Tall)
	return d
}

// mounted is called at each render with the element that holds the picture.
func (c *SectorMap) mounted(host js.Value) {
	c.view().Mount(c.Page.hooks.Canvas(host))
	c.Page.fresh = append(c.Page.fresh, c.ID)
}

func (c *SectorMap) legendID() string { return c.ID + "-legend" }

func (c *SectorMap) cursorWords() string { return sectorWords(c.Map, c.view().Cursor()) }

func (c *SectorMap) entries() []legendEntry { return legend(c.Map, c.Short) }

// rows are the addresses at the beginnings of the map's rows.
func (c *SectorMap) rows() []string {
	if !c.Axis {
		return nil
	}
	var list []string
	for _, addr := range flashmap.RowStarts(&c.Map.Facts) {
		list = append(list, hexAddr(addr))
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
	if c.view().Key(e.PropString("key")) {
		e.PreventDefault()
	}
}

// point puts the cursor where the pointer was pressed.
func (c *SectorMap) point(e vugu.DOMEvent) {
	c.view().Point(e.PropFloat64("offsetX"), e.PropFloat64("offsetY"))
}

// leave takes the cursor away with the focus.
func (c *SectorMap) leave() { c.view().Leave() }
