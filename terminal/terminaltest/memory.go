package terminaltest

import (
	"bytes"

	"unbrick/terminal"
)

func whole(t TB, r *Rig) {
	b := newBench(t, r)
	b.must(b.Layout.Validate(), "layout")
	if g := b.Flash.Geometry(); g.String() != b.Layout.Geometry.String() || g.ProgramUnit != b.Layout.Geometry.ProgramUnit ||
		g.Page != b.Layout.Geometry.Page || g.Erased != b.Layout.Geometry.Erased {
		t.Errorf("the flash is %v, the layout's %v", g, &b.Layout.Geometry)
	}
	if b.Cause < terminal.PowerOn || b.Cause > terminal.ExternalReset {
		t.Errorf("the cause of the reset is %d", b.Cause)
	}
	b.must(terminal.New(new(terminal.Terminal), r.Hardware), "a terminal on this hardware")
}

func regions(t TB, r *Rig) {
	b := newBench(t, r)
	list := b.list()
	end, usable, running := uint64(0), 0, 0
	for i, r := range list {
		switch {
		case r.Size == 0:
			t.Errorf("region %d %q is empty", i, r.Name)
		case uint64(r.Off) < end:
			t.Errorf("region %d %q begins at 0x%x, inside the one before it, which ends at 0x%x", i, r.Name, r.Off, end)
		case uint64(r.Off)+uint64(r.Size) > 1<<32:
			t.Errorf("region %d %q does not end", i, r.Name)
		}
		end = uint64(r.Off) + uint64(r.Size)
		switch r.State {
		case terminal.RegionFixed:
		case terminal.RegionRunning:
			running++
			usable++
		case terminal.RegionStopped, terminal.RegionFree:
			usable++
		case terminal.RegionWorkspace:
			t.Errorf("region %d %q is workspace, and nobody has claimed any", i, r.Name)
		default:
			t.Errorf("region %d %q is in state %d", i, r.Name, r.State)
		}
	}
	if usable == 0 {
		t.Errorf("of %d regions none can be had", len(list))
	}
	_ = b.missing(running > 0, "applications that run: there are none")
	b.unchanged(list, "a look")
}

func stopStart(t TB, r *Rig) {
	b := newBench(t, r)
	before := b.list()
	for i, r := range before {
		switch r.State {
		case terminal.RegionRunning:
			b.must(b.RAM.Stop(i), "stop region %d", i)
			b.wantState(before, i, terminal.RegionStopped, "stop")
			b.must(b.RAM.Start(i), "start region %d", i)
			b.wantState(before, i, terminal.RegionRunning, "start")
		case terminal.RegionFixed:
			if b.RAM.Stop(i) == nil {
				t.Errorf("stop of the fixed region %d succeeded", i)
			}
			b.unchanged(before, "stop of a fixed region")
		case terminal.RegionStopped, terminal.RegionFree, terminal.RegionWorkspace:
		}
	}
	for _, i := range []int{-1, len(before)} {
		if b.RAM.Stop(i) == nil {
			t.Errorf("stop of region %d of %d succeeded", i, len(before))
		}
	}
}

// mustNotClaim fails if so many bytes can be had, or if the attempt changes anything.
func (b *bench) mustNotClaim(off, n uint32, why string) {
	b.Helper()
	before := b.list()
	if _, err := b.RAM.Claim(off, n); err == nil {
		b.Fatalf("claim of %d bytes at 0x%x succeeded: %s", n, off, why)
	}
	b.unchanged(before, "a refused claim")
}

