package sweep

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"

	"unbrick/emulator"
	"unbrick/flash"
)

// Run is all that decides one run: with the subject, it repeats it exactly.
type Run struct {
	Start  Start
	Cuts   []Cut // each inside what recovers from the one before
	Mend   Act   // how the device was brought back at the end, if it waited in restoration mode; ActNone: not at all
	Link   LinkHit
	Frame  FrameHit
	Defect emulator.Defect // Kind 0: none
	Noise  Noise
	Lie    uint32 // what a hostile host says, from 1; 0: nothing
}

// Start is what the device was when it began.
type Start uint8

// The starts.
const (
	StartOld   Start = iota // from the factory, with the old image
	StartBlank              // software area and records damaged: it knows nothing
	starts
)

// Act is what a device does while its power is cut.
type Act uint8

// The acts. Restorations are numbered by road and image from ActRestore to ActConfirm.
const (
	ActNone   Act = iota
	ActUpdate     // an update session
	ActBoot       // a boot that heals
	ActRestore
	// ActConfirm is the session in which the new release, installed by an update before it, confirms itself.
	ActConfirm = ActRestore + 2*Act(roads)
	acts       = ActConfirm + 1
)

// Restoring is the act of a restoration.
func Restoring(r Road, w Which) Act { return ActRestore + 2*Act(r) + Act(w) }

// Restoration returns road and image of a restoration.
func (a Act) Restoration() (r Road, w Which, ok bool) {
	if a < ActRestore || a >= ActConfirm {
		return 0, 0, false
	}
	return Road((a - ActRestore) / 2), Which((a - ActRestore) % 2), true
}

func (a Act) String() string {
	switch a {
	case ActNone:
		return "nothing"
	case ActUpdate:
		return "update"
	case ActBoot:
		return "boot"
	case ActConfirm:
		return "confirmation"
	}
	r, w, _ := a.Restoration()
	return fmt.Sprintf("restoration to the %s image by %s", w, r)
}

// Cut is a power cut: inside the flash operation with that number, from 1, of an act.
type Cut struct {
	In   Act
	Op   uint32
	Tear emulator.Tear
	Draw uint8 // other chances from here on: what bits in between read as; 0: those of the seed
}

func (c Cut) String() string { return fmt.Sprintf("%s, operation %d, %s", c.In, c.Op, c.Tear) }

// LinkHit is a fault of one message of the link.
type LinkHit struct {
	At    uint32 // from 1; 0: none
	Fault LinkFault
}

// FrameHit is a fault of one frame of the cable.
type FrameHit struct {
	At    uint32 // from 1; 0: none
	Fault FrameFault
}

// Noise is what a line does to bytes.
type Noise struct {
	Errors   uint32 // wrong bits in a thousand million
	Lost     uint32 // vanished bytes in a million
	Inserted uint32 // strange bytes in a million
	Seed     uint32
}

// ID is a run with what it ran on. Its text is short enough for a link.
type ID struct {
	Shape    Shape
	Seed     uint64  // of the subject
	Old, New [4]byte // the first bytes of the images' SHA-256
	Run      Run
}

// ErrID is wrapped by what ParseID says of text that is no id.
var ErrID = errors.New("not the id of a run")

const idVersion = 1

// tearsOfID is how many tears an id has room for, behind which the draw is counted.
const tearsOfID = 16

// maxCuts bounds the cuts of a run.
const maxCuts = 8

// ids is the alphabet of Crockford's base 32 in small letters: no letter that looks like a digit.
var ids = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// ID returns the id of a run on s.
func (s *Subject) ID(r *Run) ID {
	id := ID{Shape: s.Shape, Seed: s.seed, Run: *r}
	id.Old, id.New = short(s.goods[Old].image), short(s.goods[New].image)
	return id
}

func short(image []byte) [4]byte {
	sum := sha256.Sum256(image)
	return [4]byte(sum[:])
}

// Images returns which of the images are the old and the new one of the id.
func (id *ID) Images(images ...[]byte) (old, new []byte, err error) {
	for _, image := range images {
		switch short(image) {
		case id.Old:
			old = image
		case id.New:
			new = image
		}
	}
	if old == nil || new == nil {
		return nil, nil, fmt.Errorf("the run is of images %x and %x, which are not these", id.Old, id.New)
	}
	return old, new, nil
}

func (id *ID) String() string {
	b := []byte{idVersion}
	number := func(v uint64) { b = binary.AppendUvarint(b, v) }
	s := &id.Shape
	number(uint64(len(s.Runs)))
	for _, r := range s.Runs {
		number(uint64(r.Size))
		number(uint64(r.Count))
	}
	var flags uint64
	if s.Erased != 0 {
		flags |= 1
	}
	if s.ECC {
		flags |= 2
	}
	for _, v := range []uint64{uint64(bits.TrailingZeros32(s.Unit)), uint64(s.Page), flags, uint64(s.Boot), uint64(s.RAM), id.Seed} {
		number(v)
	}
	b = append(append(b, id.Old[:]...), id.New[:]...)
	r := &id.Run
	number(uint64(r.Start))
	number(uint64(len(r.Cuts)))
	for _, c := range r.Cuts {
		number(uint64(c.In))
		number(uint64(c.Op))
		number(uint64(c.Tear) + uint64(c.Draw)*tearsOfID)
	}
	number(uint64(r.Mend))
	// What most runs have none of comes last, and zeros at the end are not written.
	rest := r.rare()
	for len(rest) > 0 && rest[len(rest)-1] == 0 {
		rest = rest[:len(rest)-1]
	}
	for _, v := range rest {
		number(v)
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(crc32.ChecksumIEEE(b)))
	return ids.EncodeToString(b)
}

