package labwork

import (
	"slices"

	"unbrick/emulator"
	"unbrick/lab"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/webui/shown"
	"unbrick/webui/state"
)

// fill writes what the Lab shows of this device, from the hardware as it is now.
func (r *rig) fill(l *state.Lab) {
	about := r.device.About()
	*l = r.shown()
	l.Outcome, l.Failure = r.outcome, r.failure
	l.Time, l.Kept = r.device.Time(), !r.busy() && !r.telling && r.b.keeper.holds(r)
	if about.Known && r.whole(&about) {
		l.Runs = about.Installed.Version
	}
	l.Hangs = r.state == lab.Hanging
	l.Why = about.Why
	if l.Phase == state.LabFault {
		if err := r.device.Fault(); err != nil {
			l.Fault = err.Error()
		}
	}
	if l.Phase == state.LabRunning {
		l.Offered = r.offered(about)
		if l.Offered.Digest != (release.Digest{}) {
			r.want(l.Offered.Digest)
		}
	}
	if l.Phase == state.LabBricked {
		l.Choice = r.choice(&about)
	}
	l.Progress.Elapsed = r.device.Time() - r.began
	l.Map = r.cells(l.Offered.Digest)
	l.RAM = r.memory()
	l.Power = r.switches(l)
	l.Again = !r.busy() && r.tape.wasCut()
}

// phase is the one state of the screen.
func (r *rig) phase() state.LabPhase {
	switch r.state {
	case lab.Off:
		return state.LabOff
	case lab.Booting:
		if r.busy() && r.stage != state.LabAsking {
			return r.stage
		}
		return state.LabBooting
	case lab.Running, lab.Hanging:
		if r.busy() {
			return r.stage
		}
		return state.LabRunning
	case lab.Restoration:
		if r.stage == state.LabRestoring {
			return state.LabRestoring
		}
		return state.LabBricked
	case lab.Faulted:
	}
	return state.LabFault
}

// offered is the newest release for the model, if it is newer than what runs.
func (r *rig) offered(about lab.About) state.Release {
	newest, ok := r.b.e.Library().Newest(r.model.ID)
	if !ok || !about.Known || newest.Order <= about.Installed.Order {
		return state.Release{}
	}
	newest.Fit = state.FitNewer
	return newest
}

// whole tells whether the flash holds the release that the terminal names.
func (r *rig) whole(about *lab.About) bool {
	switch r.state {
	case lab.Running, lab.Hanging, lab.Off:
		return true
	case lab.Restoration: // else a part of it is not what it should be
		why := about.Why
		return why == smp.WhyHang || why == smp.WhyAsked || why == smp.WhyPin
	case lab.Booting, lab.Faulted:
	}
	return false
}

// choice is what could be restored. The first is what restore would choose by its own rules.
func (r *rig) choice(about *lab.About) []state.Release {
	d := &restore.Device{}
	d.Model, d.Why, d.Confirmed, d.Floor, d.Keys = r.model.ID, about.Why, about.Confirmed, about.Floor, about.Identity.Keys
	if about.Known {
		d.To = &restore.Known{Manifest: about.Installed}
	}
	if about.Why == smp.WhyInterrupted && r.target != (release.Digest{}) {
		d.State, d.From = smp.RecordRewriting, d.To
		d.To = &restore.Known{Manifest: release.Manifest{Digest: r.target}}
	}
	list := shown.Choice(d, r.b.e.Library())
	first, ok := restore.Preferred(d, r.b.e.Library().Listings(r.model.ID))
	if k := slices.IndexFunc(list, func(x state.Release) bool { return x.Digest == first }); ok && k > 0 {
		x := list[k]
		copy(list[1:k+1], list[:k])
		list[0] = x
	}
	return list
}

// cells is the map of the flash as it is: compared with what was there and what is or would be written.
func (r *rig) cells(offered release.Digest) state.Map {
	g := &r.model.Layout.Geometry
	m := state.Map{Facts: shown.Facts(g), Active: r.active}
	p := picture{layout: &r.model.Layout, active: r.active, doubtful: func(i int) bool {
		s := r.device.Board().SectorState(i)
		return s.Weak || s.Unreadable > 0 || s.Unstable > 0 || r.doubtful[i]
	}}
	if f, ok := r.known[r.old]; ok {
		p.old = f.Image
	}
	next := r.target
	if next == (release.Digest{}) {
		next = offered
	}
	if f, ok := r.known[next]; ok && next != r.old {
		p.new = f.Image
	}
	if g.Sectors() > state.MaxSectors {
		return m
	}
	m.Cells = p.cells(r.device.Board().View)
	return m
}

// memory is the RAM as it is.
func (r *rig) memory() state.RAM {
	m := state.RAM{Size: r.model.RAM, Contents: r.contents(), Workspace: r.workspace, Resident: r.resident}
	ram := r.device.Board().RAM()
	for _, x := range ram.Regions() {
		if len(m.Regions) == state.MaxRegions {
			break
		}
		m.Regions = append(m.Regions, state.Region{Name: x.Name, Off: x.Off, Size: x.Size, Importance: x.Importance, State: regionState(x)})
	}
	return m
}

func regionState(r emulator.Region) state.RegionState {
	switch {
	case r.State == emulator.Fixed:
		return state.RegionFixed
	case r.State == emulator.Running:
		return state.RegionRunning
	case r.Name == "":
		return state.RegionFree // also where the workspace lies over it
	}
	return state.RegionStopped
}

// switches is the power switch with its counters.
func (r *rig) switches(l *state.Lab) state.Power {
	p := r.power_
	counts := r.device.Counts()
	p.Op = counts.Operations
	if counts.Whole {
		p.Ops = counts.Operations
	}
	next := r.target
	if next == (release.Digest{}) && l.Offered.Digest != (release.Digest{}) {
		next, p.Ops = l.Offered.Digest, 0 // those of the rewrite before say nothing of it
	}
	if n, ok := r.b.totals[pair{r.old, next}]; ok && next != (release.Digest{}) {
		p.Ops = n
	}
	return p
}
