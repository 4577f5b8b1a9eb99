package coding

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"testing"
	"time"
)

func TestKnownInstructions(t *testing.T) {
	for _, c := range []struct {
		name string
		isa  ISA
		code string
		at   uint32
		n    int
		kind Kind
		to   uint32
	}{
		{"bl .+4", ISAThumb, "00f000f8", 0x100, 4, KindBranch, 0x104},
		{"bl .", ISAThumb, "fff7feff", 0x100, 4, KindBranch, 0x100},
		{"b.w .+0x1004", ISAThumb, "01f000b8", 0x100, 4, KindBranch, 0x1104},
		{"blx is left alone", ISAThumb, "00f000e8", 0x100, 0, 0, 0},
		{"ldr r0, [pc, #4]", ISAThumb, "0148", 0x102, 2, KindLoad, 0x108},
		{"odd address", ISAThumb, "00f000f8", 0x101, 0, 0, 0},
		{"tjl .+6", ISATC32, "00900198", 0x100, 4, KindBranch, 0x106},
		{"tloadr r0, [pc, #4]", ISATC32, "0108", 0x100, 2, KindLoad, 0x108},
		{"bl .+0x1000", ISAARM64, "00040094", 0x100, 4, KindBranch, 0x1100},
		{"b.eq .-4", ISAARM64, "e0ffff54", 0x100, 4, KindNear, 0xfc},
		{"adrp x0; add x0, x0, #16", ISAARM64, "000000b000400091", 0x124, 8, KindPair, 0x1010},
		{"adrp x1; ldr x2, [x1, #8]", ISAARM64, "010000b0220440f9", 0x124, 8, KindPair, 0x1008},
		{"adrp x0; add x2, x1, #16", ISAARM64, "000000b022400091", 0x124, 0, 0, 0},
		{"jal ra, .+16", ISARISCV, "ef000001", 0x102, 4, KindBranch, 0x112},
		{"auipc a0, 1; addi a0, a0, -4", ISARISCV, "171500001305c5ff", 0x100, 8, KindPair, 0x10fc},
		{"call8 .+4", ISAXtensa, "250000", 0x102, 3, KindBranch, 0x104},
		{"l32r a2, .-4", ISAXtensa, "21ffff", 0x101, 3, KindPair, 0x100},
		{"rjmp .-2", ISAAVR, "fecf", 0x100, 2, KindBranch, 0xfe},
		{"rcall .+6", ISAAVR, "02d0", 0x100, 2, KindBranch, 0x106},
		{"call 0x1234", ISAAVR, "0e941a09", 0x100, 4, KindBranch, 0x1234},
		{"jmp 0x20002", ISAAVR, "0d940100", 0x100, 4, KindBranch, 0x20002},
		{"ldi r24, 1", ISAAVR, "81e00000", 0x100, 0, 0, 0},
		{"call .+5", ISAx86, "e80000000090", 0x101, 5, KindBranch, 0x106},
		{"jmp .-2", ISAx86, "e9f9ffffff90", 0x101, 5, KindBranch, 0xff},
		{"jne .+262", ISAx86, "0f8500010000", 0x103, 6, KindNear, 0x209},
		{"lea 0x10(%rip), %rax", ISAx86, "8d0510000000", 0x101, 6, KindPair, 0x117},
		{"lea 0x10(%rax), %rax", ISAx86, "8d8010000000", 0x101, 0, 0, 0},
		{"lcall 0x1234", ISA8051, "121234", 0x101, 3, KindBranch, 0x1234},
		{"ljmp 0x9234", ISA8051, "029234", 0x101, 3, KindBranch, 0x9234},
		{"ljmp 0x9234 in bank 3", ISA8051, "029234", 0x18101, 3, KindBranch, 0x19234},
		{"lcall 0x1234 in bank 3", ISA8051, "121234", 0x18101, 3, KindBranch, 0x1234},
		{"acall 0x7a5", ISA8051, "f1a522", 0x7fd, 2, KindBranch, 0x7a5},
		{"ajmp 0x8a5 from the end of a page", ISA8051, "01a522", 0x7fe, 2, KindBranch, 0x8a5},
		{"bl .+8", ISAARM, "000000eb", 0x100, 4, KindBranch, 0x108},
		{"bne .", ISAARM, "feffff1a", 0x100, 4, KindBranch, 0x100},
		{"blx is left alone, too", ISAARM, "000000fa", 0x100, 0, 0, 0},
		{"mov r0, #1", ISAARM, "0100a0e3", 0x100, 0, 0, 0},
		{"data", ISAData, "00f000f8", 0x100, 0, 0, 0},
	} {
		code, err := hex.DecodeString(c.code)
		if err != nil {
			t.Fatal(err)
		}
		if n, kind, to := c.isa.find(code, c.at); n != c.n || n > 0 && (kind != c.kind || to != c.to) {
			t.Errorf("%s, %s: %d bytes of kind %d to 0x%x, want %d of %d to 0x%x", c.isa, c.name, n, kind, to, c.n, c.kind, c.to)
		}
	}
}

