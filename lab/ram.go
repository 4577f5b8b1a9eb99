package lab

import (
	"unbrick/emulator"
	"unbrick/terminal"
)

// ramAdapter gives the emulator's RAM the terminal's words.
type ramAdapter struct {
	ram     *emulator.RAM
	regions []terminal.Region
}

func (a *ramAdapter) Regions() []terminal.Region {
	a.regions = a.regions[:0]
	for _, r := range a.ram.Regions() {
		a.regions = append(a.regions, terminal.Region{
			Name: r.Name, Off: r.Off, Size: r.Size, Importance: r.Importance, State: regionStates[r.State],
		})
	}
	return a.regions
}

func (a *ramAdapter) Stop(i int) error                    { return a.ram.Stop(i) }
func (a *ramAdapter) Start(i int) error                   { return a.ram.Start(i) }
func (a *ramAdapter) Claim(off, n uint32) ([]byte, error) { return a.ram.Claim(off, n) }
func (a *ramAdapter) Release()                            { a.ram.Release() }
func (a *ramAdapter) Resident(mem []byte) error           { return a.ram.Resident(mem) }

var regionStates = map[emulator.RegionState]terminal.RegionState{
	emulator.Fixed:     terminal.RegionFixed,
	emulator.Running:   terminal.RegionRunning,
	emulator.Stopped:   terminal.RegionStopped,
	emulator.Free:      terminal.RegionFree,
	emulator.Workspace: terminal.RegionWorkspace,
}
