package offer

import (
	"context"
	"errors"
	"fmt"

	"unbrick/delta"
	"unbrick/delta/bsdiff"
	"unbrick/flash"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/storage"
)

// Classic patches (protocol.KindBsdiff). Deltas are smaller and need kilobytes where these need the whole image in
// RAM, so they are made only for models whose operator prefers them, and offered only to devices that take them
// and announce the workspace for patch, new image and tables. Everything else in the list stays as it is.

// classicCreator is the version of what makes them.
const classicCreator = "go-bsdiff 1.0.0"

// ErrNoClassic says that this build makes no classic patches.
var ErrNoClassic = errors.New("this build has no bsdiff: it was made without cgo")

// KindOf says what a file of this key is.
func KindOf(k *storage.FileKey) protocol.Kind {
	switch {
	case k.Creator == classicCreator:
		return protocol.KindBsdiff
	case k.From == storage.Digest{}:
		return protocol.KindFull
	}
	return protocol.KindDelta
}

// hasRoom says whether the device could hold image and tables at all, so that no patch is made in vain.
func hasRoom(h *protocol.Hello, area *flash.Geometry, to *release.Manifest, resident uint32) bool {
	n := delta.Needs{State: bsdiff.LeastMemory, Buffer: bsdiff.ImageMemory(area, to.Size), Leaves: to.Leaves(), Resident: resident}
	return to.Size <= bsdiff.MaxImage && n.Workspace() < h.Workspace
}

// classic makes a patch. C cannot be interrupted: when ctx ends first, the work is left to end by itself and keeps the
// one place that there is, so that what takes for ever takes one processor.
func (m *maker) classic(ctx context.Context, base, image []byte) ([]byte, error) {
	if len(base) == 0 || len(image) == 0 {
		return nil, errors.New("bsdiff of an empty image")
	}
	select {
	case m.oneClassic <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	var patch []byte
	var err error
	done := make(chan struct{})
	go func() {
		defer func() { <-m.oneClassic }()
		defer close(done)
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("bsdiff panicked: %v", r)
			}
		}()
		patch, err = makeClassic(base, image)
	}()
	select {
	case <-done:
		return patch, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// proveClassic applies a patch as a terminal would, compares with the manifest, and returns the workspace that it
// needs.
func (in *ingredients) proveClassic(patch []byte) (needs uint32, err error) {
	h, err := bsdiff.ParseHeader(patch)
	if err != nil {
		return 0, err
	}
	image := make([]byte, h.Size)
	var p bsdiff.Patch
	if err := p.Apply(patch, flash.Bytes(in.base), uint32(len(in.base)), image, make([]byte, h.Memory())); err != nil {
		return 0, err
	}
	if err := in.to.CheckImage(image); err != nil {
		return 0, err
	}
	n := bsdiff.NeedsOf(&h, &in.area, uint32(len(patch)), in.to.Leaves(), in.model.Resident)
	return n.Workspace(), nil
}

// preferSetting is where the kind stands that a model's operator prefers.
func preferSetting(model string) string { return storage.ModelSetting("prefer", model) }

// Prefers returns the kind of update file that is tried first for a model.
func (o *Offers) Prefers(ctx context.Context, model string) (protocol.Kind, error) {
	v, err := o.cfg.Store.Setting(ctx, preferSetting(model))
	if errors.Is(err, storage.ErrNotFound) {
		return protocol.KindDelta, nil
	}
	if err != nil {
		return 0, err
	}
	if MakesBsdiff && string(v) == protocol.KindBsdiff.String() {
		return protocol.KindBsdiff, nil
	}
	return protocol.KindDelta, nil
}

// Prefer sets the kind of update file that is tried first for a model.
func (o *Offers) Prefer(ctx context.Context, model string, kind protocol.Kind) error {
	return o.cfg.Store.PutSetting(ctx, preferSetting(model), []byte(kind.String()))
}

// PreferOnce sets a kind in a store that no server has open yet, unless one was set before.
func PreferOnce(ctx context.Context, store storage.Settings, model string, kind protocol.Kind) error {
	if _, err := store.Setting(ctx, preferSetting(model)); !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	return store.PutSetting(ctx, preferSetting(model), []byte(kind.String()))
}
