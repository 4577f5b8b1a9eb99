package flashtest

import (
	"bytes"
	"errors"

	"unbrick/flash"
)

func geometry(t TB, d flash.Device) {
	r := newRig(t, d)
	if again := d.Geometry(); again.String() != r.g.String() || again.ProgramUnit != r.g.ProgramUnit || again.Page != r.g.Page ||
		again.Erased != r.g.Erased {
		t.Errorf("Geometry() changes: %v, then %v", r.g, again)
	}
	r.open()
}

func readBounds(t TB, d flash.Device) {
	r := newRig(t, d)
	r.open()
	size := r.g.Size()
	for _, c := range []struct {
		addr uint32
		n    int
		ok   bool
	}{
		{0, 0, true}, {0, 1, true}, {size - 1, 1, true}, {size, 0, true},
		{size, 1, false}, {size - 1, 2, false}, {size + 1, 0, false}, {size + 1, 1, false},
		{^uint32(0), 1, false}, {^uint32(0), 2, false}, {^uint32(0) - 3, 8, false}, {0, int(size) + 1, false},
	} {
		err := d.Read(c.addr, make([]byte, c.n))
		if c.ok && err != nil {
			t.Errorf("read %d bytes at 0x%x: %v", c.n, c.addr, err)
		}
		if !c.ok && !errors.Is(err, flash.ErrBounds) {
			t.Errorf("read %d bytes at 0x%x of 0x%x: got %v, want %v", c.n, c.addr, size, err, flash.ErrBounds)
		}
	}
	if err := d.Wait(); err != nil {
		t.Errorf("wait on an idle part: %v", err)
	}
}

func erase(t TB, d flash.Device) {
	r := newRig(t, d)
	sectors := r.open()
	for _, i := range sectors {
		addr, n := r.g.Sector(i)
		r.want(addr, r.blank(n), "erase")
		r.fill(addr, r.data(n, uint64(i)))
	}
	for k, i := range sectors {
		r.erase(i)
		for m, j := range sectors {
			addr, n := r.g.Sector(j)
			want := r.blank(n)
			if m > k {
				want = r.data(n, uint64(j))
			}
			r.want(addr, want, "erase of a sector")
		}
		r.erase(i) // what is erased can be erased
	}
}

func eraseBounds(t TB, d flash.Device) {
	r := newRig(t, d)
	sectors := r.open()
	size := r.g.Size()
	for _, i := range sectors {
		addr, n := r.g.Sector(i)
		p := r.data(r.g.Page, 5)
		r.program(addr, p)
		for _, c := range []struct{ addr, n uint32 }{
			{addr, 0}, {addr, n - 1}, {addr, n + 1}, {addr, n / 2}, {addr, r.g.Page}, {addr + 1, n}, {addr + 1, n - 1},
			{addr + r.g.Page, n}, {addr + n/2, n / 2}, {addr, n + r.g.Page}, {addr, size + 1}, {addr, ^uint32(0)}, {addr, -addr},
		} {
			if r.g.CheckErase(c.addr, c.n) == nil {
				continue // a sector or a block after all
			}
			r.refused(d.Erase(c.addr, c.n), flash.ErrBounds, "erase of neither a sector nor a block")
		}
		r.want(addr, p, "refused erases")
	}
	_, last := r.g.Sector(r.g.Sectors() - 1)
	for _, addr := range []uint32{size, size + last, -last, ^uint32(0)} {
		r.refused(d.Erase(addr, last), flash.ErrBounds, "erase beyond the end")
	}
}

func blocks(t TB, d flash.Device) {
	r := newRig(t, d)
	size := r.g.Size()
	for _, b := range r.g.Blocks {
		erased := false
		for _, addr := range []uint32{0, b, size/2 - size/2%b, size - size%b - b} {
			if r.g.CheckErase(addr, b) != nil {
				continue
			}
			r.open() // so that the first page of its first sector is erased, if that is a candidate
			err := d.Erase(addr, b)
			if errors.Is(err, flash.ErrProtected) {
				continue
			}
			if err != nil {
				t.Fatalf("erase block of %d bytes at 0x%x: %v", b, addr, err)
			}
			r.wait("erase of a block")
			p := r.data(r.g.Page, 3)
			r.program(addr, p)
			r.program(addr+b-r.g.Page, p)
			if err := d.Erase(addr, b); err != nil {
				t.Fatalf("erase block of %d bytes at 0x%x: %v", b, addr, err)
			}
			r.wait("erase of a block")
			r.want(addr, r.blank(b), "erase of a block")
			erased = true
			_, n := r.g.Sector(r.g.SectorAt(addr))
			r.refused(d.Erase(addr+n, b), flash.ErrBounds, "erase of a block that is not aligned")
		}
		if !erased {
			t.Logf("no block of %d bytes could be erased", b)
		}
	}
}

func program(t TB, d flash.Device) {
	r := newRig(t, d)
	unit, page := r.g.ProgramUnit, r.g.Page
	for _, i := range r.open() {
		addr, n := r.g.Sector(i)
		want := r.blank(n)
		put := func(at, m uint32) {
			if at+m > n || !bytes.Equal(want[at:at+m], r.blank(m)) {
				return // this sector is too small for another place
			}
			p := r.data(m, uint64(at))
			r.program(addr+at, p)
			copy(want[at:], p)
			r.want(addr, want, "program")
		}
		put(n-unit, unit)
		put(0, page)
		put(page, unit)
		put(2*page-unit, unit)
		put(2*page+page/2/unit*unit, page-page/2/unit*unit)
		put(3*page, page)
		put(4*page, unit)
	}
}

