package esp

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"io"
)

// held is what is known of the end of a deflated piece: a ROM writes what its inflater gives it, and may keep the last of it until an
// end that would also leave the ROM.
type held struct {
	known  bool
	blocks int  // that are missing at the end of a piece
	faults int  // pieces that came to nothing
	given  bool // deflating is given up
	whole  bool // blocks alone cannot be written behind: their sector is written again
}

// cost is what the end of a piece takes in bytes.
func (h *held) cost() uint64 {
	if !h.known || h.blocks == 0 {
		return 0
	}
	n := h.blocks
	if h.whole {
		n = sector / block
	}
	return uint64(n*(block+framing) + beginning)
}

var errTorn = errors.New("the flash does not hold what was sent")

// inflating says how many bytes each block of a stream becomes, at most: a time-out goes by it.
func inflating(stream []byte, size int) []int {
	most := make([]int, (len(stream)+block-1)/block)
	r := bytes.NewReader(stream)
	z, err := zlib.NewReader(r)
	if err != nil {
		return most
	}
	const window = 32 << 10 // what an inflater may give late
	var buf [4096]byte
	for {
		n, err := io.ReadFull(z, buf[:])
		at := max(0, len(stream)-r.Len()-1) / block
		most[at] += n
		if err != nil {
			break
		}
	}
	for i := range most {
		most[i] = min(most[i]+2*window, size)
	}
	return most
}

// settle looks whether a deflated piece is there, and writes its end again where the ROM has kept it.
func (l *Loader) settle(ctx context.Context, p *piece, told func()) error {
	if l.held.known && l.held.blocks > 0 {
		if err := l.rewrite(ctx, p, l.held.blocks); err != nil {
			return err
		}
	}
	same, err := l.holds(ctx, p.addr, p.data, told)
	if err != nil {
		return err
	}
	if same {
		l.held.known = true
		return nil
	}
	last := p.addr + uint32(len(p.data)) - sector
	body := p.data[:len(p.data)-sector]
	if len(body) > 0 {
		if same, err = l.holds(ctx, p.addr, body, told); err != nil {
			return err
		}
		if !same {
			return errTorn
		}
	}
	if l.held.known && l.held.blocks > 0 && !l.held.whole { // writing single blocks was no good
		l.held.whole = true
	} else {
		end := p.data[len(body):]
		n := sector / block
		for n > 1 {
			if same, err = l.holds(ctx, last, end[:(sector/block-n+1)*block], told); err != nil {
				return err
			}
			if !same {
				break
			}
			n--
		}
		l.held.known, l.held.blocks = true, max(l.held.blocks, n)
	}
	if err := l.rewrite(ctx, p, l.held.blocks); err != nil {
		return err
	}
	end := p.data[len(body):]
	if same, err = l.holds(ctx, last, end, told); err == nil && !same && !l.held.whole {
		l.held.whole = true
		if err = l.rewrite(ctx, p, l.held.blocks); err == nil {
			same, err = l.holds(ctx, last, end, told)
		}
	}
	if err == nil && !same {
		err = errTorn
	}
	return err
}

// rewrite writes the last blocks of a piece plainly. They are erased already and were never written, or written with the same.
func (l *Loader) rewrite(ctx context.Context, p *piece, n int) error {
	erase := 0
	if l.held.whole {
		n, erase = sector/block, sector
	}
	data := p.data[len(p.data)-n*block:]
	err := l.begin(ctx, opFlashBegin, p.addr+uint32(len(p.data)-len(data)), erase, n, nil)
	for i := 0; err == nil && i < n; i++ {
		err = l.data(ctx, opFlashData, i, data[i*block:(i+1)*block], patient)
	}
	if refused(err) && !l.held.whole {
		l.held.whole = true
		return l.rewrite(ctx, p, n)
	}
	return err
}
