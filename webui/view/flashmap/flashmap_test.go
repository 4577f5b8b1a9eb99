package flashmap

import (
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"unbrick/webui/state"
)

func runs(list ...uint32) []state.SectorRun {
	var r []state.SectorRun
	for i := 0; i < len(list); i += 2 {
		r = append(r, state.SectorRun{Size: list[i] << 10, Count: list[i+1]})
	}
	return r
}

func TestLayout(t *testing.T) {
	for _, c := range []struct {
		name          string
		runs          []state.SectorRun
		width         float64
		columns, rows int
	}{
		{"256 even, wide", runs(4, 256), 540, 32, 8},
		{"256 even, phone", runs(4, 256), 316, 16, 16},
		{"512", runs(4, 512), 700, 32, 16},
		{"1024", runs(4, 1024), 700, 64, 16},
		{"1024, phone", runs(4, 1024), 316, 32, 32},
		{"uneven", runs(16, 4, 64, 1, 128, 7), 700, 32, 2},
		{"one", runs(128, 1), 700, 32, 1},
		{"larger than a row", runs(1, 3, 256, 2), 700, 64, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := columnsFor(c.runs, c.width); got != c.columns {
				t.Errorf("%d columns, want %d", got, c.columns)
			}
			for _, ratio := range []float64{1, 1.25, 2, 3} {
				l := lay(c.runs, c.width, ratio, 1.25)
				if l.rows != c.rows {
					t.Fatalf("%d rows, want %d", l.rows, c.rows)
				}
				for i, r := range l.cells {
					if r.intersect(Rect{Max: l.size}) != r || r.Dx() < int(minUnitWidth*ratio)-int(2*ratio) || r.Dy() < 3 {
						t.Fatalf("cell %d is %v in %v", i, r, l.size)
					}
					if i > 0 && (!r.intersect(l.cells[i-1]).empty() || r.Min.Y < l.cells[i-1].Min.Y) {
						t.Fatalf("cell %d at %v after %v", i, r, l.cells[i-1])
					}
				}
			}
		})
	}
	u := lay(runs(16, 4, 64, 1, 128, 7), 702, 1, 1)
	if small, big := u.cells[0].Dx(), u.cells[6].Dx(); big < 7*small {
		t.Errorf("128 KiB is %d wide beside 16 KiB of %d", big, small)
	}
	for _, c := range []struct {
		runs []state.SectorRun
		want float64
	}{{runs(4, 256), 1.25}, {runs(4, 128), 2.5}, {runs(128, 1), 2.5}, {runs(4, 160), 2}, {nil, 2.5}} {
		if got := tallness(c.runs, 1.25); got != c.want {
			t.Errorf("tallness of %v is %v, want %v", c.runs, got, c.want)
		}
	}
	if l := lay(nil, 700, 1, 1); len(l.cells) != 0 || l.size != (Point{}) {
		t.Errorf("a map of nothing: %+v", l)
	}
}

func TestCursorMoves(t *testing.T) {
	l := lay(runs(4, 256), 540, 1, 1)
	for _, c := range []struct{ from, dx, dy, want int }{
		{0, 1, 0, 1}, {31, 1, 0, 32}, {32, -1, 0, 31}, {0, -1, 0, 0}, {255, 1, 0, 255},
		{5, 0, 1, 37}, {37, 0, -1, 5}, {5, 0, -1, 5}, {250, 0, 1, 250}, {-1, 1, 0, 0}, {999, 1, 0, 0},
	} {
		if got := l.move(c.from, c.dx, c.dy); got != c.want {
			t.Errorf("from %d by %d, %d: %d, want %d", c.from, c.dx, c.dy, got, c.want)
		}
	}
	for i, r := range l.cells {
		if got := l.at(float64(r.Min.X+r.Dx()/2), float64(r.Min.Y+r.Dy()/2)); got != i {
			t.Fatalf("the middle of cell %d is in %d", i, got)
		}
	}
	if got := l.at(1e6, 1e6); got != -1 {
		t.Errorf("outside is in %d", got)
	}
}

