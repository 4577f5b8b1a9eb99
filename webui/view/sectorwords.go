package view

import (
	"unbrick/webui/state"
)

// sectorName is a state as a person reads it.
func sectorName(s state.Sector) string {
	switch s {
	case state.SectorSame:
		return "Unchanged"
	case state.SectorOld:
		return "Old"
	case state.SectorNew:
		return "New"
	case state.SectorErased:
		return "Erased"
	case state.SectorDamaged:
		return "Damaged"
	case state.SectorLive:
		return "Being rewritten"
	case state.SectorBoot:
		return "Boot area"
	case state.SectorRecord:
		return "Records"
	case state.SectorUnused:
		return "Not used"
	}
	return "Unknown"
}

// sectorWords is what the map's cursor says: "sector 103, 0x067000, damaged".
func sectorWords(m *state.Map, i int) string {
	if i < 0 || i >= len(m.Cells) {
		return ""
	}
	addr, _ := state.SectorAt(m.Facts.Runs, i)
	return "sector " + group(uint64(i)) + ", " + hexAddr(addr) + ", " + lower(sectorName(m.Cells[i]))
}

// factsWords describes a flash: "1 MiB NOR, one bank, 256 sectors of 4 KiB, program unit 256".
func factsWords(f *state.MapFacts) string {
	if len(f.Runs) == 0 {
		return ""
	}
	s := kib(uint64(f.Size)) + " NOR, one bank, "
	if len(f.Runs) == 1 {
		s += count(int(f.Runs[0].Count), "sector", "sectors") + " of " + kib(uint64(f.Runs[0].Size))
	} else {
		n := 0
		for _, r := range f.Runs {
			n += int(r.Count)
		}
		s += count(n, "sector", "sectors") + " of different sizes"
	}
	if f.ProgramUnit > 0 {
		s += ", program unit " + group(uint64(f.ProgramUnit))
	}
	return s
}

// cellWords explains the cells on Restore.
func cellWords(f *state.MapFacts) string {
	if len(f.Runs) == 1 {
		return "The device’s memory. Each cell is one sector, " + kb(uint64(f.Runs[0].Size)) + "."
	}
	return "The device’s memory. Each cell is one sector, as wide as it is large."
}

func lower(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]|0x20) + s[1:]
}

func upper(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]&^0x20) + s[1:]
}
