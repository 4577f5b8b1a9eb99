package firmware

import (
	"errors"

	"unbrick/firmware/espimage"
	"unbrick/release"
)

// refuse turns an error of espimage into a refusal.
func refuse(format Format, part string, err error) *Refusal {
	r := malformed(format, "%v", err)
	r.Part = part
	var cut *espimage.ShortError
	switch {
	case errors.As(err, &cut):
		r.Reason, r.Detail, r.Has, r.Needs = CutShort, "", uint64(cut.Has), uint64(cut.Wants)
	case errors.Is(err, espimage.ErrChecksum):
		r.Reason, r.Check = CheckFailed, Checksum
	case errors.Is(err, espimage.ErrDigest):
		r.Reason, r.Check = CheckFailed, digestOf(format)
	case errors.Is(err, espimage.ErrVersion2):
		r.Reason, r.Detail = NotFlashable, "it is of the second version of the ESP8266's own SDK, which this does not "+
			"read; give it as raw bytes with its offset"
	}
	return r
}

// digestOf is which digest a format has.
func digestOf(format Format) CheckKind {
	switch format {
	case ESPTable:
		return TableMD5
	case ESP8266Program:
		return ProgramCRC
	case ESPOTAData:
		return ChoiceCRC
	}
	return AppendedSHA256
}

// readImage reads one image for an ESP.
func (f *File) readImage(b []byte) error {
	f.Format, f.Family, f.Placing = ESPApplication, ESP, Movable
	m, err := espimage.Parse(b)
	if err != nil {
		return refuse(f.Format, "", err)
	}
	if m.Kind == espimage.Bootloader {
		f.Format = ESPBootloader
	}
	err = m.Tail(b)
	if err != nil && startsAll(m) {
		return f.readProgram(b, m)
	}
	if err != nil {
		return f.refuseTail("", err)
	}
	f.Chip = m.Chip.Name
	f.tell(m)
	f.checkImage(m, "")
	name, offset := "app", uint32(espimage.Align)
	if m.Kind == espimage.Bootloader {
		name, offset = "bootloader", m.Chip.Bootloader
	}
	f.Parts = []release.Part{{Name: name, Offset: offset, Data: b[:m.Size]}}
	return f.bounded()
}

// startsAll reports whether an image is one that the ROM of an ESP8266 starts, which has no form for what lies behind it.
func startsAll(m *espimage.Image) bool {
	return m.Chip.Name == espimage.ESP8266 && m.Kind == espimage.Bootloader
}

// readProgram takes all of a file that begins with such an image: behind it lies, at places of the project's own, what it takes from the
// flash. No check is over that.
func (f *File) readProgram(b []byte, m *espimage.Image) error {
	f.Format, f.Chip, f.Placing = ESP8266Program, m.Chip.Name, Fixed
	f.tell(m)
	f.held(Checksum, "")
	f.check(ProgramCRC, "", false)
	f.Parts = []release.Part{{Name: "program", Data: b}}
	return f.bounded()
}

// refuseTail is the refusal of what is behind an image.
func (f *File) refuseTail(part string, err error) *Refusal {
	r := refuse(f.Format, part, err)
	if r.Reason == CheckFailed {
		r.Check = SignatureSum
	}
	return r
}

// bounded refuses parts that no release can hold.
func (f *File) bounded() error {
	if n := f.Size(); n > release.MaxImage {
		return &Refusal{Reason: TooLong, Format: f.Format, Has: uint64(n), Needs: release.MaxImage}
	}
	if n := len(f.Parts); n > release.MaxParts {
		return &Refusal{Reason: TooManyParts, Format: f.Format, Has: uint64(n), Needs: release.MaxParts}
	}
	return nil
}

// tell takes over what an image says of itself.
func (f *File) tell(m *espimage.Image) {
	f.Image = m
	f.Version, f.Project, f.Date, f.IDF = m.Version, m.Project, m.Date, m.IDF
	f.Least, f.Most, f.Flash, f.Mode, f.Frequency = m.Least, m.Most, m.Flash, m.Mode, m.Frequency
}

// checkImage notes the checks of an image.
func (f *File) checkImage(m *espimage.Image, of string) {
	f.held(Checksum, of)
	if m.Chip.Name != espimage.ESP8266 {
		f.check(AppendedSHA256, of, m.Digest)
	}
	if m.Signature == espimage.SignedV2 {
		f.held(SignatureSum, of)
	}
}

// readArduino reads a program of the Arduino core for the ESP8266.
func (f *File) readArduino(b []byte) error {
	f.Format, f.Family, f.Chip = ESP8266Program, ESP, espimage.ESP8266
	m, err := espimage.ParseArduino(b)
	if err != nil {
		return refuse(f.Format, "", err)
	}
	f.tell(m)
	f.held(Checksum, "")
	f.held(ProgramCRC, "")
	f.Parts = []release.Part{{Name: "program", Data: b[:m.Size]}}
	return f.bounded()
}

// readTable reads a partition table.
func (f *File) readTable(b []byte) error {
	f.Format, f.Family, f.Placing = ESPTable, ESP, Movable
	t, err := espimage.ParseTable(b)
	if err != nil {
		return refuse(f.Format, "", err)
	}
	if rest := b[min(len(b), espimage.TableSize):]; !espimage.Erased(rest) {
		return malformed(f.Format, "%d bytes behind it", len(rest))
	}
	f.Table = t
	f.check(TableMD5, "", t.Digest)
	f.Parts = []release.Part{{Name: "partitions", Offset: espimage.TableOffset, Data: b[:min(len(b), espimage.TableSize)]}}
	return nil
}
