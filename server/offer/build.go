package offer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/storage"
)

// creator is the version of everything that decides the bytes of an update file.
var creator = fmt.Sprintf("diff %d", diff.CreatorVersion)

// shapeOf names all that the creator is given of a model.
func shapeOf(m *model.Model) storage.Digest {
	area := m.Layout.Software()
	return sha256.Sum256(fmt.Appendf(nil, "%s|%02x|%d|%d|%s", area.String(), area.Erased, release.LeafSize(&area), m.Resident, m.ISA))
}

// build makes the file of a key and proves it by applying it.
func (m *maker) build(ctx context.Context, k *storage.FileKey) (*Product, error) {
	in, err := m.ingredients(ctx, k)
	if err != nil {
		return nil, err
	}
	o := &diff.Options{Geometry: &in.area, Workspace: k.Step, Resident: in.model.Resident, LeafSize: in.to.LeafSize, Hint: in.model.ISA,
		Effort: diff.EffortBest}
	var file []byte
	switch in.kind {
	case protocol.KindFull:
		file, err = diff.Full(ctx, in.image, o)
	case protocol.KindBsdiff:
		file, err = m.classic(ctx, in.base, in.image)
	default:
		file, err = diff.Create(ctx, in.base, in.image, o)
	}
	if err != nil {
		return nil, err
	}
	needs, err := in.prove(file)
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	return &Product{file, needs}, nil
}

// ingredients is what an update file is made from, and proven with.
type ingredients struct {
	kind        protocol.Kind
	model       *model.Model
	area        flash.Geometry
	base, image []byte
	to          release.Manifest
}

func (m *maker) ingredients(ctx context.Context, k *storage.FileKey) (*ingredients, error) {
	described, err := modelOf(ctx, m.cfg.Store, k.Model)
	if err != nil {
		return nil, err
	}
	in := &ingredients{kind: KindOf(k), model: described}
	if shapeOf(in.model) != k.Shape {
		return nil, errors.New("model has changed since the file was asked for")
	}
	in.area = in.model.Layout.Software()
	r, err := m.cfg.Store.Release(ctx, k.Model, k.To)
	if err != nil {
		return nil, err
	}
	in.to = r.Manifest
	if in.image, err = m.images.read(ctx, k.Model, k.To); err != nil {
		return nil, err
	}
	if k.From != (storage.Digest{}) {
		if in.base, err = m.images.read(ctx, k.Model, k.From); err != nil {
			return nil, err
		}
	}
	return in, nil
}

// prove applies an update file to its base as a terminal would before its first erase, compares with the manifest, and
// returns the workspace that it needs.
func (in *ingredients) prove(file []byte) (needs uint32, err error) {
	if in.kind == protocol.KindBsdiff {
		return in.proveClassic(file)
	}
	h, err := delta.ParseHeader(file)
	if err != nil {
		return 0, err
	}
	old := append(bytes.Clone(in.base), bytes.Repeat([]byte{in.area.Erased}, int(in.area.Size())-len(in.base))...)
	var d delta.Decoder
	if err := d.Open(file, &in.area, flash.Bytes(old), make([]byte, h.Memory())); err != nil {
		return 0, err
	}
	leaves := release.MakeLeaves(in.to.Leaves())
	if err := delta.Prove(&d, &in.to, flash.Bytes(old), leaves, nil, false, make([]byte, (in.area.Sectors()+7)/8)); err != nil {
		return 0, err
	}
	n := delta.NeedsOf(&h, uint32(len(file)), in.to.Leaves(), in.model.Resident)
	return n.Workspace(), nil
}
