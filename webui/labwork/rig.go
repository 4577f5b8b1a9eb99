package labwork

import (
	"context"
	"slices"
	"time"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/internal/pack"
	"unbrick/lab"
	"unbrick/model"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/terminal"
	"unbrick/webui/library"
	"unbrick/webui/state"
)

// noiseRates are the probabilities of a wrong bit, by Noise.
var noiseRates = [state.NoiseKinds]float64{0, 1e-6, 1e-5, 1e-4, 1e-3}

// tears are the emulator's tears, by Tear. One name serves erase and program alike.
var tears = [state.TearKinds]emulator.Tear{emulator.Half, emulator.NotBegun, emulator.Complete, emulator.FirstUnit, emulator.AllButOne,
	emulator.Unstable, emulator.Unreadable, emulator.EraseWeak, emulator.Marginal}

// TearOf is the Lab's name for a tear; an erase of which a part is done counts as a half.
func TearOf(t emulator.Tear) state.Tear { return state.Tear(max(slices.Index(tears[:], t), 0)) }

// wire is the emulator's line for a Line.
func wire(l state.Line) emulator.LineConfig {
	return emulator.LineConfig{Baud: l.Baud, TurnAround: l.TurnAround, BitErrors: noiseRates[l.Noise]}
}

// rig is one emulated device and what the Lab knows of it. The device lives in goroutines of its own and
// tells what happens through post; everything here belongs to Run's goroutine.
type rig struct {
	b      *bench
	device *lab.Device
	model  model.Model
	serial string
	cancel context.CancelFunc // takes the power away; nil without power
	tape   *tape
	clock  time.Duration // of a rig without device, which follows a film

	state     lab.State      // of the device, as last told
	stage     state.LabPhase // of a conversation or restoration: LabAsking and on; LabAbsent without one
	target    release.Digest
	old       release.Digest // image that is or was in the flash before target
	known     map[release.Digest]library.File
	asked     map[release.Digest]bool   // being fetched for the map
	names     map[release.Digest]string // versions of releases whose manifests were seen; the server may drop them
	doubtful  map[int]bool              // sectors of the part that the terminal does not believe
	outcome   state.Outcome
	failure   state.Failure // OutcomeFailed
	telling   bool          // a session runs that only tells: see tell
	spared    bool          // it was offered an update
	wished    bool          // an update was asked for meanwhile
	untold    bool          // the server does not know yet what came of the last boot
	armed     uint64        // cut that waits in the board
	timeline  walk
	log       []state.LogRow
	held      []state.LogRow // of messages whose sending the terminal has not told yet
	lost      bool           // nothing has run since the power came: RAM holds nothing of before
	progress  restore.Progress
	began     time.Duration // device time when what progress tells began
	active    int           // sector at work, or -1
	power_    state.Power
	workspace state.Span
	resident  state.Span
}

// build makes the hardware of a device, with erased flash and without power. It may run in any goroutine.
func (b *bench) build(m *model.Model, serial string, line state.Line) (*rig, error) {
	r := &rig{b: b, model: *m, serial: serial, active: -1, known: make(map[release.Digest]library.File), asked: make(map[release.Digest]bool),
		names: make(map[release.Digest]string), doubtful: make(map[int]bool)}
	r.power_.Most = mostOperations(&m.Layout)
	r.tape = new(tape)
	device, err := lab.New(m, &lab.Options{
		Operation: r.tape.operation,
		Seed:      seedOf(b.e.World().Seed, serial),
		Line:      wire(line),
		Hardware:  func(hw *terminal.Hardware) { hw.SignSeed = terminal.SignSeed },
		Event: func(ev lab.Event) { // in the device's goroutine, in order
			r.tape.tell(Entry{Kind: EntryEvent, At: ev.Time, Event: ev.Event})
			r.post(func() { r.event(ev) })
		},
	})
	if err != nil {
		return nil, err
	}
	device.Board().SetPace(b.pacer.tick)
	r.device, r.tape.board = device, device.Board()
	return r, nil
}

// post lets Run's goroutine call f, if this is still the Lab's device then.
func (r *rig) post(f func()) {
	r.b.e.Post(func() {
		if r.b.rig == r {
			f()
		}
	})
}

