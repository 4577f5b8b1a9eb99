package coding

import "encoding/binary"

// AArch64 fields, in aligned words:
//
//	x00101 imm26                  B, BL
//	01010100 imm19 0 cond         B.cond       this and the next stay within functions
//	x011010x imm19 rt             CBZ, CBNZ
//	1 lo2 10000 hi19 rd           ADRP, then with the same register
//	x00100010 0 imm12 rn rd       ADD, or LDR and STR with an unsigned offset

func arm64Find(code []byte, at uint32) (n int, kind Kind, to uint32) {
	if at&3 != 0 || len(code) < 4 {
		return 0, 0, 0
	}
	w := binary.LittleEndian.Uint32(code)
	switch {
	case w&0x7C000000 == 0x14000000:
		return 4, KindBranch, at + signed(w&0x3FFFFFF<<2, 28)
	case w&0xFF000010 == 0x54000000, w&0x7E000000 == 0x34000000:
		return 4, KindNear, at + signed(w>>5&0x7FFFF<<2, 21)
	case w&0x9F000000 == 0x90000000 && len(code) >= 8:
		low := binary.LittleEndian.Uint32(code[4:])
		if scale, ok := arm64Low(low); ok && low>>5&31 == w&31 {
			page := at>>12 + signed(w>>5&0x7FFFF<<2|w>>29&3, 21)
			if page < 1<<20 {
				return 8, KindPair, page<<12 + low>>10&0xFFF<<scale
			}
		}
	}
	return 0, 0, 0
}

// arm64Low tells whether w adds an unsigned offset to a register, and how that is scaled.
func arm64Low(w uint32) (scale uint32, ok bool) {
	if w&0xFFC00000 == 0x91000000 {
		return 0, true
	}
	return w >> 30, w&0x3F000000 == 0x39000000
}

func arm64Aim(field []byte, kind Kind, at, to uint32) bool {
	w := binary.LittleEndian.Uint32(field)
	switch kind {
	case KindBranch:
		w = w&0xFC000000 | (to-at)>>2&0x3FFFFFF
	case KindNear:
		w = w&0xFF00001F | (to-at)>>2&0x7FFFF<<5
	default:
		low := binary.LittleEndian.Uint32(field[4:])
		scale, _ := arm64Low(low)
		if to&(1<<scale-1) != 0 {
			return false
		}
		binary.LittleEndian.PutUint32(field[4:], low&^(0xFFF<<10)|to&0xFFF>>scale<<10)
		pages := to>>12 - at>>12
		w = w&0x9F00001F | pages&3<<29 | pages>>2&0x7FFFF<<5
	}
	binary.LittleEndian.PutUint32(field, w)
	return true
}
