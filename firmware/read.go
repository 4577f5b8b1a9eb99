package firmware

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"

	"unbrick/firmware/espimage"
	"unbrick/firmware/mcuboot"
	"unbrick/limits"
	"unbrick/release"
)

var le = binary.LittleEndian

// Read recognises a file and reads it. The name decides nothing where the content does; it keeps a file that says nothing of itself from
// being taken for a raw image. The parts may alias b. It fails with a *Refusal.
func Read(name string, b []byte) (*File, error) {
	f := &File{Name: name}
	if err := f.read(b); err != nil {
		return nil, err
	}
	return f, nil
}

// ReadRaw takes the bytes as they are, whatever they look like: somebody says that exactly these belong into a flash.
func ReadRaw(name string, b []byte) (*File, error) {
	if err := bounded(b); err != nil {
		return nil, err
	}
	f := &File{Name: name}
	f.raw(b)
	return f, nil
}

func bounded(b []byte) error {
	if len(b) == 0 {
		return &Refusal{Reason: Empty}
	}
	if len(b) > limits.Firmware {
		return &Refusal{Reason: TooLong, Has: uint64(len(b)), Needs: limits.Firmware}
	}
	return nil
}

func (f *File) read(b []byte) error {
	if err := bounded(b); err != nil {
		return err
	}
	reader := f.recognise(b)
	if reader == nil {
		return f.readRest(b)
	}
	return reader(b)
}

// recognise returns who reads a file that says what it is.
func (f *File) recognise(b []byte) func([]byte) error {
	text := bytes.TrimLeft(bytes.TrimPrefix(b[:min(len(b), 1<<10)], []byte(byteOrderMark)), " \t\r\n")
	switch {
	case bytes.HasPrefix(b, []byte(elfMagic)):
		return f.readELF
	case len(b) >= 8 && le.Uint32(b) == uf2First && le.Uint32(b[4:]) == uf2Second:
		return f.readUF2
	case bytes.HasPrefix(b, []byte(dfuSeMagic)):
		return f.readDfuSe
	case mcuboot.Is(b):
		return f.readMCUboot
	case bytes.HasPrefix(b, []byte("UNBRKPT1")):
		return f.readParts
	case isMerged(b):
		return f.readMerged
	case espimage.IsArduino(b):
		return f.readArduino
	case espimage.Is(b) || len(b) > 1 && b[0] == 0xea && b[1] == 4:
		return f.readImage
	case espimage.IsTable(b):
		return f.readTable
	case len(text) > 1 && text[0] == ':':
		return f.readHex
	case len(text) > 1 && text[0] == 'S' && text[1] >= '0' && text[1] <= '9':
		return f.readSRecord
	}
	return nil
}

// readRest reads what has no magic.
func (f *File) readRest(b []byte) error {
	if len(b) == espimage.OTADataSize && !espimage.Erased(b) {
		if c, err := espimage.ParseOTAData(b); err == nil && c.Sequence != [2]uint32{} {
			f.Format, f.Family, f.Placing = ESPOTAData, ESP, Movable
			f.Parts = []release.Part{{Name: "otadata", Data: b}}
			f.held(ChoiceCRC, "")
			return nil
		}
	}
	if bytes.Count(b, b[:1]) == len(b) {
		return &Refusal{Reason: Empty, Detail: "every byte of the file is the same"}
	}
	if isDFU(b) {
		f.Format, f.Placing = DFU, Loose
		f.held(SuffixCRC, "")
		if len(b) == dfuSuffix {
			return &Refusal{Reason: Empty, Format: DFU}
		}
		return f.loose(b[:len(b)-dfuSuffix])
	}
	if what := foreign(b); what != "" {
		return &Refusal{Reason: Foreign, Detail: "it is " + what}
	}
	if !rawName(f.Name) {
		return &Refusal{Reason: Unrecognised,
			Detail: "only a file whose name ends in .bin, .img, .rom, .raw or .fw is taken as a raw image"}
	}
	f.raw(b)
	if len(b) > release.MaxImage {
		return &Refusal{Reason: TooLong, Format: Raw, Has: uint64(len(b)), Needs: release.MaxImage}
	}
	return nil
}

