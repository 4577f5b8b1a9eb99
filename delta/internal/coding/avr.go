package coding

import "encoding/binary"

// AVR fields, in words of two bytes; displacements and addresses count words:
//
//	110c imm12                          RJMP, RCALL: from behind the instruction
//	1001010 hi5 11c hi1 | low16         JMP, CALL: from the start of the image

func avrFind(code []byte, at uint32) (n int, kind Kind, to uint32) {
	if at&1 != 0 || len(code) < 2 {
		return 0, 0, 0
	}
	w := uint32(binary.LittleEndian.Uint16(code))
	if w&0xE000 == 0xC000 {
		return 2, KindBranch, at + 2 + signed(w&0xFFF<<1, 13)
	}
	if w&0xFE0C != 0x940C || len(code) < 4 {
		return 0, 0, 0
	}
	return 4, KindBranch, (w>>3&0x3E|w&1)<<17 | uint32(binary.LittleEndian.Uint16(code[2:]))<<1
}

func avrAim(field []byte, at, to uint32) bool {
	w := uint32(binary.LittleEndian.Uint16(field))
	if to&1 != 0 {
		return false
	}
	if len(field) == 2 {
		w = w&0xF000 | (to-at-2)>>1&0xFFF
	} else {
		w = w&0xFE0E | to>>17&0x3E<<3 | to>>17&1
		binary.LittleEndian.PutUint16(field[2:], uint16(to>>1))
	}
	binary.LittleEndian.PutUint16(field, uint16(w))
	return true
}
