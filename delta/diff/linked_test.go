package diff_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"unbrick/delta"
	"unbrick/flash"
)

// unit is one function of a made-up program: code with calls to other units, and pointers behind it.
type unit struct {
	code     []byte
	calls    map[int]int // offset in code to unit called
	pointers []int       // units pointed at
	ram      []uint32    // RAM addresses, offsets from the start of its data
}

func randomUnit(r *rand.Rand, units int) unit {
	u := unit{code: make([]byte, 4*(4+r.IntN(60))), calls: map[int]int{}}
	for i := 0; i < len(u.code); i += 2 {
		binary.LittleEndian.PutUint16(u.code[i:], uint16(r.IntN(0x4000))|0x2000)
	}
	for i := 0; i+4 <= len(u.code); i += 4 * (1 + r.IntN(4)) {
		u.calls[i] = r.IntN(units)
	}
	for range r.IntN(4) {
		u.pointers = append(u.pointers, r.IntN(units))
		u.ram = append(u.ram, uint32(r.IntN(1<<10))*4)
	}
	return u
}

// link places units one behind the other at base and resolves what they refer to.
func link(units []unit, base, data uint32) []byte {
	start := make([]uint32, len(units))
	at := uint32(0)
	for i, u := range units {
		start[i] = at
		at += uint32(len(u.code) + 4*len(u.pointers) + 4*len(u.ram))
	}
	var out []byte
	for i, u := range units {
		code := append([]byte(nil), u.code...)
		for off, callee := range u.calls {
			d := start[callee] - (start[i] + uint32(off) + 4)
			s := d >> 24 & 1
			j1, j2 := ^(d>>23^s)&1, ^(d>>22^s)&1
			binary.LittleEndian.PutUint16(code[off:], uint16(0xF000|s<<10|d>>12&0x3ff))
			binary.LittleEndian.PutUint16(code[off+2:], uint16(0xD000|j1<<13|j2<<11|d>>1&0x7ff))
		}
		out = append(out, code...)
		for _, p := range u.pointers {
			out = binary.LittleEndian.AppendUint32(out, base+start[p]|1)
		}
		for _, o := range u.ram {
			out = binary.LittleEndian.AppendUint32(out, data+o)
		}
	}
	return out
}

// linkedPair is a program before and after some units were put in and others grew.
func linkedPair(r *rand.Rand, units int) (old, new []byte) {
	program := make([]unit, units)
	for i := range program {
		program[i] = randomUnit(r, units)
	}
	base := 0x08000000 + uint32(r.IntN(64))<<12
	old = link(program, base, 0x20000400)
	later := append([]unit(nil), program...)
	for range 1 + r.IntN(8) {
		i := r.IntN(units)
		grown := randomUnit(r, units)
		later[i].code = append(append([]byte(nil), later[i].code...), grown.code[:4*(1+r.IntN(3))]...)
	}
	return old, link(later, base, 0x20000400+uint32(r.IntN(4))*16)
}

// TestLinkedPrograms: programs that differ by relocation are found to be so, and go through every
// kind of prediction in every geometry.
func TestLinkedPrograms(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rounds := 24
	if testing.Short() {
		rounds = 6
	}
	for i := range rounds {
		s := seed + uint64(i)
		t.Run(fmt.Sprintf("seed %d", s), func(t *testing.T) {
			r := rand.New(rand.NewPCG(s, 4))
			sc := randomScenario(t, r)
			sc.full = false
			sc.area, _ = flash.ParseGeometry([]string{"1KiB*128", "4KiB*32", "16KiB*2,32KiB*3"}[r.IntN(3)], 0)
			sc.doubtful, sc.only = nil, nil
			if r.IntN(3) == 0 {
				sc.doubtful = make([]bool, sc.area.Sectors())
				sc.doubtful[r.IntN(len(sc.doubtful))] = true
			}
			sc.old, sc.new = linkedPair(r, 100+r.IntN(300))
			sc.options.ISA = "thumb"
			with := sc.check(t, r)
			h, err := delta.ParseHeader(with)
			if err != nil {
				t.Fatal(err)
			}
			sc.options.ISA = "none"
			without := sc.check(t, r)
			if sc.doubtful == nil && (h.Setup.ISA.String() != "thumb" || len(with)*10 > len(without)*9) {
				t.Errorf("predicting %s takes %d bytes, without %d", h.Setup.ISA, len(with), len(without))
			}
		})
	}
}