// TestAimInvertsFind: aiming a field at where it points leaves it as it is, and aimed elsewhere it is
// found to point there.
func TestAimInvertsFind(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	found, hits := map[ISA]int{}, map[ISA]int{}
	for range 3000000 {
		isa := ISA(2 + r.IntN(isaCount-2))
		at := uint32(r.IntN(1<<20)) &^ 3
		var code [8]byte
		binary.LittleEndian.PutUint64(code[:], r.Uint64())
		if isa == ISARISCV || isa == ISAARM64 { // pairs are rare by chance
			low := binary.LittleEndian.Uint32(code[4:])
			if isa == ISARISCV {
				low = low&^0xF807F | 0x13 | uint32(code[1])>>7<<15 | uint32(code[2])&15<<16&0xF8000
				low &^= 7 << 12
			} else {
				low = low&^0xFFC003E0 | 0x91000000 | uint32(code[0])&31<<5
			}
			binary.LittleEndian.PutUint32(code[4:], low)
		}
		if isa == ISAx86 { // 32 bits rarely lead into an image
			code[3], code[4], code[5] = 0, byte(r.IntN(2)), 0
			if code[0] == 0xE8 || code[0] == 0xE9 {
				code[4] = 0
			}
		}
		n, kind, to := isa.find(code[:], at)
		if n == 0 || to > 1<<22 {
			continue
		}
		found[isa]++
		same := bytes.Clone(code[:n])
		if !isa.aim(same, kind, at, to) || !bytes.Equal(same, code[:n]) {
			t.Fatalf("%s: % x at 0x%x points to 0x%x, aimed there it is % x", isa, code[:n], at, to, same)
		}
		elsewhere := (to + uint32(r.IntN(64))*16) &^ 15
		if other := append(bytes.Clone(same), code[n:]...); isa.aim(other[:n], kind, at, elsewhere) {
			// A displacement that does not fit points astray, but never stays where it was.
			n2, kind2, to2 := isa.find(other, at)
			if n2 != n || kind2 != kind || to2 == to && to != elsewhere {
				t.Fatalf("%s: % x aimed from 0x%x to 0x%x is % x and points to 0x%x", isa, code[:n], at, elsewhere, other[:n], to2)
			}
			if to2 == elsewhere {
				hits[isa]++
			}
		}
	}
	for isa := ISAThumb; isa < isaCount; isa++ {
		if found[isa] < 100 || hits[isa] < found[isa]/4 {
			t.Errorf("%s: %d fields were tried, %d could be aimed elsewhere", isa, found[isa], hits[isa])
		}
	}
}

// TestLengths8051 walks over one instruction of each form and expects to see where each begins.
func TestLengths8051(t *testing.T) {
	code, err := hex.DecodeString("00" + "10a0fd" + "90abcd" + "a2b0" + "e0" + "31aa" + "021234" + "22" + "4211" + "92d0" + "e2" +
		"431122" + "73" + "a3" + "14" + "2411" + "b41102" + "84" + "0511" + "752233" + "852233" + "d52211" + "16" + "7622" +
		"8622" + "a622" + "b62211" + "08" + "7922" + "8922" + "aa22" + "bb2211" + "dc22" + "ef")
	if err != nil {
		t.Fatal(err)
	}
	want := []uint32{1, 3, 3, 2, 1, 2, 3, 1, 2, 2, 1, 3, 1, 1, 1, 2, 3, 1, 2, 3, 3, 3, 1, 2, 2, 2, 3, 1, 2, 2, 2, 3, 2, 1}
	for i, n := range want {
		if got := ISA8051.length(code[0]); got != n {
			t.Fatalf("instruction %d, %02x, is %d bytes long, want %d", i, code[0], got, n)
		}
		code = code[n:]
	}
	if len(code) != 0 {
		t.Errorf("%d bytes are left", len(code))
	}
}

func TestSetupComesBack(t *testing.T) {
	some := MakeSegments(Segment{0x18, 0x1234, 0x400D0018}, Segment{0x1250, 1, 0x3F400000})
	others := MakeSegments(Segment{0, 1<<24 - 1, 1<<32 - 1<<24 + 1})
	for _, s := range []Setup{
		{},
		{ISA: ISAData, Base: NoBase},
		{ISA: ISAThumb, Base: 0x08004000},
		{ISA: ISAXtensa, Base: NoBase, RAM: 0x3ffe0000, RAMSize: 1 << 18},
		{ISA: ISAARM64, Base: 0, RAM: 0xfff00000, RAMSize: 1 << 12},
		{ISA: ISAThumb, Old: some, New: some},
		{ISA: ISAThumb, Base: NoBase, RAM: 0x3ffe0000, RAMSize: 1 << 18, Old: some, New: others},
	} {
		b := append(s.Append(nil), 0xAA)
		var got Setup
		if rest, ok := got.Parse(b); !ok || got != s || len(rest) != 1 {
			t.Errorf("%+v comes back as %+v, %v", s, got, ok)
		}
		for n := range len(b) - 1 {
			if _, ok := got.Parse(b[:n]); ok {
				t.Errorf("%+v is read from %d bytes of %d", s, n, len(b)-1)
			}
		}
	}
	for _, b := range [][]byte{{isaCount}, {2, 4}, {2, 1, 0, 0, 0x10}, {2, 2, 0, 0, 0, 0, 0, 0}} {
		var s Setup
		if _, ok := s.Parse(b); ok {
			t.Errorf("% x is accepted as %+v", b, s)
		}
	}
}
