package terminal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"
)

// IdentitySize is how many bytes the identification takes: the last ones of the boot area.
const IdentitySize = limits.Identity

// KeySlots is how many keys the boot area can hold.
const KeySlots = limits.KeySlots

// Reads says which formats a device's boot code reads, one bit each.
type Reads uint16

// The formats.
const (
	ReadsManifest2 Reads = 1 << iota // manifest, version 2
	ReadsTrust1                      // trust statement, version 1
	ReadsRecord2                     // record, version 2
	ReadsDelta2                      // update file, version 2

	readsAll = ReadsManifest2 | ReadsTrust1 | ReadsRecord2 | ReadsDelta2
)

// Stages says what a device keeps in flash beside the software area before it begins a rewrite, one bit each.
type Stages uint8

// What is staged.
const (
	StagesFile    Stages = 1 << iota // an update file
	StagesBatches                    // batches of sectors

	stagesAll = StagesFile | StagesBatches
)

// What this package's code reads, completes and stages; Factory writes it into the identification.
const (
	readsHere     = readsAll
	completesHere = false
	stagesHere    = Stages(0)
)

// Identity is element 111 as it is made in the factory: who the device is, whom it trusts, and what its boot code can. It
// never changes.
type Identity struct {
	Model     string // an identifier, see release.CheckID
	Serial    string // an identifier
	Keys      [][32]byte
	Threshold uint8 // how many of Keys must have signed what counts: 1 to len(Keys)
	Reads     Reads
	Completes bool // the boot code completes a rewrite that was interrupted
	Stages    Stages
	Floor     release.Floor // the security floor before any release confirmed itself
	Readout   bool          // its software may be read out over the cable, in restoration mode
	Least     uint32        // least version of a trust statement that it believes
	Resident  uint32        // bytes of code and drivers that must be in RAM while the flash is busy
}

// ErrIdentity tells that the boot area holds no identification. Such a device was never made.
var ErrIdentity = errors.New("no identification in the boot area")

var identityMagic = [8]byte{'U', 'N', 'B', 'R', 'K', 'I', 'D', '2'}

// Layout of the identification (docs/boot-area.md), numbers least significant byte first; the CRC-32 (IEEE) is over everything before it.
const (
	identityModel     = 8
	identitySerial    = identityModel + 1 + release.MaxText
	identityKeys      = identitySerial + 1 + release.MaxText
	identityThreshold = identityKeys + 1 + KeySlots*32
	identityReads     = identityThreshold + 1
	identityCompletes = identityReads + 2
	identityStages    = identityCompletes + 1
	identityFloor     = identityStages + 1
	identityEra       = identityFloor + 8
	identityFlags     = identityEra + 2
	identityLeast     = identityFlags + 2
	identityResident  = identityLeast + 4
	identityCRC       = IdentitySize - 4
)

// flagReadout is the flag of a device that may be read out.
const flagReadout = 1 << 0

// identityAddr returns where the identification lies.
func identityAddr(l *flash.Layout) uint32 { return l.Boot - IdentitySize }

// validate reports what makes id unfit for a device.
func (id *Identity) validate() error {
	if err := release.CheckID(id.Model); err != nil {
		return fmt.Errorf("identity: model: %w", err)
	}
	if err := release.CheckID(id.Serial); err != nil {
		return fmt.Errorf("identity: serial: %w", err)
	}
	if n := len(id.Keys); n == 0 || n > KeySlots {
		return fmt.Errorf("identity: %d keys, 1 to %d", n, KeySlots)
	}
	for i := range id.Keys {
		if slices.Contains(id.Keys[:i], id.Keys[i]) {
			return fmt.Errorf("identity: key %d is there twice", i+1)
		}
	}
	if id.Threshold == 0 || int(id.Threshold) > len(id.Keys) {
		return fmt.Errorf("identity: threshold %d of %d keys", id.Threshold, len(id.Keys))
	}
	if id.Reads&^readsAll != 0 || id.Stages&^stagesAll != 0 {
		return fmt.Errorf("identity: reads 0x%x, stages 0x%x: bits that mean nothing", id.Reads, id.Stages)
	}
	if id.Floor.Counter > release.MaxNumber {
		return fmt.Errorf("identity: floor %d, at most %d", id.Floor.Counter, uint64(release.MaxNumber))
	}
	return nil
}

// AppendIdentity appends the IdentitySize bytes of id to dst.
func AppendIdentity(dst []byte, id *Identity) ([]byte, error) {
	if err := id.validate(); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	var b [IdentitySize]byte
	copy(b[:], identityMagic[:])
	b[identityModel] = byte(len(id.Model))
	copy(b[identityModel+1:], id.Model)
	b[identitySerial] = byte(len(id.Serial))
	copy(b[identitySerial+1:], id.Serial)
	b[identityKeys] = byte(len(id.Keys))
	for i := range id.Keys {
		copy(b[identityKeys+1+32*i:], id.Keys[i][:])
	}
	b[identityThreshold] = id.Threshold
	le.PutUint16(b[identityReads:], uint16(id.Reads))
	if id.Completes {
		b[identityCompletes] = 1
	}
	b[identityStages] = byte(id.Stages)
	le.PutUint64(b[identityFloor:], id.Floor.Counter)
	le.PutUint16(b[identityEra:], id.Floor.Era)
	if id.Readout {
		b[identityFlags] = flagReadout
	}
	le.PutUint32(b[identityLeast:], id.Least)
	le.PutUint32(b[identityResident:], id.Resident)
	le.PutUint32(b[identityCRC:], crc32.ChecksumIEEE(b[:identityCRC]))
	return append(dst, b[:]...), nil
}

// ParseIdentity is the inverse of AppendIdentity and fails with ErrIdentity on anything else.
func ParseIdentity(b []byte) (Identity, error) {
	if len(b) != IdentitySize {
		return Identity{}, ErrIdentity
	}
	id := identification(b)
	if !id.valid() {
		return Identity{}, ErrIdentity
	}
	return id.identity(), nil
}
