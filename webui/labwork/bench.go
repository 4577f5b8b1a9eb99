// Package labwork is the Lab's work: one emulated device (rig) with its switches, its cable and its link; what is kept of it in the
// browser (keeper); and runs that are seen again (replay): a tape records the device's own, a reel brings one that was computed
// elsewhere, and a film is either, cut into stops that can be shown.
package labwork

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"unbrick/model"
	"unbrick/release"
	"unbrick/terminal"
	"unbrick/webui/engine"
	"unbrick/webui/library"
	"unbrick/webui/state"
)

// bench is the Lab: one emulated device with its switches, and what outlives a device. It belongs to
// Run's goroutine.
type bench struct {
	e      *engine.Engine
	rig    *rig // nil: no device has been made
	made   int  // devices so far
	making bool // one is being made, or being looked for
	found  bool // the kept one was looked for
	line   state.Line
	pacer  pacer
	health state.Health
	totals map[pair]uint64 // flash operations of a whole rewrite, once one was seen
	ended  state.MakeEnd   // why the last device could not be made
	keeper keeper
	replay *replay // shown in place of the device; nil: none
}

// pair names a rewrite by its two images.
type pair struct{ from, to [32]byte }

// Lab is the work for the Lab.
func New(e *engine.Engine) engine.Work { return &bench{e: e} }

// Start implements Work.
func (b *bench) Start() {
	b.line = state.Line{Baud: 115200, TurnAround: 16 * time.Millisecond, Pace: state.PaceLife}
	b.pacer.set(b.line.Pace)
	b.totals = make(map[pair]uint64)
	b.keeper.e = b.e
}

// Stop implements Work: it takes the power away and lets a saving that was begun end: whoever comes next reads what it wrote.
func (b *bench) Stop() {
	if b.rig != nil {
		b.rig.off()
	}
	b.keeper.running.Wait()
}

// Do implements Work.
func (b *bench) Do(cmd state.Command) bool {
	_, ours := cmd.(state.ForLab)
	if ours {
		b.command(cmd)
	}
	return ours
}

// command acts on one wish for the Lab.
func (b *bench) command(cmd state.Command) {
	switch c := cmd.(type) {
	case state.LabMake:
		b.make(c)
	case state.LabLine:
		b.setLine(c.Line)
	case state.LabReplay:
		b.replayOf(c)
	case state.LabSeek:
		b.seek(c)
	case state.LabReplayEnd:
		b.replay = nil
	case state.LabHealth:
		b.health = c.Health
		if b.rig != nil {
			b.rig.setHealth(c.Health)
		}
	default:
		if b.rig != nil {
			b.rig.command(cmd)
		}
	}
}

// setLine sets cable and pace. A running transfer sees it at once.
func (b *bench) setLine(l state.Line) {
	if int(l.Noise) >= state.NoiseKinds || int(l.Pace) >= state.PaceKinds {
		return
	}
	before := b.line
	b.line = l
	b.pacer.set(l.Pace)
	if b.rig == nil {
		return
	}
	if err := b.rig.device.Board().SetLine(wire(l)); err != nil {
		b.line = before // a speed that no line has
	}
	b.rig.keep(true)
}

// make makes a device of a model with a release, in place of the present one.
func (b *bench) make(c state.LabMake) {
	if b.making || b.rig != nil && b.rig.busy() {
		return
	}
	m, ok := b.e.Library().Model(c.Model)
	if !ok {
		return
	}
	b.making, b.ended = true, state.MakeEndNone
	b.made++
	number, line := b.made, b.line
	b.e.Go(func(ctx context.Context) func() {
		f, err := b.e.Library().Fetch(ctx, c.Model, c.Digest)
		var id terminal.Identity
		if err == nil {
			id, err = b.identity(ctx, &m, number)
		}
		var r *rig
		if err == nil {
			if r, err = b.build(&m, id.Serial, line); err == nil {
				err = r.device.Manufacture(&id, deviceKey(b.e.World().Seed, id.Serial), f.Signed, f.Image)
			}
		}
		return func() {
			b.making = false
			if err != nil {
				b.ended = makeEndOf(err)
				return
			}
			r.know(f)
			r.old = f.Manifest.Digest
			b.install(r)
			r.note(state.LogRow{Source: state.SourceBoard, Code: state.LogMade, Text: f.Manifest.Version})
			r.keep(true)
			r.power(state.SwitchOn)
		}
	})
}