// work runs f in a goroutine of its own. What f returns is called by Run's, if this is still the Lab's device then.
func (r *rig) work(f func(ctx context.Context) func()) {
	r.b.e.Go(func(ctx context.Context) func() {
		then := f(ctx)
		if then == nil {
			return nil
		}
		return func() {
			if r.b.rig == r {
				then()
			}
		}
	})
}

// seedOf gives every device chances of its own.
func seedOf(seed uint64, serial string) uint64 {
	for _, c := range []byte(serial) { // FNV-1a
		seed = (seed ^ uint64(c)) * 0x100000001b3
	}
	return seed
}

// know remembers a release's bytes for the map.
func (r *rig) know(f library.File) {
	r.known[f.Manifest.Digest] = f
	r.name(&f.Manifest)
}

// name remembers what a release is called.
func (r *rig) name(m *release.Manifest) { r.names[m.Digest] = m.Version }

// want fetches a release for the map, once.
func (r *rig) want(d release.Digest) {
	if _, ok := r.known[d]; ok || r.asked[d] || d == (release.Digest{}) || r.device == nil {
		return
	}
	r.asked[d] = true
	r.b.e.Go(func(ctx context.Context) func() {
		f, err := r.b.e.Library().Fetch(ctx, r.model.ID, d)
		return func() {
			delete(r.asked, d)
			if err == nil {
				r.know(f)
			}
		}
	})
}

// now is the device's time.
func (r *rig) now() time.Duration {
	if r.device == nil {
		return r.clock
	}
	return r.device.Time()
}

// version names an image, as far as it is known here.
func (r *rig) version(d release.Digest) string {
	if f, ok := r.known[d]; ok {
		return f.Manifest.Version
	}
	for _, x := range r.b.e.Library().All() {
		if x.Model == r.model.ID && x.Digest == d {
			return x.Version
		}
	}
	return r.names[d]
}

// shown is what the Lab shows of a rig, with a device or without.
func (r *rig) shown() state.Lab {
	return state.Lab{
		Phase: r.phase(), Name: r.model.Name, Model: r.model.ID, Serial: r.serial, Line: r.b.line, Health: r.b.health,
		Old: r.version(r.old), Target: r.version(r.target), Timeline: r.timeline.Timeline, Log: r.log, Progress: r.progress,
	}
}

// contents says what the bytes of the RAM are.
func (r *rig) contents() state.Contents {
	if r.power_.Switch == state.SwitchOff || r.lost && r.state == lab.Restoration {
		return state.ContentsLost
	}
	return state.ContentsKept
}

// busy tells whether a conversation or a restoration runs.
func (r *rig) busy() bool { return r.stage != state.LabAbsent }

// moving tells whether the device changes without anybody's command.
func (r *rig) moving() bool { return r.busy() || r.state == lab.Booting }

// command acts on one wish for this device.
func (r *rig) command(cmd state.Command) {
	switch c := cmd.(type) {
	case state.LabUpdate:
		switch {
		case r.state != lab.Running || r.busy():
		case r.telling:
			r.wished = true
		default:
			r.begin()
		}
	case state.LabPower:
		r.power(c.Switch)
	case state.LabCut:
		r.arm(c)
	case state.LabRestore:
		if r.state == lab.Restoration && !r.busy() {
			r.restore(c.Digest)
		}
	default:
	}
}

// arm arms a cut, or takes it back. One that no rewrite reaches is refused, and what was armed before stays.
func (r *rig) arm(c state.LabCut) {
	if int(c.Tear) >= state.TearKinds {
		return
	}
	if r.power_.Refused = 0; c.At > r.power_.Most {
		r.power_.Refused = c.At
		return
	}
	r.power_.CutAt, r.power_.Tear = c.At, c.Tear
	r.device.CutAt(c.At, tears[c.Tear])
	r.keep(true)
}

// mostOperations is a number of flash operations that no rewrite goes beyond: each sector of the software is marked, erased
// and programmed page by page, and at worst the record is written anew for each.
func mostOperations(l *flash.Layout) uint64 {
	g := &l.Geometry
	page := max(g.Page, g.ProgramUnit)
	programs := func(i int) uint64 {
		_, size := g.Sector(i)
		return uint64((size + page - 1) / page)
	}
	software := l.Software()
	first, n := l.SoftwareFirst(), software.Sectors()
	records := l.Records()
	record := 4 + max(programs(records[0]), programs(records[1])) // erase, body, commit mark, seal
	most := 2 * record                                            // the first and the last
	for i := first; i < first+n; i++ {
		most += 2 + programs(i) + record
	}
	return most
}

