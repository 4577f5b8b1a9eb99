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
	in    coding.Reader
	table coding.Counters

	begun bool   // a sector was read
	next  uint32 // sector behind the current one in address order
	ahead uint32 // sector that is built next
	flows bool   // these are the same

	batched bool // the file has batches
	opens   bool // the current sector begins one
	opening bool // the next does

	literal uint32 // what the current operation still has to give
	copied  uint32
	long    bool // the current operation's literals may be matches
	copies  bool // an operation with a copy was read
	ended   bool // an operation without copy was the last

	shift  int32 // the diagonal
	fresh  bool  // no copy yet in the current sector
	first  int32 // diagonal of the first copy in the current sector, while there is none of the last that had one
	begins int32 // the same of the sector built before
	joins  bool  // that lies right behind the current one
}

func makeControl(stream, mem []byte, batched bool) control {
	return control{in: coding.MakeReader(stream), table: coding.MakeCounters(mem, coding.ControlUnits), batched: batched, opening: batched}
}

func (c *control) number(place uint8, v uint32) (uint32, error) {
	n, ok := c.in.Number(&c.table, coding.Context(place, v))
	if !ok || c.in.Truncated() {
		return 0, fmt.Errorf("%w: control stream", ErrFormat)
	}
	return n, nil
}

// sector returns which sector is built now, after which left are still to come. The caller checks that it
// exists.
func (c *control) sector(left uint32) (n uint32, err error) {
	if !c.begun {
		if c.ahead, err = c.jump(0); err != nil {
			return 0, err
		}
	}
	n = c.ahead
	c.joins = c.begun && n+2 == c.next
	c.begins, c.fresh = c.first, true
	c.begun, c.next, c.flows = true, n+1, false
	c.opens, c.opening = c.opening, false
	if left > 0 {
		c.ahead, err = c.jump(c.next)
		c.flows = c.ahead == c.next
		if c.batched {
			c.opening = c.in.Bit(&c.table, coding.Context(coding.PlaceBatch, 0), 0) != 0
		}
	}
	return n, err
}

// jump reads a sector that is expected to be n.
func (c *control) jump(n uint32) (uint32, error) {
	if c.in.Bit(&c.table, coding.Context(coding.PlaceNext, 0), 0) == 0 {
		return n, nil
	}
	fold, err := c.number(coding.PlaceSector, 0)
	if err != nil {
		return 0, err
	}
	jump := int64(n) + int64(coding.Unfold(fold))
	if fold == 0 || jump < 0 || jump >= MaxSectors {
		return 0, fmt.Errorf("%w: sector %d", ErrFormat, jump)
	}
	return uint32(jump), nil
}

// piece returns how many bytes, at most room, come next, and whether they are copied (by shift) or
// literal.
func (c *control) piece(room uint32) (n uint32, copied bool, err error) {
	if c.literal == 0 && c.copied == 0 {
		if err := c.operation(room); err != nil {
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
	if c.fresh {
		c.first, c.fresh = c.shift, false
	}
	return n, true, nil
}

// operation reads one in a sector with room for so many more bytes.
func (c *control) operation(room uint32) (err error) {
	if c.ended {
		return fmt.Errorf("%w: operation behind the last", ErrFormat)
	}
	if c.literal, err = c.number(coding.PlaceLiteral, 0); err != nil {
		return err
	}
	v := min(c.literal, 1)
	ends := uint32(0)
	if !c.flows && c.literal < room {
		ends = c.in.Bit(&c.table, coding.Context(coding.PlaceEnd, v), 0)
	}
	if ends != 0 {
		c.copied = room - c.literal
	} else if c.copied, err = c.number(coding.PlaceCopy, v); err != nil {
		return err
	} else if !c.flows && c.literal+c.copied == room && c.copied != 0 {
		return fmt.Errorf("%w: operation ends with its sector unsaid", ErrFormat)
	}
	c.long = c.literal >= coding.MatchThreshold
	if c.copied == 0 {
		if c.literal == 0 {
			return fmt.Errorf("%w: empty operation", ErrFormat)
		}
		c.ended = true
		return nil
	}
	return c.diagonal(v, ends)
}

// diagonal reads that of an operation's copy.
func (c *control) diagonal(v, ends uint32) error {
	shift := c.begins
	asked := c.joins && (v != 0 || shift != c.shift)
	if !asked || c.in.Bit(&c.table, coding.Context(coding.PlaceJoin, ends), 0) == 0 {
		fold, err := c.number(coding.PlaceDiagonal, v)
		if err != nil {
			return err
		}
		shift = c.shift + coding.Unfold(fold)
		if shift == c.shift && v == 0 && c.copies || asked && shift == c.begins {
			return fmt.Errorf("%w: operation goes on like the last", ErrFormat)
		}
	}
	c.shift, c.copies = shift, true
	return nil
}

// edges reads whether the edges of the sector just built are kept.
func (c *control) edges() uint32 { return c.in.Bit(&c.table, coding.Context(coding.PlaceEdge, 0), 0) }

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
