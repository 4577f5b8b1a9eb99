package apparatus

import (
	"unbrick/emulator"
	"unbrick/lab"
	"unbrick/release"
)

// fill writes what the Lab shows of this device, from the hardware as it is now.
func (r *rig) fill(l *Lab) {
	about := r.device.About()
	*l = Lab{
		Phase: r.phase(), Name: r.model.Name, Model: r.model.ID, Serial: r.serial,
		Outcome: r.outcome, Timeline: r.timeline, Log: r.log, Progress: r.progress,
		Time: r.device.Time(), Kept: !r.busy() && r.b.keeper.holds(r),
	}
	if about.Known && (r.state == lab.Running || r.state == lab.Hanging || r.state == lab.Off) {
		l.Runs = about.Installed.Version
	}
	l.Old, l.Target = r.version(r.old), r.version(r.target)
	l.Why = Why(about.Why)
	if l.Phase == LabFault {
		if err := r.device.Fault(); err != nil {
			l.Fault = err.Error()
		}
	}
	if l.Phase == LabRunning {
		l.Offered = r.offered(about)
		if l.Offered.Digest != (release.Digest{}) {
			r.want(l.Offered.Digest)
		}
	}
	if l.Phase == LabBricked {
		l.Choice = r.choice(about)
	}
	l.Progress.Elapsed = r.device.Time() - r.began
	l.Map = r.cells(l.Offered.Digest)
	l.RAM = r.memory()
	l.Power = r.switches()
	l.Replay.Own = !r.busy() && r.tape.wasCut()
}

// phase is the one state of the screen.
func (r *rig) phase() LabPhase {
	switch r.state {
	case lab.Off:
		return LabOff
	case lab.Booting:
		if r.busy() && r.stage != LabAsking {
			return r.stage
		}
		return LabBooting
	case lab.Running, lab.Hanging:
		if r.busy() {
			return r.stage
		}
		return LabRunning
	case lab.Restoration:
		if r.stage == LabRestoring {
			return LabRestoring
		}
		return LabBricked
	case lab.Faulted:
	}
	return LabFault
}

// offered is the newest release for the model, if it is newer than what runs.
func (r *rig) offered(about lab.About) Release {
	newest, ok := r.b.e.lib.newest(r.model.ID)
	if !ok || !about.Known || newest.Order <= about.Installed.Order {
		return Release{}
	}
	newest.Fit = FitNewer
	return newest
}

// choice is what could be restored, best first.
func (r *rig) choice(about lab.About) []Release {
	var list []Release
	for _, x := range r.b.e.lib.all() {
		if x.Model != r.model.ID || len(list) == MaxReleases {
			continue
		}
		x.Fit = FitOlder
		switch {
		case x.Digest == r.target:
			x.Fit = FitIntended
		case about.Known && x.Digest == about.Installed.Digest:
			x.Fit = FitInstalled
		case about.Known && x.Order > about.Installed.Order:
			x.Fit = FitNewer
		}
		list = append(list, x)
	}
	return bestFirst(list)
}

// cells is the map of the flash as it is: compared with what was there and what is or would be written.
func (r *rig) cells(offered release.Digest) Map {
	g := &r.model.Layout.Geometry
	m := Map{Facts: factsOf(g), Active: r.active}
	p := picture{layout: &r.model.Layout, active: r.active, doubtful: func(i int) bool {
		s := r.device.Board().SectorState(i)
		return s.Weak || s.Unreadable > 0 || s.Unstable > 0
	}}
	if f, ok := r.known[r.old]; ok {
		p.old = f.image
	}
	next := r.target
	if next == (release.Digest{}) {
		next = offered
	}
	if f, ok := r.known[next]; ok && next != r.old {
		p.new = f.image
	}
	if g.Sectors() > MaxSectors {
		return m
	}
	m.Cells = p.cells(r.device.Raw())
	return m
}

// memory is the RAM as it is.
func (r *rig) memory() RAM {
	m := RAM{Size: r.model.RAM}
	if r.power_.Switch == SwitchOff || r.lost && r.state == lab.Restoration {
		m.Contents = ContentsLost
	}
	ram := r.device.Board().RAM()
	for _, x := range ram.Regions() {
		if len(m.Regions) == MaxRegions {
			break
		}
		m.Regions = append(m.Regions, Region{Name: x.Name, Off: x.Off, Size: x.Size, Importance: x.Importance, State: regionState(x)})
	}
	m.Workspace, m.Resident = r.workspace, r.resident
	return m
}

func regionState(r emulator.Region) RegionState {
	switch {
	case r.State == emulator.Fixed:
		return RegionFixed
	case r.State == emulator.Running:
		return RegionRunning
	case r.Name == "":
		return RegionFree // also where the workspace lies over it
	}
	return RegionStopped
}

// switches is the power switch with its counters.
func (r *rig) switches() Power {
	p := r.power_
	counts := r.device.Counts()
	p.Op = counts.Operations
	if counts.Whole {
		p.Ops = counts.Operations
	}
	if n, ok := r.b.totals[pair{r.old, r.target}]; ok && r.target != (release.Digest{}) {
		p.Ops = n
	}
	return p
}
