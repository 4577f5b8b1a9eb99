package firmware

import (
	"fmt"
	"strconv"
)

// Reason is why a file is not read, or not written to a device.
type Reason uint8

// The reasons. Append-only: the numbers go from the worker to the page.
const (
	// Of a file itself.
	Empty        Reason = 1 + iota // no bytes, or the same byte everywhere
	TooLong                        // file, or what it holds: Has, Needs
	Unrecognised                   // nothing says what it is, and its name says that it is no raw image
	Foreign                        // it is something else: Detail says what
	Malformed                      // it contradicts itself: Detail, and Addr where that has one
	CutShort                       // its end is missing: Has, Needs
	CheckFailed                    // one of its own checks is wrong: Check
	NotFlashable                   // it must be converted first: Detail says by what

	// Of a file, or of parts, and a device.
	Unplaced         // nobody said where it belongs
	WrongFamily      // Chip of the file, Wanted of the device
	WrongChip        // likewise
	WrongRevision    // Has: the chip's, Needs: the least or most that the image takes
	WrongOffset      // Addr is where it would lie, Needs where it belongs, or the nearest place that may be
	Swapped          // a boot loader in an application's place, or an application in a boot loader's: Addr
	NotImage         // what would lie where an image, or a table, belongs is none: Addr
	MergedMoved      // an image of the whole flash anywhere but at Needs: Addr
	NoBootloader     // the flash has none, and none is in the parts
	NoApplication    // likewise: nothing would start
	Overlap          // two parts: Addr
	BeyondFlash      // Has: the end, Needs: the size of the flash
	BeyondReach      // Has: the end, Needs: the reach of the loader
	BeyondPartition  // Has: bytes, Needs: bytes of the partition
	SmallFlash       // the boot loader was made for a larger flash: Has, Needs
	ForeignUF2       // family of another device: Has
	ReservedArea     // boot loader of the device: Addr
	NotFlash         // addresses of something else than flash, as EEPROM: Addr
	Unsigned         // the chip starts signed images alone
	ProtectedArea    // a protection of the chip forbids to write there: Addr
	PlainOnEncrypted // the chip decrypts what it reads, and the bytes are not encrypted
	TooManyParts     // Has, Needs
	NoTable          // an ESP's flash has no partition table, and none is in the parts
	reasonsEnd
)

// Reasons is how many there are.
const Reasons = int(reasonsEnd) - 1

// Refusal is the error of Read, Place and Fit.
type Refusal struct {
	Reason       Reason
	Format       Format    // what the file is, as far as it was recognised; 0: not at all
	Check        CheckKind // CheckFailed: which
	Part         string    // name of the part that it is about; empty: the file
	Addr         uint64    // in the flash
	Has, Needs   uint64
	Chip, Wanted string // WrongFamily, WrongChip: of the file and of the device
	Detail       string // for people: what exactly is wrong, and what to do; may be empty
}

// Error says it in one sentence.
func (e *Refusal) Error() string {
	s := e.words()
	if e.Part != "" {
		s = e.Part + ": " + s
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

func (e *Refusal) words() string {
	what, at := e.Format.String(), " at 0x"+strconv.FormatUint(e.Addr, 16)
	switch e.Reason {
	case Empty:
		return "there is nothing in it"
	case TooLong:
		return fmt.Sprintf("%d bytes, at most %d are taken", e.Has, e.Needs)
	case Unrecognised:
		return "its content says nothing of what it is"
	case Foreign:
		return "this is no firmware file"
	case Malformed:
		return "the " + what + " contradicts itself"
	case CutShort:
		if e.Needs == 0 {
			return "the end of the " + what + " is missing: get the file again"
		}
		return fmt.Sprintf("the %s is cut short, %d of at least %d bytes: get the file again", what, e.Has, e.Needs)
	case CheckFailed:
		return "the " + what + " is damaged, get the file again: its " + e.Check.String() + " is wrong"
	case NotFlashable:
		return "this " + what + " cannot be written as it is"
	case Unplaced:
		return "nothing says where in the flash it belongs: give its offset"
	case WrongFamily:
		return fmt.Sprintf("it is for %s, the device is %s", known(e.Chip), known(e.Wanted))
	case WrongChip:
		return fmt.Sprintf("it is for chip %s, the device has %s", known(e.Chip), known(e.Wanted))
	case WrongRevision:
		return fmt.Sprintf("the chip has revision %s, it needs %s", revision(e.Has), revision(e.Needs))
	case WrongOffset:
		return fmt.Sprintf("it does not belong%s, but to 0x%x", at, e.Needs)
	case Swapped:
		return "boot loader and application are swapped" + at
	case NotImage:
		return "what would lie" + at + " is not what a device looks for there"
	case MergedMoved:
		return fmt.Sprintf("an image of the whole flash belongs to 0x%x, not to 0x%x", e.Needs, e.Addr)
	case NoBootloader:
		return "the flash has no boot loader, and none is to be written: nothing would start"
	case NoTable:
		return "the flash has no partition table, and none is to be written: nothing would start"
	case NoApplication:
		return "the flash has no application, and none is to be written: nothing would start"
	case Overlap:
		return "two parts overlap" + at
	case BeyondFlash:
		return fmt.Sprintf("it ends at 0x%x, the flash has 0x%x bytes", e.Has, e.Needs)
	case BeyondReach:
		return fmt.Sprintf("it ends at 0x%x, the boot loader in the chip reaches 0x%x", e.Has, e.Needs)
	case BeyondPartition:
		return fmt.Sprintf("%d bytes, its partition has %d", e.Has, e.Needs)
	case SmallFlash:
		return fmt.Sprintf("the boot loader was made for a flash of %d bytes, this one has %d", e.Has, e.Needs)
	case ForeignUF2:
		return fmt.Sprintf("it is for UF2 family 0x%08x, another kind of device", e.Has)
	case ReservedArea:
		return "it would overwrite the device's boot loader" + at
	case NotFlash:
		return "what lies" + at + " is not for the flash"
	case Unsigned:
		return "the chip starts signed images alone, and this one is not signed"
	case ProtectedArea:
		return "the chip's protection forbids to write" + at
	case PlainOnEncrypted:
		return "the chip decrypts what it reads from the flash, and this is not encrypted"
	case TooManyParts:
		return fmt.Sprintf("%d parts, at most %d", e.Has, e.Needs)
	}
	return "refused"
}

func known(name string) string {
	if name == "" {
		return "another kind"
	}
	return name
}

// revision is major.minor.
func revision(n uint64) string {
	return strconv.FormatUint(n/100, 10) + "." + strconv.FormatUint(n%100, 10)
}

// malformed is the refusal of a file that contradicts itself.
func malformed(f Format, format string, args ...any) *Refusal {
	return &Refusal{Reason: Malformed, Format: f, Detail: fmt.Sprintf(format, args...)}
}

// short is the refusal of a file that ends too early.
func short(f Format, has, needs int) *Refusal {
	return &Refusal{Reason: CutShort, Format: f, Has: uint64(has), Needs: uint64(needs)}
}
