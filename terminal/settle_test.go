package terminal

import (
	"bytes"
	"slices"
	"testing"

	"unbrick/protocol/smp"
	"unbrick/terminal/record"
)

// interrupted returns a device whose record says that sector 0 was being rewritten, with the image that it had before.
func interrupted(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, 8, 0xFF, 4)
	if err := b.write(func(rec *record.Record) { rec.State, rec.From = record.Rewriting, b.signed }); err != nil {
		t.Fatal(err)
	}
	if err := b.records.Mark(0); err != nil {
		t.Fatal(err)
	}
	b.part.Erased = nil
	return b
}

// TestBootRefreshes boots a device whose image is right and has a sector that may be weak: either it runs, and then nothing in
// it is weak any more, or it waits.
func TestBootRefreshes(t *testing.T) {
	ran, waited := 0, 0
	b := interrupted(t)
	cells := bytes.Clone(b.part.Cells)
	for range 60 {
		b.part.Load(cells)
		b.part.Flicker[b.area.Base+100] = 0x04
		b.reset(t)
		if b.Boot() == Restoration {
			waited++
			continue
		}
		ran++
		if len(b.part.Flicker) != 0 {
			t.Fatal("runs with a bit that flickers")
		}
		if !bytes.Equal(b.part.Cells[b.area.Base:][:len(b.image)], b.image) {
			t.Fatal("runs another image")
		}
		if rec := b.records.Newest(); rec.State != record.Installed || len(b.doubtful()) != 0 {
			t.Errorf("record %v, doubtful %v", rec.State, b.doubtful())
		}
	}
	if ran == 0 || waited == 0 {
		t.Errorf("%d ran, %d waited: nothing was tried", ran, waited)
	}
}

// TestRefreshIsNamedFirst checks, whenever the boot erases a sector of software, that the record names it in its body: a mark of
// the power-up before may be gone at the next one.
func TestRefreshIsNamedFirst(t *testing.T) {
	b := interrupted(t)
	seen := 0
	b.reset(t)
	b.part.OnErase = func(addr uint32) {
		if addr < b.area.Base {
			return
		}
		seen++
		now := newBench(t, 8, 0xFF, 4)
		cells := bytes.Clone(b.part.Cells)
		for _, s := range b.layout.Records() { // without what stands behind the records: the last entries of a sector
			at, n := b.layout.Geometry.Sector(s)
			p := cells[at : at+n]
			for k := len(p) - 8; k >= 0 && !(p[k+3] == 0xA5); k -= 8 {
				copy(p[k:], bytes.Repeat([]byte{0xFF}, 8))
			}
		}
		now.part.Load(cells)
		now.reset(t)
		if !now.records.Doubtful(0) {
			t.Error("a sector is erased that only a mark of another power-up names")
		}
	}
	if mode := b.Boot(); mode != Running || seen != 1 {
		t.Errorf("%v after %d erases of software", mode, seen)
	}
}

// TestInstalledWithDoubt refreshes a doubtful sector of an installed image as well.
func TestInstalledWithDoubt(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	b.records.SetDoubt(0)
	b.records.SetDoubt(2) // behind the image: stays doubtful, is not touched
	if err := b.write(nil); err != nil {
		t.Fatal(err)
	}
	b.part.Erased = nil
	b.reset(t)
	if mode := b.Boot(); mode != Running {
		t.Fatal(mode)
	}
	touched := 0
	for _, addr := range b.part.Erased {
		if addr >= b.area.Base {
			touched++
		}
		if addr > b.area.Base {
			t.Errorf("erased 0x%x", addr)
		}
	}
	b.reset(t)
	if got := b.doubtful(); touched != 1 || !slices.Equal(got, []int{2}) {
		t.Errorf("%d sectors refreshed, doubtful %v", touched, got)
	}
}