// install puts a device in the place of the present one.
func (b *bench) install(r *rig) {
	if b.rig != nil {
		b.rig.off()
	}
	b.rig, b.ended = r, state.MakeEndNone
	b.keeper.use(r)
}

// identity is who a new device is and whom it trusts: the keys that the server trusts for its model.
func (b *bench) identity(ctx context.Context, m *model.Model, number int) (terminal.Identity, error) {
	keys, err := b.e.Library().Trusted(ctx, m.ID)
	if err != nil {
		return terminal.Identity{}, err
	}
	if len(keys) == 0 {
		return terminal.Identity{}, errNoKeys
	}
	who := terminal.Identity{Model: m.ID, Threshold: 1, Resident: m.Resident, Readout: m.Readout,
		Serial: fmt.Sprintf("LAB-%04X-%02d", uint16(b.e.World().Seed), number)}
	for _, k := range keys[:min(len(keys), terminal.KeySlots)] {
		who.Keys = append(who.Keys, [32]byte(k))
	}
	return who, nil
}

// deviceKey is a new device's own key. It hangs on this page's chances, which nobody else knows.
func deviceKey(seed uint64, serial string) *terminal.DeviceKey {
	own := sha256.Sum256(append(binary.LittleEndian.AppendUint64(nil, seed), serial...))
	return new(terminal.NewDeviceKey(&own))
}

// Told implements Work: it is called when the server's lists have come.
func (b *bench) Told() {
	if b.ended == state.MakeEndNoServer {
		b.ended = state.MakeEndNone
	}
	if b.rig != nil && b.rig.untold {
		b.rig.tell()
	}
}

var errNoKeys = errors.New("the server trusts no key for this model")

// makeEndOf says what kept a device from being made.
func makeEndOf(err error) state.MakeEnd {
	switch {
	case errors.Is(err, library.ErrNoServer):
		return state.MakeEndNoServer
	case errors.Is(err, errNoKeys):
		return state.MakeEndNoKeys
	case errors.Is(err, library.ErrNoRelease):
		return state.MakeEndNoRelease
	case errors.Is(err, release.ErrImage), errors.Is(err, release.ErrSignature):
		return state.MakeEndDamaged
	}
	return state.MakeEndUnfit
}

// Fill implements Work: it writes what the Lab shows.
func (b *bench) Fill(s *state.State) {
	b.device(&s.Lab)
	if b.replay != nil {
		b.replay.fill(&s.Lab)
	}
}

// device writes what the Lab shows of its device.
func (b *bench) device(l *state.Lab) {
	if b.rig != nil {
		b.rig.fill(l)
		if !b.rig.busy() {
			l.Make = b.choices() // another device may take its place
		}
		return
	}
	*l = state.Lab{Phase: state.LabAbsent, Line: b.line, Health: b.health, Make: b.choices()}
	l.Map.Active = -1
}

// choices is what a device can be made of: models with a release that its maker does not hold.
func (b *bench) choices() state.Making {
	m := state.Making{State: state.MakeReady, Ended: b.ended}
	switch {
	case !b.found:
		m.State = state.MakeLooking
		return m // a wish could not be followed
	case b.making:
		m.State = state.MakeBusy
	}
	seen := make(map[string]bool)
	for _, r := range b.e.Library().All() {
		known, ok := b.e.Library().Model(r.Model)
		if !ok || r.Fit.Held() || len(m.Releases) == state.MaxReleases {
			continue
		}
		m.Releases = append(m.Releases, r)
		if !seen[r.Model] {
			seen[r.Model] = true
			m.Models = append(m.Models, state.LabModel{ID: known.ID, Name: known.Name})
		}
	}
	return m
}

// Moving implements Work.
func (b *bench) Moving() bool { return b.rig != nil && b.rig.moving() }
