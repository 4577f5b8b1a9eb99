package flashmap

// The few things of package image that a map needs. The package itself costs the program ten kilobytes as it travels, for
// formats and colour models that nothing here uses.

// Colour is a colour of full cover when A is 255, and none when it is 0.
type Colour struct{ R, G, B, A uint8 }

// Point is a place in device pixels.
type Point struct{ X, Y int }

// Rect holds the pixels from Min on, and before Max.
type Rect struct{ Min, Max Point }

func rect(x0, y0, x1, y1 int) Rect {
	return Rect{Point{min(x0, x1), min(y0, y1)}, Point{max(x0, x1), max(y0, y1)}}
}

// Dx is the width, Dy the height.
func (r Rect) Dx() int { return r.Max.X - r.Min.X }
func (r Rect) Dy() int { return r.Max.Y - r.Min.Y }

func (r Rect) empty() bool { return r.Min.X >= r.Max.X || r.Min.Y >= r.Max.Y }

// inset is r less n pixels at each side; nothing where there is not so much.
func (r Rect) inset(n int) Rect {
	r.Min.X, r.Min.Y, r.Max.X, r.Max.Y = r.Min.X+n, r.Min.Y+n, r.Max.X-n, r.Max.Y-n
	if r.empty() {
		return Rect{}
	}
	return r
}

func (r Rect) intersect(s Rect) Rect {
	r.Min.X, r.Min.Y, r.Max.X, r.Max.Y = max(r.Min.X, s.Min.X), max(r.Min.Y, s.Min.Y), min(r.Max.X, s.Max.X), min(r.Max.Y, s.Max.Y)
	if r.empty() {
		return Rect{}
	}
	return r
}

// union is the smallest that holds both.
func (r Rect) union(s Rect) Rect {
	if r.empty() {
		return s
	}
	if s.empty() {
		return r
	}
	return Rect{Point{min(r.Min.X, s.Min.X), min(r.Min.Y, s.Min.Y)}, Point{max(r.Max.X, s.Max.X), max(r.Max.Y, s.Max.Y)}}
}

func (p Point) in(r Rect) bool {
	return p.X >= r.Min.X && p.X < r.Max.X && p.Y >= r.Min.Y && p.Y < r.Max.Y
}

// Pixels is a picture: four bytes for each pixel, red, green, blue and cover, row by row, as a browser's ImageData has them.
type Pixels struct {
	Pix  []byte
	Size Point
}

func newPixels(size Point) *Pixels {
	return &Pixels{Pix: make([]byte, 4*size.X*size.Y), Size: size}
}

// Bounds is the whole picture.
func (p *Pixels) Bounds() Rect { return Rect{Max: p.Size} }

func (p *Pixels) offset(x, y int) int { return 4 * (y*p.Size.X + x) }
