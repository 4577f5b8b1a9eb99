package firmware

import (
	"bytes"
	"strings"

	"unbrick/firmware/espimage"
	"unbrick/limits"
)

const (
	elfMagic = "\x7fELF"

	elfHeader  = 52
	elfProgram = 32 // bytes of a program header
	elfSection = 40

	elfARM    = 0x28
	elfAVR    = 0x53
	elfXtensa = 0x5e
	elfRISCV  = 0xf3

	elfExecutable = 2
	elfLoad       = 1
)

// avrSpaces are the addresses that the linker of the AVR gives to what is not flash.
var avrSpaces = []struct {
	from uint32
	what string
}{{0x840000, "signature row"}, {0x830000, "lock bits"}, {0x820000, "fuses"}, {0x810000, "EEPROM"}, {0x800000, ""}}

const avrSpacesEnd = 0x850000

// readELF reads the segments of an ELF file that are loaded, at their physical addresses.
func (f *File) readELF(b []byte) (err error) {
	f.Format = ELF
	if len(b) < elfHeader {
		return short(ELF, len(b), elfHeader)
	}
	if b[4] != 1 || b[5] != 1 {
		return malformed(ELF, "only programs of 32 bits, least significant byte first, are for such devices")
	}
	if kind := le.Uint16(b[16:]); kind != elfExecutable {
		return malformed(ELF, "it is no program that was linked to its addresses, but of type %d", kind)
	}
	machine := le.Uint16(b[18:])
	switch machine {
	case elfARM:
		f.ISA = "arm"
	case elfAVR:
		f.ISA, f.Family, f.Chip = "avr", AVR, avrChip(b)
	case elfRISCV:
		f.ISA = "riscv"
	case elfXtensa:
		return espELF()
	default:
		return malformed(ELF, "it is for machine %d, not for AVR, ARM or RISC-V", machine)
	}
	at, n, size := le.Uint32(b[28:]), int(le.Uint16(b[44:])), int(le.Uint16(b[42:]))
	if n == 0 || n > limits.ELFHeaders || size != elfProgram {
		return malformed(ELF, "%d program headers of %d bytes", n, size)
	}
	if end := uint64(at) + uint64(n*size); end > uint64(len(b)) {
		return short(ELF, len(b), int(end))
	}
	holding := &pieces{format: ELF}
	for i := range n {
		if err := f.loadSegment(b, b[int(at)+i*elfProgram:], holding); err != nil {
			return err
		}
	}
	f.Parts, err = holding.parts()
	return err
}

func (f *File) loadSegment(b, header []byte, holding *pieces) error {
	offset, virtual, physical, size := le.Uint32(header[4:]), le.Uint32(header[8:]), le.Uint32(header[12:]), le.Uint32(header[16:])
	if le.Uint32(header) != elfLoad || size == 0 {
		return nil
	}
	if end := uint64(offset) + uint64(size); end > uint64(len(b)) {
		return short(ELF, len(b), int(end))
	}
	if size > le.Uint32(header[20:]) {
		return malformed(ELF, "a segment has %d bytes in the file and less in memory", size)
	}
	data := b[offset:][:size]
	if f.ISA == "riscv" && (espimage.Mapped(virtual) || espimage.Mapped(physical)) {
		return espELF()
	}
	if f.ISA == "avr" && physical >= avrSpaces[len(avrSpaces)-1].from {
		for _, s := range avrSpaces {
			if physical >= s.from && s.what != "" {
				f.Skipped = append(f.Skipped, Skipped{s.what, int(size)})
				return nil
			}
		}
		return malformed(ELF, "%d bytes lie in RAM at 0x%x, and no place in the flash is said for them", size, physical)
	}
	return holding.add(uint64(physical), data)
}

// espELF refuses a program of an ESP, whose boot loader takes images.
func espELF() *Refusal {
	return &Refusal{Reason: NotFlashable, Format: ELF, Detail: "it is an ESP's program before it was made an image; take the .bin " +
		"that the build makes of it, or make one with esptool elf2image"}
}

const deviceInfo = ".note.gnu.avr.deviceinfo"

// avrChip returns the name of the chip that avr-gcc notes in a section of its own, or nothing.
func avrChip(b []byte) string {
	at, n, size, names := uint64(le.Uint32(b[32:])), int(le.Uint16(b[48:])), int(le.Uint16(b[46:])), int(le.Uint16(b[50:]))
	if n == 0 || n > limits.ELFHeaders || size != elfSection || names >= n || at+uint64(n*size) > uint64(len(b)) {
		return ""
	}
	section := func(i int) (name uint32, content []byte) {
		h := b[int(at)+i*elfSection:]
		offset, size := uint64(le.Uint32(h[16:])), uint64(le.Uint32(h[20:]))
		if offset+size > uint64(len(b)) {
			return 0, nil
		}
		return le.Uint32(h), b[offset : offset+size]
	}
	_, table := section(names)
	for i := range n {
		name, content := section(i)
		if uint64(name) >= uint64(len(table)) || !bytes.HasPrefix(table[name:], []byte(deviceInfo+"\x00")) {
			continue
		}
		return lastText(content)
	}
	return ""
}

// lastText returns the last text in a note that names a chip.
func lastText(b []byte) string {
	b = bytes.TrimRight(b[:min(len(b), 256)], "\x00")
	s := string(b[bytes.LastIndexByte(b, 0)+1:])
	if FamilyOf(s) != AVR || len(s) > limits.Family || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return ""
	}
	return s
}
