// Package statetest has states of Restore and Lab as the page's tests show them: one device, in the middle of what can be done to it.
package statetest

import (
	"time"

	"unbrick/protocol/smp"
	"unbrick/restore"
	"unbrick/webui/state"
)

// The device of the drawn screens: 256 sectors of 4 KiB, 96 of which change from 2.3.0 to 2.4.1.
const (
	sectors = 256
	changed = 96
)

// Facts is what its flash is.
var Facts = state.MapFacts{Size: 1 << 20, ProgramUnit: 256, Runs: []state.SectorRun{{Size: 4096, Count: sectors}}}

// changes is where 2.4.1 differs, in clusters, in the order of the rewrite.
func changes() []int {
	var list []int
	for i := 241; i >= 10 && len(list) < changed; i-- {
		if i/7%2 == 1 || i%5 == 0 && i/21%2 == 0 {
			list = append(list, i)
		}
	}
	for i := 10; len(list) < changed; i++ {
		list = append(list, i)
	}
	return list
}

// Map has written sectors new, the next one in a state of its own, the rest old.
func Map(written int, next state.Sector) state.Map {
	m := state.Map{Facts: Facts, Cells: make([]state.Sector, sectors), Active: -1}
	for i := range m.Cells {
		switch {
		case i < 8:
			m.Cells[i] = state.SectorBoot
		case i < 10:
			m.Cells[i] = state.SectorRecord
		case i > 241:
			m.Cells[i] = state.SectorUnused
		}
	}
	for n, i := range changes() {
		switch {
		case n < written:
			m.Cells[i] = state.SectorNew
		case n == written:
			m.Cells[i] = next
			m.Active = i
		default:
			m.Cells[i] = state.SectorOld
		}
	}
	return m
}

var (
	Key = [8]byte{0x7f, 0x3a, 0x91, 0xc2, 5, 6, 7, 8}
	Old = state.Release{Digest: [32]byte{1}, Model: "0001", Version: "2.3.0", Order: 23, Size: 921 << 10, Signers: state.Signers{Key},
		Fit: state.FitInstalled}
	New = state.Release{Digest: [32]byte{2}, Model: "0001", Version: "2.4.1", Order: 24, Size: 928 << 10, Signers: state.Signers{Key},
		Fit: state.FitIntended, Origin: state.OriginServer}
)

// Device is a device whose update stopped halfway.
func Device() state.Device {
	return state.Device{Model: "0001", Name: "Field terminal", Serial: "A17-004212", Why: smp.WhyInterrupted,
		Version: "2.3.0", Target: "2.4.1", Erases: true,
		Settings: []state.SettingsArea{{Name: "calibration", Size: 16 << 10}, {Name: "user", Size: 8 << 10}}}
}

// Offer is what can be done for it.
func Offer() state.Offer {
	return state.Offer{
		Device: Device(),
		Map:    Map(54, state.SectorDamaged),
		Plan: state.Plan{Release: New, Trust: state.TrustVerified, Sectors: 42, Total: 232, Send: 38 << 10, Full: 928 << 10,
			Time: 8600 * time.Millisecond, Settings: restore.SettingsKept},
		Choice: []state.Release{New, Old, {Digest: [32]byte{3}, Version: "2.2.8", Fit: state.FitBelowFloor}},
	}
}

// Writing is that being done.
func Writing() state.RestoreWriting {
	return state.RestoreWriting{Device: Device(), Map: Map(81, state.SectorLive), Plan: Offer().Plan,
		Progress: restore.Progress{Stage: restore.StageWrite, Sectors: 27, Of: 42, Bytes: 24 << 10, BytesOf: 38 << 10,
			Work: 5_200_000, WorkOf: 8_600_000, Elapsed: 6 * time.Second}}
}

// Failed is its end.
func Failed(f state.Failure) state.RestoreFailed {
	return state.RestoreFailed{Serial: Device().Serial, Failure: f}
}

// RAM is that of the Lab's device, with or without a workspace secured.
func RAM(workspace bool) state.RAM {
	m := state.RAM{Size: 256 << 10}
	off := uint32(0)
	add := func(name string, size uint32, importance uint8, is state.RegionState) {
		m.Regions = append(m.Regions, state.Region{Name: name, Off: off << 10, Size: size << 10, Importance: importance, State: is})
		off += size
	}
	add("System", 48, 9, state.RegionFixed)
	add("Calls", 40, 8, state.RegionRunning)
	add("Metering", 32, 7, state.RegionRunning)
	add("Display", 40, 5, state.RegionRunning)
	add("Journal", 24, 2, state.RegionRunning)
	add("Maps", 56, 1, state.RegionRunning)
	add("", 16, 0, state.RegionFree)
	if workspace {
		m.Regions[4].State, m.Regions[5].State = state.RegionStopped, state.RegionStopped
		m.Workspace = state.Span{Off: 160 << 10, Size: 80 << 10}
	}
	return m
}

// steps has the steps before n done and n live, S06 beside the way.
func steps(n int) (all [20]state.Step) {
	for i := range all {
		switch {
		case i+1 < n:
			all[i] = state.StepDone
		case i+1 == n:
			all[i] = state.StepLive
		}
	}
	if n > 6 {
		all[5] = state.StepSkipped
	}
	if n > 14 {
		all[12], all[13] = state.StepBad, state.StepSkipped
	}
	return all
}

