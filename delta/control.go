package delta

import (
	"fmt"

	"unbrick/delta/internal/coding"
)

// control reads the control stream: which sector comes next, the operations that fill it, and what
// the stash keeps of it. An operation is some literal bytes and then some copied ones. Operations go
// on across sectors: a copy holds the distance between new and old address (its diagonal), so it
// means the same bytes in whatever order sectors come.
type control struct {
	in      coding.Reader
	table   coding.Counters
	next    uint32 // sector after the last one in address order
	literal uint32 // what the current operation still has to give
	copied  uint32
	long    bool // the current operation's literals may be matches
	begun   bool // an operation with a copy was read
	ended   bool // an operation without copy was the last
	shift   int32
}

func makeControl(stream, mem []byte) control {
	return control{in: coding.MakeReader(stream), table: coding.MakeCounters(mem, coding.ControlUnits)}
}

func (c *control) number(place uint8, v uint32) (uint32, error) {
	n, ok := c.in.Number(&c.table, coding.Context(place, v))
	if !ok || c.in.Truncated() {
		return 0, fmt.Errorf("%w: control stream", ErrFormat)
	}
	return n, nil
}

// sector reads which sector comes next. The caller checks that it exists.
func (c *control) sector() (uint32, error) {
	n := c.next
	if c.in.Bit(&c.table, coding.Context(coding.PlaceNext, 0), 0) != 0 {
		fold, err := c.number(coding.PlaceSector, 0)
		if err != nil {
			return 0, err
		}
		jump := int64(n) + int64(coding.Unfold(fold))
		if fold == 0 || jump < 0 || jump >= MaxSectors {
			return 0, fmt.Errorf("%w: sector %d", ErrFormat, jump)
		}
		n = uint32(jump)
	}
	c.next = n + 1
	return n, nil
}

// piece returns how many bytes, at most room, come next, and whether they are copied (by shift) or
// literal.
func (c *control) piece(room uint32) (n uint32, copied bool, err error) {
	if c.literal == 0 && c.copied == 0 {
		if err := c.operation(); err != nil {
			return 0, false, err
		}
	}
	if c.literal > 0 {
		n = min(c.literal, room)
		c.literal -= n
		return n, false, nil
	}
	n = min(c.copied, room)
	c.copied -= n
	return n, true, nil
}

func (c *control) operation() (err error) {
	if c.ended {
		return fmt.Errorf("%w: operation behind the last", ErrFormat)
	}
	if c.literal, err = c.number(coding.PlaceLiteral, 0); err != nil {
		return err
	}
	v := uint32(0)
	if c.literal > 0 {
		v = 1
	}
	if c.copied, err = c.number(coding.PlaceCopy, v); err != nil {
		return err
	}
	c.long = c.literal >= coding.MatchThreshold
	if c.copied == 0 {
		if c.literal == 0 {
			return fmt.Errorf("%w: empty operation", ErrFormat)
		}
		c.ended = true
		return nil
	}
	fold, err := c.number(coding.PlaceDiagonal, v)
	if err == nil && fold == 0 && v == 0 && c.begun {
		err = fmt.Errorf("%w: operation goes on like the last", ErrFormat)
	}
	c.shift += coding.Unfold(fold)
	c.begun = true
	return err
}

// keeps reads how many stash entries the sector just built leaves.
func (c *control) keeps() (uint32, error) { return c.number(coding.PlaceKeeps, 0) }

// keep reads one of them: bytes after the end of the one before, length, sectors until it is freed.
func (c *control) keep() (gap, n, life uint32, err error) {
	if gap, err = c.number(coding.PlaceGap, 0); err != nil {
		return
	}
	if n, err = c.number(coding.PlaceKeep, 0); err != nil {
		return
	}
	life, err = c.number(coding.PlaceLife, 0)
	return gap, n + 1, life + 1, err
}

// done reports whether the stream ended exactly here.
func (c *control) done() bool { return c.literal == 0 && c.copied == 0 && c.in.Done() }
