package coding

import "encoding/binary"

// Thumb-2 fields: BL and B.W (encoding T4), whose 25-bit displacement lies scattered over two
// halfwords, and LDR from a literal pool (T1), whose word displacement counts from the aligned address.
//
//	11110 S imm10 | 11 J1 1 J2 imm11      BL    (bit 12 clear and 14 set: BLX, left alone)
//	11110 S imm10 | 10 J1 1 J2 imm11      B.W
//	01001 rt imm8                         LDR

func thumbFind(code []byte, at uint32) (n int, kind Kind, to uint32) {
	if at&1 != 0 || len(code) < 2 {
		return 0, 0, 0
	}
	a := uint32(binary.LittleEndian.Uint16(code))
	if a&0xF800 == 0x4800 {
		return 2, KindLoad, (at+4)&^3 + a&0xff<<2
	}
	if a&0xF800 != 0xF000 || len(code) < 4 {
		return 0, 0, 0
	}
	b := uint32(binary.LittleEndian.Uint16(code[2:]))
	if b&0x9000 != 0x9000 {
		return 0, 0, 0
	}
	s := a >> 10 & 1
	d := s<<24 | (^(b>>13^s)&1)<<23 | (^(b>>11^s)&1)<<22 | a&0x3ff<<12 | b&0x7ff<<1
	return 4, KindBranch, at + 4 + signed(d, 25)
}

func thumbAim(field []byte, kind Kind, at, to uint32) bool {
	a := uint32(binary.LittleEndian.Uint16(field))
	if kind == KindLoad {
		d := to - (at+4)&^3
		if d&3 != 0 || d > 0xff<<2 {
			return false
		}
		binary.LittleEndian.PutUint16(field, uint16(a&0xFF00|d>>2))
		return true
	}
	d := to - at - 4
	s := d >> 24 & 1
	b := uint32(binary.LittleEndian.Uint16(field[2:]))
	binary.LittleEndian.PutUint16(field, uint16(a&0xF800|s<<10|d>>12&0x3ff))
	binary.LittleEndian.PutUint16(field[2:], uint16(b&0xD000|(^(d>>23^s)&1)<<13|(^(d>>22^s)&1)<<11|d>>1&0x7ff))
	return true
}

// TC32 fields: the call, two halfwords with 11 bits of displacement each, and the load from a
// literal pool.
//
//	10010 imm11 | 10011 imm11      TJL
//	00001 rt imm8                  TLOADR

func tc32Find(code []byte, at uint32) (n int, kind Kind, to uint32) {
	if at&1 != 0 || len(code) < 2 {
		return 0, 0, 0
	}
	a := uint32(binary.LittleEndian.Uint16(code))
	if a&0xF800 == 0x0800 {
		return 2, KindLoad, (at+4)&^3 + a&0xff<<2
	}
	if a&0xF800 != 0x9000 || len(code) < 4 {
		return 0, 0, 0
	}
	b := uint32(binary.LittleEndian.Uint16(code[2:]))
	if b&0xF800 != 0x9800 {
		return 0, 0, 0
	}
	return 4, KindBranch, at + 4 + signed(a&0x7ff<<12|b&0x7ff<<1, 23)
}

func tc32Aim(field []byte, kind Kind, at, to uint32) bool {
	if kind == KindLoad {
		return thumbAim(field, kind, at, to)
	}
	d := to - at - 4
	a := uint32(binary.LittleEndian.Uint16(field))
	b := uint32(binary.LittleEndian.Uint16(field[2:]))
	binary.LittleEndian.PutUint16(field, uint16(a&0xF800|d>>12&0x7ff))
	binary.LittleEndian.PutUint16(field[2:], uint16(b&0xF800|d>>1&0x7ff))
	return true
}

// signed extends the sign of a number of that many bits.
func signed(d uint32, bits uint8) uint32 { return uint32(int32(d<<(32-bits)) >> (32 - bits)) }
