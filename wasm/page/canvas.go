//go:build js && wasm

package page

import (
	"strconv"
	"syscall/js"

	"unbrick/webui/view/flashmap"
)

// canvas is the drawing inside one <u-map> element: bytes are copied in one call and shown in another,
// which costs a tenth of a millisecond where an element per sector costs ten.
type canvas struct {
	host, element, context js.Value
	data, bytes            js.Value // ImageData of the present size, and its bytes
	size                   flashmap.Point
}

var _ flashmap.Canvas = (*canvas)(nil)

// canvas finds the drawing of a host, or makes it at first sight.
func (p *page) canvas(host js.Value) *canvas {
	for _, c := range p.maps {
		if c.host.Equal(host) {
			return c
		}
	}
	c := &canvas{host: host, element: document.Call("createElement", "canvas")}
	c.element.Call("setAttribute", "aria-hidden", "true") // the host carries role and words
	c.context = c.element.Call("getContext", "2d")
	host.Call("replaceChildren", c.element)
	p.maps = append(p.maps, c)
	return c
}

// forgetMaps drops the drawings of elements that are no longer in the page.
func (p *page) forgetMaps() {
	kept := p.maps[:0]
	for _, c := range p.maps {
		if c.host.Get("isConnected").Bool() {
			kept = append(kept, c)
		}
	}
	clear(p.maps[len(kept):])
	p.maps = kept
}

// Size implements view.Canvas.
func (c *canvas) Size() (width, ratio float64) {
	ratio = window.Get("devicePixelRatio").Float()
	if ratio <= 0 {
		ratio = 1
	}
	return c.host.Get("clientWidth").Float(), ratio
}

// Show implements view.Canvas.
func (c *canvas) Show(img *flashmap.Pixels, changed flashmap.Rect, height float64) {
	size := img.Size
	if size.X == 0 || size.Y == 0 {
		return
	}
	if size != c.size {
		c.size = size
		c.element.Set("width", size.X)
		c.element.Set("height", size.Y)
		c.data = c.context.Call("createImageData", size.X, size.Y)
		c.bytes = c.data.Get("data")
		changed = img.Bounds()
	}
	style := c.element.Get("style")
	style.Set("width", "100%")
	style.Set("height", strconv.FormatFloat(height, 'f', -1, 64)+"px")
	js.CopyBytesToJS(c.bytes, img.Pix)
	c.context.Call("putImageData", c.data, 0, 0, changed.Min.X, changed.Min.Y, changed.Dx(), changed.Dy())
}
