// Package repair is Restore's work: from a press on Connect to the verdict. A cable is the one attempt there can be; it finds a way
// into restoration mode (coach, ways), identifies, plans, writes, and says how it ended. What was begun and has not ended is kept
// (jobs). Boot loaders of MCUboot's kind are met in boot.go.
package repair

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/restore/boottext"
	"unbrick/restore/mcuboot"
	"unbrick/webui/engine"
	"unbrick/webui/library"
	"unbrick/webui/shown"
	"unbrick/webui/state"
)

const (
	listenFor = 20 * time.Second // one call for a device that a person switches on
	openLimit = 10 * time.Second // for opening a port
	turnLimit = 30 * time.Second // until the attempt before has given its port back: closing waits for a lost device

	searches    = 4 // looks for ports, when one vanishes while it is tried
	searchAgain = 700 * time.Millisecond
)

// cable is the Restore screen: one attempt at a time, from the port to the verdict. It belongs to Run's
// goroutine; the attempt itself runs in another and hands back what it found.
type cable struct {
	e     *engine.Engine
	shown state.Restore // everything but the port

	run      *run // the attempt under way, or the one whose device is at hand; nil: none
	auto     bool // write as soon as the plan stands: the person has said so already
	wanted   release.Digest
	exact    release.Manifest // of a file that the person chose: this release of the wanted image, zero: the newest of it
	erase    bool             // settings too: the person has said so
	worked   []worked         // how devices were brought into restoration mode, the last one met at the end
	hand     state.WayKind    // what the person did when the device at hand answered; WayReset: nothing
	since    time.Time        // the way that is shown as tried began
	rounds   int              // of listening for a person, in this attempt
	jobs     jobs             // of every device
	keptWays library.Slot     // where worked is kept
	image    *imageFile       // chosen for a boot loader of MCUboot's kind; nil: none
	trace    *trace
	began    time.Time // of writing
	report   restore.Result
	turn     chan struct{} // holds a value from an attempt's first look at the ports until its last port is closed
}

// run is one attempt on one port. Its goroutine owns the session while it works; between two works
// nobody does, and the next may begin.
type run struct {
	ctx     context.Context
	cancel  context.CancelFunc
	turn    chan struct{}
	users   atomic.Int32 // the screen, the goroutine at work, a port that opens late: the last of them gives the turn back
	mine    bool         // it has the turn
	port    restore.Port
	session *restore.Session // nil: nothing answered yet
	device  *restore.Device
	plan    *restore.Plan
	loader  *restore.Loader // instead of a device: a boot loader of MCUboot's kind
	working bool            // a goroutine uses the session
	ended   bool            // the plan starts what an earlier job has restored: the device went on without us
	gone    bool            // the port said that it is
	name    string
	baud    uint32 // at which it answered
}

// Restore is the work for the Restore screen.
func New(e *engine.Engine) engine.Work { return &cable{e: e} }

func (c *cable) Start() {
	c.trace = &trace{}
	c.turn = make(chan struct{}, 1)
	c.jobs.kept = library.Slot{Library: c.e.Library(), Name: jobsBlob, As: keeping}
	c.keptWays = library.Slot{Library: c.e.Library(), Name: waysBlob, As: keeping}
	c.idle()
}

// Stop implements Work: it closes the port and waits until it is closed.
func (c *cable) Stop() {
	c.drop()
	c.turn <- struct{}{}
}

// idle is the screen with nothing connected.
func (c *cable) idle() {
	phase := state.RestoreIdle
	if c.e.World().Ports == nil {
		phase = state.RestoreUnsupported
		if c.e.World().Insecure {
			phase = state.RestoreInsecure
		}
	}
	c.shown = state.Restore{Phase: phase, Map: state.Map{Active: -1}}
}

// drop ends the attempt. Its port is closed as soon as nobody works with it.
func (c *cable) drop() {
	r := c.run
	if r == nil {
		return
	}
	c.run = nil
	r.cancel()
	r.leave()
}

// leave ends one use of the attempt. The last closes the port, which may wait for a lost device, and lets the
// next attempt begin.
func (r *run) leave() {
	if r.users.Add(-1) > 0 {
		return
	}
	go func() {
		if r.session != nil {
			r.session.Close()
		}
		if r.mine {
			<-r.turn
		}
	}()
}

// take waits until no other attempt has a port. It runs in the attempt's goroutine.
func (r *run) take() error {
	if r.mine {
		return nil
	}
	late := time.NewTimer(turnLimit)
	defer late.Stop()
	select {
	case r.turn <- struct{}{}:
		r.mine = true
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	case <-late.C:
		return restore.ErrStuck
	}
}

