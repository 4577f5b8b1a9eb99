package apparatus

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"unbrick/internal/cbor"
	"unbrick/model"
	"unbrick/release"
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
	e       *Engine
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
	model  model.Model
	serial string
	old    release.Digest
	target release.Digest
	line   Line
	health Health
	next   uint32   // number for the next blob
	blobs  []uint32 // of each piece; 0: erased
	state  []byte   // of the cells, when the device was off; nil: good cells
	power  bool
}

// use makes r the device that is kept.
func (k *keeper) use(r *rig) {
	k.rig, k.flash, k.blobs = r, nil, nil
}

// keep saves the flash soon. It is called at rest, and regularly while the flash changes.
func (r *rig) keep(now bool) {
	k := &r.b.keeper
	if k.rig != r || !k.e.opened {
		return
	}
	if k.saving {
		k.again = k.again || now
		return
	}
	if !now && k.e.world.Now().Sub(k.last) < keepEvery {
		return
	}
	k.saving, k.again = true, false
	k.last = k.e.world.Now()
	image := &kept{model: r.model, serial: r.serial, old: r.old, target: r.target, line: r.b.line, health: r.b.health,
		power: r.power_.Switch == SwitchOn}
	var raw []byte
	if r.cancel == nil {
		raw, image.state = r.device.Board().Save() // nobody is at work: weak and torn cells are kept too
	} else {
		raw = r.device.Raw()
	}
	k.running.Add(1)
	k.e.work(func(context.Context) func() {
		defer k.running.Done()
		ok := k.save(image, raw)
		return func() {
			k.saving = false
			if !ok && !k.warned && r.b.rig == r {
				k.warned = true
				r.note(LogRow{Source: SourceApparatus, Code: LogStoreWarned})
			}
			if k.again && r.b.rig == r {
				r.keep(true)
			}
		}
	})
}

// holds reports whether the last thing that was to be kept of r is kept.
func (k *keeper) holds(r *rig) bool { return k.rig == r && !k.saving && !k.again && k.flash != nil }

// rest saves the flash while it changes, now and then.
func (b *bench) rest() {
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
			if !k.e.lib.keepBlob(pieceName(k.serial), piece) {
				return false
			}
		}
	}
	image.blobs, image.next = blobs, k.serial
	b, err := image.encode()
	if err != nil || !k.e.lib.keepBlob(keeperIndex, b) {
		return false
	}
	named := make(map[string]bool, len(blobs))
	for _, n := range blobs {
		named[pieceName(n)] = true
	}
	for _, name := range k.e.lib.blobNames(keeperPiece) {
		if !named[name] {
			k.e.lib.dropBlob(name)
		}
	}
	k.flash, k.blobs = raw, blobs
	return true
}

func pieceName(n uint32) string { return fmt.Sprintf("%s%08x", keeperPiece, n) }

// load looks for a device that was kept, once the store is open and this tab has the work.
func (b *bench) load() {
	if b.loaded || !b.e.opened || !b.e.mine() {
		return
	}
	b.loaded, b.making = true, true
	k := &b.keeper
	b.e.work(func(context.Context) func() {
		image, raw := k.find()
		var r *rig
		if image != nil {
			var err error
			if r, err = b.build(&image.model, image.serial, image.line); err == nil {
				if err = r.device.Board().Load(raw, image.state); err != nil && image.state != nil {
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
			b.line, b.health = image.line, image.health
			b.pacer.set(b.line.Pace)
			r.old, r.target = image.old, image.target
			b.install(r)
			k.serial = image.next
			k.flash, k.blobs = raw, image.blobs
			r.device.Board().SetLine(wire(b.line))
			r.want(r.old)
			r.want(r.target)
			if image.power {
				r.power(SwitchOn) // it was switched on: the reload was a power cut
			}
		}
	})
}

// find reads what was kept. Anything that is not whole counts as nothing.
func (k *keeper) find() (*kept, []byte) {
	b, ok := k.e.lib.blob(keeperIndex)
	if !ok {
		return nil, nil
	}
	image, err := decodeKept(b)
	if err != nil {
		k.e.lib.lost()
		return nil, nil
	}
	g := &image.model.Layout.Geometry
	raw := bytes.Repeat([]byte{g.Erased}, int(g.Size()))
	for i, n := range image.blobs {
		if n == 0 {
			continue
		}
		room := raw[i*pieceSize : min((i+1)*pieceSize, len(raw))]
		piece, ok := k.e.lib.blob(pieceName(n))
		if !ok || len(piece) != len(room) {
			k.e.lib.lost()
			return nil, nil
		}
		copy(room, piece)
	}
	return image, raw
}

const keptVersion = 2

func (image *kept) encode() ([]byte, error) {
	c := &codec{w: cbor.Appending(nil)}
	c.w.Array(11)
	c.w.Uint(keptVersion)
	c.w.Bytes(image.model.Append(nil))
	image.visit(c)
	list(c, &image.blobs, MaxSectors, func(n *uint32) { number(c, n) })
	return c.w.Result()
}

// visit visits the plain fields.
func (image *kept) visit(c *codec) {
	c.text(&image.serial, MaxText)
	c.fixed(image.old[:])
	c.fixed(image.target[:])
	c.line(&image.line)
	number(c, &image.health)
	number(c, &image.next)
	c.bytes(&image.state, MaxCommand)
	c.flag(&image.power)
}

func decodeKept(b []byte) (*kept, error) {
	c := &codec{r: cbor.NewReader(b)}
	c.fields(11)
	if c.r.Uint() != keptVersion && c.r.Err() == nil {
		c.r.Fail(errShape)
	}
	record := c.r.Bytes()
	if c.r.Err() != nil {
		return nil, c.r.Err()
	}
	var image kept
	var err error
	if image.model, err = model.Decode(record); err != nil {
		return nil, err
	}
	image.visit(c)
	list(c, &image.blobs, MaxSectors, func(n *uint32) { number(c, n) })
	if err := c.r.Finish(); err != nil {
		return nil, err
	}
	if len(image.state) == 0 {
		image.state = nil
	}
	if len(image.blobs) != pieces(int(image.model.Layout.Geometry.Size())) || int(image.line.Noise) >= NoiseKinds || int(image.line.Pace) >= PaceKinds {
		return nil, errShape
	}
	return &image, nil
}
