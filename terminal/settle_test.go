package terminal

import (
	"bytes"
	"testing"

	"unbrick/protocol/smp"
)

// interrupted makes a device whose record says rewriting of the image over itself, with the image's first
// sector marked last: what a cut in that sector leaves if it looks right.
func interrupted(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, 8, 0xFF, 4)
	d := b.draft()
	d.state = Rewriting
	d.setFrom(b.signed)
	b.carry(d, 0)
	if err := b.write(); err != nil {
		t.Fatal(err)
	}
	if err := b.mark(0); err != nil {
		t.Fatal(err)
	}
	b.part.erased = nil
	return b
}

// TestBootRefreshes lets one bit of the marked sector flicker. If the boot reads it right, it makes it
// firm before the image runs; if not, the device waits to be restored.
func TestBootRefreshes(t *testing.T) {
	ran, waited := 0, 0
	for range 60 {
		b := interrupted(t)
		b.part.flicker[b.base+100] = 0x04
		b.part.random.Uint64() // other draws
		for range ran + waited {
			b.part.random.Uint32()
		}
		b.reset(t)
		if b.Boot() == Restoration {
			waited++
			continue
		}
		ran++
		if len(b.part.flicker) != 0 {
			t.Fatal("runs with a bit that flickers")
		}
		if !bytes.Equal(b.part.b[b.base:][:len(b.image)], b.image) {
			t.Fatal("runs another image")
		}
		if rec := b.records.current(); rec.state != Installed || len(b.doubtfulOnes()) != 0 {
			t.Errorf("record %v, doubtful %v", rec.state, b.doubtfulOnes())
		}
	}
	if ran == 0 || waited == 0 {
		t.Errorf("%d ran, %d waited: nothing was tried", ran, waited)
	}
}

// TestRefreshIsNamedFirst checks, whenever the boot erases a sector of software, that the record names it
// in its body: a mark of the power-up before may be gone at the next one.
func TestRefreshIsNamedFirst(t *testing.T) {
	b := interrupted(t)
	seen := 0
	b.reset(t)
	b.part.onErase = func(addr uint32) {
		if addr < b.base {
			return
		}
		seen++
		now := newBench(t, 8, 0xFF, 4)
		copy(now.part.b, b.part.b)
		now.reset(t)
		i := now.records.newest
		marks := now.part.b[now.records.addr[i]+now.records.marks[i]:][:now.records.size[i]-now.records.marks[i]]
		for k := range marks {
			marks[k] = 0xFF
		}
		now.reset(t)
		if !now.doubtful(0) {
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
	b.setDoubt(0)
	b.setDoubt(2) // behind the image: stays doubtful, is not touched
	b.carry(b.draft(), 0)
	if err := b.write(); err != nil {
		t.Fatal(err)
	}
	b.part.erased = nil
	b.reset(t)
	if mode := b.Boot(); mode != Running {
		t.Fatal(mode)
	}
	touched := 0
	for _, addr := range b.part.erased {
		if addr >= b.base {
			touched++
		}
		if addr > b.base {
			t.Errorf("erased 0x%x", addr)
		}
	}
	b.reset(t)
	if got := b.doubtfulOnes(); touched != 1 || len(got) != 1 || got[0] != 2 {
		t.Errorf("%d sectors refreshed, doubtful %v", touched, got)
	}
}

// TestSectorIsErasedFirst writes a sector that reads erased: it is erased all the same.
func TestSectorIsErasedFirst(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	addr, _ := b.layout.Geometry.Sector(b.first + 2)
	if err := b.touch(2, bytes.Repeat([]byte{5}, 4096)); err != nil {
		t.Fatal(err)
	}
	if got := b.part.erased; got[len(got)-1] != addr {
		t.Errorf("erased %x", got)
	}
}

// TestHolds says which sectors of a full image need not be written.
func TestHolds(t *testing.T) {
	b := newBench(t, 8, 0xFF, 4)
	data := bytes.Clone(b.part.b[b.base:][:4096])
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
	b.setDoubt(0)
	if b.holds(0, data) {
		t.Error("a doubtful sector is skipped")
	}
}

// TestNoVerdictOverDoubt gives no verdict while a doubtful sector of the image is left, right as it reads.
func TestNoVerdictOverDoubt(t *testing.T) {
	b := interrupted(t)
	b.reset(t)
	if err := b.seize(0); err != nil {
		t.Fatal(err)
	}
	if err := b.enter20(&b.to.Manifest, b.signed, true); err != nil {
		t.Fatal(err)
	}
	b.host.phase = smp.PhaseReady
	if b.conclude(); b.host.fault != smp.FaultVerify || b.host.addr != b.base || b.records.current().state != Rewriting {
		t.Errorf("%v at 0x%x, record %v", b.host.fault, b.host.addr, b.records.current().state)
	}
	if b.prepare(); b.host.refreshed != 1 || b.doubtful(0) {
		t.Fatalf("%d refreshed", b.host.refreshed)
	}
	if b.conclude(); b.host.phase != smp.PhaseDone || b.records.current().state != Installed {
		t.Errorf("%v, %v", b.host.phase, b.host.fault)
	}
}