// work lets f use the session of r in a goroutine of its own. What f returns is called by Run's if r is still
// the attempt at hand.
func (c *cable) work(r *run, f func() func()) {
	r.working = true
	r.users.Add(1)
	c.e.Go(func(context.Context) func() {
		then := f()
		r.leave()
		return func() {
			r.working = false
			if c.run == r {
				then()
			}
			c.unplugged(r)
		}
	})
}

// Fill implements Work: it writes what the Restore screen shows.
func (c *cable) Fill(all *state.State) {
	s := &all.Restore
	*s = c.shown
	if s.Phase == state.RestoreIdle && !c.e.Ready() {
		s.Phase = state.RestoreLoading // a job of an earlier page may still be found
	}
	if s.Phase == state.RestoreWriting {
		s.Progress.Elapsed = c.e.World().Now().Sub(c.began)
	}
	if left := c.jobs.pending(); s.Phase == state.RestoreIdle && len(left) > 0 {
		s.Job, s.Others = left[0], left[1:]
	}
}

// Do implements Work.
func (c *cable) Do(cmd state.Command) bool {
	_, ours := cmd.(state.ForRestore)
	if ours {
		c.command(cmd)
	}
	return ours
}

// Recall implements Work: it finds the jobs and ways of earlier visits.
func (c *cable) Recall() (then func()) {
	jobs, ways := recallJobs(c.e.Library()), recallWays(c.e.Library())
	return func() { c.jobs.list, c.worked = jobs, ways }
}

// Changed implements Work.
func (c *cable) Changed() {}

// Told implements Work.
func (c *cable) Told() {}

// Rest implements Work.
func (c *cable) Rest() {}

// command acts on one wish. What does not fit the phase is a click that came too late, and is dropped.
func (c *cable) command(cmd state.Command) {
	if f, ok := cmd.(state.AddFile); ok {
		c.addFile(f)
		return
	}
	if c.shown.Phase == state.RestoreWriting || c.e.World().Ports == nil {
		switch cmd.(type) {
		case state.SaveDiagnostic:
			c.saveDiagnostic()
		default:
		}
		return
	}
	switch x := cmd.(type) {
	case state.Connect:
		c.auto, c.erase, c.wanted, c.exact = false, false, release.Digest{}, release.Manifest{}
		c.connect()
	case state.ChooserClosed:
		if c.run == nil {
			c.idle()
			c.shown.Phase = state.RestoreNoPort
		}
	case state.DoesNotAnswer:
		c.auto, c.erase, c.wanted, c.exact = false, false, release.Digest{}, release.Manifest{}
		c.connect()
	case state.WayDone:
		c.wayDone()
	case state.Choose:
		c.choose(x.Digest)
	case state.Write:
		switch c.shown.Phase {
		case state.RestoreFound:
			c.erase = x.Erase
			c.write()
		case state.RestoreImage:
			c.install()
		default:
		}
	case state.Start:
		if c.shown.Phase == state.RestoreRight {
			c.erase = x.Erase
			c.write()
		}
	case state.GoOn:
		if c.shown.Phase == state.RestoreFailed {
			c.auto = c.shown.Failure.Stage >= restore.StageWrite
			c.connect()
		}
	case state.Home:
		c.image = nil
		c.drop()
		c.idle()
	case state.Resume:
		c.auto = true
		c.connect()
	case state.Forget:
		c.forget(x.Model, x.Serial)
	case state.SaveDiagnostic:
		c.saveDiagnostic()
	case state.SaveReport:
		c.saveReport()
	case state.SaveBackup:
		c.saveBackup()
	default:
	}
}

// connect opens the allowed ports in turn and looks for a device in restoration mode.
func (c *cable) connect() {
	c.drop()
	c.idle()
	c.rounds = 0
	c.shown.Phase = state.RestoreConnecting
	ctx, cancel := context.WithCancel(c.e.Context())
	r := &run{ctx: ctx, cancel: cancel, turn: c.turn}
	r.users.Add(1)
	c.run = r
	c.trace.add("connect, %s", c.e.World().Browser)
	hint := c.hint()
	c.work(r, func() func() {
		found, err := c.search(r, hint)
		return func() { c.searched(found, err) }
	})
}

