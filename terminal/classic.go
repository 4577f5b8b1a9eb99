package terminal

import (
	"fmt"
	"time"

	"unbrick/delta"
	"unbrick/delta/bsdiff"
	"unbrick/protocol"
	"unbrick/release"
)

// Classic patches (KindBsdiff) build the whole image in the workspace, where it is compared with the manifest, and
// from where it is written like a full image. Only devices with that much RAM take them; the others do not
// even have the reader's 3 KiB.

// beginClassic makes the reader if there can ever be enough workspace.
func (t *Terminal) beginClassic() {
	least := delta.Needs{State: bsdiff.LeastMemory, Resident: t.identity.Resident}
	if t.workspace() > least.Workspace() {
		t.classic = new(bsdiff.Patch)
	}
}

// kinds returns what update files the device takes now: a classic patch if an image as large as the one that
// runs can be built.
func (t *Terminal) kinds() protocol.Kinds {
	kinds := protocol.KindsOf(protocol.KindDelta, protocol.KindFull)
	m := &t.running().Manifest
	least := delta.Needs{State: bsdiff.LeastMemory, Buffer: bsdiff.ImageMemory(&t.software, m.Size), Leaves: m.Leaves(), Resident: t.identity.Resident}
	if t.classic != nil && t.workspace() > least.Workspace() {
		kinds |= protocol.KindsOf(protocol.KindBsdiff)
	}
	return kinds
}

// proveClassic builds the image of the patch of size bytes that the room begins with, behind the patch, and
// fails unless it is the signed one. Nothing is written.
func (t *Terminal) proveClassic(size uint32) error {
	r := &t.rewrite
	start := t.hw.Clock.Now()
	if uint64(size) > uint64(len(r.room)) {
		return fmt.Errorf("%w: %d bytes of %d", delta.ErrMemory, len(r.room), size)
	}
	patch, rest := r.room[:size:size], r.room[size:]
	h, err := bsdiff.ParseHeader(patch)
	if err != nil {
		return err
	}
	if h.Size != r.m.Size {
		return fmt.Errorf("%w: it leads to %d bytes", delta.ErrMismatch, h.Size)
	}
	whole := bsdiff.ImageMemory(&t.software, h.Size)
	if need := uint64(whole) + uint64(h.Memory()); need > uint64(len(rest)) {
		return fmt.Errorf("%w: %d bytes of %d", delta.ErrMemory, len(rest), need)
	}
	r.image = rest[:whole:whole]
	if err := t.classic.Apply(patch, r.source, t.running().Size, r.image[:h.Size:h.Size], rest[whole:]); err != nil {
		return err
	}
	for i := h.Size; i < whole; i++ {
		r.image[i] = t.software.Erased
	}
	for i := range r.leaves {
		at, n := r.m.LeafRange(uint32(i))
		r.leaves[i] = release.Leaf(uint32(i), r.image[at:at+n])
	}
	t.hash.Reset()
	t.hash.Write(r.image[:h.Size])
	t.hash.Sum(t.current[:0])
	if t.current != r.m.Digest || release.Root(r.leaves) != r.m.Root {
		return fmt.Errorf("%w: digest of the result is another", delta.ErrMismatch)
	}
	r.full = true
	r.total, r.done = uint32(t.sectorsOf(h.Size)), 0
	t.note(t.step, 117, EventProof, r.total, uint32((t.hw.Clock.Now()-start)/time.Microsecond))
	return nil
}

// writeClassic writes the image that proveClassic has built, if it still is in RAM what it was: each
// sector is compared with its leaves once more before it is touched.
func (t *Terminal) writeClassic() error {
	r := &t.rewrite
	for s := range int(r.total) {
		addr, n := t.software.Sector(s)
		data := r.image[addr:][:n]
		for i := addr / r.m.LeafSize; ; i++ {
			at, n := r.m.LeafRange(i)
			if n == 0 || at-addr >= uint32(len(data)) {
				break
			}
			if release.Leaf(i, r.image[at:][:n]) != r.leaves[i] {
				return fmt.Errorf("%w: sector %d is not as proven", delta.ErrMismatch, s)
			}
		}
		if err := t.putSector(s, data); err != nil {
			return fmt.Errorf("put sector %d: %w", s, err)
		}
	}
	return nil
}
