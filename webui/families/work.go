// Package families is Restore's work for boot loaders of other families: from the port at which one was found to the word on how its
// program started. It is all of the program that the page loads when it finds one (wasm/families), and has the port until it ends; what it
// shows takes the place of what the engine that called it shows (engine.Visit). What differs between families is behind family.Loader, and
// in say.go and ends.go.
package families

import (
	"context"
	"errors"
	"slices"
	"time"

	"unbrick/firmware"
	"unbrick/restore"
	"unbrick/restore/esp"
	"unbrick/restore/family"
	"unbrick/restore/fit"
	"unbrick/restore/mcuboot"
	"unbrick/restore/recognise"
	"unbrick/restore/stk500"
	"unbrick/webui/engine"
	"unbrick/webui/shown"
	"unbrick/webui/state"
)

// enter gets an answer of a boot loader.
type enter func(ctx context.Context, f *recognise.Found, port restore.Port, o *family.Options) (family.Loader, error)

// enters are the families that can be restored. Any other kind is only named.
var enters = map[recognise.Kind]enter{
	recognise.ESP:      enterESP,
	recognise.SMP:      enterMCUboot,
	recognise.STK500v1: enterAVR,
	recognise.STK500v2: enterAVR,
}

func enterESP(ctx context.Context, f *recognise.Found, port restore.Port, o *family.Options) (family.Loader, error) {
	o.Way, o.There = f.Way, true
	return esp.Enter(ctx, port, o)
}