// hint is what is known before the device has said anything: its base speed and the way that worked.
func (c *cable) hint() restore.Options {
	o := restore.Options{Baud: restore.DefaultBaud, Patience: -1, Trace: c.trace.call}
	if w, ok := c.before(); ok {
		o.First = w.Way
		if w.Baud != 0 {
			o.Baud = w.Baud
		}
	}
	if j := c.jobs.last(); j != nil {
		if m, ok := c.e.Library().Model(j.Model); ok {
			o.Baud = shown.Baud(&m)
		}
	}
	return o
}

// search looks for a device at the allowed ports. A port that vanishes while it is being tried is one that
// was pulled out and plugged in again, and the browser is about to see it: it is looked for once more. It
// runs in the attempt's goroutine.
func (c *cable) search(r *run, o restore.Options) (found bool, err error) {
	if err := r.take(); err != nil {
		return true, err
	}
	for try := 1; ; try++ {
		found, err = c.searchOnce(r, o)
		if !vanished(err) || try == searches {
			return found, err
		}
		c.trace.add("look again: %v", err)
		again := time.NewTimer(searchAgain)
		select {
		case <-again.C:
		case <-r.ctx.Done():
			again.Stop()
			return found, r.ctx.Err()
		}
	}
}

// vanished tells whether a port was there and is gone: before it was opened or after.
func vanished(err error) bool {
	var e *restore.Error
	return errors.Is(err, restore.ErrVanished) || errors.As(err, &e) && e.Code == restore.CodeVanished
}

// searchOnce opens each allowed port until a device answers. found tells whether there was a port at all.
func (c *cable) searchOnce(r *run, o restore.Options) (found bool, err error) {
	infos, err := c.e.World().Ports.List(r.ctx)
	if err != nil {
		return false, err
	}
	var busy, quiet error
	o.OnWay = c.tells(r)
	o.Heard = c.hears(r)
	for i, info := range infos {
		err := c.callAt(r, i, info.Name, &o)
		switch {
		case err == nil || r.ctx.Err() != nil:
			return true, err
		case errors.Is(err, errNotOpened):
			busy = err
		default:
			quiet = err
		}
	}
	if o.Patience < 0 && silent(quiet) {
		// Every way was tried at the speed that it should have. Its echo is asked for at others.
		o.First, o.Only, o.OnWay, o.Heard = restore.WayEcho, true, nil, nil
		for _, baud := range c.speeds(o.Baud) {
			for i, info := range infos {
				o.Baud = baud
				if err := c.callAt(r, i, info.Name, &o); err == nil || r.ctx.Err() != nil {
					return true, err
				}
			}
		}
	}
	if quiet != nil {
		return true, quiet
	}
	return len(infos) > 0, busy
}

// silent tells whether a device was called in vain, which another speed may explain.
func silent(err error) bool {
	var e *restore.Error
	return errors.As(err, &e) && (e.Code == restore.CodeSilent || e.Code == restore.CodeNoisy || e.Code == restore.CodeProtocol)
}

// errNotOpened says that a port could not be opened.
var errNotOpened = errors.New("port was not opened")

// callAt opens one port at a speed and connects. The port of a device that answers stays open.
func (c *cable) callAt(r *run, i int, name string, o *restore.Options) error {
	port, err := c.open(r, i, o.Baud)
	if err != nil {
		c.trace.add("%s: %v", name, err)
		return fmt.Errorf("%w: %w", errNotOpened, err)
	}
	c.trace.add("%s: open at %d baud", name, o.Baud)
	session, err := restore.Connect(r.ctx, port, o)
	if err != nil {
		port.Close()
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		c.trace.add("%s: %v", name, err)
		return err
	}
	r.port, r.session, r.name, r.baud = port, session, name, o.Baud
	if p, ok := port.(restore.Leaver); ok {
		c.e.Go(func(context.Context) func() {
			select {
			case <-p.Gone():
				return func() { r.gone = true; c.unplugged(r) }
			case <-r.ctx.Done():
				return nil
			}
		})
	}
	return nil
}

// unplugged ends an attempt whose cable came out while nobody used it. Who uses it learns that by itself.
func (c *cable) unplugged(r *run) {
	if r.gone && c.run == r && !r.working && c.shown.Phase != state.RestoreFailed {
		c.fail(&restore.Error{Code: restore.CodeVanished}, restore.StageIdentify)
	}
}

