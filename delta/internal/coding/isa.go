package coding

// ISA is the instruction set whose relocated fields a Predictor knows; its number is in the header.
type ISA uint8

// Instruction sets. Numbers are part of the format: append-only.
const (
	ISANone   ISA = 0  // every copied byte is predicted to be the old one
	ISAData   ISA = 1  // only pointers
	ISAThumb  ISA = 2  // ARM Thumb and Thumb-2
	ISATC32   ISA = 3  // Telink TC32
	ISAARM64  ISA = 4  // AArch64
	ISARISCV  ISA = 5  // RISC-V, compressed instructions included
	ISAXtensa ISA = 6  // Xtensa with the windowed and the code density option
	ISAAVR    ISA = 7  // AVR
	ISAx86    ISA = 8  // x86 of 32 and 64 bits
	ISA8051   ISA = 9  // 8051, in banks if the image has more than 64 KiB
	ISAARM    ISA = 10 // ARM, A32
	isaCount      = 11
)

// ISANames returns the names of all instruction sets, by number.
func ISANames() []string {
	return []string{"none", "data", "thumb", "tc32", "arm64", "riscv", "xtensa", "avr", "x86", "8051", "arm"}
}

// String returns the name of a known instruction set.
func (i ISA) String() string { return ISANames()[i] }

// ParseISA returns the instruction set of that name.
func ParseISA(name string) (ISA, bool) {
	for i, n := range ISANames() {
		if n == name {
			return ISA(i), true
		}
	}
	return 0, false
}

// find looks for a field at the start of code, which lies at address at. It returns the field's
// length, 0 if there is none, its kind, and the address that it points at.
func (i ISA) find(code []byte, at uint32) (n int, kind Kind, to uint32) {
	switch i {
	case ISAThumb:
		return thumbFind(code, at)
	case ISATC32:
		return tc32Find(code, at)
	case ISAARM64:
		return arm64Find(code, at)
	case ISARISCV:
		return riscvFind(code, at)
	case ISAXtensa:
		return xtensaFind(code, at)
	case ISAAVR:
		return avrFind(code, at)
	case ISAx86:
		return x86Find(code, at)
	case ISA8051:
		return i8051Find(code, at)
	case ISAARM:
		return armFind(code, at)
	}
	return 0, KindPlain, 0
}

// aim makes the field, which find has found, point at address to from address at. It reports false if
// the field cannot hold that.
func (i ISA) aim(field []byte, kind Kind, at, to uint32) bool {
	switch i {
	case ISAThumb:
		return thumbAim(field, kind, at, to)
	case ISATC32:
		return tc32Aim(field, kind, at, to)
	case ISAARM64:
		return arm64Aim(field, kind, at, to)
	case ISARISCV:
		return riscvAim(field, kind, at, to)
	case ISAXtensa:
		return xtensaAim(field, kind, at, to)
	case ISAAVR:
		return avrAim(field, at, to)
	case ISAx86:
		return x86Aim(field, at, to)
	case ISA8051:
		return i8051Aim(field, at, to)
	case ISAARM:
		return armAim(field, at, to)
	}
	return false
}

// align returns which bits of an address are clear where an instruction can begin.
func (i ISA) align() uint32 {
	switch i {
	case ISAThumb, ISATC32, ISARISCV, ISAAVR:
		return 1
	case ISAARM64, ISAARM:
		return 3
	}
	return 0
}

// words returns which bits of an address are clear where a pointer can lie: x86 does not align those
// in its code.
func (i ISA) words() uint32 {
	if i == ISAx86 {
		return 0
	}
	return 3
}

// length returns the length of the instruction that begins with first, 0 if the instruction set is
// looked at without regard to where instructions begin.
func (i ISA) length(first byte) uint32 {
	switch i {
	case ISAXtensa:
		return xtensaLength(first)
	case ISA8051:
		return i8051Length(first)
	}
	return 0
}
