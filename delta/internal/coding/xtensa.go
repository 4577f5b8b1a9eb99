package coding

// Xtensa fields, in instructions of three bytes, or two if bit 3 of the first is set:
//
//	imm18 nn 0101       CALL0 to CALL12: words from the aligned address after the next
//	imm16 rt 0001       L32R: words back from the aligned end of the instruction

func xtensaLength(first byte) uint32 {
	if first&8 != 0 {
		return 2
	}
	return 3
}

func xtensaFind(code []byte, at uint32) (n int, kind Kind, to uint32) {
	if len(code) < 3 {
		return 0, 0, 0
	}
	w := uint32(code[0]) | uint32(code[1])<<8 | uint32(code[2])<<16
	switch w & 15 {
	case 5:
		return 3, KindBranch, at&^3 + 4 + signed(w>>6, 18)<<2
	case 1:
		return 3, KindPair, (at+3)&^3 + w>>8<<2 - 1<<18
	}
	return 0, 0, 0
}

func xtensaAim(field []byte, kind Kind, at, to uint32) bool {
	if to&3 != 0 {
		return false
	}
	first := uint32(field[0])
	var w uint32
	if kind == KindBranch {
		w = first&0x3F | (to-at&^3-4)>>2<<6
	} else {
		w = first | (to-(at+3)&^3)>>2<<8
	}
	field[0], field[1], field[2] = byte(w), byte(w>>8), byte(w>>16)
	return true
}
