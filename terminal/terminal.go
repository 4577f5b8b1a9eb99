package terminal

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"unbrick/delta/bsdiff"
	"unbrick/flash"
	"unbrick/protocol/smp"
	"unbrick/release"
)

// Mode is what a boot decided.
type Mode uint8

// The modes.
const (
	Running     Mode = 1 + iota // the installed release runs: Session, Alive
	Restoration                 // the device waits to be restored: Serve
)

func (m Mode) String() string {
	switch m {
	case Running:
		return "running"
	case Restoration:
		return "restoration mode"
	}
	return "not booted"
}

// Terminal is the device's software between two resets.
type Terminal struct {
	hw       Hardware
	software flash.Geometry // the software area, from address 0
	old      flash.Window   // the software area as the decoder reads it
	base     uint32         // address of the software area
	first    int            // index of its first sector
	identity Identity
	keys     []ed25519.PublicKey
	key      DeviceKey // if hasKey
	hasKey   bool
	hash     hash.Hash
	verify   func([]byte, []ed25519.PublicKey, int) (release.Manifest, error)

	records  records
	survivor survivor
	from, to manifest // of the newest record
	match    smp.Match
	mode     Mode
	why      smp.Why
	step     uint8 // of the specification, for events of the flash
	doubt    []byte

	counts      counts
	deadAddrs   [maxDead]uint32
	deads       int
	failedMarks int
	last        Summary

	work     []byte // the workspace, without what is resident
	resident bool
	claimed  bool

	poller  Poller  // the flash, nil: it must be waited in
	speeder Speeder // the cable, nil: it has one speed

	session session
	rewrite rewriting
	classic *bsdiff.Patch // nil: the RAM is too small for this kind
	host    host

	body    [maxRecord + 32]byte
	chunk   [chunk]byte
	slot    [32]byte
	leaf    [release.MaxLeaf]byte
	current [32]byte // the last digest computed
}

// manifest is a signed manifest of the record, read.
type manifest struct {
	release.Manifest
	there bool
}

// New makes the software of a device that was just reset. It reads the identification from the boot
// area and fails if there is none, or if hw is not what Layout and the package can work with.
func New(hw *Hardware) (*Terminal, error) {
	t := &Terminal{hw: *hw}
	if hw.Flash == nil || hw.Layout == nil || hw.RAM == nil || hw.Cable == nil || hw.Clock == nil {
		return nil, errors.New("terminal: hardware is not complete")
	}
	if len(hw.Survivor) < SurvivorSize {
		return nil, fmt.Errorf("terminal: %d bytes survive a reset, %d needed", len(hw.Survivor), SurvivorSize)
	}
	if err := checkLayout(hw.Layout); err != nil {
		return nil, err
	}
	t.poller, _ = hw.Flash.(Poller)
	t.speeder, _ = hw.Cable.(Speeder)
	t.software = hw.Layout.Software()
	t.base = hw.Layout.SoftwareBase()
	t.first = hw.Layout.SoftwareFirst()
	t.old = flash.Window{Device: hw.Flash, Base: t.base, Size: t.software.Size()}
	bits := (t.software.Sectors() + 7) / 8
	t.doubt = make([]byte, bits)
	t.rewrite.planned = make([]byte, bits)
	t.host.promised = make([]byte, bits)
	t.hash = sha256.New()
	if hw.Hash != nil {
		t.hash = hw.Hash()
	}
	t.verify = hw.Verify
	if t.verify == nil {
		t.verify = release.Verify
	}
	t.survivor.begin(hw.Survivor)
	t.records.begin(t)
	t.host.begin()
	t.rewrite.begin(t)
	if err := t.readIdentity(); err != nil {
		return nil, err
	}
	if err := t.readDeviceKey(); err != nil {
		return nil, err
	}
	t.beginClassic()
	return t, nil
}

// checkLayout reports what the package cannot work with.
func checkLayout(l *flash.Layout) error {
	if err := l.Validate(); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	return nil
}

// readIdentity reads element 111. A few tries, since nothing works without it.
func (t *Terminal) readIdentity() error {
	var b [IdentitySize]byte
	var err error
	for range 3 {
		if err = t.hw.Flash.Read(identityAddr(t.hw.Layout), b[:]); err != nil {
			continue
		}
		if t.identity, err = ParseIdentity(b[:]); err == nil {
			t.keys = t.identity.trusted(make([]ed25519.PublicKey, 0, KeySlots), 0)
			return nil
		}
	}
	return fmt.Errorf("terminal: %w", err)
}

// Identity returns what the boot area says of the device.
func (t *Terminal) Identity() Identity { return t.identity }

// Mode returns what the last Boot decided.
func (t *Terminal) Mode() Mode { return t.mode }

// Why returns why the device is in restoration mode.
func (t *Terminal) Why() smp.Why { return t.why }

// Installed returns the manifest of the release that runs, or ran last; false if there is none.
func (t *Terminal) Installed() (release.Manifest, bool) {
	rec := t.records.current()
	if rec == nil {
		return release.Manifest{}, false
	}
	m := &t.to
	if rec.state == Rewriting && t.match != smp.MatchB {
		m = &t.from
	}
	return m.Manifest, m.there
}

// Confirmed reports whether the installed release has confirmed itself.
func (t *Terminal) Confirmed() bool {
	rec := t.records.current()
	return rec != nil && rec.state == Installed && rec.confirmed
}

// Floor returns the security floor.
func (t *Terminal) Floor() release.Floor {
	floor := t.identity.Floor
	if rec := t.records.current(); rec != nil {
		if f := (release.Floor{Counter: rec.floor}); f.Compare(floor) > 0 {
			return f
		}
	}
	return floor
}

// Alive is called by the running release now and then. It lets a transfer go that nobody resumed for
// resumeFor, and starts the applications that were limited for it again.
func (t *Terminal) Alive() {
	if t.session.kept && t.hw.Clock.Now()-t.session.since >= resumeFor {
		t.Abandon()
	}
}
