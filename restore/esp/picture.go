package esp

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/family"
)

// stretch is a piece of flash without a gap.
type stretch struct {
	addr uint32
	data []byte
}

func (s *stretch) behind() uint32 { return s.addr + uint32(len(s.data)) }

// first is where its first sector begins, and sectors how many it touches.
func (s *stretch) first() uint32 { return s.addr &^ (sector - 1) }
func (s *stretch) sectors() int {
	return int((uint64(s.behind()) + sector - 1 - uint64(s.first())) / sector)
}

// part returns what of it lies in the sectors i to before j, and where.
func (s *stretch) part(i, j int) (uint32, []byte) {
	from := max(s.addr, s.first()+uint32(i)*sector)
	to := min(s.behind(), s.first()+uint32(j)*sector)
	return from, s.data[from-s.addr : to-s.addr]
}

// picture is what parts make of the flash.
type picture struct {
	all  []stretch // what the parts hold: ascending and apart
	keep []stretch // what lies in a sector of theirs and is kept
}

// newPicture joins parts that touch. They ascend, do not overlap, and end within the flash of the largest chip.
func newPicture(parts []release.Part) (*picture, error) {
	p := new(picture)
	for _, part := range parts {
		if len(part.Data) == 0 || uint64(part.Offset)+uint64(len(part.Data)) > ring {
			behind := uint64(part.Offset) + uint64(len(part.Data))
			return nil, &restore.Error{Code: restore.CodeTooLarge, Needs: uint32(min(behind, 1<<32-1)), Has: ring}
		}
		if n := len(p.all); n > 0 {
			last := &p.all[n-1]
			if part.Offset < last.behind() {
				return nil, &restore.Error{Code: restore.CodeBadFile, Err: errors.New("its parts overlap")}
			}
			if part.Offset == last.behind() {
				last.data = append(last.data[:len(last.data):len(last.data)], part.Data...)
				continue
			}
		}
		p.all = append(p.all, stretch{part.Offset, part.Data})
	}
	if len(p.all) == 0 {
		return nil, &restore.Error{Code: restore.CodeBadFile, Err: errors.New("it has no parts")}
	}
	return p, nil
}

func (p *picture) behind() uint32 { return p.all[len(p.all)-1].behind() }

// fill writes what n sectors from addr on shall hold; bytes of no part are erased ones.
func (p *picture) fill(addr uint32, n int) []byte {
	b := repeated(0xff, n*sector)
	for _, list := range [][]stretch{p.keep, p.all} {
		for _, s := range list {
			if s.addr < addr+uint32(len(b)) && s.behind() > addr {
				from, to := max(s.addr, addr), min(s.behind(), addr+uint32(len(b)))
				copy(b[from-addr:], s.data[from-s.addr:to-s.addr])
			}
		}
	}
	return b
}

// gaps are pieces in front of a part within its first sector, which belong to no part and are lost when that is erased.
func (p *picture) gaps() []family.Range {
	var list []family.Range
	for i := range p.all {
		s := &p.all[i]
		from := s.first()
		if i > 0 {
			from = max(from, p.all[i-1].behind())
		}
		if from < s.addr {
			list = append(list, family.Range{Addr: from, Size: s.addr - from})
		}
	}
	return list
}

// sectorsOf are the sectors that all parts touch, ascending, each once.
func (p *picture) sectorsOf() []uint32 {
	var list []uint32
	for i := range p.all {
		s := &p.all[i]
		for k := range s.sectors() {
			list = append(list, s.first()+uint32(k)*sector)
		}
	}
	return slices.Compact(list)
}

// runs are the sectors that all parts touch, as ranges.
func (p *picture) runs() []family.Range {
	m := sectorSet{}
	for _, at := range p.sectorsOf() {
		m[at] = true
	}
	return m.ranges()
}

// sectorSet are sectors by their address.
type sectorSet map[uint32]bool

// ranges are the sectors of a set as runs.
func (m sectorSet) ranges() []family.Range {
	var list []family.Range
	for _, at := range m.sorted() {
		if n := len(list); n > 0 && list[n-1].End() == uint64(at) {
			list[n-1].Size += sector
			continue
		}
		list = append(list, family.Range{Addr: at, Size: sector})
	}
	return list
}

func (m sectorSet) sorted() []uint32 {
	list := make([]uint32, 0, len(m))
	for at := range m {
		list = append(list, at)
	}
	slices.SortFunc(list, cmp.Compare[uint32])
	return list
}

// isErased says whether all bytes are those of an erased flash.
func isErased(p []byte) bool {
	for _, b := range p {
		if b != 0xff {
			return false
		}
	}
	return true
}

func micros(d time.Duration) uint64 { return uint64(max(0, d) / time.Microsecond) }

// teller tells where a work stands. What it tells never goes back.
type teller struct {
	line   *family.Line
	report family.Report
	begin  time.Duration
	p      restore.Progress
}

// work tells that so much is done.
func (t *teller) work(n uint64) {
	t.p.Work = max(t.p.Work, min(n, t.p.WorkOf))
	t.tell()
}

func (t *teller) tell() {
	t.p.Elapsed = t.line.Now() - t.begin
	if t.report != nil {
		t.report(t.p)
	}
}
