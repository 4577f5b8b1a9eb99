package words

import (
	"cmp"
	"strconv"

	"unbrick/webui/state"
)

// Block is a part of the RAM's bar or of the strip below it.
type Block struct {
	Class string
	Name  string
	Size  string // KiB
	Style string // its share of the bar
}

// App is one application in the list.
type App struct{ Class, Importance, Name, State string }

// slim is the part of the bar, 1/slim, below which a block has no room for words.
const slim = 22

func shareStyle(size, of uint32) string {
	if of == 0 {
		return "--share:0"
	}
	return "--share:" + strconv.FormatFloat(float64(size)/float64(of)*100, 'f', 3, 64)
}

func kibNumber(n uint32) string {
	if n%1024 == 0 {
		return Group(uint64(n / 1024))
	}
	return strconv.FormatFloat(float64(n)/1024, 'f', 1, 64)
}

// RAMBlocks is the bar: what every byte is now.
func RAMBlocks(m *state.RAM) []Block {
	var list []Block
	add := func(class, name string, size uint32) {
		if size == 0 {
			return
		}
		if size < m.Size/slim {
			class += " slim"
		}
		list = append(list, Block{class, name, kibNumber(size), shareStyle(size, m.Size)})
	}
	space := func(name string) {
		w := m.Workspace
		code := min(m.Resident.Size, w.Size)
		add("space", name, w.Size-code)
		add("space code", "Code", code)
	}
	if m.Contents == state.ContentsLost && (m.Workspace.Size == 0 || len(m.Regions) == 0) {
		add("lost", "Lost at the cut: random bytes", m.Size-m.Workspace.Size)
		space("Cable")
		return list
	}
	from, to := m.Workspace.Off, m.Workspace.Off+m.Workspace.Size
	told := false
	for _, g := range m.Regions {
		// What the workspace took of a region is shown as workspace, the rest as what it was.
		end := g.Off + g.Size
		if m.Workspace.Size == 0 {
			add(regionClass(&g), regionName(&g), g.Size)
			continue
		}
		add(regionClass(&g), regionName(&g), clip(g.Off, end, 0, from))
		if !told && end > from {
			told = true
			space("Workspace")
		}
		add(regionClass(&g), regionName(&g), clip(g.Off, end, to, m.Size))
	}
	return list
}

// clip is how many bytes of [a, b) lie in [from, to).
func clip(a, b, from, to uint32) uint32 {
	a, b = max(a, from), min(b, to)
	if b <= a {
		return 0
	}
	return b - a
}

// nobodys says that a region is free space, whatever lies in it now.
func nobodys(g *state.Region) bool { return g.Name == "" || g.State == state.RegionFree }

var regionClasses = [...]string{
	state.RegionFixed: "fix", state.RegionRunning: "app", state.RegionStopped: "rest", state.RegionFree: "free",
}

func regionClass(g *state.Region) string {
	if nobodys(g) {
		return "free"
	}
	return cmp.Or(word(regionClasses[:], g.State), "free")
}

func regionName(g *state.Region) string { return cmp.Or(g.Name, "Free") }

// RAMTaken is the strip below the bar: what was limited for the workspace, at its place.
func RAMTaken(m *state.RAM) []Block {
	if m.Workspace.Size == 0 || m.Contents == state.ContentsLost {
		return nil
	}
	var list []Block
	at := uint32(0)
	from, to := m.Workspace.Off, m.Workspace.Off+m.Workspace.Size
	for _, g := range m.Regions {
		n := clip(g.Off, g.Off+g.Size, from, to)
		if n == 0 || nobodys(&g) || g.State != state.RegionStopped {
			continue
		}
		off := max(g.Off, from)
		if off > at {
			list = append(list, Block{Class: "gap", Style: shareStyle(off-at, m.Size)})
		}
		list = append(list, Block{"limited", g.Name, kibNumber(n), shareStyle(n, m.Size)})
		at = off + n
	}
	return list
}

// RAM is the text summary of the RAM.
func RAM(l *state.Lab) string {
	m := &l.RAM
	s := KiB(uint64(m.Size))
	switch {
	case l.Phase == state.LabOff:
		return s + "; without power, what was in it is lost"
	case Restoring(l.Phase) && m.Workspace.Size > 0 && m.Contents == state.ContentsLost:
		return s + "; what was in it was lost with the power, restoration has " + KiB(uint64(m.Workspace.Size))
	case Restoring(l.Phase) && m.Workspace.Size > 0:
		return s + "; no application runs, restoration has " + KiB(uint64(m.Workspace.Size))
	case m.Contents == state.ContentsLost:
		return s + "; what was in it is lost"
	}
	apps, stopped, free := 0, 0, uint32(0)
	for i := range m.Regions {
		g := &m.Regions[i]
		if nobodys(g) {
			free += g.Size
			continue
		}
		apps++
		if g.State == state.RegionStopped {
			stopped++
		}
	}
	switch {
	case m.Resident.Size > 0 && stopped > 0:
		return s + "; " + Count(stopped, "application", "applications") + " stopped, the rewriter runs from RAM"
	case m.Workspace.Size > 0:
		return s + "; " + Count(stopped, "application", "applications") + " limited, " + KiB(uint64(m.Workspace.Size)) + " secured"
	case apps == 0:
		return s
	}
	return s + "; " + Count(apps, "application", "applications") + ", " + KiB(uint64(free)) + " free"
}

// Restoring says that the device is in restoration mode, where no application runs.
func Restoring(p state.LabPhase) bool {
	return p == state.LabBricked || p == state.LabRestoring
}

// Apps lists the applications, least important first: the order in which they are limited.
func Apps(l *state.Lab) []App {
	m := &l.RAM
	var list []App
	for importance := 0; importance <= 255; importance++ {
		for _, g := range m.Regions {
			if int(g.Importance) != importance || nobodys(&g) {
				continue
			}
			row := App{Class: "app", Importance: strconv.Itoa(importance), Name: g.Name}
			switch {
			case g.State == state.RegionFixed && l.Phase != state.LabOff:
				row.State = "never limited"
			case m.Contents == state.ContentsLost || l.Phase == state.LabOff || Restoring(l.Phase):
				row.State = "stopped"
			case g.State == state.RegionStopped && clip(g.Off, g.Off+g.Size, m.Workspace.Off, m.Workspace.Off+m.Workspace.Size) > 0:
				row.Class, row.State = "limited", "limited, "+KiB(uint64(g.Size))
			case g.State == state.RegionStopped:
				row.Class, row.State = "limited", "stopped for the rewrite"
			default:
				row.State = "running"
			}
			list = append(list, row)
		}
	}
	return list
}
