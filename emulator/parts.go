package emulator

import (
	"fmt"
	"time"

	"unbrick/flash"
)

const kib = 1 << 10

// W25Q128JV is a serial NOR part: 4 KiB sectors, 32 and 64 KiB blocks, pages of 256 bytes, single
// bytes programmable.
func W25Q128JV() Part {
	return Part{
		Name: "w25q128jv",
		Geometry: flash.Geometry{
			Runs: []flash.Run{{Size: 4 * kib, Count: 4096}}, ProgramUnit: 1, Page: 256, Erased: 0xFF,
			Blocks: []uint32{32 * kib, 64 * kib},
		},
		Unit: Span{30 * time.Microsecond, 50 * time.Microsecond},
		Page: Span{400 * time.Microsecond, 3 * time.Millisecond}, PageSize: 256,
		Erase: []EraseSpan{
			{4 * kib, Span{45 * time.Millisecond, 400 * time.Millisecond}},
			{32 * kib, Span{120 * time.Millisecond, 1600 * time.Millisecond}},
			{64 * kib, Span{150 * time.Millisecond, 2 * time.Second}},
		},
		ReadKiB: 41 * time.Microsecond,
		Source: "Winbond W25Q128JV data sheet, AC electrical characteristics (tPP, tSE, tBE1, tBE2, first byte as in the W25Q family's tBP1). " +
			"tPP, tSE and tBE2 checked in copies of the figures, tBE1 and tBP1 not; reading assumed as quad at 50 MHz.",
	}
}

// STM32F407 is internal flash with uneven sectors, programmed by 32-bit words without correction.
func STM32F407() Part {
	return Part{
		Name: "stm32f407",
		Geometry: flash.Geometry{
			Runs:        []flash.Run{{Size: 16 * kib, Count: 4}, {Size: 64 * kib, Count: 1}, {Size: 128 * kib, Count: 7}},
			ProgramUnit: 4, Page: 256, Erased: 0xFF,
		},
		Unit: Span{16 * time.Microsecond, 100 * time.Microsecond},
		Erase: []EraseSpan{
			{16 * kib, Span{250 * time.Millisecond, 500 * time.Millisecond}},
			{64 * kib, Span{550 * time.Millisecond, 1100 * time.Millisecond}},
			{128 * kib, Span{time.Second, 2 * time.Second}},
		},
		ReadKiB: 10 * time.Microsecond,
		Source: "ST DS8626 Rev 12, Table 40, parallelism x32, and RM0090 section 3. Programming maximum, 16 KiB typical and " +
			"128 KiB maximum checked in copies of the figures, the others not; reading assumed.",
	}
}

// STM32G474 is internal flash of 64-bit double words with correction, one bank of 4 KiB pages
// (DBANK = 0).
func STM32G474() Part {
	return Part{
		Name: "stm32g474",
		Geometry: flash.Geometry{
			Runs: []flash.Run{{Size: 4 * kib, Count: 128}}, ProgramUnit: 8, Page: 256, Erased: 0xFF,
		},
		ECC:     true,
		Unit:    Span{81700 * time.Nanosecond, 83350 * time.Nanosecond},
		Erase:   []EraseSpan{{4 * kib, Span{22020 * time.Microsecond, 24470 * time.Microsecond}}},
		ReadKiB: 10 * time.Microsecond,
		Source: "ST DS12288, Flash memory characteristics (tprog of 64 bits, tERASE of a page), and RM0440 section 3 for the geometry. " +
			"Times not checked against the sheet; reading assumed.",
	}
}

// STM32H743 is internal flash of 256-bit words with correction, one of its banks.
func STM32H743() Part {
	return Part{
		Name: "stm32h743",
		Geometry: flash.Geometry{
			Runs: []flash.Run{{Size: 128 * kib, Count: 8}}, ProgramUnit: 32, Page: 256, Erased: 0xFF,
		},
		ECC:     true,
		Unit:    Span{100 * time.Microsecond, 200 * time.Microsecond},
		Erase:   []EraseSpan{{128 * kib, Span{time.Second, 2 * time.Second}}},
		ReadKiB: 8 * time.Microsecond,
		Source:  "ST DS12110 Rev 11, Tables 43 and 140, parallelism x64; checked in copies of the tables. Reading assumed.",
	}
}

// STM32L152 is internal flash that erases to 0x00, programmed by words or half pages of 128 bytes.
// It erases pages of 256 bytes; a sector here is 16 of them, erased one after the other.
func STM32L152() Part {
	return Part{
		Name: "stm32l152",
		Geometry: flash.Geometry{
			Runs: []flash.Run{{Size: 4 * kib, Count: 64}}, ProgramUnit: 4, Page: 128, Erased: 0x00,
		},
		Unit: Span{3280 * time.Microsecond, 3940 * time.Microsecond},
		Page: Span{3280 * time.Microsecond, 3940 * time.Microsecond}, PageSize: 128,
		Erase:   []EraseSpan{{256, Span{3280 * time.Microsecond, 3940 * time.Microsecond}}},
		ReadKiB: 32 * time.Microsecond,
		Source: "ST DS10002 (STM32L151xC/L152xC), Flash memory and data EEPROM characteristics (tprog), and RM0038 section 3 for the geometry. " +
			"Times not checked against the sheet; reading assumed.",
	}
}

// Parts returns all parts with figures of their data sheets.
func Parts() []Part {
	return []Part{W25Q128JV(), STM32F407(), STM32G474(), STM32H743(), STM32L152()}
}

// PartNamed returns the part of that name.
func PartNamed(name string) (Part, error) {
	var names []string
	for _, p := range Parts() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Part{}, fmt.Errorf("part %q is none of %q", name, names)
}

// PartFor returns the part whose times and correction suit a geometry best, for models that do not
// name one: by program unit, sector size and erased byte. The geometry stays the part's own.
func PartFor(g *flash.Geometry) Part {
	switch {
	case g.Erased == 0x00:
		return STM32L152()
	case g.ProgramUnit >= 16:
		return STM32H743()
	case g.ProgramUnit >= 8:
		return STM32G474()
	case g.Largest() >= 16*kib:
		return STM32F407()
	}
	return W25Q128JV()
}