func (f *File) raw(b []byte) {
	f.Format = Raw
	_ = f.loose(b)
}

// loose makes b the one part of a file that does not say where it belongs.
func (f *File) loose(b []byte) error {
	f.Placing = Loose
	f.Parts = []release.Part{{Name: "program", Data: b}}
	return nil
}

// rawNames are the ends of names under which raw images go about; one without any is taken, too.
var rawNames = []string{".bin", ".img", ".rom", ".raw", ".fw"}

func rawName(name string) bool {
	name = strings.ToLower(name[strings.LastIndexAny(name, `/\`)+1:])
	if !strings.Contains(name, ".") {
		return true
	}
	for _, end := range rawNames {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// foreigners are files that people take for firmware, or that hold it.
var foreigners = []struct {
	at          int
	magic, what string
}{
	{0, "\x1f\x8b\x08", "a gzip file: unpack it first"}, {0, "\xfd7zXZ\x00", "an xz file: unpack it first"},
	{0, "\x28\xb5\x2f\xfd", "a Zstandard file: unpack it first"}, {0, "PK\x03\x04", "a ZIP archive: unpack it first"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"}, {0, "Rar!\x1a\x07", "a RAR archive: unpack it first"},
	{257, "ustar", "a tar archive: unpack it first"}, {0, "!<arch>\n", "an archive of a compiler"},
	{0, "\x27\x05\x19\x56", "a U-Boot image, which this does not read"},
	{0, "\xd0\x0d\xfe\xed", "a device tree or FIT image, which this does not read"},
	{0, "%PDF-", "a PDF document"}, {0, "\x89PNG\r\n\x1a\n", "a picture"}, {0, "\xff\xd8\xff", "a picture"}, {0, "MZ", "a Windows program"},
	{0, "UNBRICK2", "a release file: give it where a release is asked for"}, {0, "UD\x02", "an update file of a server"},
}

// foreign says what a file is that is no firmware.
func foreign(b []byte) string {
	for _, f := range foreigners {
		if len(b) >= f.at && bytes.HasPrefix(b[f.at:], []byte(f.magic)) {
			return f.what
		}
	}
	head := b[:min(len(b), 4<<10)]
	if utf8.Valid(head) && bytes.IndexFunc(head, func(c rune) bool { return c < ' ' && c != '\n' && c != '\r' && c != '\t' }) < 0 {
		return "a text: perhaps a page that says why there was no file"
	}
	return ""
}

func (f *File) readMCUboot(b []byte) error {
	f.Format, f.Family, f.Placing = MCUbootImage, MCUboot, Movable
	m, err := mcuboot.Parse(b)
	if err != nil {
		var cut *mcuboot.ShortError
		switch {
		case errors.As(err, &cut):
			return short(f.Format, cut.Has, cut.Wants)
		case errors.Is(err, mcuboot.ErrHash):
			return &Refusal{Reason: CheckFailed, Format: f.Format, Check: HashTLV}
		}
		return malformed(f.Format, "%v", err)
	}
	f.Signed, f.Version = m, m.Version.String()
	f.check(HashTLV, "", !m.Encrypted())
	f.Parts = []release.Part{{Name: "image", Data: b[:m.Size]}}
	if len(f.Parts[0].Data) > release.MaxImage {
		return &Refusal{Reason: TooLong, Format: f.Format, Has: uint64(m.Size), Needs: release.MaxImage}
	}
	return nil
}

func (f *File) readParts(b []byte) error {
	f.Format = PartsFile
	parts, err := release.ParseParts(b)
	if err != nil {
		return malformed(f.Format, "%v", err)
	}
	f.Parts = parts
	return nil
}
