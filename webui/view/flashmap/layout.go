package flashmap

import (
	"math"

	"unbrick/webui/state"
)

// A map has 32 columns up to 512 cells of the smallest sector's size and 64 above, half of that where
// it is narrow.
const (
	wideColumns  = 32
	manyCells    = 512
	narrowWidth  = 400 // CSS pixels
	minUnitWidth = 4   // CSS pixels of the smallest sector
)

// place is where one sector lies: its row, first column and number of columns.
type place struct{ row, col, span int }

// arrange puts the sectors of runs into rows of columns, each as wide as its size asks, in address
// order. A sector that does not fit into what is left of a row begins the next.
func arrange(runs []state.SectorRun, columns int) (places []place, rows int) {
	unit := smallest(runs)
	if unit == 0 {
		return nil, 0
	}
	row, col := 0, 0
	for _, r := range runs {
		span := min(max(int(r.Size/unit), 1), columns)
		for range r.Count {
			if len(places) == state.MaxSectors {
				return places, row + 1
			}
			if col+span > columns {
				row, col = row+1, 0
			}
			places = append(places, place{row, col, span})
			col += span
		}
	}
	return places, row + 1
}

func smallest(runs []state.SectorRun) uint32 {
	unit := uint32(0)
	for _, r := range runs {
		if r.Count > 0 && (unit == 0 || r.Size < unit) {
			unit = r.Size
		}
	}
	return unit
}

// columnsFor chooses the number of columns for a map of the given width.
func columnsFor(runs []state.SectorRun, width float64) int {
	unit, cells := smallest(runs), uint64(0)
	if unit == 0 {
		return wideColumns
	}
	for _, r := range runs {
		cells += uint64(r.Size/unit) * uint64(r.Count)
	}
	columns := wideColumns
	if cells > manyCells {
		columns *= 2
	}
	if width <= narrowWidth {
		columns /= 2
	}
	for columns > 1 && width < float64(columns*minUnitWidth) {
		columns /= 2
	}
	return columns
}

// layout is a map's cells in device pixels.
type layout struct {
	cells  []Rect
	size   Point   // of the whole picture, device pixels
	height float64 // of the whole picture, CSS pixels
	ratio  float64
	rows   int
	places []place
}

// lay computes the picture of a map that is width CSS pixels wide. tall is how much taller than wide
// its cells are where there is room.
func lay(runs []state.SectorRun, width, ratio, tall float64) layout {
	columns := columnsFor(runs, width)
	places, rows := arrange(runs, columns)
	space := 2.0
	if columns > wideColumns || len(places) > manyCells {
		space = 1
	}
	side := math.Floor((width - space*float64(columns-1)) / float64(columns))
	high := side
	if width > narrowWidth {
		high = math.Round(side * tall)
	}
	l := layout{ratio: ratio, rows: rows, places: places}
	if rows == 0 {
		return l
	}
	left := func(col int) float64 { return math.Round(float64(col) * (width + space) / float64(columns)) }
	px := func(css float64) int { return int(math.Round(css * ratio)) }
	l.cells = make([]Rect, len(places))
	for i, p := range places {
		top := float64(p.row) * (high + space)
		l.cells[i] = rect(px(left(p.col)), px(top), px(left(p.col+p.span)-space), px(top+high))
	}
	l.height = float64(rows)*(high+space) - space
	l.size = Point{px(width), px(l.height)}
	return l
}

// at returns the sector at a point in CSS pixels, or -1.
func (l *layout) at(x, y float64) int {
	p := Point{int(x * l.ratio), int(y * l.ratio)}
	for i, c := range l.cells {
		if p.in(c.inset(-1)) {
			return i
		}
	}
	return -1
}

// move returns where an arrow key leads from sector i: dx columns or dy rows away.
func (l *layout) move(i, dx, dy int) int {
	if len(l.places) == 0 {
		return -1
	}
	if i < 0 || i >= len(l.places) {
		return 0
	}
	if dy == 0 {
		return min(max(i+dx, 0), len(l.places)-1)
	}
	row, middle := l.places[i].row+dy, 2*l.places[i].col+l.places[i].span
	best := i
	for j, p := range l.places {
		if p.row == row && (best == i || abs(2*p.col+p.span-middle) < abs(2*l.places[best].col+l.places[best].span-middle)) {
			best = j
		}
	}
	return best
}

// tallness is how much taller than wide the cells of a map are: base for eight rows and more, up to
// twice as much where few rows would leave the place empty.
func tallness(runs []state.SectorRun, base float64) float64 {
	_, rows := arrange(runs, columnsFor(runs, narrowWidth+1))
	return base * min(max(8/float64(max(rows, 1)), 1), 2)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// rowStarts are the addresses at the beginnings of the rows of a wide map, or nothing where rows would be too many to read.
func rowStarts(f *state.MapFacts) []uint32 {
	places, rows := arrange(f.Runs, columnsFor(f.Runs, narrowWidth+1))
	if rows < 2 || rows > 32 {
		return nil
	}
	var list []uint32
	for i, p := range places {
		if p.col == 0 {
			addr, _ := state.SectorAt(f.Runs, i)
			list = append(list, addr)
		}
	}
	return list
}
