package terminal

import (
	"fmt"

	"unbrick/delta"
	"unbrick/delta/bsdiff"
	"unbrick/protocol"
	"unbrick/release"
)

// Classic patches (KindBsdiff) build the whole image in the workspace, where it is compared with the manifest, and from
// where it is written like a full image. Only devices whose hardware has a reader for them take them.

// classicNeeds is the least that a classic patch takes which leads to an image of m's size.
func (r *rewriter) classicNeeds(m *release.Manifest) delta.Needs {
	image := bsdiff.ImageMemory(&r.area.Software, m.Size)
	return delta.Needs{State: bsdiff.LeastMemory, Buffer: image, Leaves: m.Leaves(), Resident: r.identity.resident()}
}

// kinds returns what update files the device takes now: a classic patch if an image as large as the one that runs can be
// built.
func (r *rewriter) kinds() protocol.Kinds {
	kinds := protocol.KindsOf(protocol.KindDelta, protocol.KindFull)
	needs := r.classicNeeds(&r.running().Manifest)
	if r.hw.Classic != nil && r.ram.size() > needs.Workspace() {
		kinds |= protocol.KindsOf(protocol.KindBsdiff)
	}
	return kinds
}

// proveClassic builds the image of the patch, with rest as memory, and fails unless it is the signed one. Nothing is
// written.
func (r *rewriter) proveClassic(patch, rest []byte) error {
	start := r.clock.Now()
	h, err := bsdiff.ParseHeader(patch)
	if err != nil {
		return err
	}
	if h.Size != r.m.Size {
		return fmt.Errorf("%w: it leads to %d bytes", delta.ErrMismatch, h.Size)
	}
	whole := bsdiff.ImageMemory(&r.area.Software, h.Size)
	if need := uint64(whole) + uint64(h.Memory()); need > uint64(len(rest)) {
		return fmt.Errorf("%w: %d bytes of %d", delta.ErrMemory, len(rest), need)
	}
	r.built = rest[:whole:whole]
	if err := r.hw.Classic.Apply(patch, r.source, r.running().Size, r.built[:h.Size:h.Size], rest[whole:]); err != nil {
		return err
	}
	for i := h.Size; i < whole; i++ {
		r.built[i] = r.area.Software.Erased
	}
	for i := range r.m.Leaves() {
		at, n := r.m.LeafRange(i)
		r.leaves.Set(i, release.Leaf(i, r.built[at:at+n]))
	}
	if r.area.SHA256(r.built[:h.Size]) != r.m.Digest || release.Root(r.leaves) != r.m.Root {
		return fmt.Errorf("%w: digest of the result is another", delta.ErrMismatch)
	}
	r.full = true
	r.total, r.done = uint32(r.area.Sectors(h.Size)), 0
	r.note(r.step, 117, EventProof, r.total, micros(r.clock.Now()-start))
	return nil
}

// writeClassic writes the image that proveClassic has built, if it still is in RAM what it was: each sector is compared with
// its leaves once more before it is touched.
func (r *rewriter) writeClassic() error {
	for s := range int(r.total) {
		addr, n := r.area.Software.Sector(s)
		data := r.built[addr:][:n]
		for i := addr / r.m.LeafSize; ; i++ {
			at, n := r.m.LeafRange(i)
			if n == 0 || at-addr >= uint32(len(data)) {
				break
			}
			if release.Leaf(i, r.built[at:][:n]) != r.leaves.At(i) {
				return fmt.Errorf("%w: sector %d is not as proven", delta.ErrMismatch, s)
			}
		}
		if err := r.Put(s, data); err != nil {
			return fmt.Errorf("put sector %d: %w", s, err)
		}
	}
	return nil
}
