package firmware

import (
	"strings"

	"unbrick/firmware/espimage"
	"unbrick/firmware/mcuboot"
	"unbrick/release"
)

// Names of the families, as manifests have them (docs/release.md).
const (
	ESP     = "esp"
	AVR     = "avr"
	MCUboot = "mcuboot"
)

// FamilyOf returns the family of a chip by its name, or nothing if that does not tell.
func FamilyOf(chip string) string {
	switch {
	case espimage.ByName(chip) != nil:
		return ESP
	case strings.HasPrefix(chip, "atmega"), strings.HasPrefix(chip, "attiny"), strings.HasPrefix(chip, "at90"):
		return AVR
	}
	return ""
}

// Format is what a file is.
type Format uint8

// The formats. Append-only: the numbers go from the worker to the page.
const (
	Raw            Format = 1 + iota // bytes as they stand in the flash, with nothing that says what they are
	IntelHex                         // text of records
	SRecord                          // text of records
	ELF                              // as a linker makes it
	UF2                              // blocks of 512 bytes
	DfuSe                            // of ST, with addresses
	DFU                              // raw bytes with a suffix
	ESPApplication                   // one image
	ESPBootloader                    // one image
	ESP8266Program                   // all of an ESP8266 in one file: what its ROM starts, and what that takes from the flash
	ESPMerged                        // boot loader, partition table and applications as they lie in the flash
	ESPTable                         // a partition table
	ESPOTAData                       // which application starts
	MCUbootImage                     // signed
	PartsFile                        // our own
	formatsEnd
)

// Formats is how many there are.
const Formats = int(formatsEnd) - 1

var formatWords = [...]string{
	Raw: "raw image", IntelHex: "Intel HEX file", SRecord: "S-record file", ELF: "ELF file", UF2: "UF2 file", DfuSe: "DfuSe file",
	DFU: "DFU file", ESPApplication: "ESP application", ESPBootloader: "ESP boot loader", ESP8266Program: "ESP8266 program",
	ESPMerged: "merged ESP image", ESPTable: "ESP partition table", ESPOTAData: "ESP application choice (otadata)",
	MCUbootImage: "signed MCUboot image", PartsFile: "parts file",
}

// String names it for people.
func (f Format) String() string {
	if f > 0 && int(f) < len(formatWords) {
		return formatWords[f]
	}
	return "firmware file"
}

// Check is something in a file that its bytes can be compared with.
type Check struct {
	Kind CheckKind
	Of   string // name of the part that it is of; empty: of the file
	Held bool   // it is there and right. Else it is absent: one that is wrong is a refusal
}

// CheckKind says what it is.
type CheckKind uint8

// The checks. Append-only: the numbers go from the worker to the page.
const (
	RecordSums     CheckKind = 1 + iota // of every record of a text
	RecordCount                         // how many records there are
	BlockCount                          // every block is there
	BlockMD5                            // of pieces of flash, in UF2
	SuffixCRC                           // of DFU
	Checksum                            // one byte over the segments of an ESP image
	AppendedSHA256                      // over an ESP image
	TableMD5                            // over a partition table
	ChoiceCRC                           // of the number that says which application starts
	ProgramCRC                          // over a program of the Arduino core for the ESP8266
	SignatureSum                        // digest and CRC in a signature block; whose signature it is, only the chip knows
	HashTLV                             // over a signed image of MCUboot
	checksEnd
)

// CheckKinds is how many there are.
const CheckKinds = int(checksEnd) - 1

var checkWords = [...]string{
	RecordSums: "sums of the records", RecordCount: "count of the records", BlockCount: "numbers of the blocks", BlockMD5: "MD5 of the blocks",
	SuffixCRC: "CRC of the suffix", Checksum: "checksum", AppendedSHA256: "SHA-256", TableMD5: "MD5 of the partition table",
	ChoiceCRC: "CRC of the application choice", ProgramCRC: "CRC of the program",
	SignatureSum: "digest in the signature block", HashTLV: "hash",
}

// String names it for people.
func (c CheckKind) String() string {
	if c > 0 && int(c) < len(checkWords) {
		return checkWords[c]
	}
	return "check"
}

// Placing says how far a file knows where its parts lie.
type Placing uint8

// How far it does.
const (
	Fixed   Placing = iota // it says where
	Movable                // its kind has a usual place, and a partition table may say another
	Loose                  // somebody must say where
)

// Skipped is something in a file that is not for the flash, and is left out.
type Skipped struct {
	What  string // for people: "EEPROM", "option bytes"
	Bytes int
}

// File is what a file is and holds.
type File struct {
	Name    string
	Format  Format
	Family  string // one of the names above; empty: it does not say
	Chip    string // as manifests have it; empty: it does not say
	ISA     string // "avr", "arm", "riscv"; empty: it does not say
	Parts   []release.Part
	Placing Placing
	Checks  []Check
	Skipped []Skipped

	Version, Project, Date, IDF string // of the program; empty: not said

	// Of the chip, and of the flash, for an ESP.
	Least, Most uint16 // revisions, major x 100 + minor; Most is espimage.NoMost for no limit, and both 0 where it does not say
	Flash       uint32 // bytes that the header says; 0: it does not say
	Mode        uint8  // 0 QIO, 1 QOUT, 2 DIO, 3 DOUT
	Frequency   uint8  // MHz; 0: it does not say

	UF2Family uint32          // 0: none
	Table     *espimage.Table // of a merged image, or the file itself; else nil
	Image     *espimage.Image // ESP application, boot loader; of a merged image, the application
	Signed    *mcuboot.Image  // of a signed image of MCUboot; else nil
	Left      []release.Part  // of a merged image, what Parts leaves out: settings and file systems that the file has as erased bytes
	whole     *release.Part   // of a merged image: all of it
}

// held notes a check that holds.
func (f *File) held(kind CheckKind, of string) { f.Checks = append(f.Checks, Check{kind, of, true}) }

// check notes whether one is there.
func (f *File) check(kind CheckKind, of string, held bool) {
	f.Checks = append(f.Checks, Check{kind, of, held})
}

// Size is how many bytes its parts have.
func (f *File) Size() int {
	n := 0
	for i := range f.Parts {
		n += len(f.Parts[i].Data)
	}
	return n
}
