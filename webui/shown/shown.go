// Package shown turns what restore and the library know of a device, a plan or an end into what a screen shows of it.
package shown

import (
	"cmp"
	"errors"
	"sort"
	"time"

	"unbrick/flash"
	"unbrick/model"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/webui/library"
	"unbrick/webui/state"
)

// Device is what a device says of itself, as it is shown.
func Device(d *restore.Device, lib *library.Library) state.Device {
	out := state.Device{Model: d.Model, Serial: d.Serial, Why: d.Why}
	if m, ok := lib.Model(d.Model); ok {
		out.Name = m.Name
	}
	for _, a := range d.Layout.Settings {
		out.Settings = append(out.Settings, state.SettingsArea{Name: a.Name, Size: a.Size})
	}
	out.Erases = d.Erases
	if k := d.Installed(); k != nil {
		out.Version = k.Manifest.Version
	}
	if k := d.Intended(); k != nil {
		out.Target = k.Manifest.Version
	}
	return out
}

// Plan is a plan as it is shown.
func Plan(p *restore.Plan, origin state.Origin, held state.Fit) state.Plan {
	out := state.Plan{
		Work: Work(p), Release: library.ReleaseOf(&p.Release, &p.Signers, origin, heldOr(held, Fit(p.Device, &p.Release, &p.Signers))),
		Trust: state.TrustVerified, Sectors: p.Sectors, Total: Total(p), Refresh: p.Refresh,
		Send: uint32(min(p.BytesSend, 1<<32-1)), Full: p.Release.Size, Time: p.Line + p.Flash,
	}
	if len(p.Device.Layout.Settings) > 0 {
		out.Settings = restore.SettingsKept
	}
	return out
}

// Total is how many sectors the plan's image covers.
func Total(p *restore.Plan) int {
	n := 0
	for _, s := range p.States {
		if s != restore.SectorUnused {
			n++
		}
	}
	return n
}

// Fit says what a release would be for a device.
func Fit(d *restore.Device, m *release.Manifest, signers *release.Signers) state.Fit {
	known := signers.Known(d.Trusted())
	was, next := d.Installed(), d.Intended()
	switch {
	case known.Len() < d.Needs():
		return state.FitUntrusted
	case m.Floor().Compare(d.Floor) < 0:
		return state.FitBelowFloor
	case next != nil && next.Manifest.Digest == m.Digest:
		return state.FitIntended
	case was != nil && was.Manifest.Digest == m.Digest:
		return state.FitInstalled
	case was == nil:
		return state.FitNewest
	case m.Order > was.Manifest.Order:
		return state.FitNewer
	}
	return state.FitOlder
}

// heldOr is what a release is for a device: one that the device would take is first of all one that its maker holds.
func heldOr(held, fit state.Fit) state.Fit {
	if held.Held() && fit != state.FitBelowFloor && fit != state.FitUntrusted {
		return held
	}
	return fit
}

// Choice is what could be written to a device, best first.
func Choice(d *restore.Device, lib *library.Library) []state.Release {
	listings := lib.Listings(d.Model)
	type shown struct {
		image release.Digest
		order uint64
	}
	fits := make(map[shown]state.Fit, len(listings))
	for i := range listings {
		m := &listings[i].Manifest
		fits[shown{m.Digest, m.Order}] = Fit(d, m, &listings[i].Signers)
	}
	var list []state.Release
	for _, r := range lib.All() {
		if r.Model == d.Model && len(list) < state.MaxReleases {
			r.Fit = heldOr(r.Fit, fits[shown{r.Digest, r.Order}])
			list = append(list, r)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return bestFirst(list[i], list[j]) < 0 })
	return list
}

// Cells is what each sector of a whole part is; software says it of those of the software area, each with its place there.
func Cells(layout *flash.Layout, software func(i, at int) state.Sector) []state.Sector {
	g, area, records, first := &layout.Geometry, layout.Software(), layout.Records(), layout.SoftwareFirst()
	cells := make([]state.Sector, g.Sectors())
	for i := range cells {
		switch addr, _ := g.Sector(i); {
		case i == records[0] || i == records[1]:
			cells[i] = state.SectorRecord
		case addr < layout.Boot:
			cells[i] = state.SectorBoot
		case i < first || i >= first+area.Sectors():
			cells[i] = state.SectorUnused
		default:
			cells[i] = software(i, i-first)
		}
	}
	return cells
}

// Map is the sectors of a plan on the whole part. written of them, in address order, are new by now.
func Map(layout *flash.Layout, states []restore.SectorState, doubtful []bool, written func(i int) bool) state.Map {
	g := &layout.Geometry
	m := state.Map{Facts: Facts(g), Active: -1}
	if g.Sectors() > state.MaxSectors {
		return m
	}
	m.Cells = Cells(layout, func(_, at int) state.Sector {
		switch {
		case at >= len(states):
			return state.SectorUnused
		case written != nil && written(at):
			return state.SectorNew
		}
		cell := state.SectorDamaged // of what nobody knows the worst is shown
		if int(states[at]) < len(cellOf) {
			cell = cellOf[states[at]]
		}
		return Believed(cell, at >= len(doubtful) || !doubtful[at])
	})
	return m
}

