package labwork

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"unbrick/internal/pack"
	"unbrick/model"
	"unbrick/release"
	"unbrick/webui/engine"
	"unbrick/webui/state"
)

// Names of the blobs that hold the Lab's device. The index names the blob of each piece, so that a new
// state counts only when its index has been written: whenever the page goes away, what is found again is
// the flash as it was at one moment, which is a power cut then.
const (
	keeperIndex = "lab-index"
	keeperPiece = "lab-p"
)

// pieceSize is how much of the flash one blob holds. A blob costs a browser's storage some milliseconds
// whatever its size; sector by sector, the first saving of a flash took longer than an update.
const pieceSize = 64 << 10

func pieces(flash int) int { return (flash + pieceSize - 1) / pieceSize }

const keepEvery = 500 * time.Millisecond // between two savings while the flash changes

// keeper saves the Lab's flash, piece by piece, and finds it again.
type keeper struct {
	e       *engine.Engine
	rig     *rig // whose flash is kept
	saving  bool
	again   bool // something changed while saving
	last    time.Time
	serial  uint32 // of the last blob
	flash   []byte // as saved
	running sync.WaitGroup
	blobs   []uint32
	warned  bool
}

// kept is what the index holds.
type kept struct {
	Version uint8  // of this struct: keptVersion
	Record  []byte `max:"record"` // of the model
	Serial  string
	Old     release.Digest
	Target  release.Digest
	Line    state.Line
	Health  state.Health
	Next    uint32 // number for the next blob
	State   []byte `max:"cells"` // of the cells, when the device was off; nil: good cells
	Power   bool
	Blobs   []uint32 `max:"pieces"` // of each piece; 0: erased

	model model.Model // of Record
}

// flashes writes and reads it.
var flashes = pack.New(map[string]int{
	"text": state.MaxText, "pieces": state.MaxSectors, "record": model.MaxEncoded, "cells": state.MaxCommand,
})

const keptVersion = 3

// Check implements pack.Checker.
func (image *kept) Check() (err error) {
	if image.Version != keptVersion || int(image.Line.Noise) >= state.NoiseKinds || int(image.Line.Pace) >= state.PaceKinds {
		return pack.ErrShape
	}
	if image.model, err = model.Decode(image.Record); err != nil {
		return err
	}
	if len(image.Blobs) != pieces(int(image.model.Layout.Geometry.Size())) {
		return pack.ErrShape
	}
	return nil
}

// use makes r the device that is kept.
func (k *keeper) use(r *rig) {
	k.rig, k.flash, k.blobs = r, nil, nil
}

// keep saves the flash soon. It is called at rest, and regularly while the flash changes.
func (r *rig) keep(now bool) {
	k := &r.b.keeper
	if k.rig != r {
		return
	}
	if k.saving {
		k.again = k.again || now
		return
	}
	if !now && k.e.World().Now().Sub(k.last) < keepEvery {
		return
	}
	k.saving, k.again = true, false
	k.last = k.e.World().Now()
	image := &kept{model: r.model, Version: keptVersion, Record: r.model.Append(nil), Serial: r.serial,
		Old: r.old, Target: r.target, Line: r.b.line, Health: r.b.health,
		Power: r.power_.Switch == state.SwitchOn}
	var raw []byte
	if r.cancel == nil {
		raw, image.State = r.device.Board().Save() // nobody is at work: weak and torn cells are kept too
	} else {
		raw = r.device.Raw()
	}
	k.running.Add(1)
	k.e.Go(func(context.Context) func() {
		defer k.running.Done()
		ok := k.save(image, raw)
		return func() {
			k.saving = false
			if !ok && !k.warned && r.b.rig == r {
				k.warned = true
				r.note(state.LogRow{Source: state.SourceApparatus, Code: state.LogStoreWarned})
			}
			if k.again && r.b.rig == r {
				r.keep(true)
			}
		}
	})
}