func programBounds(t TB, d flash.Device) {
	r := newRig(t, d)
	unit, page, size := r.g.ProgramUnit, r.g.Page, r.g.Size()
	for _, i := range r.open() {
		addr, n := r.g.Sector(i)
		for _, c := range []struct {
			addr uint32
			n    int
		}{
			{addr, 0}, {addr, int(page) + int(unit)}, {addr, int(page) + 1}, {addr, int(n)}, {addr, 2 * int(page)},
			{addr + page - unit, 2 * int(unit)}, {addr + unit, int(page)},
			{addr + 1, int(unit)}, {addr, int(unit) - 1}, {addr, int(unit) + 1}, {addr + unit/2, int(unit)},
		} {
			if r.g.CheckProgram(c.addr, c.n) == nil {
				continue
			}
			r.refused(d.Program(c.addr, make([]byte, c.n)), flash.ErrBounds, "program of a wrong place or length")
		}
		r.want(addr, r.blank(n), "refused programs")
	}
	for _, addr := range []uint32{size, size + page, -unit, -page, ^uint32(0)} {
		r.refused(d.Program(addr, make([]byte, unit)), flash.ErrBounds, "program beyond the end")
	}
}

func programOnce(t TB, d flash.Device) {
	r := newRig(t, d)
	unit, page := r.g.ProgramUnit, r.g.Page
	for _, i := range r.open() {
		addr, n := r.g.Sector(i)
		if n < 2*page {
			continue
		}
		want := r.blank(n)
		p := r.data(unit, 9)
		r.program(addr, p)
		copy(want, p)
		r.refused(d.Program(addr, p), flash.ErrProgram, "program of the same again")
		r.refused(d.Program(addr, bytes.Repeat([]byte{^r.g.Erased}, int(unit))), flash.ErrProgram, "program over a programmed unit")
		r.refused(d.Program(addr, r.blank(page)), flash.ErrProgram, "program of a page with a programmed unit")
		r.want(addr, want, "refused programs")
		r.program(addr+n-unit, r.blank(unit))
		r.refused(d.Program(addr+n-unit, p), flash.ErrProgram, "program over a unit programmed with erased bytes")
		r.want(addr, want, "refused programs")
		r.erase(i)
		r.program(addr, p)
		r.want(addr, want, "program after an erase")
	}
}

func programCopies(t TB, d flash.Device) {
	r := newRig(t, d)
	i := r.open()[0]
	addr, _ := r.g.Sector(i)
	want := r.data(r.g.Page, 2)
	p := bytes.Clone(want)
	if err := d.Program(addr, p); err != nil {
		t.Fatalf("program: %v", err)
	}
	clear(p)
	r.wait("program")
	r.want(addr, want, "program whose buffer was used again")
}

func busy(t TB, d flash.Device) {
	r := newRig(t, d)
	sectors := r.open()
	i := sectors[0]
	addr, n := r.g.Sector(i)
	other, m := r.g.Sector(sectors[len(sectors)-1])
	p := r.data(r.g.ProgramUnit, 4)
	access := func(during string) {
		r.refused(d.Read(addr, make([]byte, 1)), flash.ErrBusy, "read during "+during)
		r.refused(d.Read(other, make([]byte, 1)), flash.ErrBusy, "read elsewhere during "+during)
		r.refused(d.Erase(other, m), flash.ErrBusy, "erase during "+during)
		r.refused(d.Program(other+m-r.g.ProgramUnit, p), flash.ErrBusy, "program during "+during)
	}
	if err := d.Program(addr, p); err != nil {
		t.Fatalf("program: %v", err)
	}
	access("program")
	r.wait("program")
	r.want(addr, p, "program")
	if err := d.Erase(addr, n); err != nil {
		t.Fatalf("erase: %v", err)
	}
	access("erase")
	r.wait("erase")
	r.want(addr, r.blank(n), "erase")
	r.wait("nothing")
}

func protected(t TB, d flash.Device) {
	r := newRig(t, d)
	open := make(map[int]bool)
	for _, i := range r.open() {
		open[i] = true
	}
	for _, i := range r.candidates() {
		if open[i] {
			continue
		}
		addr, n := r.g.Sector(i)
		before := r.read(addr, int(n))
		r.refused(d.Erase(addr, n), flash.ErrProtected, "erase of a protected sector")
		for _, at := range []uint32{addr, addr + n - r.g.ProgramUnit} {
			r.refused(d.Program(at, make([]byte, r.g.ProgramUnit)), flash.ErrProtected, "program of a protected sector")
		}
		for _, b := range r.g.Blocks {
			if start := addr - addr%b; r.g.CheckErase(start, b) == nil {
				r.refused(d.Erase(start, b), flash.ErrProtected, "erase of a block with a protected sector")
			}
		}
		r.want(addr, before, "refused accesses to a protected sector")
	}
}
