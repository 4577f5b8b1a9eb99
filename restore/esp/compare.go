package esp

import (
	"context"
	"crypto/md5"
	"errors"
	"time"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

const (
	leastChunk = 16  // sectors of the largest piece that is asked for first,
	mostChunk  = 128 // by how fast the chip computes
	branch     = 8   // pieces that one that differs is asked for in
	dense      = 24  // sectors in a row that differ: the rest of a small piece is taken to differ, too
	guess      = 3e-6
)

// compare asks for digests. What it asks for costs the time of an exchange and the chip's time to read and compute; a sector that
// is not asked for and is the same costs the time to write it, which is ten times that. So it asks for pieces so large that
// the exchange is a small share of the time, and in those that differ for eighths of them, down to single sectors. When all but the
// last eighth are as they should be, the last is not asked for. A piece that is erased is known by its digest.
func (l *Loader) compare(ctx context.Context, parts []release.Part, report family.Report) (*family.Difference, error) {
	begin := l.line.Now()
	if l.board == nil {
		if _, err := l.Describe(ctx); err != nil {
			return nil, err
		}
	}
	pic, err := l.fits(parts)
	if err != nil {
		return nil, err
	}
	d := &family.Difference{Parts: parts, Block: sector}
	all := pic.sectorsOf()
	d.Blocks = len(all)
	l.plan = &plan{pic: pic, d: d}
	if err := l.ready(ctx); err != nil {
		return nil, err
	}
	if err := l.open(ctx, l.size()); err != nil {
		return nil, err
	}
	differ := sectorSet{}
	t := &teller{line: l.line, report: report, begin: begin, p: restore.Progress{Stage: restore.StagePlan, Of: len(all)}}
	if !l.digests() {
		for _, at := range all {
			differ[at] = true
		}
	} else {
		t.p.WorkOf = uint64(len(all)) * sector
		for i := range pic.all {
			c := &comparison{l: l, s: &pic.all[i], differ: differ, t: t}
			if err := c.run(ctx); err != nil {
				return nil, err
			}
		}
		l.proven = len(differ) == 0
	}
	if err := l.keep(ctx, pic); err != nil {
		return nil, err
	}
	l.plan.make(l, differ)
	return d, nil
}

// keep reads what shares a sector with a part and belongs to none.
func (l *Loader) keep(ctx context.Context, pic *picture) error {
	gaps := pic.gaps()
	if l.chip.is8266() { // it cannot erase one sector alone
		for _, r := range pic.runs() {
			if r.Size == sector && r.End() < uint64(l.size()) {
				gaps = append(gaps, family.Range{Addr: uint32(r.End()), Size: sector})
			}
		}
	}
	for _, r := range gaps {
		p := make([]byte, r.Size)
		for at := uint32(0); at < r.Size; {
			n := min(sector-(r.Addr+at)%sector, r.Size-at)
			if err := l.piece(ctx, r.Addr+at, p[at:at+n]); err != nil {
				return err
			}
			at += n
		}
		pic.keep = append(pic.keep, stretch{r.Addr, p})
	}
	return nil
}

// fits says whether parts can be written to this chip as they are.
func (l *Loader) fits(parts []release.Part) (*picture, error) {
	if l.board.Sealed != nil {
		return nil, l.board.Sealed
	}
	pic, err := newPicture(parts)
	if err != nil {
		return nil, err
	}
	for i := range pic.all {
		s := &pic.all[i]
		if err := l.allowed(s.first(), s.sectors()*sector); err != nil {
			return nil, err
		}
	}
	if (l.isDownload() || l.encrypt() != 0) && len(pic.gaps()) > 0 {
		return nil, &restore.Error{Code: restore.CodeUnfit,
			Err: errors.New("a part begins within a sector whose beginning cannot be read, and so not be kept")}
	}
	return pic, nil
}

// comparison is that of one stretch.
type comparison struct {
	l      *Loader
	s      *stretch
	differ sectorSet
	t      *teller // may be nil
	row    int     // sectors asked for that differ, one behind the other
	seen   int     // sectors that are decided
}

func (c *comparison) run(ctx context.Context) error {
	n := c.s.sectors()
	for i := 0; i < n; {
		j := min(n, i+c.l.chunk())
		if _, err := c.look(ctx, i, j, false); err != nil {
			return err
		}
		i = j
	}
	return nil
}

// chunk is how many sectors are asked for first.
func (l *Loader) chunk() int {
	rate := l.rate
	if rate == 0 {
		return leastChunk
	}
	most := 16 * l.exchange().Seconds() / (rate * sector)
	n := leastChunk
	for n < mostChunk && float64(2*n) <= most {
		n *= 2
	}
	return n
}

// exchange is what one digest costs beside reading and computing.
func (l *Loader) exchange() time.Duration { return l.line.Time(26+46) + l.rom.turn }

// look decides about the sectors i to before j, of which it may be known that they differ.
func (c *comparison) look(ctx context.Context, i, j int, known bool) (bool, error) {
	addr, want := c.s.part(i, j)
	if !known {
		sum, err := c.l.sum(ctx, addr, len(want), c.tick)
		if err != nil {
			return false, err
		}
		if sum == md5.Sum(want) {
			c.row = 0
			c.decided(j - i)
			return false, nil
		}
		if j-i > 1 && sum == md5.Sum(repeated(0xff, len(want))) {
			for k := i; k < j; k++ {
				if _, p := c.s.part(k, k+1); !isErased(p) {
					c.add(k)
				}
			}
			c.decided(j - i)
			return true, nil
		}
	}
	if j-i == 1 {
		c.add(i)
		c.row++
		c.decided(1)
		return true, nil
	}
	edges := false
	if c.row >= dense && j-i <= leastChunk {
		first, err := c.look(ctx, i, i+1, false)
		if err != nil {
			return false, err
		}
		last, err := c.look(ctx, j-1, j, false)
		if err != nil {
			return false, err
		}
		if i++; i == j-1 {
			return true, nil
		}
		if j--; first && last {
			for k := i; k < j; k++ {
				c.add(k)
			}
			c.decided(j - i)
			return true, nil
		}
		edges = first || last // which may be all that differs
	}
	step := max(1, (j-i)/branch)
	found := edges
	for k := i; k < j; k += step {
		m := min(k+step, j)
		one, err := c.look(ctx, k, m, !found && m == j)
		if err != nil {
			return false, err
		}
		found = found || one
	}
	return true, nil
}

func (c *comparison) add(i int) { c.differ[c.s.first()+uint32(i)*sector] = true }

func (c *comparison) decided(n int) {
	c.seen += n
	if c.t != nil {
		c.t.p.Sectors = min(c.t.p.Sectors+n, c.t.p.Of)
		c.t.work(uint64(c.t.p.Sectors) * sector)
	}
}

func (c *comparison) tick() {
	if c.t != nil {
		c.t.tell()
	}
}

// sum asks for a digest, and learns how fast the chip computes.
func (l *Loader) sum(ctx context.Context, addr uint32, n int, told func()) ([md5.Size]byte, error) {
	begin := l.line.Now()
	repeated := l.line.Stats().Repeated
	sum, err := l.rom.digest(ctx, addr, n, told)
	if err != nil || l.line.Stats().Repeated != repeated {
		return sum, err
	}
	took := (l.line.Now() - begin - l.exchange()).Seconds()
	if n >= 2*sector || l.rate == 0 {
		rate := max(took/float64(n), 1e-9)
		if l.rate == 0 {
			l.rate = rate
		}
		l.rate = (l.rate + rate) / 2
	}
	return sum, err
}

// holds says whether the flash holds p at addr.
func (l *Loader) holds(ctx context.Context, addr uint32, p []byte, told func()) (bool, error) {
	sum, err := l.sum(ctx, addr, len(p), told)
	return err == nil && sum == md5.Sum(p), err
}

// lacks says which sectors of a piece that was written are not as they should be.
func (l *Loader) lacks(ctx context.Context, addr uint32, data []byte) (sectorSet, error) {
	differ := sectorSet{}
	c := &comparison{l: l, s: &stretch{addr, data}, differ: differ}
	return differ, c.run(ctx)
}
