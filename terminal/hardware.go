package terminal

import (
	"crypto/ed25519"
	"hash"
	"time"

	"unbrick/delta/bsdiff"
	"unbrick/flash"
	"unbrick/limits"
	"unbrick/release"
)

// SurvivorSize is how many bytes of RAM must survive a reset; see Hardware.Survivor.
const SurvivorSize = limits.Survivor

// Hardware is what the terminal's software runs on. New copies it; what its fields refer to stays the
// caller's and must live as long as the Terminal.
type Hardware struct {
	Flash  flash.Device
	Layout *flash.Layout
	RAM    RAM
	Cable  Cable
	Clock  Clock
	Cause  ResetCause
	Pin    bool // the restoration pin is held
	// MaxSpeed is the highest speed, in bits a second, that Cable can be set to if it is a Speeder.
	MaxSpeed uint32
	// Survivor is SurvivorSize bytes that keep their content over a reset and may hold anything after
	// a power failure.
	Survivor []byte
	// Event is told of every step, in order, from within the calls of Terminal; nil tells nobody. It
	// must return soon and must not call the Terminal.
	Event func(Event)

	// Hash makes a SHA-256; nil means the software one, which takes memory of the heap. It is called twice, during New only: first for
	// images and files, then for sectors.
	Hash func() hash.Hash
	// Verify is the signature unit; nil means release.Verify, whose contract it has.
	Verify func(signed []byte, keys []ed25519.PublicKey, need int) (release.Manifest, error)
	// VerifyTrust is the same for trust statements; nil means release.VerifyStatement, whose contract it has.
	VerifyTrust func(signed []byte, slots []ed25519.PublicKey, need int) (release.Statement, error)
	// Sign signs msg with the device key that lies in hardware (Ed25519), for hellos and receipts. It is called only if the key block says
	// that it does.
	Sign func(msg []byte, sig *[ed25519.SignatureSize]byte) error
	// Classic is memory for reading classic patches; nil: the device takes none. Only a part whose RAM can hold the whole image
	// has use for it.
	Classic *bsdiff.Patch
	// SignSeed signs msg with the seed of the key block (Ed25519); nil: a device whose key lies there says hello as one without a key, and gives no receipt.
	// SignSeed of this package does it in software, in a fifth of a second on a small core. It must fail if Public is
	// not the seed's: a signature with such a pair gives the seed away.
	SignSeed func(key *DeviceKey, msg []byte, sig *[ed25519.SignatureSize]byte) error
	// Random fills p with bytes that nobody can foresee; nil: there is no source of them.
	Random func(p []byte) error
	// PauseMax is the longest that applications and interrupts may stand still, in device time, if RAM is a Pauser; 0: never. No
	// operation of the flash is begun in a pause unless the maximum of the data sheet ends within it.
	PauseMax time.Duration
}

// RAM is the rewritable volatile memory 102 and what runs in it. Offsets and sizes are bytes.
type RAM interface {
	// Regions returns all regions in address order. The result is valid until the next call of any
	// method.
	Regions() []Region
	// Stop stops the application of region i (RegionRunning becomes RegionStopped). Its memory may then be
	// claimed; what it held is lost. It fails for a region that is fixed and for one that does not exist.
	Stop(i int) error
	// Start starts the application of region i again (RegionStopped becomes RegionRunning).
	Start(i int) error
	// Claim turns n bytes at off, all of them in free or stopped regions, into workspace and returns
	// them, exactly them: the slice has no capacity beyond. There is one workspace at a time. What cannot be had fails and
	// changes nothing.
	Claim(off, n uint32) ([]byte, error)
	// Release gives the workspace back, with what is resident in it. Without one it does nothing.
	Release()
	// Resident copies rewriter, decoder, flash and cable driver into mem, the tail of the workspace,
	// and runs them from there: the flash may be erased and programmed from now until Release. It
	// fails while any application runs.
	Resident(mem []byte) error
}

// Pauser is a RAM that can let everything stand still for a moment instead of stopping it, so that the flash may be busy while
// applications keep their memory. Package terminal does not use it yet.
type Pauser interface {
	// Pause lets all applications and interrupts stand still, but for a part that is resident at all times and lies in a fixed
	// region: flash driver, receive buffer of the cable, watchdog. Only that part runs until Resume, which must come within
	// Hardware.PauseMax. Links stay open; on cable and links, what arrives beyond the announced depth is lost. It fails, and
	// nothing stands still, where pausing is not allowed, in a pause, and while the flash is busy.
	Pause() error
	// Resume ends the pause: everything goes on where it stood. The flash must not be busy. Without a pause it does nothing.
	Resume()
}

// Region is one piece of RAM with its present use.
type Region struct {
	Name       string
	Off, Size  uint32
	Importance uint8 // of the application; the least important is stopped first
	State      RegionState
}

// RegionState says who uses a region.
type RegionState uint8

// The states of a region.
const (
	RegionFixed     RegionState = 1 + iota // never to be had: system, stacks
	RegionRunning                          // an application runs in it
	RegionStopped                          // its application is stopped
	RegionFree                             // nobody's
	RegionWorkspace                        // claimed
)

// Cable is the wire communication device 104.
type Cable interface {
	// Read waits for at least one byte, at most for wait of device time, and returns what is there;
	// 0 and nil after the wait.
	Read(p []byte, wait time.Duration) (int, error)
	// Write sends all of p.
	Write(p []byte) error
	// Break reports whether a break arrived since the last call.
	Break() bool
	// Depth returns how many bytes can arrive while the flash is busy before any are lost.
	Depth() int
}

// Clock tells device time: since power-up, never going back.
type Clock interface {
	Now() time.Duration
}

// ResetCause is why the device started.
type ResetCause uint8

// The causes.
const (
	PowerOn       ResetCause = 1 + iota
	SoftwareReset            // asked for by the software
	Watchdog                 // the running release hung
	FaultReset               // the running release faulted
	ExternalReset            // a reset pin or line
)

func (c ResetCause) String() string {
	switch c {
	case PowerOn:
		return "power on"
	case SoftwareReset:
		return "software reset"
	case Watchdog:
		return "watchdog"
	case FaultReset:
		return "fault"
	case ExternalReset:
		return "external reset"
	}
	return "unknown"
}
