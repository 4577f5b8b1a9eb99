package esp

import (
	"bytes"
	"compress/zlib"
	"time"

	"unbrick/restore/family"
)

const (
	plainMost    = 16  // sectors of a plain piece, within 64 KiB, which a flash erases at once
	deflatedMost = 256 // of a deflated one
	blankLeast   = 4   // sectors that are to be erased and not written, for a piece of their own
	framing      = 2 + header + 16
	beginning    = 2 + header + 20
	eraseTime    = 60 * time.Millisecond
	blockTime    = 4 * time.Millisecond
)

// how a piece is written.
type how uint8

const (
	plain    how = iota
	deflated     // as one zlib stream
	blank        // erased, and nothing is sent
)

// piece is what one begin erases, and what is sent for it.
type piece struct {
	addr    uint32
	data    []byte // of whole sectors
	how     how
	stream  []byte // of a deflated one
	planned uint64 // work that it is taken for, in microseconds
}

func (p *piece) sectors() int { return len(p.data) / sector }

func (p *piece) blocks() int {
	switch p.how {
	case blank:
		return 0
	case deflated:
		return (len(p.stream) + block - 1) / block
	}
	return len(p.data) / block
}

// bytes is what travels for it, but for escapes.
func (p *piece) bytes() uint64 {
	n := len(p.data)
	switch p.how {
	case blank:
		n = 0
	case deflated:
		n = len(p.stream)
	}
	return uint64(n + p.blocks()*framing + beginning)
}

// plan is how a difference will be written.
type plan struct {
	pic    *picture
	d      *family.Difference
	guards []piece // in the order in which they are erased; written the other way round
	pieces []piece
}

func (p *plan) behind() uint64 { return uint64(p.pic.behind()) }

// make fills in the difference and the pieces. When so much differs that it would take more bytes than all parts in one go, all is
// written.
func (p *plan) make(l *Loader, differ sectorSet) {
	guards := p.guarded(l, differ)
	p.cut(l, differ, guards)
	if n := len(differ); n < p.d.Blocks && 2*n > p.d.Blocks {
		whole := &plan{pic: p.pic, d: p.d}
		all := sectorSet{}
		for _, at := range p.pic.sectorsOf() {
			all[at] = true
		}
		guards := whole.guarded(l, all)
		if whole.cut(l, all, guards); whole.bytes() < p.bytes() {
			p.pieces, p.guards = whole.pieces, whole.guards
			differ = all
		}
	}
	p.d.Write = differ.ranges()
	p.d.Differ = len(differ)
	p.d.Bytes = p.bytes()
	p.d.Work = p.work(l)
}

func (p *plan) bytes() uint64 {
	n := uint64(0)
	for _, list := range [][]piece{p.guards, p.pieces} {
		for i := range list {
			n += list[i].bytes()
		}
	}
	return n
}

func (p *plan) work(l *Loader) time.Duration {
	d := time.Duration(0)
	for _, list := range [][]piece{p.guards, p.pieces} {
		for i := range list {
			d += list[i].work(l)
		}
	}
	return d
}

func (p *piece) work(l *Loader) time.Duration {
	return p.erasing() + time.Duration(p.blocks())*(l.rom.turn+blockTime) + l.line.Time(int(p.bytes()))
}

// budget sets the work that each piece is taken for, and returns that of all.
func (p *plan) budget(l *Loader) uint64 {
	all := uint64(0)
	for i := range p.guards {
		g := &p.guards[i]
		g.planned = micros(g.work(l))
		e := g.erased(l)
		all += g.planned + e.planned
	}
	for i := range p.pieces {
		p.pieces[i].planned = micros(p.pieces[i].work(l))
		all += p.pieces[i].planned
	}
	return all
}

// erased is a piece that is only erased.
func (p *piece) erased(l *Loader) piece {
	e := piece{addr: p.addr, data: p.data, how: blank}
	e.planned = micros(e.work(l))
	return e
}

func (p *piece) erasing() time.Duration { return time.Duration(p.sectors()) * eraseTime }

