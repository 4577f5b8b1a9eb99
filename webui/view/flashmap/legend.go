package flashmap

import (
	"unbrick/webui/state"
	"unbrick/webui/words"
)

// legendEntry is one line of a map's text summary.
type legendEntry struct {
	Class, Swatch, Name, Count string
}

// legendOrder is the order of the summary: what matters first.
var legendOrder = [...]state.Sector{
	state.SectorNew, state.SectorOld, state.SectorDamaged, state.SectorLive, state.SectorErased,
	state.SectorSame, state.SectorBoot, state.SectorRecord, state.SectorUnused,
}

// swatches are the classes of the samples in app.css.
var swatches = [state.SectorKinds]string{"same", "old", "new", "gone", "bad", "live", "boot", "record", "none"}

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
		class := "some"
		if n[s] == 0 {
			class = "zero" // what does not occur is quieter
		}
		if n[s] > 0 || !short {
			list = append(list, legendEntry{class, "swatch " + swatches[s], words.SectorKind(s), words.Group(uint64(n[s]))})
		}
	}
	return list
}