// TestRefreshedAndNotRecorded: an installed record names a sector of its image. The boot refreshes it and cannot say so any more:
// this boot and the next run what is right.
func TestRefreshedAndNotRecorded(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	b.records.SetDoubt(0)
	if err := b.write(nil); err != nil {
		t.Fatal(err)
	}
	addr, _ := b.layout.Geometry.Sector(b.layout.Records()[1])
	b.part.Broken[addr+16] = true // it holds the record, and takes no other
	for n := range 3 {
		b.reset(t)
		if mode := b.Boot(); mode != Running || !bytes.Equal(b.part.Cells[b.area.Base:][:len(b.image)], b.image) {
			t.Errorf("boot %d: %v, %v", n+1, mode, b.Why())
		}
	}
}

// TestTouchThatFails: a sector that was not finished stays doubtful although others are marked after it.
func TestTouchThatFails(t *testing.T) {
	b := newBench(t, 8, 0xFF, 8)
	if err := b.write(func(rec *record.Record) { rec.State = record.Rewriting }); err != nil {
		t.Fatal(err)
	}
	addr, _ := b.layout.Geometry.Sector(b.area.First + 3)
	b.part.Broken[addr] = true
	data := bytes.Repeat([]byte{0x11}, 4096)
	if err := b.touch(3, data); err == nil {
		t.Fatal("a sector that fails was written")
	}
	if err := b.touch(5, data); err != nil {
		t.Fatal(err)
	}
	b.reset(t)
	if got := b.doubtful(); !slices.Equal(got, []int{3, 5}) {
		t.Errorf("doubtful %v, want 3 and 5", got)
	}
}

// TestHolds says which sectors of a full image need not be written.
func TestHolds(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	data := bytes.Clone(b.part.Cells[b.area.Base:][:4096])
	if !b.holds(0, data) {
		t.Error("an equal sector is written again")
	}
	if b.holds(2, bytes.Repeat([]byte{0xFF}, 4096)) {
		t.Error("a sector that only reads erased is skipped")
	}
	data[0]++
	if b.holds(0, data) {
		t.Error("another sector is skipped")
	}
	data[0]--
	b.records.SetDoubt(0)
	if b.holds(0, data) {
		t.Error("a doubtful sector is skipped")
	}
}

// TestNoVerdictOverDoubt gives no verdict while a doubtful sector of the image is left, right as it reads.
func TestNoVerdictOverDoubt(t *testing.T) {
	b := interrupted(t)
	b.reset(t)
	h := &b.restoration
	if err := h.ram.seize(0); err != nil {
		t.Fatal(err)
	}
	m := b.software.to.Manifest
	if err := h.rewrite.layOut(&m, m.Leaves()); err != nil {
		t.Fatal(err)
	}
	h.want(&m, b.signed)
	h.leaves, h.phase = leavesComing, smp.PhaseReady
	if h.conclude(); h.fault != smp.FaultVerify || h.addr != b.area.Base || b.records.Newest().State != record.Rewriting {
		t.Errorf("%v at 0x%x, record %v", h.fault, h.addr, b.records.Newest().State)
	}
	if h.prepare(); h.refreshed != 1 || b.records.Doubtful(0) {
		t.Fatalf("%d refreshed", h.refreshed)
	}
	if h.conclude(); h.phase != smp.PhaseDone || b.records.Newest().State != record.Installed {
		t.Errorf("%v, %v", h.phase, h.fault)
	}
}

// TestSource refuses to read what must not be believed.
func TestSource(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	b.records.SetDoubt(1)
	p := make([]byte, 100)
	for _, tt := range []struct {
		addr uint32
		ok   bool
	}{{0, true}, {3996, true}, {3997, false}, {5000, false}, {8191, false}, {8192, true}, {16384 - 100, true}, {16384 - 99, false}} {
		if err := b.rewriter.source.Read(tt.addr, p); (err == nil) != tt.ok {
			t.Errorf("at %d: %v", tt.addr, err)
		}
	}
}