// guarded adds to what differs the sectors that make an image one: the first of every part that begins with an image's header, and that
// of the boot loader, wherever it lies. They are erased before all else and written after it, so that what is torn does not start. A
// part of which nothing differs keeps its own.
func (p *plan) guarded(l *Loader, differ sectorSet) sectorSet {
	guards := sectorSet{}
	size := uint32(1)
	if l.chip.is8266() {
		size = 2 // its ROM cannot erase one sector alone
	}
	for _, part := range p.d.Parts {
		s := stretch{part.Offset, part.Data}
		for _, at := range []uint32{part.Offset, l.chip.loader} {
			if at < s.addr || at >= s.behind() || s.data[at-s.addr] != imageMagic || at%sector != 0 || s.sectors() <= 2*int(size) {
				continue
			}
			others := false
			for k := range s.sectors() {
				a := s.first() + uint32(k)*sector
				others = others || differ[a] && (a < at || a >= at+size*sector)
			}
			if !others {
				continue
			}
			for k := range size {
				guards[at+k*sector] = true
				differ[at+k*sector] = true
			}
		}
	}
	return guards
}

const imageMagic = 0xe9

// cut makes pieces of what differs.
func (p *plan) cut(l *Loader, differ, guards sectorSet) {
	for _, r := range guards.ranges() {
		for at := uint64(r.Addr); at < r.End(); {
			n := 1
			if l.chip.is8266() {
				n = 2
			}
			p.guards = append(p.guards, piece{addr: uint32(at), data: p.pic.fill(uint32(at), n)})
			at += uint64(n) * sector
		}
	}
	rest := sectorSet{}
	for at := range differ {
		if !guards[at] {
			rest[at] = true
		}
	}
	for _, r := range rest.ranges() {
		p.pieces = append(p.pieces, l.cut(p.pic, r)...)
	}
}

// cut makes pieces of a run of sectors.
func (l *Loader) cut(pic *picture, r family.Range) []piece {
	n := int(r.Size / sector)
	if l.chip.is8266() {
		return cut8266(pic, r.Addr, n)
	}
	data := pic.fill(r.Addr, n)
	var list []piece
	for i := 0; i < n; {
		j := i
		empty := isErased(data[i*sector : (i+1)*sector])
		for j < n && isErased(data[j*sector:(j+1)*sector]) == empty {
			j++
		}
		if !empty { // what is erased for a sector or three is better written along
			for k := j; k < n; {
				m := k
				for m < n && isErased(data[m*sector:(m+1)*sector]) {
					m++
				}
				if m-k >= blankLeast {
					break
				}
				for m < n && !isErased(data[m*sector:(m+1)*sector]) {
					m++
				}
				j, k = m, m
			}
		}
		at, d := r.Addr+uint32(i)*sector, data[i*sector:j*sector]
		if empty {
			list = append(list, pieces(at, d, deflatedMost, blank)...)
		} else {
			list = append(list, l.packed(at, d)...)
		}
		i = j
	}
	return list
}

// packed makes pieces of data, deflated where that is shorter.
func (l *Loader) packed(addr uint32, data []byte) []piece {
	if l.held.given || !l.digests() {
		return pieces(addr, data, plainMost, plain)
	}
	most := deflatedMost
	if l.held.faults > 0 {
		most = plainMost
	}
	var list []piece
	for _, p := range pieces(addr, data, most, deflated) {
		p.stream = deflate(p.data)
		simple := pieces(p.addr, p.data, plainMost, plain)
		n := uint64(0)
		for i := range simple {
			n += simple[i].bytes()
		}
		if p.bytes()+l.held.cost() >= n {
			list = append(list, simple...)
		} else {
			list = append(list, p)
		}
	}
	return list
}

// pieces cuts data into pieces of at most so many sectors, at whole multiples of that.
func pieces(addr uint32, data []byte, most int, how how) []piece {
	var list []piece
	for len(data) > 0 {
		n := min(len(data), most*sector-int(addr%uint32(most*sector)))
		list = append(list, piece{addr: addr, data: data[:n], how: how})
		addr += uint32(n)
		data = data[n:]
	}
	return list
}

func deflate(p []byte) []byte {
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, zlib.BestCompression)
	if err == nil {
		_, err = w.Write(p)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // a Buffer takes everything
	}
	return b.Bytes()
}