// The first cells of the drawn design, dot by dot: a hatched one, records, and the plain ones.
func TestCellsAreDrawnAsDesigned(t *testing.T) {
	grey := func(p Colour) float64 { return .2126*float64(p.R) + .7152*float64(p.G) + .0722*float64(p.B) }
	ink := lightInk
	draw := func(s state.Sector, w, h int) *Pixels {
		img := newPixels(Point{w, h})
		drawCell(img, img.Bounds(), s, &ink, 1)
		return img
	}
	at := func(img *Pixels, x, y int) Colour { return pixel(img, x, y) }
	plain := map[state.Sector]Colour{state.SectorSame: ink.Same, state.SectorOld: ink.Old, state.SectorNew: ink.New}
	for s, want := range plain {
		img := draw(s, 15, 26)
		for _, p := range []Point{{0, 0}, {14, 25}, {7, 13}} {
			if at(img, p.X, p.Y) != want {
				t.Errorf("%d at %v is %v", s, p, at(img, p.X, p.Y))
			}
		}
	}
	boot := draw(state.SectorBoot, 15, 24)
	for i := range 4 { // the diagonal through (4, 0) to (0, 4) is on a line, its neighbours in the middle are ground
		if at(boot, 4-i, i) != ink.BootLine {
			t.Errorf("no line at %d, %d: %v", 4-i, i, at(boot, 4-i, i))
		}
		if g := grey(at(boot, 2, i*5%20)); g < grey(ink.BootLine) {
			t.Error("darker than its line")
		}
	}
	if at(boot, 1, 1) == ink.BootLine {
		t.Error("the ground between two lines is filled")
	}
	record := draw(state.SectorRecord, 15, 24)
	if at(record, 7, 9) != ink.BootLine || at(record, 7, 14) != ink.BootLine || at(record, 2, 9) != ink.Boot || at(record, 7, 11) == ink.BootLine {
		t.Error("records have no two bars")
	}
	erased := draw(state.SectorErased, 15, 24)
	if at(erased, 0, 5) != ink.GoneLine || at(erased, 1, 1) != ink.Gone || at(erased, 14, 23) != ink.GoneLine {
		t.Error("erased has no outline")
	}
	live := draw(state.SectorLive, 15, 24)
	if at(live, 1, 5) != ink.LiveLine || at(live, 2, 2) != ink.Live {
		t.Error("the rewritten one has no ring of two dots")
	}
	bad := draw(state.SectorDamaged, 15, 24)
	if at(bad, 7, 12) == ink.Bad || at(bad, 7, 3) != ink.Bad || at(bad, 4, 9) == ink.Bad || at(bad, 10, 9) == ink.Bad {
		t.Error("the damaged one has no X")
	}
	small := draw(state.SectorDamaged, 6, 6)
	if at(small, 3, 3) != ink.BadLine {
		t.Error("a small damaged one has no bar")
	}
	if tiny := draw(state.SectorBoot, 6, 6); at(tiny, 4, 0) != ink.Boot {
		t.Error("a small boot sector keeps its hatch")
	}
	unused := draw(state.SectorUnused, 15, 24)
	if at(unused, 7, 12) != ink.BootLine || at(unused, 3, 3).A != 0 {
		t.Error("the unused one is not a dot on the ground")
	}
}

// The colours of the two themes, as app.css has them.
var (
	lightInk = ReadInk(func(name string) string { return lightTokens[name] })
	darkInk  = ReadInk(func(name string) string { return darkTokens[name] })
)

var lightTokens = map[string]string{
	"--s-boot": "#e6e9e3", "--s-boot-line": "#87938e", "--s-same": "#cfd6cf", "--s-old": "#98a39e", "--s-new": "#0a5d63",
	"--s-gone": "#fafaf7", "--s-gone-line": "#7d8984", "--s-bad": "#b2281d", "--s-bad-line": "#ffffff",
	"--s-live": "#e58a1f", "--s-live-line": "#15201e", "--ink": "#15201e", "--face": "#fafaf7",
}

