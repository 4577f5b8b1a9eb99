// Package repair is Restore's work: from a press on Connect to the verdict. A cable is the one attempt there can be; it finds a way
// into restoration mode (coach, ways), identifies, plans, writes, and says how it ended. What was begun and has not ended is kept
// (jobs). Boot loaders of other families are handed to another program (visit).
package repair

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"unbrick/release"
	"unbrick/restore"
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
	shown state.Restore // what stands on the screen
	met   met           // what the attempt has come to know

	run *run // the attempt under way, or the one whose device is at hand; nil: none
	wish
	worked   []worked       // how devices were brought into restoration mode, the last one met at the end
	hand     state.WayKind  // what the person did when the device at hand answered; WayReset: nothing
	since    time.Time      // the way that is shown as tried began
	rounds   int            // of listening for a person, in this attempt
	jobs     jobs           // of every device
	keptWays library.Slot   // where worked is kept
	file     *state.AddFile // chosen for one of another family; nil: none
	dropped  bool           // it was given to this attempt
	ended    string         // serial of the device at which a visit ended badly; a file is written by itself to that one alone
	trace    *trace
	began    time.Time     // of writing
	turn     chan struct{} // holds a value from an attempt's first look at the ports until its last port is closed
}

// wish is what the person has said already of what is to be written.
type wish struct {
	auto   bool // as soon as the plan stands
	wanted release.Digest
	exact  release.Manifest // of a file that the person chose: this release of the wanted image, zero: the newest of it
	erase  bool             // settings too
}

// met is what an attempt has come to know. It outlives the port: what has ended is still told of.
type met struct {
	device *restore.Device // nil: none has said who it is
	offer  state.Offer     // of the device; it has one as soon as it has said who it is
	ways   []state.Way     // into restoration mode, in the order they are tried
	heard  state.Heard
}

// in reports whether the screen is in a phase.
func in[P state.Restore](c *cable) bool {
	_, ok := c.shown.(P)
	return ok
}

// update changes what the screen shows, if it is in a phase.
func update[P state.Restore](c *cable, change func(*P)) {
	if p, ok := c.shown.(P); ok {
		change(&p)
		c.shown = p
	}
}

// writing reports whether the device is being written.
func (c *cable) writing() bool {
	return in[state.RestoreWriting](c) || in[state.RestoreFlashing](c)
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
	visit   *engine.Visit  // instead of a session: a boot loader of another family, which another program speaks with
	visitor engine.Visitor // that program; nil: it has not begun
	working bool           // a goroutine uses the session
	ended   bool           // the plan starts what an earlier job has restored: the device went on without us
	gone    bool           // the port said that it is
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
	c.met = met{}
	switch w := c.e.World(); {
	case w.Ports != nil:
		c.shown = state.RestoreIdle{}
	case w.Insecure:
		c.shown = state.RestoreInsecure{}
	default:
		c.shown = state.RestoreUnsupported{}
	}
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
	switch s := c.shown.(type) {
	case state.RestoreIdle:
		all.Restore = state.RestoreIdle{Jobs: c.jobs.pending()}
		if !c.e.Ready() {
			all.Restore = state.RestoreLoading{} // a job of an earlier page may still be found
		}
	case state.RestoreWriting:
		s.Progress.Elapsed = c.e.World().Now().Sub(c.began)
		all.Restore = s
	default:
		all.Restore = s
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
	var jobs keptJobs
	var ways keptWays
	c.jobs.kept.Recall(&jobs)
	c.keptWays.Recall(&ways)
	return func() { c.jobs.list, c.worked = jobs.All, ways.All }
}

// Changed implements Work.
func (c *cable) Changed() {}

// Told implements Work.
func (c *cable) Told() {}

// Rest implements Work.
func (c *cable) Rest() {}

// command acts on one wish. What does not fit the phase is a click that came too late, and is dropped.
func (c *cable) command(cmd state.Command) {
	if c.passOn(cmd) {
		return
	}
	if f, ok := cmd.(state.AddFile); ok {
		c.addFile(f)
		return
	}
	if c.writing() || c.e.World().Ports == nil {
		if _, ok := cmd.(state.SaveDiagnostic); ok {
			c.saveDiagnostic()
		}
		return
	}
	switch x := cmd.(type) {
	case state.Connect, state.DoesNotAnswer:
		c.wish = wish{}
		c.connect()
	case state.ChooserClosed:
		if c.run == nil {
			c.idle()
			c.shown = state.RestoreNoPort{}
		}
	case state.WayDone:
		c.wayDone()
	case state.Choose:
		c.choose(x.Digest)
	case state.Write:
		if in[state.RestoreFound](c) {
			c.erase = x.Erase
			c.write()
		}
	case state.Start:
		if in[state.RestoreRight](c) {
			c.erase = x.Erase
			c.write()
		}
	case state.GoOn:
		if f, ok := c.shown.(state.RestoreFailed); ok {
			c.auto = f.Failure.Stage >= restore.StageWrite
			c.connect()
		}
	case state.Home:
		c.file = nil
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

// fail shows why an attempt ended. The device stays at hand where the next step needs no new connection.
func (c *cable) fail(err error, stage restore.Stage) {
	if errors.Is(err, context.Canceled) {
		return
	}
	c.trace.add("ended: %v", err)
	f := shown.Ended(err, c.met.offer.Plan.Release.Version, stage, c.progress())
	f.Trace = c.trace.last(state.MaxTrace)
	c.failed(f)
	if stage != restore.StagePlan {
		c.drop()
	}
}

// failed shows an attempt that has ended.
func (c *cable) failed(f state.Failure) {
	c.shown = state.RestoreFailed{Serial: c.met.offer.Device.Serial, Failure: f}
}

// progress is how far the device is while it is written.
func (c *cable) progress() *restore.Progress {
	switch s := c.shown.(type) {
	case state.RestoreWriting:
		return &s.Progress
	}
	return &restore.Progress{}
}

// Moving implements Work: it tells whether the Restore screen changes by itself.
func (c *cable) Moving() bool { return c.writing() }