// open opens a port, or gives up after openLimit. Nothing can call off the opening of a port: one that comes
// later is closed at once, and the attempt keeps its turn until then.
func (c *cable) open(r *run, i int, baud uint32) (restore.Port, error) {
	type opened struct {
		port restore.Port
		err  error
	}
	done := make(chan opened)
	given := make(chan struct{}) // nobody waits any more
	r.users.Add(1)
	go func() {
		defer r.leave()
		port, err := c.e.World().Ports.Open(context.WithoutCancel(r.ctx), i, baud)
		select {
		case done <- opened{port, err}:
		case <-given:
			if err == nil {
				port.Close()
			}
		}
	}()
	late := time.NewTimer(openLimit)
	defer late.Stop()
	select {
	case o := <-done:
		return o.port, o.err
	case <-r.ctx.Done():
		close(given)
		return nil, r.ctx.Err()
	case <-late.C:
		close(given)
		return nil, restore.ErrStuck
	}
}

// hears passes on what the device says instead of an answer.
func (c *cable) hears(r *run) func([]byte) {
	last := engine.Latest[state.Heard]{Engine: c.e, Take: func(h state.Heard) {
		if c.run == r {
			c.shown.Heard = h
		}
	}}
	return func(raw []byte) {
		kinds, lines := boottext.Recognise(raw), boottext.Lines(raw)
		if len(lines) > 0 {
			last.Set(state.Heard{Lines: lines, Kinds: kinds[:min(len(kinds), state.MaxKinds)]})
		}
	}
}

// tells passes on which way into restoration mode is tried.
func (c *cable) tells(r *run) func(restore.Way) {
	return func(w restore.Way) {
		c.trace.add("way: %v", w)
		kind, ok := shown.Way(w)
		if !ok {
			return
		}
		c.e.Post(func() {
			if c.run == r {
				c.tried(kind)
			}
		})
	}
}

// searched goes on with what the search has come to.
func (c *cable) searched(found bool, err error) {
	switch {
	case err == nil && found:
		c.identify()
	case !found:
		c.drop()
		c.idle()
		c.shown.Phase = state.RestoreNoPort
	case errors.Is(err, restore.ErrBusy):
		c.drop()
		c.idle()
		c.shown.Phase = state.RestorePortBusy
	case silent(err):
		c.coach()
	default:
		c.fail(err, restore.StageIdentify)
	}
}

// identify asks the device who it is and what to do for it.
func (c *cable) identify() {
	r := c.run
	c.hand = state.WayReset
	for _, w := range c.shown.Ways {
		if c.shown.Phase == state.RestoreNoAnswer && w.State == state.WayNow {
			c.hand = w.Kind
		}
	}
	c.shown.Phase = state.RestoreReading
	c.shown.Ways, c.shown.Heard = nil, state.Heard{}
	c.shown.Progress = restore.Progress{Stage: restore.StageIdentify}
	c.work(r, func() func() {
		device, err := r.session.Identify(r.ctx)
		backup := false
		if err == nil {
			backup, err = r.session.CanBackup(r.ctx)
		}
		c.e.Library().Answered(r.ctx)
		return func() {
			var e *restore.Error
			if errors.As(err, &e) && e.Code == restore.CodeForeign {
				c.meet(err)
				return
			}
			if err != nil {
				c.fail(err, restore.StageIdentify)
				return
			}
			r.device = device
			c.remember(worked{Model: device.Model, Way: r.session.Way(), Hand: c.hand, Baud: r.baud})
			c.shown.Device = shown.Device(device, c.e.Library())
			c.shown.Device.Backup = backup
			if c.auto { // what is gone on with is what was begun with this device, unless it was withdrawn since; one without gets a question of its own
				c.auto, c.erase, c.wanted, c.exact = false, false, release.Digest{}, release.Manifest{}
				if j := c.jobs.of(device); j != nil && c.e.Library().Holds(library.Name{Model: j.Model, Image: j.Digest}) != state.FitWithdrawn {
					c.auto, c.erase, c.wanted = true, j.Erase, j.Digest
				}
			}
			c.makePlan()
		}
	})
}

// choose plans anew for the device at hand, with another release.
func (c *cable) choose(image release.Digest) {
	r := c.run
	if r == nil || r.device == nil || r.working {
		return
	}
	c.wanted, c.exact = image, release.Manifest{}
	c.makePlan()
}

// makePlan selects the release, looks at the flash and makes the update files.
func (c *cable) makePlan() {
	r := c.run
	c.shown.Phase = state.RestoreReading
	c.shown.Progress = restore.Progress{Stage: restore.StagePlan}
	wanted, exact := c.wanted, c.exact
	choice := func() *restore.Choice {
		switch {
		case wanted == (release.Digest{}):
			return nil
		case exact.Digest == wanted:
			return &restore.Choice{Release: &exact}
		}
		return c.e.Library().Wish(r.device.Model, wanted)
	}
	c.work(r, func() func() {
		plan, err := r.session.Plan(r.ctx, r.device, c.e.Library(), choice())
		if missing(err) && c.e.World().Backend != nil {
			// The server may have what the store has not, and may be reachable by now.
			if c.e.Library().Refresh(r.ctx) == nil {
				plan, err = r.session.Plan(r.ctx, r.device, c.e.Library(), choice())
			}
		}
		return func() { c.planned(plan, err) }
	})
}

