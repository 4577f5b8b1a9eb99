package stk500

import (
	"bytes"
	"context"
	"time"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

// programming is about how long a page takes to erase and to program, by the data sheets (4.5 ms each).
const programming = 9 * time.Millisecond

// plan is what Compare found out.
type plan struct {
	d     *family.Difference
	held  []byte // what the flash held, where known says so
	known []bool // by page
}

// fits says why parts cannot be written to this chip as they are.
func (l *Loader) fits(parts []release.Part) error {
	for _, p := range parts {
		end := uint64(p.Offset) + uint64(len(p.Data))
		if end > uint64(l.chip.flash) {
			return &restore.Error{Code: restore.CodeTooLarge, Needs: uint32(min(end, 1<<32-1)), Has: l.chip.flash}
		}
		for _, r := range l.board.Reserved {
			if end > uint64(r.Addr) && uint64(p.Offset) < r.End() {
				return &restore.Error{Code: restore.CodeReserved, Addr: max(r.Addr, p.Offset)}
			}
		}
	}
	return nil
}

// covered returns by page whether parts lie in it, and the first page behind the last of them.
func (c *chip) covered(parts []release.Part) (pages []bool, end int) {
	pages = make([]bool, c.flash/c.page)
	for _, p := range parts {
		if len(p.Data) == 0 {
			continue
		}
		first, last := int(p.Offset/c.page), int((p.Offset+uint32(len(p.Data))-1)/c.page)
		for i := first; i <= last; i++ {
			pages[i] = true
		}
		end = max(end, last+1)
	}
	return pages, end
}

// Compare implements family.Loader. With version 2 all below the last page that parts lie in is read: what lies between them is written
// again with what it held.
func (l *Loader) Compare(ctx context.Context, parts []release.Part, report family.Report) (*family.Difference, error) {
	if err := l.ready(ctx); err != nil {
		return nil, l.end(err)
	}
	if err := l.fits(parts); err != nil {
		return nil, l.end(err)
	}
	c := l.chip
	covered, end := c.covered(parts)
	read := covered
	if l.version == 2 {
		read = make([]bool, len(covered))
		for i := range read[:end] {
			read[i] = true
		}
	}
	p := &plan{held: make([]byte, c.flash), known: read}
	if err := l.readPages(ctx, p.held, read, l.tell(report, restore.StagePlan, read)); err != nil {
		return nil, l.end(err)
	}
	want := p.merge(parts)
	d := &family.Difference{Parts: parts, Block: c.page}
	differs := make([]bool, len(covered))
	last := 0
	for i := range covered {
		if !covered[i] {
			continue
		}
		d.Blocks++
		if from := i * int(c.page); !bytes.Equal(want[from:from+int(c.page)], p.held[from:from+int(c.page)]) {
			differs[i], last = true, i+1
		}
	}
	if l.version == 2 {
		for i := range differs[:last] {
			differs[i] = true
		}
	}
	for i, yes := range differs {
		if !yes {
			continue
		}
		d.Differ++
		addr := uint32(i) * c.page
		if n := len(d.Write); n > 0 && d.Write[n-1].End() == uint64(addr) {
			d.Write[n-1].Size += c.page
		} else {
			d.Write = append(d.Write, family.Range{Addr: addr, Size: c.page})
		}
	}
	_, travel := l.proto.traffic(int(c.page))
	d.Bytes = uint64(d.Differ) * uint64(travel)
	d.Work = l.line.Time(int(d.Bytes)) + time.Duration(d.Differ)*programming
	p.d = d
	l.plan = p
	return d, nil
}

// merge returns what the flash will hold.
func (p *plan) merge(parts []release.Part) []byte {
	want := bytes.Clone(p.held)
	for _, part := range parts {
		copy(want[part.Offset:], part.Data)
	}
	return want
}

// piece is how much is read at once: two pages of most chips. Both loaders take any length up to 256 bytes.
func (l *Loader) piece() uint32 {
	if l.kind == other1 {
		return l.chip.page
	}
	return maxPage
}

// readPages reads the pages that are wanted into flash.
func (l *Loader) readPages(ctx context.Context, flash []byte, pages []bool, t *teller) error {
	size, most := int(l.chip.page), int(l.piece())
	for i := 0; i < len(pages); {
		if !pages[i] {
			i++
			continue
		}
		n := 0
		for i+n < len(pages) && pages[i+n] && (n+1)*size <= most {
			n++
		}
		from := i * size
		err := l.steadily(ctx, func() error { return l.proto.read(ctx, uint32(from), flash[from:from+n*size]) })
		if err != nil {
			return err
		}
		i += n
		t.read(n)
	}
	t.last()
	return nil
}

// Read implements family.Loader.
func (l *Loader) Read(ctx context.Context, addr uint32, p []byte, report family.Report) error {
	if err := l.ready(ctx); err != nil {
		return l.end(err)
	}
	c := l.chip
	if end := uint64(addr) + uint64(len(p)); end > uint64(c.flash) {
		return l.end(&restore.Error{Code: restore.CodeTooLarge, Needs: uint32(min(end, 1<<32-1)), Has: c.flash})
	}
	if len(p) == 0 {
		return nil
	}
	pages, _ := c.covered([]release.Part{{Offset: addr, Data: p}})
	flash := make([]byte, c.flash)
	if err := l.readPages(ctx, flash, pages, l.tell(report, restore.StagePlan, pages)); err != nil {
		return l.end(err)
	}
	copy(p, flash[addr:])
	return nil
}

// Verify implements family.Loader: all of parts is read back. A piece that is not as it must be is read once more, for the line of version 1
// may turn a byte over on its way.
func (l *Loader) Verify(ctx context.Context, parts []release.Part, report family.Report) (family.Proof, error) {
	if err := l.ready(ctx); err != nil {
		return family.ProofNone, l.end(err)
	}
	if err := l.fits(parts); err != nil {
		return family.ProofNone, l.end(err)
	}
	pages, _ := l.chip.covered(parts)
	flash := make([]byte, l.chip.flash)
	t := l.tell(report, restore.StageVerify, pages)
	if err := l.readPages(ctx, flash, pages, t); err != nil {
		return family.ProofNone, l.end(err)
	}
	for range repeats {
		wrong := make([]bool, len(pages))
		addr := int64(-1)
		for _, p := range parts {
			for i, b := range p.Data {
				if at := p.Offset + uint32(i); flash[at] != b {
					wrong[at/l.chip.page] = true
					if addr < 0 {
						addr = int64(at)
					}
				}
			}
		}
		if addr < 0 {
			return family.ProofRead, nil
		}
		before := bytes.Clone(flash)
		if err := l.readPages(ctx, flash, wrong, nil); err != nil {
			return family.ProofNone, l.end(err)
		}
		if bytes.Equal(before, flash) {
			return family.ProofNone, l.end(&restore.Error{Code: restore.CodeVerify, Addr: uint32(addr)})
		}
		l.line.Repeat()
	}
	return family.ProofNone, l.end(&restore.Error{Code: restore.CodeNoisy})
}
