package coding

import "encoding/binary"

// ARM fields (A32), in aligned words:
//
//	cond 101 L imm24              B, BL, of any condition but 1111

func armFind(code []byte, at uint32) (n int, kind Kind, to uint32) {
	if at&3 != 0 || len(code) < 4 {
		return 0, 0, 0
	}
	w := binary.LittleEndian.Uint32(code)
	if w&0x0E000000 != 0x0A000000 || w >= 0xF0000000 {
		return 0, 0, 0
	}
	return 4, KindBranch, at + 8 + signed(w&0xFFFFFF<<2, 26)
}

func armAim(field []byte, at, to uint32) bool {
	w := binary.LittleEndian.Uint32(field)
	binary.LittleEndian.PutUint32(field, w&0xFF000000|(to-at-8)>>2&0xFFFFFF)
	return to&3 == 0
}