// holds reports whether the last thing that was to be kept of r is kept.
func (k *keeper) holds(r *rig) bool { return k.rig == r && !k.saving && !k.again && k.flash != nil }

// Rest implements Work: it saves the flash while it changes, now and then.
func (b *bench) Rest() {
	if b.rig != nil {
		b.rig.keep(false)
	}
}

// save writes the pieces that changed, then the index, then drops what the index no longer names. Only
// one runs at a time.
func (k *keeper) save(image *kept, raw []byte) bool {
	fresh := k.flash == nil || len(k.flash) != len(raw)
	blobs := make([]uint32, pieces(len(raw)))
	if !fresh {
		copy(blobs, k.blobs)
	}
	for i := range blobs {
		from, to := i*pieceSize, min((i+1)*pieceSize, len(raw))
		piece := raw[from:to]
		switch {
		case !fresh && bytes.Equal(piece, k.flash[from:to]):
			continue
		case blank(piece, image.model.Layout.Geometry.Erased):
			blobs[i] = 0
		default:
			k.serial++
			blobs[i] = k.serial
			if !k.e.Library().Keep(pieceName(k.serial), piece) {
				return false
			}
		}
	}
	image.Blobs, image.Next = blobs, k.serial
	b, err := flashes.Append(nil, image)
	if err != nil || !k.e.Library().Keep(keeperIndex, b) {
		return false
	}
	named := make(map[string]bool, len(blobs))
	for _, n := range blobs {
		named[pieceName(n)] = true
	}
	for _, name := range k.e.Library().Names(keeperPiece) {
		if !named[name] {
			k.e.Library().Drop(name)
		}
	}
	k.flash, k.blobs = raw, blobs
	return true
}

func pieceName(n uint32) string { return fmt.Sprintf("%s%08x", keeperPiece, n) }

// Recall implements Work: the store is open, and this tab has the work.
func (b *bench) Recall() (then func()) { return b.load }

// load looks for a device that was kept.
func (b *bench) load() {
	b.making = true
	k := &b.keeper
	b.e.Go(func(context.Context) func() {
		image, raw := k.find()
		var r *rig
		if image != nil {
			var err error
			if r, err = b.build(&image.model, image.Serial, image.Line); err == nil {
				if err = r.device.Board().Load(raw, image.State); err != nil && image.State != nil {
					err = r.device.Board().Load(raw, nil) // another version of the emulator: good cells then
				}
			}
			if err != nil {
				r = nil
			}
		}
		return func() {
			b.making, b.found = false, true
			if r == nil {
				return
			}
			b.line, b.health = image.Line, image.Health
			b.pacer.set(b.line.Pace)
			r.old, r.target = image.Old, image.Target
			b.install(r)
			k.serial = image.Next
			k.flash, k.blobs = raw, image.Blobs
			r.device.Board().SetLine(wire(b.line))
			r.want(r.old)
			r.want(r.target)
			if image.Power {
				r.power(state.SwitchOn) // it was switched on: the reload was a power cut
			}
		}
	})
}

// find reads what was kept. Anything that is not whole counts as nothing.
func (k *keeper) find() (*kept, []byte) {
	b, ok := k.e.Library().Kept(keeperIndex)
	if !ok {
		return nil, nil
	}
	image := new(kept)
	if err := flashes.Decode(b, image); err != nil {
		k.e.Library().Lost()
		return nil, nil
	}
	g := &image.model.Layout.Geometry
	raw := bytes.Repeat([]byte{g.Erased}, int(g.Size()))
	for i, n := range image.Blobs {
		if n == 0 {
			continue
		}
		room := raw[i*pieceSize : min((i+1)*pieceSize, len(raw))]
		piece, ok := k.e.Library().Kept(pieceName(n))
		if !ok || len(piece) != len(room) {
			k.e.Library().Lost()
			return nil, nil
		}
		copy(room, piece)
	}
	return image, raw
}