func claimRefused(t TB, r *Rig) {
	b := newBench(t, r)
	list := b.list()
	for i, r := range list {
		if r.State != terminal.RegionRunning && r.State != terminal.RegionFixed {
			continue
		}
		b.mustNotClaim(r.Off, r.Size, "it is fixed, or an application runs in it")
		b.mustNotClaim(r.Off, 1, "its first byte is fixed, or an application runs in it")
		b.mustNotClaim(r.Off+r.Size-1, 1, "its last byte is fixed, or an application runs in it")
		if i > 0 && list[i-1].State == terminal.RegionRunning {
			b.must(b.RAM.Stop(i-1), "stop region %d", i-1)
			b.mustNotClaim(list[i-1].Off, list[i-1].Size+1, "it reaches into what is fixed, or runs")
			b.must(b.RAM.Start(i-1), "start region %d", i-1)
		}
	}
	b.stopAll()
	for i, r := range list {
		if r.State != terminal.RegionFixed && (i == len(list)-1 || list[i+1].Off != r.Off+r.Size) {
			b.mustNotClaim(r.Off, r.Size+1, "it reaches into what is nobody's")
			b.mustNotClaim(r.Off, ^uint32(0)-r.Off+1, "it reaches beyond all memory")
		}
	}
	off, n := b.window()
	b.claim(off, n/2)
	b.mustNotClaim(off+n/2, n-n/2, "there is a workspace already")
	b.RAM.Release()
}

func claim(t TB, r *Rig) {
	b := newBench(t, r)
	b.stopAll()
	before := b.list()
	try := func(off, n uint32) {
		b.Helper()
		mem := pattern(b.claim(off, n), off)
		for i, r := range b.list() {
			want := before[i].State
			if r.Off < off+n && off < r.Off+r.Size {
				want = terminal.RegionWorkspace
			}
			if r.State != want {
				t.Errorf("with a claim of %d bytes at 0x%x region %d is in state %d, want %d", n, off, i, r.State, want)
			}
		}
		b.wantPattern(mem, off, "write of the whole workspace")
		b.RAM.Release()
		b.unchanged(before, "release")
	}
	for _, r := range before {
		if r.State == terminal.RegionFixed {
			continue
		}
		try(r.Off, r.Size)
		try(r.Off, 1)
		try(r.Off+r.Size-1, 1)
		if r.Size > 3 {
			try(r.Off+1, r.Size-3)
		}
	}
	try(b.window())
}

func giveBack(t TB, r *Rig) {
	b := newBench(t, r)
	before := b.list()
	b.RAM.Release()
	b.unchanged(before, "release of nothing")
	b.stopAll()
	off, n := b.window()
	for range 3 {
		pattern(b.claim(off, n), 1)
		b.RAM.Release()
		b.RAM.Release()
	}
	b.secure(0)
	b.RAM.Release() // with what is resident
	b.startAll()
	b.unchanged(before, "release and start")
}

func resident(t TB, r *Rig) {
	b := newBench(t, r)
	mem := b.secure(1)
	b.wantPattern(mem, 1, "with the rewriter resident")
	addr, n := b.scratch()
	page := pattern(make([]byte, b.Layout.Geometry.Page), 2)
	for i := range 2 {
		b.erase(addr, n)
		b.wantFlash(addr, b.blank(n), "erase")
		b.program(addr, page)
		b.wantFlash(addr, page, "program")
		b.wantPattern(mem, 1, "erase and program")
		if i == 0 { // what was resident is gone, and comes again
			b.RAM.Release()
			mem = b.secure(1)
		}
	}
	b.RAM.Release()
	b.startAll()
	b.wantFlash(addr, page, "release")
}

// residentRefused lets one application run, the last first, and claims what there is beside it.
func residentRefused(t TB, r *Rig) {
	b := newBench(t, r)
	code := b.identity().Resident
	before, tried := b.list(), 0
	for k := range before {
		i := len(before) - 1 - k
		if before[i].State != terminal.RegionRunning {
			continue
		}
		b.stopAll()
		b.must(b.RAM.Start(i), "start region %d", i)
		off, n := b.window()
		if n < max(code, 1) {
			continue
		}
		mem := b.claim(off, n)
		keep := bytes.Clone(mem)
		if b.RAM.Resident(mem[n-code:]) == nil {
			t.Errorf("the rewriter becomes resident while the application of region %d runs", i)
		} else if !bytes.Equal(keep, mem) {
			t.Errorf("a refused Resident has changed the workspace")
		}
		b.RAM.Release()
		tried++
	}
	_ = b.missing(tried > 0, "resident code beside an application: there is no room for both")
	b.startAll()
	b.unchanged(before, "refused residency")
}
