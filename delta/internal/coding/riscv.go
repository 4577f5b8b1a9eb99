package coding

import "encoding/binary"

// RISC-V fields, at even addresses because of compressed instructions:
//
//	imm[20|10:1|11|19:12] rd 1101111      JAL with rd x0 or x1
//	imm[31:12] rd 0010111                 AUIPC, then with the same register
//	imm[11:0] rs1 funct3 rd opcode        JALR, ADDI or a load

func riscvFind(code []byte, at uint32) (n int, kind Kind, to uint32) {
	if at&1 != 0 || len(code) < 4 {
		return 0, 0, 0
	}
	w := binary.LittleEndian.Uint32(code)
	if w&0x7F == 0x6F && w>>7&31 <= 1 {
		d := w>>31<<20 | w>>12&0xFF<<12 | w>>20&1<<11 | w>>21&0x3FF<<1
		return 4, KindBranch, at + signed(d, 21)
	}
	if w&0x7F != 0x17 || len(code) < 8 {
		return 0, 0, 0
	}
	low := binary.LittleEndian.Uint32(code[4:])
	if op := low & 0x7F; low>>15&31 != w>>7&31 || op != 0x67 && op != 0x03 && (op != 0x13 || low>>12&7 != 0) {
		return 0, 0, 0
	}
	return 8, KindPair, at + w&^0xFFF + signed(low>>20, 12)
}

func riscvAim(field []byte, kind Kind, at, to uint32) bool {
	w, d := binary.LittleEndian.Uint32(field), to-at
	if kind == KindBranch {
		w = w&0xFFF | d>>20&1<<31 | d>>1&0x3FF<<21 | d>>11&1<<20 | d>>12&0xFF<<12
	} else {
		low := binary.LittleEndian.Uint32(field[4:])
		binary.LittleEndian.PutUint32(field[4:], low&0xFFFFF|d<<20)
		w = w&0xFFF | (d+0x800)&^0xFFF
	}
	binary.LittleEndian.PutUint32(field, w)
	return true
}
