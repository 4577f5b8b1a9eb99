package words

import (
	"cmp"

	"unbrick/webui/state"
)

var sectorKinds = [state.SectorKinds]string{
	state.SectorSame:    "Unchanged",
	state.SectorOld:     "Old",
	state.SectorNew:     "New",
	state.SectorErased:  "Erased",
	state.SectorDamaged: "Damaged",
	state.SectorLive:    "Being rewritten",
	state.SectorBoot:    "Boot area",
	state.SectorRecord:  "Records",
	state.SectorUnused:  "Not used",
}

// SectorKind is a state as a person reads it.
func SectorKind(s state.Sector) string { return cmp.Or(word(sectorKinds[:], s), "Unknown") }

// Sector is what the map's cursor says: "sector 103, 0x067000, damaged".
func Sector(m *state.Map, i int) string {
	if i < 0 || i >= len(m.Cells) {
		return ""
	}
	addr, _ := state.SectorAt(m.Facts.Runs, i)
	return "sector " + Group(uint64(i)) + ", " + HexAddr(addr) + ", " + Lower(SectorKind(m.Cells[i]))
}

// FlashFacts describes a flash: "1 MiB NOR, one bank, 256 sectors of 4 KiB, program unit 256".
func FlashFacts(f *state.MapFacts) string {
	if len(f.Runs) == 0 {
		return ""
	}
	s := KiB(uint64(f.Size)) + " NOR, one bank, "
	if len(f.Runs) == 1 {
		s += Count(int(f.Runs[0].Count), "sector", "sectors") + " of " + KiB(uint64(f.Runs[0].Size))
	} else {
		n := 0
		for _, r := range f.Runs {
			n += int(r.Count)
		}
		s += Count(n, "sector", "sectors") + " of different sizes"
	}
	if f.ProgramUnit > 0 {
		s += ", program unit " + Group(uint64(f.ProgramUnit))
	}
	return s
}

// Cells explains the cells on Restore.
func Cells(f *state.MapFacts) string {
	if len(f.Runs) == 1 {
		return "The device’s memory. Each cell is one sector, " + KB(uint64(f.Runs[0].Size)) + "."
	}
	return "The device’s memory. Each cell is one sector, as wide as it is large."
}

func Lower(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]|0x20) + s[1:]
}

func Upper(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]&^0x20) + s[1:]
}