func (r *Run) rare() []uint64 {
	d := &r.Defect
	return []uint64{
		uint64(r.Link.At), uint64(r.Link.Fault), uint64(r.Frame.At), uint64(r.Frame.Fault),
		uint64(d.Kind), uint64(d.Addr), uint64(d.Times), uint64(d.Mask), uint64(d.Value),
		uint64(r.Noise.Errors), uint64(r.Noise.Lost), uint64(r.Noise.Inserted), uint64(r.Noise.Seed), uint64(r.Lie),
	}
}

// ParseID reads what ID.String writes, and nothing else.
func ParseID(text string) (ID, error) {
	var id ID
	wrong := func(what string) (ID, error) { return ID{}, fmt.Errorf("%w: %s", ErrID, what) }
	if len(text) > 1024 {
		return wrong("too long")
	}
	b, err := ids.DecodeString(text)
	if err != nil || len(b) < 3 || b[0] != idVersion {
		return wrong("its beginning")
	}
	if n := len(b) - 2; binary.LittleEndian.Uint16(b[n:]) != uint16(crc32.ChecksumIEEE(b[:n])) {
		return wrong("its check sum")
	}
	in := numbers{b: b[1 : len(b)-2]}
	s := &id.Shape
	for range in.next(flash.MaxRuns) {
		s.Runs = append(s.Runs, flash.Run{Size: uint32(in.next(maxPart)), Count: uint32(in.next(maxPart))})
	}
	s.Unit = 1 << in.next(5)
	s.Page = uint32(in.next(maxPart))
	flags := in.next(3)
	if flags&1 != 0 {
		s.Erased = 0xFF
	}
	s.ECC = flags&2 != 0
	s.Boot, s.RAM = uint32(in.next(maxPart)), uint32(in.next(maxRAM))
	id.Seed = in.next(^uint64(0))
	in.bytes(id.Old[:])
	in.bytes(id.New[:])
	r := &id.Run
	r.Start = Start(in.next(uint64(starts) - 1))
	for range in.next(maxCuts) {
		c := Cut{In: Act(in.next(uint64(acts) - 1)), Op: uint32(in.next(1<<32 - 1))}
		v := in.next(256*tearsOfID - 1)
		c.Tear, c.Draw = emulator.Tear(v%tearsOfID), uint8(v/tearsOfID)
		in.bad = in.bad || int(c.Tear) >= len(emulator.Tears())
		r.Cuts = append(r.Cuts, c)
	}
	r.Mend = Act(in.next(uint64(acts) - 1))
	r.Link = LinkHit{uint32(in.rare(1<<32 - 1)), LinkFault(in.rare(uint64(linkFaults) - 1))}
	r.Frame = FrameHit{uint32(in.rare(1<<32 - 1)), FrameFault(in.rare(uint64(frameFaults) - 1))}
	r.Defect = emulator.Defect{
		Kind: emulator.DefectKind(in.rare(uint64(emulator.DefectMisprogram))), Addr: uint32(in.rare(maxPart)),
		Times: uint32(in.rare(1 << 16)), Mask: byte(in.rare(255)), Value: byte(in.rare(255)),
	}
	r.Noise = Noise{uint32(in.rare(1e9)), uint32(in.rare(1e6)), uint32(in.rare(1e6)), uint32(in.rare(1<<32 - 1))}
	r.Lie = uint32(in.rare(uint64(len(lies))))
	if in.bad || len(in.b) > 0 {
		return wrong("its content")
	}
	if _, err := s.layout(); err != nil {
		return ID{}, fmt.Errorf("%w: %w", ErrID, err)
	}
	if id.String() != text {
		return wrong("another one says the same")
	}
	return id, nil
}

// numbers takes numbers from bytes; the first that is wrong sticks.
type numbers struct {
	b   []byte
	bad bool
}

func (n *numbers) next(limit uint64) uint64 {
	v, used := binary.Uvarint(n.b)
	if used <= 0 || v > limit || n.bad {
		n.bad = true
		return 0
	}
	n.b = n.b[used:]
	return v
}

// rare is next for what may be left out.
func (n *numbers) rare(limit uint64) uint64 {
	if len(n.b) == 0 {
		return 0
	}
	return n.next(limit)
}

func (n *numbers) bytes(p []byte) {
	if copy(p, n.b) < len(p) {
		n.bad = true
		return
	}
	n.b = n.b[len(p):]
}
