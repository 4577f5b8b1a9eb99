package apparatus

import (
	"errors"
	"math"
	"time"

	"unbrick/internal/cbor"
)

// Limits of one message between page and worker.
const (
	MaxCommand = 64 << 20 // bytes of an encoded Command: AddFile carries a whole release file
	MaxState   = 256 << 10
)

var errShape = errors.New("item has another shape")

// codec visits the fields of a value in order, writing them when w is set and reading them otherwise.
// One visit function per type serves both directions, so the two cannot differ.
type codec struct {
	w *cbor.Writer
	r *cbor.Reader
}

// EncodeState appends the one encoding of s to dst.
func EncodeState(dst []byte, s *State) ([]byte, error) {
	c := &codec{w: cbor.Appending(dst)}
	copied := *s // visiting takes pointers; the sent State is never touched
	c.state(&copied)
	return c.w.Result()
}

// DecodeState decodes what EncodeState made. The result shares no memory with b.
func DecodeState(b []byte) (*State, error) {
	if len(b) > MaxState {
		return nil, errors.New("state is too large")
	}
	c := &codec{r: cbor.NewReader(b)}
	s := new(State)
	c.state(s)
	if err := c.r.Finish(); err != nil {
		return nil, err
	}
	return s, nil
}

// fields opens an array of n items.
func (c *codec) fields(n int) {
	if c.w != nil {
		c.w.Array(n)
		return
	}
	if got := c.r.Array(); got != n && c.r.Err() == nil {
		c.r.Fail(errShape)
	}
}

// number visits any unsigned number, bounded by its type.
func number[T ~uint8 | ~uint16 | ~uint32 | ~uint64](c *codec, p *T) {
	if c.w != nil {
		c.w.Uint(uint64(*p))
		return
	}
	*p = T(c.r.UintMax(uint64(^T(0))))
}

func (c *codec) integer(p *int) {
	if c.w != nil {
		c.w.Int(int64(*p))
		return
	}
	v := c.r.Int()
	if v < math.MinInt32 || v > math.MaxInt32 {
		c.r.Fail(errShape)
		return
	}
	*p = int(v)
}

func (c *codec) duration(p *time.Duration) {
	if c.w != nil {
		c.w.Int(int64(*p))
		return
	}
	*p = time.Duration(c.r.Int())
}

func (c *codec) flag(p *bool) {
	if c.w != nil {
		c.w.Bool(*p)
		return
	}
	*p = c.r.Bool()
}

// text visits at most max bytes of text; a longer one is cut when it is written.
func (c *codec) text(p *string, max int) {
	if c.w != nil {
		c.w.Text(clip(*p, max))
		return
	}
	*p = c.r.TextMax(max)
}

func (c *codec) bytes(p *[]byte, max int) {
	if c.w != nil {
		c.w.Bytes(*p)
		return
	}
	*p = append([]byte(nil), c.r.BytesMax(max)...)
}

func (c *codec) fixed(p []byte) {
	if c.w != nil {
		c.w.Bytes(p)
		return
	}
	c.r.Fill(p)
}

// list visits at most max items; what is beyond is not written.
func list[T any](c *codec, p *[]T, max int, visit func(*T)) {
	if c.w != nil {
		items := (*p)[:min(len(*p), max)]
		c.w.Array(len(items))
		for i := range items {
			item := items[i]
			visit(&item)
		}
		return
	}
	n := c.r.Array()
	if n > max {
		c.r.Fail(errShape)
	}
	if c.r.Err() != nil {
		return
	}
	items := make([]T, 0, n)
	for ; n > 0 && c.r.Err() == nil; n-- {
		var item T
		visit(&item)
		items = append(items, item)
	}
	if len(items) > 0 {
		*p = items
	}
}

// clip cuts a text to at most max bytes without breaking a character.
func clip(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for max > 0 && s[max]&0xc0 == 0x80 {
		max--
	}
	return s[:max]
}