// Lab is the Lab's device in a phase.
func Lab(phase state.LabPhase) state.Lab {
	l := state.Lab{
		Phase: phase, Name: "Field terminal", Model: "0001", Serial: "LAB-0001", Runs: "2.3.0", Old: "2.3.0",
		Map: Map(0, state.SectorOld), RAM: RAM(false),
		Power: state.Power{Switch: state.SwitchOn},
		Line:  state.Line{Baud: 115200, TurnAround: 16 * time.Millisecond, Noise: state.NoiseHundredK, Pace: state.PaceTen},
		Make:  state.Making{Models: []state.LabModel{{ID: "0001", Name: "Field terminal"}}, Releases: []state.Release{New, Old}},
		Log: []state.LogRow{
			{Code: 6, Sector: state.NoSector, A: 921 << 10, B: 412_000, Text: "release 2.3.0"},
			{Code: 7, Sector: state.NoSector, A: 1, Text: "2.3.0"},
		},
	}
	row := func(at int, step uint8, code uint16, sector, a, b uint32, text string) {
		l.Log = append(l.Log, state.LogRow{Time: time.Duration(at) * time.Millisecond, Step: step, Code: code, Sector: sector, A: a, B: b,
			Text: text})
	}
	none := state.NoSector
	switch phase {
	case state.LabRunning:
		l.Offered = New
	case state.LabRewriting, state.LabBricked, state.LabRestoring:
		l.Runs, l.Target = "", "2.4.1"
		row(412, 1, 32, none, 152<<10, 0, "2.3.0")
		row(431, 5, 33, none, 62_311, 81_920, "")
		row(433, 7, 36, none, 5, 56<<10, "Maps")
		row(433, 7, 36, none, 4, 24<<10, "Journal")
		row(434, 7, 38, none, 160<<10, 80<<10, "")
		row(436, 8, 40, none, 0, 62_311, "")
		row(3602, 11, 42, none, 62_311, 0, "")
		row(3618, 12, 44, none, 0, 0, "")
		row(3847, 13, 46, none, 96, 229_000, "")
		row(3893, 13, 48, none, 96, 0, "2.4.1")
		row(6914, 13, 50, 104, 54, 96, "")
	}
	switch phase {
	case state.LabRewriting:
		l.Map, l.RAM = Map(54, state.SectorLive), RAM(true)
		for i := range l.RAM.Regions {
			if l.RAM.Regions[i].State == state.RegionRunning {
				l.RAM.Regions[i].State = state.RegionStopped
			}
		}
		l.RAM.Resident = state.Span{Off: 224 << 10, Size: 16 << 10}
		l.Timeline = state.Timeline{Steps: steps(13), Now: state.Now{Step: 13, Addr: 0x67000, Done: 54, Of: 96, Target: "2.4.1"}}
		l.Progress = restore.Progress{Stage: restore.StageWrite, Sectors: 54, Of: 96}
		l.Power.Op, l.Power.Ops = 926, 1636
		l.Time = 6914 * time.Millisecond
	case state.LabBricked, state.LabRestoring:
		l.Why = smp.WhyInterrupted
		l.Map = Map(54, state.SectorDamaged)
		l.RAM.Contents, l.RAM.Workspace = state.ContentsLost, state.Span{Off: 240 << 10, Size: 16 << 10}
		l.Power.LastCut, l.Power.Ops = 928, 1636
		l.Log = append(l.Log, state.LogRow{Time: 6983 * time.Millisecond, Source: state.SourceBoard, Code: state.LogCut, A: 928})
		row(7120, 0, 8, none, 4, 0, "the rewrite stopped halfway")
		row(7160, 15, 80, none, 0, 0, "")
		l.Timeline = state.Timeline{Steps: steps(15), Now: state.Now{Step: 15}}
		l.Choice = []state.Release{New, Old}
		l.Time = 7160 * time.Millisecond
		if phase == state.LabRestoring {
			l.Map = Map(81, state.SectorLive)
			l.Timeline = state.Timeline{Steps: steps(18), Now: state.Now{Step: 18, Done: 27, Of: 42}}
			l.Progress = restore.Progress{Stage: restore.StageWrite, Sectors: 27, Of: 42, Work: 27, WorkOf: 42, Elapsed: 3 * time.Second}
			l.Time = 10830 * time.Millisecond
		}
	}
	return l
}

// CutLab is a device whose last cut can be seen again.
func CutLab() state.Lab {
	l := Lab(state.LabBricked)
	l.Again = true
	return l
}

// ReplayLab is that cut, as a replay shows it.
func ReplayLab() state.Lab {
	l := Lab(state.LabRewriting)
	l.Map = Map(54, state.SectorDamaged)
	l.Replay = state.ReplayReady{Own: true, At: 930, Last: 1640, Op: 928, Ops: 1636, CutOp: 928,
		Cuts: []uint32{930}, Do: state.DoProgram, Cut: true,
		Sector: 0x67, Bytes: 256, Done: 55, Of: 96}
	return l
}