// cellOf is what a person sees of a sector.
var cellOf = [...]state.Sector{
	restore.SectorUnused:  state.SectorUnused,
	restore.SectorSame:    state.SectorSame,
	restore.SectorNew:     state.SectorNew,
	restore.SectorOld:     state.SectorOld,
	restore.SectorErased:  state.SectorErased,
	restore.SectorDamaged: state.SectorDamaged,
}

// Failure says what an error means. version is the release concerned, as far as one was.
func Failure(err error, version string) state.Failure {
	f := state.Failure{Code: restore.CodeProgramFault, Version: version}
	var e *restore.Error
	switch {
	case errors.As(err, &e):
		f.Code, f.Touched = codeOf(e.Code), e.Touched
		f.Addr, f.Needs, f.Has = e.Addr, e.Needs, e.Has
		if e.Version != "" || e.Code == restore.CodeFloor {
			f.Version = e.Version
		}
		if e.Code == restore.CodeModel {
			f.Other = e.Model
		}
	case errors.Is(err, restore.ErrBusy):
		f.Code = restore.CodePortBusy
	case errors.Is(err, restore.ErrStuck):
		f.Code = restore.CodePortStuck
	case errors.Is(err, restore.ErrVanished), errors.Is(err, restore.ErrClosed):
		f.Code = restore.CodeVanished
	}
	return f
}

// Ended says why an attempt ended in a stage, with how far it had come by then.
func Ended(err error, version string, stage restore.Stage, p *restore.Progress) state.Failure {
	f := Failure(err, version)
	if f.Stage = stage; stage < restore.StageWrite {
		return f
	}
	f.Of = p.Of
	if f.Touched == restore.TouchedPart || f.Touched == restore.TouchedAll {
		f.Sector = min(p.Sectors+1, f.Of)
	}
	f.Left = left(p)
	return f
}

// codeOf is what a person is told for a code: the code itself, but for two that nobody needs to tell from others, as the trace does.
func codeOf(c restore.Code) restore.Code {
	switch c {
	case restore.CodeRestarted:
		return restore.CodeSilent // it left restoration mode or lost its power: connecting again goes on
	case restore.CodeForeign:
		return restore.CodeProtocol
	default:
		return c
	}
}

// Way is the way that a person is shown for one that restore tries.
func Way(w restore.Way) (kind state.WayKind, ok bool) {
	switch w {
	case restore.WayDTR:
		return state.WayReset, true
	case restore.WayRTS:
		return state.WayRTS, true
	case restore.WayPin:
		return state.WayPin, true
	case restore.WayBreak:
		return state.WayBreak, true
	default:
		return 0, false
	}
}

// Baud is the base speed of a model's cable.
func Baud(m *model.Model) uint32 {
	if m != nil && m.Line != 0 {
		return m.Line
	}
	return restore.DefaultBaud
}

// Facts is what a person sees of a geometry.
func Facts(g *flash.Geometry) state.MapFacts {
	return state.MapFacts{Size: g.Size(), ProgramUnit: g.ProgramUnit, Runs: g.Runs}
}

// Believed is what a sector is shown as, where what it holds is to be believed or not. Whatever a doubtful sector of the
// software holds, it is drawn and counted as damaged: it may read otherwise the next time.
func Believed(is state.Sector, firm bool) state.Sector {
	switch is {
	case state.SectorSame, state.SectorOld, state.SectorNew, state.SectorErased, state.SectorDamaged:
		if !firm {
			return state.SectorDamaged
		}
	case state.SectorLive, state.SectorBoot, state.SectorRecord, state.SectorUnused:
	}
	return is
}

// Work is what a plan is for; one of any other kind writes sectors.
func Work(p *restore.Plan) state.Work {
	switch p.Kind {
	case restore.KindStart:
		return state.WorkStarted
	case restore.KindRecord:
		return state.WorkRecorded
	default:
		return state.WorkWritten
	}
}

// left is what remains of the planned time.
func left(p *restore.Progress) time.Duration {
	if p.WorkOf <= p.Work {
		return 0
	}
	return time.Duration(p.WorkOf-p.Work) * time.Microsecond
}

// fitRank orders releases for a choice: what was intended first, what cannot be taken last.
var fitRank = [...]uint8{
	state.FitIntended: 0, state.FitInstalled: 1, state.FitNewest: 2, state.FitNewer: 3, state.FitOlder: 4,
	state.FitUnknown: 5, state.FitWithheld: 6, state.FitWithdrawn: 7, state.FitBelowFloor: 8, state.FitUntrusted: 9,
}

// bestFirst compares releases: by fit, then the newest first.
func bestFirst(a, b state.Release) int {
	return cmp.Or(cmp.Compare(fitRank[a.Fit], fitRank[b.Fit]), cmp.Compare(b.Order, a.Order))
}
