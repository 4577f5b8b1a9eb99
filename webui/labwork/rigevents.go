package labwork

import (
	"slices"

	"unbrick/internal/pack"
	"unbrick/lab"
	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/terminal"
	"unbrick/terminal/record"
	"unbrick/webui/state"
)

// note adds a row to the log. Rows that only count on take the place of the one before.
func (r *rig) note(row state.LogRow) {
	if row.Source != state.SourceTerminal {
		row.Time = r.now()
		if row.Sector == 0 {
			row.Sector = state.NoSector
		}
		if r.tape != nil {
			r.tape.tell(Entry{Kind: EntryRow, At: row.Time, Row: row})
		}
	}
	// What was shown is never changed: the state shares the rows.
	if counting(row) {
		for i := len(r.log) - 1; i >= 0 && counting(r.log[i]); i-- { // what counts on another side may stand between
			if r.log[i].Source == row.Source && r.log[i].Code == row.Code {
				r.log = append(append(slices.Clip(r.log[:i]), r.log[i+1:]...), row)
				return
			}
		}
	}
	if len(r.log) >= state.MaxLogRows {
		r.log = slices.Clone(r.log[len(r.log)-state.MaxLogRows*3/4:])
	}
	r.log = append(r.log, row)
}

// counting tells whether a row only says how far something is.
func counting(row state.LogRow) bool {
	if row.Source != state.SourceTerminal {
		return row.Source == state.SourceApparatus && (row.Code == state.LogSent || row.Code == state.LogPacket)
	}
	switch terminal.EventCode(row.Code) {
	case terminal.EventData, terminal.EventSector, terminal.EventReceiving, terminal.EventRefreshed:
		return true
	default:
		return false
	}
}

// event takes one event of the terminal.
func (r *rig) event(ev lab.Event) {
	e := ev.Event
	row := state.LogRow{Time: e.Time, Step: e.Step, Source: state.SourceTerminal, Code: uint16(e.Code), Sector: state.NoSector, A: e.A, B: e.B}
	if e.Sector >= 0 {
		row.Sector = uint32(e.Sector)
	}
	row.Text = pack.Clip(r.words(e), state.MaxText)
	if e.Step != 0 && r.stage != state.LabRestoring && r.timeline.Now.Step == stepRestoration {
		row.Step = stepRestoration // it gets ready for a host before one has come
	}
	if !r.telling && (e.Step <= stepRestoration || r.stage == state.LabRestoring) { // it gets ready for a host before one has come
		r.timeline.reach(e.Step)
	}
	r.advance(e)
	if e.Code != terminal.EventMark { // one before each sector says nothing to a person
		r.note(row)
	}
	if held := r.held; e.Code == terminal.EventHello || e.Code == terminal.EventRequest {
		r.held = nil
		for _, row := range held {
			r.served(row)
		}
	}
}

// words is what an event is about, where its numbers do not say it to a person.
func (r *rig) words(e terminal.Event) string {
	switch e.Code {
	case terminal.EventRunning, terminal.EventInstalled, terminal.EventRestored, terminal.EventIntent, terminal.EventBegun,
		terminal.EventHello, terminal.EventVerdict:
		return r.version(e.Digest)
	case terminal.EventDigest:
		if v := r.version(e.Digest); v != "" {
			return "release " + v
		}
		return "no release that is known here"
	case terminal.EventRecord:
		return record.State(e.B).String()
	case terminal.EventRestore:
		return whyWords[smp.Why(e.A)]
	case terminal.EventInfo:
		return r.version(r.target)
	case terminal.EventStopped, terminal.EventStarted:
		if apps := r.model.Apps; uint64(e.A) < uint64(len(apps)) {
			return apps[e.A].Name
		}
	case terminal.EventReset:
		return terminal.ResetCause(e.A).String()
	case terminal.EventNothing:
		if r.spared {
			return "the update waits for you"
		}
		return protocol.Reason(e.A).String()
	case terminal.EventRefused:
		return protocol.Fault(e.A).String()
	case terminal.EventDenied:
		return smp.Fault(e.A).String()
	default:
	}
	return ""
}