func enterMCUboot(ctx context.Context, f *recognise.Found, port restore.Port, o *family.Options) (family.Loader, error) {
	l, err := mcuboot.Enter(ctx, port, f.Baud, o)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// enterAVR resets the board once more: it starts its program a second after its last command.
func enterAVR(ctx context.Context, f *recognise.Found, port restore.Port, o *family.Options) (family.Loader, error) {
	o.Baud = f.Baud
	version := 1
	if f.Kind == recognise.STK500v2 {
		version = 2
	}
	l, err := stk500.Enter(ctx, port, f.Baud, version, o)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// work is one visit.
type work struct {
	e     *engine.Engine
	v     *engine.Visit
	leave func() // ends the engine, and with it the visit
	shown state.Restore
	trace trace

	stop    context.CancelFunc
	working bool
	writing bool // or verifying, or starting
	left    bool // it is left, and nothing was written to it
	watched <-chan struct{}
	done    chan struct{} // closed when nothing uses the loader

	loader family.Loader
	board  *family.Board
	target *firmware.Target
	where  firmware.Where // a file goes that knows its kind and not its place
	chosen *chosen        // nil: nothing

	earlyName string // what was refused before the device had said who it is
	early     error
	diff      *family.Difference
	auto      bool // it is written as soon as that can be
	began     time.Time
	proof     family.Proof
	sight     *family.Sight
	took      time.Duration
}

// New returns the work of a visit. leave ends the engine that it is of.
func New(v *engine.Visit, leave func()) func(*engine.Engine) engine.Work {
	return func(e *engine.Engine) engine.Work { return &work{e: e, v: v, leave: leave} }
}

// Start implements engine.Work: it asks who the device is.
func (w *work) Start() {
	w.shown = state.RestoreBoard{Told: greeting(w.v.Found.Kind)}
	w.trace.add("found %v by %v", w.v.Found.Kind, w.v.Found.Way)
	in, ok := enters[w.v.Found.Kind]
	if !ok {
		w.v.Port.Close()
		w.shown = state.RestoreBoard{Told: named(&w.v.Found), Sealed: true}
		return
	}
	o := &family.Options{USB: w.v.USB, Trace: w.trace.exchange}
	w.work(restore.StageIdentify, func(ctx context.Context) (then func(), err error) {
		l, err := in(ctx, &w.v.Found, w.v.Port, o)
		if err != nil {
			return nil, err
		}
		b, err := l.Describe(ctx)
		if err != nil {
			return nil, err
		}
		t, where, err := fit.Of(ctx, l, b)
		return func() { w.met(l, b, t, where) }, err
	})
}

// met shows who the device is.
func (w *work) met(l family.Loader, b *family.Board, t *firmware.Target, where firmware.Where) {
	w.loader, w.board, w.target, w.where = l, b, t, where
	w.trace.add("%s %s revision %s, %s, flash %d bytes, protections %v", b.Family, b.Chip, b.Revision, b.Serial, b.Flash, b.Protections)
	w.present()
	switch {
	case w.early != nil:
		w.refused(w.earlyName, w.early)
	case w.chosen != nil:
		w.compare()
	}
}

// present shows the device, with what is chosen for it.
func (w *work) present() {
	s := state.RestoreBoard{Told: w.told(), Sealed: w.board.Sealed != nil, Choice: w.choice(),
		Backup: w.board.Flash > 0 && w.board.Sealed == nil && !slices.ContainsFunc(w.board.Protections, unreadable)}
	if w.diff != nil && !s.Sealed {
		s.Ready, s.Right = true, w.diff.Differ == 0
	}
	w.shown = s
	w.watch()
}

// work lets f use the loader. An error ends the visit.
func (w *work) work(stage restore.Stage, f func(ctx context.Context) (then func(), err error)) {
	ctx, stop := context.WithCancel(w.e.Context())
	w.stop, w.working, w.done = stop, true, make(chan struct{})
	done := w.done
	w.e.Go(func(context.Context) func() {
		then, err := f(ctx)
		stop()
		close(done)
		return func() {
			w.working = false
			if err != nil {
				w.fail(err, stage)
				return
			}
			then()
		}
	})
}

// fail shows why the visit ends.
func (w *work) fail(err error, stage restore.Stage) {
	if errors.Is(err, context.Canceled) {
		return
	}
	w.writing = false
	w.trace.add("ended: %v", err)
	if p, ok := w.shown.(state.RestoreFlashing); ok {
		stage = max(p.Progress.Stage, stage)
	}
	f := shown.Ended(err, "", stage, w.progress())
	f.Trace, f.Said = w.trace.last(state.MaxTrace), ends[f.Code]
	w.shown = state.RestoreFailed{Serial: w.serial(), Image: w.whole(), Failure: f}
	w.close()
}

// refuse shows what is wrong with what a person chose. The device stays at hand.
func (w *work) refuse(told state.Told) {
	w.chosen, w.diff, w.auto = nil, nil, false
	w.present()
	s := w.shown.(state.RestoreBoard)
	s.Told = told
	w.shown = s
}

func (w *work) serial() string {
	if w.board == nil {
		return ""
	}
	if w.board.Serial != "" {
		return w.board.Serial
	}
	return w.board.Name
}

func (w *work) progress() *restore.Progress {
	if s, ok := w.shown.(state.RestoreFlashing); ok {
		return &s.Progress
	}
	return &restore.Progress{}
}

// Stop implements engine.Work: it closes the port when nobody uses it any more.
func (w *work) Stop() { w.close() }

func (w *work) close() {
	if w.stop != nil {
		w.stop()
		<-w.done
	}
	if w.loader != nil && w.left {
		w.left = false
		family.Leave(w.loader)
	} else if w.loader != nil {
		w.loader.Close()
	} else {
		w.v.Port.Close()
	}
}

// Do implements engine.Work.
func (w *work) Do(cmd state.Command) bool {
	switch x := cmd.(type) {
	case state.Home:
		w.home()
	case state.AddFile:
		w.addFile(x)
	case state.Choose:
		w.choose(x.Digest)
	case state.Write:
		w.write()
	case state.SaveBackup:
		w.backup()
	case state.SaveDiagnostic:
		w.saveDiagnostic()
	case state.SaveReport:
		w.saveReport()
	default:
		return false
	}
	return true
}

// home ends the visit, unless the device is being written.
func (w *work) home() {
	if w.writing {
		return
	}
	w.shown = state.RestoreIdle{}
	w.left = w.sight == nil
	w.close()
}

// compare asks the device what of the chosen it has.
func (w *work) compare() {
	if w.working || w.board == nil || w.chosen == nil {
		return
	}
	if err := w.unfit(); err != nil {
		w.refused(w.chosen.name, err)
		return
	}
	w.diff = nil
	w.shown = state.RestoreFlashing{Told: w.comparing(), Progress: restore.Progress{Stage: restore.StagePlan}}
	report := w.reports()
	w.work(restore.StagePlan, func(ctx context.Context) (func(), error) {
		d, err := w.loader.Compare(ctx, w.chosen.parts, report)
		var e *restore.Error
		if errors.As(err, &e) && slices.Contains([]restore.Code{restore.CodeTooLarge, restore.CodeReserved, restore.CodeProtected,
			restore.CodeUnfit}, e.Code) {
			return func() { w.refuse(w.refusal(e)) }, nil
		}
		return func() {
			w.diff = d
			w.trace.add("compared: %d of %d blocks of %d bytes differ", d.Differ, d.Blocks, d.Block)
			w.present()
			if w.auto && w.serial() == w.v.Again {
				w.write()
			}
			w.auto = false
		}, err
	})
}

// reports shows progress as it comes.
func (w *work) reports() family.Report {
	last := engine.Latest[restore.Progress]{Engine: w.e, Take: func(p restore.Progress) {
		if s, ok := w.shown.(state.RestoreFlashing); ok && w.working {
			s.Progress = p
			w.shown = s
		}
	}}
	return last.Set
}

// write brings what differs, verifies it, and starts the device.
func (w *work) write() {
	if w.diff == nil || w.working || w.board.Sealed != nil {
		w.auto = true
		return
	}
	d := w.diff
	w.auto, w.writing, w.began = false, true, w.e.World().Now()
	w.shown = state.RestoreFlashing{Told: w.flashing(), Progress: restore.Progress{Stage: restore.StageWrite, Of: d.Differ, BytesOf: d.Bytes,
		WorkOf: uint64(d.Work / time.Microsecond)}}
	report := w.reports()
	w.work(restore.StageWrite, func(ctx context.Context) (func(), error) {
		if d.Differ > 0 {
			if err := w.loader.Write(ctx, d, report); err != nil {
				return nil, err
			}
		}
		proof, err := w.loader.Verify(ctx, d.Parts, report)
		if err != nil {
			return nil, err
		}
		report(restore.Progress{Stage: restore.StageStart, Sectors: d.Differ, Of: d.Differ})
		sight, err := w.loader.Start(ctx)
		return func() { w.flashed(proof, sight) }, err
	})
}

// flashed says what is known of a device that was written.
func (w *work) flashed(proof family.Proof, sight *family.Sight) {
	w.writing = false
	w.proof, w.sight, w.took = proof, sight, w.e.World().Now().Sub(w.began)
	w.trace.add("proof %d, start %d", proof, sight.Outcome)
	w.shown = state.RestoreFlashed{Told: w.result(),
		Runs: sight.Outcome == family.Runs || sight.Outcome == family.OnTrial || sight.Outcome == family.Stays}
	w.close()
}

// backup reads all of the flash into a file for the person.
func (w *work) backup() {
	if w.working || w.board == nil {
		return
	}
	b := make([]byte, w.board.Flash)
	w.shown = state.RestoreFlashing{Told: w.reading(), Progress: restore.Progress{Stage: restore.StageIdentify, BytesOf: uint64(len(b))}}
	report := w.reports()
	w.work(restore.StageIdentify, func(ctx context.Context) (func(), error) {
		err := w.loader.Read(ctx, 0, b, report)
		return func() {
			w.e.World().Save(state.Download{Name: fileName("flash", w.serial(), ".bin"), Data: b})
			w.present()
		}, err
	})
}

// choice are the releases for this chip.
func (w *work) choice() []state.Release {
	var list []state.Release
	for _, r := range w.e.Library().All() {
		if r.Family == w.board.Family && r.Chip == w.board.Chip && !r.Fit.Held() && len(list) < state.MaxReleases {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b state.Release) int { return int(b.Order) - int(a.Order) })
	return list
}

// Fill implements engine.Work.
func (w *work) Fill(s *state.State) {
	if f, ok := w.shown.(state.RestoreFlashing); ok && !w.began.IsZero() {
		f.Progress.Elapsed = w.e.World().Now().Sub(w.began)
		s.Restore = f
		return
	}
	s.Restore = w.shown
}

// Moving implements engine.Work.
func (w *work) Moving() bool { _, ok := w.shown.(state.RestoreFlashing); return ok }

// Rest implements engine.Work: when the end was shown, the engine ends.
func (w *work) Rest() {}

// Recall implements engine.Work.
func (w *work) Recall() (then func()) { return func() {} }

// Changed implements engine.Work.
func (w *work) Changed() {
	if s, ok := w.shown.(state.RestoreBoard); ok && w.board != nil {
		s.Choice = w.choice()
		w.shown = s
	}
}

// Told implements engine.Work.
func (w *work) Told() {}
