package view

import (
	"unbrick/webui/state"
)

// legendEntry is one line of a map's text summary.
type legendEntry struct {
	Class string // of the swatch
	Name  string
	Count string
	Zero  bool
}

// legendOrder is the order of the summary: what matters first.
var legendOrder = [...]state.Sector{
	state.SectorNew, state.SectorOld, state.SectorDamaged, state.SectorLive, state.SectorErased,
	state.SectorSame, state.SectorBoot, state.SectorRecord, state.SectorUnused,
}

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

// sectorClass is the swatch's class in app.css.
func sectorClass(s state.Sector) string {
	names := [state.SectorKinds]string{"same", "old", "new", "gone", "bad", "live", "boot", "record", "none"}
	if int(s) >= len(names) {
		return "none"
	}
	return names[s]
}

// legend counts the states of a map. short leaves out what does not occur.
func legend(m *state.Map, short bool) []legendEntry {
	var n [state.SectorKinds]int
	for _, c := range m.Cells {
		if int(c) < len(n) {
			n[c]++
		}
	}
	var list []legendEntry
	for _, s := range legendOrder {
		if n[s] == 0 && short {
			continue
		}
		list = append(list, legendEntry{sectorClass(s), sectorName(s), group(uint64(n[s])), n[s] == 0})
	}
	return list
}

// sectorWords is what the map's cursor says: "sector 103, 0x067000, damaged".
func sectorWords(m *state.Map, i int) string {
	if i < 0 || i >= len(m.Cells) {
		return ""
	}
	addr, _ := sectorAddr(m.Facts.Runs, i)
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

// axis is the address at the start of each row of a wide map, or nothing where rows would be too many
// to read.
func axis(f *state.MapFacts) []string {
	places, rows := arrange(f.Runs, columnsFor(f.Runs, narrowWidth+1))
	if rows < 2 || rows > 32 {
		return nil
	}
	var list []string
	for i, p := range places {
		if p.col == 0 {
			addr, _ := sectorAddr(f.Runs, i)
			list = append(list, hexAddr(addr))
		}
	}
	return list
}

func lower(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]|0x20) + s[1:]
}

// LineClass is the entry's class; what does not occur is quieter.
func (e legendEntry) LineClass() string {
	if e.Zero {
		return "zero"
	}
	return "some"
}

// Swatch is the class of the entry's sample.
func (e legendEntry) Swatch() string { return "swatch " + e.Class }