// missing tells whether a plan failed only because no release was at hand.
func missing(err error) bool {
	var e *restore.Error
	return errors.As(err, &e) && e.Code == restore.CodeNoRelease
}

// planned shows what pressing Restore would do.
func (c *cable) planned(plan *restore.Plan, err error) {
	r := c.run
	c.shown.Choice = shown.Choice(r.device, c.e.Library())
	if missing(err) && c.wanted == (release.Digest{}) {
		c.shown.Phase = state.RestoreUnknown
		if c.e.Library().HoldsAny(r.device.Model) {
			c.shown.Phase = state.RestoreWithdrawn
		}
		return
	}
	if err != nil {
		c.fail(err, restore.StagePlan)
		return
	}
	r.plan = plan
	c.trace.add("plan: release %s, %v, %d sectors, %d bytes", plan.Release.Version, plan.Kind, plan.Sectors, plan.BytesSend)
	c.shown.Plan = shown.Plan(plan, c.origin(&plan.Release), c.e.Library().Holds(library.NameOf(&plan.Release)))
	c.shown.Map = shown.Map(&r.device.Layout, plan.States, plan.Doubtful, nil, -1)
	c.shown.Phase = state.RestoreFound
	if plan.Kind == restore.KindStart {
		c.shown.Phase = state.RestoreRight
	}
	if c.auto {
		c.write()
	}
}

// origin says where a release is at hand.
func (c *cable) origin(m *release.Manifest) state.Origin {
	for _, r := range c.e.Library().All() {
		if r.Model == m.Model && r.Digest == m.Digest {
			return r.Origin
		}
	}
	return state.OriginServer
}

// addFile takes a release file that the person chose; the device at hand may want it.
func (c *cable) addFile(f state.AddFile) {
	c.e.Go(func(context.Context) func() {
		if mcuboot.Is(f.Data) {
			image, err := restore.CheckImage(f.Data)
			return func() { c.imageAdded(f.Name, f.Data, image, err) }
		}
		m, err := c.e.Library().Add(f.Data)
		return func() {
			c.added(m, err)
			c.e.Changed()
		}
	})
}

// added goes on with a release file that the person chose.
func (c *cable) added(m release.Manifest, err error) {
	r := c.run
	switch {
	case c.shown.Phase == state.RestoreWriting || c.shown.Phase == state.RestoreDone:
	case err != nil:
		c.shown.Failure = shown.Failure(fileError(err), "")
		c.shown.Failure.Stage = restore.StagePlan
		c.shown.Phase = state.RestoreFailed
	case r != nil && r.loader != nil && !r.working:
		c.fail(&restore.Error{Code: restore.CodeBadFile, Err: errors.New("a boot loader takes images, no releases")}, restore.StagePlan)
	case r != nil && r.device != nil && !r.working:
		c.wanted, c.exact = m.Digest, m
		if m.Model != r.device.Model {
			c.fail(&restore.Error{Code: restore.CodeModel, Model: m.Model, Version: m.Version}, restore.StagePlan)
			return
		}
		c.makePlan()
	}
}

// fileError is what is wrong with a chosen file, as restore says it.
func fileError(err error) error {
	code := restore.CodeBadFile
	if errors.Is(err, release.ErrImage) {
		code = restore.CodeBadRelease
	}
	return &restore.Error{Code: code, Err: err}
}

// fail shows why an attempt ended. The device stays at hand where the next step needs no new connection.
func (c *cable) fail(err error, stage restore.Stage) {
	if errors.Is(err, context.Canceled) {
		return
	}
	c.trace.add("ended: %v", err)
	f := shown.Ended(err, c.shown.Plan.Release.Version, stage, &c.shown.Progress)
	f.Trace = c.trace.last(state.MaxTrace)
	c.shown.Failure = f
	c.shown.Phase = state.RestoreFailed
	if stage != restore.StagePlan {
		c.drop()
	}
}

// Moving implements Work: it tells whether the Restore screen changes by itself.
func (c *cable) Moving() bool { return c.shown.Phase == state.RestoreWriting }