var darkTokens = map[string]string{
	"--s-boot": "#1b2322", "--s-boot-line": "#6b7974", "--s-same": "#303b38", "--s-old": "#66736e", "--s-new": "#7ed3cd",
	"--s-gone": "#0f1514", "--s-gone-line": "#6b7974", "--s-bad": "#d8483a", "--s-bad-line": "#fff4f2",
	"--s-live": "#f7b04f", "--s-live-line": "#fffdf8", "--ink": "#e9eeea", "--face": "#161d1c",
}

// Unchanged, old and new stay apart for whoever sees no colours, in both themes.
func TestSectorColoursDifferInBrightness(t *testing.T) {
	for name, ink := range map[string]Ink{"light": lightInk, "dark": darkInk} {
		l := func(c Colour) int { return (2126*int(c.R) + 7152*int(c.G) + 722*int(c.B)) / 10000 }
		list := []int{l(ink.Same), l(ink.Old), l(ink.New)}
		if abs(list[0]-list[1]) < 35 || abs(list[1]-list[2]) < 35 {
			t.Errorf("%s: %v", name, list)
		}
	}
}

func TestInkIsThatOfTheStylesheet(t *testing.T) {
	b, err := os.ReadFile("../../../static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	css := string(b)
	dark := css[strings.Index(css, `:root[data-theme="dark"] {`):]
	wish := css[strings.Index(css, `@media (prefers-color-scheme: dark)`):]
	for theme, c := range map[string]struct {
		css    string
		tokens map[string]string
	}{"light": {css, lightTokens}, "dark": {dark, darkTokens}, "dark by wish": {wish, darkTokens}} {
		for name, want := range c.tokens {
			m := regexp.MustCompile(regexp.QuoteMeta(name) + `:\s*(#[0-9a-f]+)`).FindStringSubmatch(c.css)
			if m == nil || m[1] != want {
				t.Errorf("%s %s: stylesheet has %v, want %s", theme, name, m, want)
			}
		}
	}
	if parseColour(" #abc") != (Colour{0xaa, 0xbb, 0xcc, 255}) || parseColour("red") != (Colour{128, 128, 128, 255}) {
		t.Error("colours are read wrongly")
	}
}

// A picture that is brought up to date equals one that is drawn anew, whatever changed.
func TestPictureKeepsUp(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	m := state.Map{Facts: state.MapFacts{Runs: runs(4, 256)}, Cells: make([]state.Sector, 256)}
	var kept picture
	for step := range 40 {
		for range rnd.IntN(4) {
			m.Cells[rnd.IntN(len(m.Cells))] = state.Sector(rnd.IntN(state.SectorKinds))
		}
		cursor := rnd.IntN(len(m.Cells)+1) - 1
		changed := kept.update(&m, &lightInk, cursor, 540, 1, 1.7, false)
		var anew picture
		anew.update(&m, &lightInk, cursor, 540, 1, 1.7, true)
		if string(kept.img.Pix) != string(anew.img.Pix) {
			t.Fatalf("step %d: the picture differs from one drawn anew", step)
		}
		if again := kept.update(&m, &lightInk, cursor, 540, 1, 1.7, false); !again.empty() {
			t.Fatalf("step %d: nothing changed and %v is shown after %v", step, again, changed)
		}
	}
	m.Cells = m.Cells[:3] // a device that says less than its geometry promises
	kept.update(&m, &lightInk, 9, 540, 1, 1.7, false)
}

// pixel is the colour at a place.
func pixel(img *Pixels, x, y int) Colour {
	p := img.Pix[img.offset(x, y):]
	return Colour{p[0], p[1], p[2], p[3]}
}

func TestRowStarts(t *testing.T) {
	for want, list := range map[uint32][]state.SectorRun{0x60000: runs(4, 256), 0x80000: runs(16, 4, 64, 1, 128, 7)} {
		if got := rowStarts(&state.MapFacts{Runs: list}); !slices.Contains(got, want) || len(got) != map[uint32]int{0x60000: 8, 0x80000: 2}[want] {
			t.Errorf("%v begin at %#x, want %#x among them", list, got, want)
		}
	}
}
