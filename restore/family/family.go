package family

import (
	"context"
	"time"

	"unbrick/release"
	"unbrick/restore"
)

// Names of the families, as manifests have them (docs/release.md).
const (
	ESP     = "esp"     // the ROM of Espressif's chips
	AVR     = "avr"     // STK500 version 1 and 2, as Arduino boards have it
	MCUboot = "mcuboot" // SMP with the image group
)

// Options tune Enter; the zero value is the default of each.
type Options struct {
	USB      USB            // numbers of the port
	Way      Way            // tried first, because it worked before
	There    bool           // by Way it came into its boot loader a moment ago, which waits: it is asked there first
	Patience time.Duration  // how long a person is waited for who resets the device by hand; 0: not at all
	Baud     uint32         // fastest speed that is tried; 0: as fast as family and port allow
	OnWay    func(Way)      // told which way is tried; may be nil
	Heard    func([]byte)   // told what the device said that is no answer, first and last; must not keep it; may be nil
	Trace    func(Exchange) // told of every exchange when it is over; may be nil
}

// Loader is a boot loader that answers.
type Loader interface {
	// Describe says who the device is. It may be called again.
	Describe(ctx context.Context) (*Board, error)

	// Compare finds out which blocks of parts are not what the flash holds. The parts ascend and do not overlap. It fails with
	// restore.CodeTooLarge, CodeReserved or CodeProtected when they cannot be written to this device as they are, before it asks
	// the flash.
	Compare(ctx context.Context, parts []release.Part, report Report) (*Difference, error)

	// Write writes what d says differs.
	Write(ctx context.Context, d *Difference, report Report) error

	// Verify looks whether parts are there. It fails with restore.CodeVerify, and Addr where it is another byte, when they are not.
	Verify(ctx context.Context, parts []release.Part, report Report) (Proof, error)

	// Start lets the device run its program, and listens to it until it is known how that went, or for as long as is of use. Afterwards the
	// Loader answers nothing any more.
	Start(ctx context.Context) (*Sight, error)

	// Read reads a part of the flash, for a backup.
	Read(ctx context.Context, addr uint32, p []byte, report Report) error

	// Way is how the device came into its boot loader.
	Way() Way

	// Stats are what has travelled so far.
	Stats() Stats

	// Close closes the port.
	Close() error
}

// leaveFor bounds how long a device that is left is waited for.
const leaveFor = 2 * time.Second

// Leave closes a loader that nothing was written with. A device that the lines of its port brought into its boot loader is let run its
// program again, as it did before.
func Leave(l Loader) error {
	switch l.Way() {
	case WayNone, WayThere, WayHand:
	default:
		ctx, cancel := context.WithTimeout(context.Background(), leaveFor)
		defer cancel()
		_, _ = l.Start(ctx) // as far as it can be told to
	}
	return l.Close()
}

// Report is told where a work stands; it may be nil for none.
type Report func(restore.Progress)

// Board is what is known of a device before anything is written.
type Board struct {
	Family      string // one of the names above
	Chip        string // as manifests have it: "esp32c3", "atmega328p"; empty: not known
	Name        string // for people: "ESP32-C3", "ATmega328P"
	Revision    string // of the chip: "0.4"; empty: not told
	Serial      string // its own number, as the MAC address of an ESP: "7c:df:a1:00:11:22"; empty: it has none
	Loader      string // for people: what answers: "ROM boot loader", "Optiboot 4.4"
	Flash       uint32 // bytes of flash; 0: it cannot be found out
	Protections []Protection
	Sealed      error   // why nothing can be written to it, an *restore.Error; nil: it can
	Notes       []Note  // what a person should know before
	Listed      []Row   // what its boot loader lists, in the words of its own tools
	Reserved    []Range // of the flash, never written: its boot loader's
}

// Row is one line of what a boot loader lists.
type Row struct {
	Label, Value, Small string
	Mono                bool // Value is no word
}

// Protection is what a maker has switched on in a chip, so that not everything can be written or read.
type Protection uint8

// The protections. Append-only: the numbers go from the worker to the page.
const (
	SecureBoot        Protection = 1 + iota // only images of its maker start
	SecureBootV1                            // its boot loader is bound to the chip, too, and never written
	EncryptionDevelop                       // the flash is encrypted; the chip encrypts what is written
	EncryptionRelease                       // the flash is encrypted, and what is written must be already
	SecureDownload                          // its ROM only writes: nothing can be read, compared or verified
	KeyRecovery                             // the flash begins with data that its keys cannot be had without
	protectionsEnd
)

// Protections is how many there are.
const Protections = int(protectionsEnd) - 1

// Note is what a person should know about a device, beside what it is.
type Note uint8

// The notes. Append-only: the numbers go from the worker to the page.
const (
	NoVerify  Note = 1 + iota // the device cannot verify: what was read back by other means says how far it was looked at
	NoCompare                 // it cannot be asked what it holds: all is written
	SizeGuess                 // the size of its flash is not its own word
	notesEnd
)

// Notes is how many there are.
const Notes = int(notesEnd) - 1

// Range is a piece of flash, in bytes.
type Range struct{ Addr, Size uint32 }

// End is the address behind it.
func (r Range) End() uint64 { return uint64(r.Addr) + uint64(r.Size) }

// Difference is what the flash of a device lacks of some parts.
type Difference struct {
	Parts  []release.Part
	Block  uint32  // bytes of a block; it is erased, written and counted as a whole
	Write  []Range // to be written: ascending, apart, of whole blocks
	Blocks int     // that the parts lie in
	Differ int     // of them, that will be written
	Bytes  uint64  // that will travel, as far as it can be known, framing included
	Work   time.Duration
}

// Proof says how it is known that what was written is there.
type Proof uint8

// The proofs, the weakest first. Append-only: the numbers go from the worker to the page.
const (
	ProofNone    Proof = iota // nothing could be asked
	ProofListed               // its boot loader checked it, and lists it among what it would start
	ProofSamples              // pieces of it were read back and compared
	ProofRead                 // all of it was read back and compared
	ProofDigest               // the device computed a digest of all of it
)

// Sight is what was seen of a device that was told to start.
type Sight struct {
	Outcome Outcome
	Heard   []byte // what it said, first and last
}

// Outcome is how a start went, as far as it can be seen.
type Outcome uint8

// The outcomes. Append-only: the numbers go from the worker to the page.
const (
	Quiet      Outcome = iota // it was told to start, and says nothing that tells how that went
	Runs                      // it says what only a program says
	Crashes                   // it starts and falls, again and again
	Empty                     // its boot loader finds no program
	Waits                     // its boot loader waits for a download again
	Unasked                   // it cannot be told to start: a person must reset it
	Unanswered                // the command to start was not answered
	Tried                     // it is to be tried; nothing has answered since
	OnTrial                   // it runs, and the next restart brings the one before back unless its program confirms itself
	Stays                     // it ran on trial, and was told to stay
)

// Stats are the traffic of a Loader.
type Stats struct {
	Sent, Received uint64 // bytes on the wire
	Repeated       int    // requests that had to be sent again
	Baud           uint32 // speed of the line now
}
