package terminal

import (
	"errors"
	"testing"

	"unbrick/protocol/smp"
	"unbrick/release"
)

// wanting returns a device in restoration mode that wants the image that it has, in parts.
func wanting(t *testing.T) (*bench, *restoration) {
	t.Helper()
	b := newBench(t, 8, 0xFF, 4)
	h := &b.restoration
	if err := b.ram.seize(0); err != nil {
		t.Fatal(err)
	}
	m := b.software.to.Manifest
	if err := h.rewrite.layOut(&m, (m.Leaves()+7)/8); err != nil {
		t.Fatal(err)
	}
	h.want(&m, b.signed)
	h.leaves, h.phase = leavesComing, smp.PhaseReady
	return b, h
}

// TestLeavesThatDidNotFit: leaves that the device has read itself are not those of the host, also after the root did not fit: they are
// read again, and their sector is not one that the host has promised to write.
func TestLeavesThatDidNotFit(t *testing.T) {
	b, h := wanting(t)
	right := b.part.Cells[b.area.Base+100]
	b.part.Cells[b.area.Base+100] ^= 4 // read wrong this time
	if fault, addr := h.completeLeaves(); fault != smp.FaultLeaves || addr != 0 {
		t.Fatalf("%v at 0x%x", fault, addr)
	}
	b.part.Cells[b.area.Base+100] = right
	if fault, addr := h.completeLeaves(); fault != smp.FaultNone {
		t.Errorf("%v at 0x%x, with the flash as it should be", fault, addr)
	}
	if h.promised.has(0) {
		t.Error("a sector that the host has brought no leaf of counts as one that it will write")
	}
}

// TestLeavesOfTheHost: the host's stay.
func TestLeavesOfTheHost(t *testing.T) {
	b, h := wanting(t)
	for i := range h.wanted.Leaves() {
		at, n := h.wanted.LeafRange(i)
		h.rewrite.leaves.Set(i, release.Leaf(i, b.image[at:][:n]))
		h.rewrite.know(i)
	}
	b.part.Cells[b.area.Base+100] ^= 4
	if fault, _ := h.completeLeaves(); fault != smp.FaultNone || !h.promised.has(0) {
		t.Errorf("%v, promised %v", fault, h.promised.has(0))
	}
}

// TestWrongUploadIsAsNone: a file that is refused before anything was written leaves no failed restoration, whatever was written before.
func TestWrongUploadIsAsNone(t *testing.T) {
	b, h := wanting(t)
	h.forget()
	if h.renew() != nil { // for another restoration, which was given up
		t.Fatal("not written")
	}
	q := smp.UploadRequest{HasLength: true, Length: 5000, Data: []byte("UNBRICK9")}
	if err := h.handle(packetOf(t, &q)); err != nil {
		t.Fatal(err)
	}
	if h.phase != smp.PhaseIdle {
		t.Errorf("%v, %v, %d operations", h.phase, h.fault, b.area.Counts.Operations)
	}
}

// TestTooMuchOfAnUpload: a piece that is longer than what is left is refused, and nothing else becomes of it: what came before may go
// on, and what is whole stays so.
func TestTooMuchOfAnUpload(t *testing.T) {
	b, h := wanting(t)
	h.forget()
	file := append([]byte(release.FileMagic), 0, 0, 0, 0, byte(len(b.signed)), byte(len(b.signed)>>8), 0, 0)
	file = append(append(append(file, b.signed...), 0, 0, 0, 0), b.image...)
	ask := func(q *smp.UploadRequest) {
		t.Helper()
		if err := h.handle(packetOf(t, q)); err != nil {
			t.Fatal(err)
		}
	}
	half := len(file) - 1000
	ask(&smp.UploadRequest{HasLength: true, Length: uint32(len(file)), Data: file[:half]})
	ask(&smp.UploadRequest{Offset: uint32(half), Data: make([]byte, 1001)})
	if h.phase != smp.PhaseUploading || h.upload.offset != uint32(half) {
		t.Fatalf("too long a piece on the way: %v, %v, at %d", h.phase, h.fault, h.upload.offset)
	}
	ask(&smp.UploadRequest{Offset: uint32(half), Data: file[half:]})
	if h.phase != smp.PhaseDone {
		t.Fatalf("%v, %v", h.phase, h.fault)
	}
	ask(&smp.UploadRequest{Offset: uint32(len(file)), Data: []byte{1}})
	if h.phase != smp.PhaseDone || h.patience() != doneSilence {
		t.Errorf("more than the whole: %v, %v, patience %v", h.phase, h.fault, h.patience())
	}
}

// TestAnotherBeginDuringWork: a host that begins another restoration while the device works for an earlier one is told that it is busy, not
// where that one stands, which would look as if its own had begun.
func TestAnotherBeginDuringWork(t *testing.T) {
	b, h := wanting(t)
	ask := func(q *smp.BeginRequest) smp.Fault {
		t.Helper()
		if err := h.handle(packetOf(t, q)); err != nil {
			t.Fatal(err)
		}
		packet := h.line.packet[:]
		_, body, err := smp.ParsePacket(packet[:smp.HeaderSize+int(packet[2])<<8+int(packet[3])])
		if err != nil {
			t.Fatal(err)
		}
		var said *smp.Error
		if errors.As(smp.ResponseError(body), &said) {
			return said.Fault()
		}
		return smp.FaultNone
	}
	another := append([]byte(nil), b.signed...)
	another[len(another)-1] ^= 1
	for _, phase := range []smp.Phase{smp.PhasePreparing, smp.PhaseProving, smp.PhaseRewriting, smp.PhaseFinishing} {
		h.phase = phase
		for _, c := range []struct {
			name string
			q    smp.BeginRequest
			want smp.Fault
		}{
			{"the same", smp.BeginRequest{Manifest: b.signed, Parts: true}, smp.FaultNone},
			{"another release", smp.BeginRequest{Manifest: another, Parts: true}, smp.FaultBusy},
			{"another mode", smp.BeginRequest{Manifest: b.signed}, smp.FaultBusy},
		} {
			if got := ask(&c.q); got != c.want || h.phase != phase {
				t.Errorf("%v, %s: %v, %v", phase, c.name, got, h.phase)
			}
		}
	}
	h.forget()
	h.phase = smp.PhaseErasing
	if got := ask(&smp.BeginRequest{Manifest: b.signed}); got != smp.FaultBusy {
		t.Errorf("while settings are erased: %v", got)
	}
}
