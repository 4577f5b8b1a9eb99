package coding

// 8051 fields:
//
//	000c0010 high low      LJMP, LCALL: an address of 16 bits
//	hi3 c 0001 low         AJMP, ACALL: within the 2 KiB of what follows
//
// Code behind 64 KiB lies in banks of 32 KiB: there the upper half of the addresses means its own bank.

// lengths8051 holds the lengths of instructions, two bits each: a word for each upper half of the first
// byte, in it from the lowest bits on a length for each lower half, the last one for 8 to F.
var lengths8051 = [16]uint32{
	0x15979, 0x1597B, 0x15A5B, 0x15A5B, 0x15AEA, 0x15AEA, 0x15AEA, 0x2AE6A,
	0x2AD6A, 0x15A6B, 0x2A56A, 0x3FF6A, 0x1596A, 0x25D6A, 0x15959, 0x15959,
}

func i8051Length(first byte) uint32 {
	return lengths8051[first>>4] >> (2 * min(first&15, 8)) & 3
}

func i8051Find(code []byte, at uint32) (n int, kind Kind, to uint32) {
	if len(code) < 2 {
		return 0, 0, 0
	}
	op := uint32(code[0])
	switch {
	case op&0xEF == 0x02 && len(code) >= 3:
		to = uint32(code[1])<<8 | uint32(code[2])
		if to >= bank8051 && at >= 2*bank8051 {
			to += at&^(bank8051-1) - bank8051
		}
		return 3, KindBranch, to
	case op&0x0F == 0x01:
		return 2, KindBranch, (at+2)&^0x7FF | op>>5<<8 | uint32(code[1])
	}
	return 0, 0, 0
}

const bank8051 = 0x8000

func i8051Aim(field []byte, at, to uint32) bool {
	if len(field) == 2 {
		field[0], field[1] = field[0]&0x1F|byte(to>>8)<<5, byte(to)
		return (at+2)>>11 == to>>11
	}
	if to >= 2*bank8051 || to >= bank8051 && at >= 2*bank8051 {
		if at < 2*bank8051 || at/bank8051 != to/bank8051 {
			return false
		}
		to = to&(bank8051-1) | bank8051
	}
	field[1], field[2] = byte(to>>8), byte(to)
	return true
}
