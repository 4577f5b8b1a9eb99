package coding

import "encoding/binary"

// x86 fields, of 32 and 64 bits. The last four bytes are a displacement from behind the instruction:
//
//	E8, E9                 CALL, JMP
//	0F 80 to 0F 8F         Jcc
//	8B, 89, 8D | 00 r 101  MOV and LEA relative to the instruction, as 64-bit code has them

func x86Find(code []byte, at uint32) (n int, kind Kind, to uint32) {
	if len(code) < 5 {
		return 0, 0, 0
	}
	switch op := code[0]; {
	case op&0xFE == 0xE8:
		n, kind = 5, KindBranch
	case op == 0x0F && code[1]&0xF0 == 0x80:
		n, kind = 6, KindNear
	case (op&0xFD == 0x89 || op == 0x8D) && code[1]&0xC7 == 0x05:
		n, kind = 6, KindPair
	default:
		return 0, 0, 0
	}
	if len(code) < n {
		return 0, 0, 0
	}
	return n, kind, at + uint32(n) + binary.LittleEndian.Uint32(code[n-4:])
}

func x86Aim(field []byte, at, to uint32) bool {
	n := len(field)
	binary.LittleEndian.PutUint32(field[n-4:], to-at-uint32(n))
	return true
}
