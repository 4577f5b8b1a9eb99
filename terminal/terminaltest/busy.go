package terminaltest

import (
	"errors"
	"time"

	"unbrick/flash"
	"unbrick/terminal"
)

func clock(t TB, r *Rig) {
	b := newBench(t, r)
	last := b.Clock.Now()
	look := func(during string) {
		b.Helper()
		now := b.Clock.Now()
		if now < last {
			b.Fatalf("the clock goes back from %v to %v during %s", last, now, during)
		}
		last = now
	}
	b.secure(0)
	for range 200 {
		look("reads of the cable")
		b.read(16, time.Millisecond)
	}
	addr, n := b.scratch()
	for range 3 {
		look("idleness")
		before := last
		b.must(b.Flash.Erase(addr, n), "erase")
		look("an erase")
		b.must(b.Flash.Wait(), "erase")
		look("an erase")
		if last == before {
			t.Errorf("the clock stood still at %v while a sector was erased", last)
		}
	}
}

func poller(t TB, r *Rig) {
	b := newBench(t, r)
	p, ok := b.Flash.(terminal.Poller)
	if b.missing(ok, "Busy: the flash is no Poller") {
		return
	}
	b.secure(0)
	addr, n := b.scratch()
	if p.Busy() {
		t.Errorf("an idle part is busy")
	}
	page := pattern(make([]byte, b.Layout.Geometry.Page), 4)
	b.erase(addr, n)
	b.program(addr, page)
	b.must(b.Flash.Erase(addr, n), "erase")
	if !p.Busy() {
		t.Errorf("a part that erases is not busy")
	}
	for start := b.Clock.Now(); p.Busy(); {
		if b.Clock.Now()-start > patience {
			t.Fatalf("an erase is busy for %v", patience)
		}
		b.read(64, time.Millisecond) // the cable is listened to meanwhile
	}
	b.must(b.Flash.Wait(), "wait after Busy")
	b.wantFlash(addr, b.blank(n), "erase")
	if p.Busy() {
		t.Errorf("an idle part is busy")
	}
}

func (b *bench) protected(err error, what string) {
	b.Helper()
	if !errors.Is(err, flash.ErrProtected) {
		b.Errorf("%s: got %v, want %v", what, err, flash.ErrProtected)
		if err == nil {
			b.must(b.Flash.Wait(), "%s", what)
		}
	}
}

// bootArea tries what changes nothing before it tries to erase.
func bootArea(t TB, r *Rig) {
	b := newBench(t, r)
	b.secure(0)
	g := &b.Layout.Geometry
	first := b.Layout.SoftwareFirst() - 2 // the records lie between
	for i := range first {
		addr, n := g.Sector(i)
		at := addr + n - g.ProgramUnit
		err := b.Flash.Program(at, b.blank(g.ProgramUnit))
		if err == nil {
			b.must(b.Flash.Wait(), "program of the boot area")
		}
		if !errors.Is(err, flash.ErrProtected) {
			t.Fatalf("program of the boot area at 0x%x: got %v, want %v", at, err, flash.ErrProtected)
		}
	}
	for i := range first {
		addr, n := g.Sector(i)
		b.protected(b.Flash.Erase(addr, n), "erase of the boot area")
	}
}

func locker(t TB, r *Rig) {
	b := newBench(t, r)
	l, ok := b.Flash.(terminal.Locker)
	if b.missing(ok, "locks: the flash is no Locker") || b.missing(len(b.Layout.Settings) > 0, "locks: there is no settings area") {
		return
	}
	b.secure(0)
	g := &b.Layout.Geometry
	for _, a := range b.Layout.Settings {
		first := g.SectorAt(a.Addr)
		_, size := g.Sector(first)
		b.protected(b.Flash.Erase(a.Addr, size), "erase of a settings area at first")
		b.must(l.Unlock(a.Addr, a.Size), "unlock %q", a.Name)
		for i := first; i < g.Sectors(); i++ {
			addr, n := g.Sector(i)
			if addr >= a.Addr+a.Size {
				break
			}
			b.erase(addr, n)
			b.wantFlash(addr, b.blank(n), "erase of a settings area")
		}
		b.protected(b.Flash.Program(a.Addr, make([]byte, g.ProgramUnit)), "program of an unlocked settings area")
		for _, other := range b.Layout.Settings {
			if other != a {
				_, n := g.Sector(g.SectorAt(other.Addr))
				b.protected(b.Flash.Erase(other.Addr, n), "erase of another settings area")
			}
		}
		_, boot := g.Sector(0)
		b.protected(b.Flash.Erase(0, boot), "erase of the boot area with something unlocked")
		l.Lock()
		b.protected(b.Flash.Erase(a.Addr, size), "erase of a settings area that is locked again")
	}
	if l.Unlock(0, b.Layout.Boot) == nil {
		t.Errorf("the boot area can be unlocked")
	}
	l.Lock()
}

// pauser programs pages in pauses, with all applications running, and bytes arrive meanwhile.
func pauser(t TB, r *Rig) {
	b := newBench(t, r)
	p, ok := b.RAM.(terminal.Pauser)
	if b.PauseMax > 0 && !ok {
		t.Fatalf("pauses of at most %v, and the memory is no Pauser", b.PauseMax)
	}
	if b.missing(b.PauseMax > 0, "pauses: this device makes none") {
		return
	}
	addr, n := b.scratch()
	b.secure(0)
	b.erase(addr, n)
	b.RAM.Release()
	b.startAll()
	before := b.list()
	b.drain()
	var sent []byte
	if b.far != nil {
		sent = pattern(make([]byte, b.Cable.Depth()), 5)
	}
	p.Resume() // of nothing
	page := b.Layout.Geometry.Page
	want := b.blank(n)
	for at := uint32(0); at+page <= n && at < 16*page; at += page {
		pattern(want[at:at+page], at)
		if at == 0 && b.far != nil {
			b.far.Send(sent)
		}
		start := b.Clock.Now()
		b.must(p.Pause(), "pause")
		b.must(b.Flash.Program(addr+at, want[at:at+page]), "program a page in a pause")
		b.must(b.Flash.Wait(), "program a page in a pause")
		took := b.Clock.Now() - start
		p.Resume()
		if took > b.PauseMax {
			t.Errorf("a pause for one page took %v, at most %v", took, b.PauseMax)
		}
		b.unchanged(before, "a pause")
	}
	b.wantFlash(addr, want, "programs in pauses")
	if b.far != nil {
		b.wantBytes(b.collect(len(sent), 256), sent, "what came during pauses")
	}
}
