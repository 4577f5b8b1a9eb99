package flashmap

import (
	"unbrick/webui/state"
	"unbrick/webui/words"
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
		list = append(list, legendEntry{sectorClass(s), words.SectorKind(s), words.Group(uint64(n[s])), n[s] == 0})
	}
	return list
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