// setHealth sets how the application behaves from its next start on: a release that hangs shows itself
// after the update that brought it. One that hangs now and is well again is switched off and on.
func (r *rig) setHealth(h state.Health) {
	r.device.Board().SetHealthy(h == state.HealthGood)
	r.note(state.LogRow{Source: state.SourceBoard, Code: state.LogHealth, A: uint32(h)})
	r.keep(true)
	if r.busy() || r.device.State() != lab.Hanging || h != state.HealthGood {
		return
	}
	r.work(func(context.Context) func() {
		r.device.PowerOff(emulator.NotBegun)
		return func() {
			r.ended()
			r.power(state.SwitchOn)
		}
	})
}

// power moves the switch. Off takes the power away at once, whatever the device does.
func (r *rig) power(s state.Switch) {
	if s == state.SwitchOff {
		if r.cancel == nil {
			return
		}
		tear := tears[r.power_.Tear]
		r.work(func(context.Context) func() {
			r.device.PowerOff(tear)
			return r.ended
		})
		return
	}
	if r.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(r.b.e.Context())
	r.device.Board().SetHealthy(r.b.health == state.HealthGood)
	if err := r.device.PowerOn(ctx); err != nil {
		cancel()
		return
	}
	r.cancel, r.state = cancel, lab.Booting
	r.lost, r.untold = true, true
	r.outcome, r.failure = state.OutcomeNone, state.Failure{} // of a life before
	r.power_.Switch = state.SwitchOn
	r.tape.power(true, 0, 0, r.now())
	r.note(state.LogRow{Source: state.SourceBoard, Code: state.LogPowerOn})
	ended := r.device.Ended()
	r.work(func(ctx context.Context) func() {
		r.device.Settle(ctx)
		return func() {
			r.follow()
			r.tell()
		}
	})
	r.work(func(ctx context.Context) func() {
		select {
		case <-ended:
			return r.ended
		case <-ctx.Done():
			return nil
		}
	})
}

// off takes the power away for good: another device comes in this one's place, or the engine ends.
func (r *rig) off() {
	if r.cancel != nil {
		r.cancel()
		r.cancel = nil
	}
}

// follow takes over what the device says of itself.
func (r *rig) follow() {
	r.state = r.device.State()
	switch r.state {
	case lab.Running, lab.Hanging:
		about := r.device.About()
		if about.Known && !r.busy() {
			r.old, r.target = about.Installed.Digest, release.Digest{}
			r.want(r.old)
		}
	case lab.Restoration:
		r.timeline.reach(stepRestoration)
	case lab.Faulted:
		r.timeline.fail()
	default:
	}
	r.keep(true)
}

// ended is called when the device's power is gone, whoever took it.
func (r *rig) ended() {
	if r.cancel == nil {
		return
	}
	r.cancel()
	r.cancel = nil
	r.workspace, r.resident = state.Span{}, state.Span{}
	r.state = r.device.State()
	if r.state == lab.Faulted {
		r.timeline.fail()
		text := ""
		if err := r.device.Fault(); err != nil {
			text = pack.Clip(err.Error(), state.MaxText)
		}
		r.note(state.LogRow{Source: state.SourceBoard, Code: state.LogFault, Text: text})
		r.power_.Switch = state.SwitchOn
		r.keep(true)
		return
	}
	counts := r.device.Counts()
	row := state.LogRow{Source: state.SourceBoard, Code: state.LogPowerOff}
	if r.active >= 0 || r.stage == state.LabRewriting || counts.Intents > 0 && !counts.Whole {
		r.power_.LastCut = counts.Operations
		row.Code, row.Step, row.A, row.B = state.LogCut, r.timeline.Now.Step, uint32(counts.Operations), uint32(r.power_.Tear)
	}
	r.tape.power(false, uint64(row.A), r.power_.Tear, r.now())
	r.power_.Switch, r.power_.CutAt = state.SwitchOff, 0
	r.timeline.fail()
	if r.active >= 0 {
		r.doubtful[r.active] = true // the terminal will find it marked
	}
	r.active = -1
	r.note(row)
	r.keep(true)
}