// advance follows what an event says about the work under way.
func (r *rig) advance(e terminal.Event) {
	now := &r.timeline.Now
	switch e.Code {
	case terminal.EventReset:
		r.active = -1
		r.state = lab.Booting
		clear(r.doubtful)
		r.workspace, r.resident = state.Span{}, state.Span{}
	case terminal.EventSecured:
		r.workspace = state.Span{Off: e.A, Size: e.B}
		if r.busy() && r.stage != state.LabRestoring {
			r.enter(state.LabReceiving)
		}
	case terminal.EventReleased:
		r.workspace, r.resident = state.Span{}, state.Span{}
	case terminal.EventRequest:
		r.enter(state.LabReceiving)
		r.progress.BytesOf = uint64(e.B)
	case terminal.EventData:
		r.progress.Bytes, r.progress.BytesOf = uint64(e.A), uint64(e.B)
		r.progress.Work, r.progress.WorkOf = uint64(e.A), uint64(e.B)
		now.Done, now.Of = e.A, e.B
	case terminal.EventResident:
		if end := r.workspace.Off + r.workspace.Size; e.A <= r.workspace.Size {
			r.resident = state.Span{Off: end - e.A, Size: e.A}
		}
	case terminal.EventProof:
		if r.stage != state.LabRestoring {
			r.enter(state.LabProving)
		}
	case terminal.EventIntent:
		r.target = e.Digest
		r.want(e.Digest)
		now.Target = r.version(e.Digest)
		if r.stage != state.LabRestoring {
			r.enter(state.LabRewriting)
			r.progress.Of, r.progress.WorkOf = int(e.A), uint64(e.A)
		}
		r.armed, r.power_.Op, r.power_.CutAt = r.power_.CutAt, 0, 0 // the armed cut waits in the board now
	case terminal.EventMark:
		r.active = int(e.Sector)
		r.where(e.Sector)
	case terminal.EventDoubtful:
		r.doubtful[int(e.Sector)] = true
	case terminal.EventRefreshed:
		delete(r.doubtful, int(e.Sector))
	case terminal.EventSector:
		r.active = -1
		delete(r.doubtful, int(e.Sector))
		now.Done, now.Of = e.A, e.B
		r.where(e.Sector)
		if r.stage == state.LabRewriting {
			r.progress.Sectors, r.progress.Of = int(e.A), int(e.B)
			r.progress.Work, r.progress.WorkOf = uint64(e.A), uint64(e.B)
		}
	case terminal.EventVerdict:
		if r.stage == state.LabRewriting {
			r.enter(state.LabJudging)
		}
		if e.A != 1 {
			r.timeline.fail()
		}
	case terminal.EventInstalled:
		r.active = -1
		if r.device != nil && r.stage != state.LabRestoring {
			if counts := r.device.Counts(); counts.Whole {
				r.b.totals[pair{r.old, r.target}] = counts.Operations
				if r.armed > 0 {
					r.note(state.LogRow{Source: state.SourceBoard, Code: state.LogMissed, A: uint32(r.armed), B: uint32(counts.Operations)})
				}
			}
		}
		r.armed = 0
	case terminal.EventRunning:
		r.lost = false
		clear(r.doubtful)
		r.old = e.Digest
		if !r.busy() { // else it is what the words on the screen are about
			r.target = release.Digest{}
		}
		r.want(e.Digest)
	default:
	}
}

// where notes the address at work.
func (r *rig) where(sector int32) {
	if g := &r.model.Layout.Geometry; sector >= 0 && int(sector) < g.Sectors() {
		r.timeline.Now.Addr, _ = g.Sector(int(sector))
	}
}

// enter begins a stage of the work, and what its progress tells.
func (r *rig) enter(stage state.LabPhase) {
	if r.stage == stage {
		return
	}
	r.stage = stage
	r.began = r.now()
	r.progress = restore.Progress{Stage: restore.StageWrite}
}

// leave ends the work.
func (r *rig) leave() {
	r.stage = state.LabAbsent
	r.active = -1
	r.progress = restore.Progress{}
	r.telling, r.spared, r.wished = false, false, false
	r.held = nil
}

// link takes one message that was seen on the device's link: what the server does is told from it.
func (r *rig) link(m protocol.Message, sent bool) {
	row := state.LogRow{Source: state.SourceServer, Sector: state.NoSector}
	switch m := m.(type) {
	case *protocol.Hello:
		row.Step, row.Code = 2, state.LogLinkOpen
	case *protocol.Info:
		if m.Kind == protocol.KindNone {
			row.Step, row.Code = 4, state.LogNoUpdate
			if m.Reason == protocol.ReasonPreparing {
				row.Step, row.Code, row.A = 3, state.LogMaking, m.Wait
			}
		} else {
			row.Step, row.Code, row.A, row.B = 4, state.LogInfo, m.Size, m.Workspace
		}
		if signed, _, err := release.Parse(m.Manifest); err == nil {
			row.Text = signed.Version
			r.name(&signed)
			r.want(signed.Digest)
			if r.telling && m.Kind != protocol.KindNone {
				row.Code, r.spared = state.LogOffered, true
			} else if !r.telling {
				r.target = signed.Digest
				r.timeline.Now.Target = signed.Version
			}
		}
	case *protocol.Request:
		row.Step, row.Code, row.A = 9, state.LogRequested, m.Offset
	case *protocol.End:
		row.Step, row.Code, row.A = 10, state.LogSending, m.Size
	case *protocol.Error:
		if sent {
			return // the terminal tells of it itself
		}
		row.Code, row.Text, row.A = state.LogServerEnded, m.Fault.String(), m.Wait
	default:
		return
	}
	if sent { // the terminal tells only afterwards that it has sent this
		r.held = append(r.held, row)
		return
	}
	r.served(row)
}

// whyWords say in a log why a device is in restoration mode.
var whyWords = map[smp.Why]string{
	smp.WhyAsked:       "asked for over the cable",
	smp.WhyPin:         "asked for by its pin",
	smp.WhyNoRecord:    "no valid record",
	smp.WhyInterrupted: "the rewrite stopped halfway",
	smp.WhyDamaged:     "the image is not what the record says",
	smp.WhyHang:        "three resets in a row without a confirmation",
}

// served notes what the server has done or received.
func (r *rig) served(row state.LogRow) {
	if !r.telling && row.Code != state.LogSending {
		target := r.timeline.Now.Target
		r.timeline.reach(row.Step)
		r.timeline.Now.Target = target
	}
	r.note(row)
}
