// Package engine is the apparatus behind the page, without its screens' work: one loop that owns store, tab and what is shown, takes
// commands and sends states. A Work does what one screen needs: package repair for Restore, package labwork for the Lab. It knows no
// syscall/js: package wasm/owner gives it the browser, tests give it plain Go.
//
// Everything of a work runs in the loop's goroutine. What takes time goes through Go, and comes back as a function for the loop.
package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"unbrick/webui/library"
	"unbrick/webui/state"

	"github.com/hack-pad/hackpadfs"
)

// Times of the engine.
const (
	showEvery  = 100 * time.Millisecond // between two states
	retryAfter = 15 * time.Second       // before a server that did not answer is asked again
	askAgain   = 60 * time.Second       // before a server that answered is asked what is new
)

// Work is what an engine does for one screen. Run's goroutine calls all of it but Recall.
type Work interface {
	// Start and Stop begin and end it, with the engine.
	Start()
	Stop()
	// Recall reads what an earlier visit has left, off the loop, when the store is open. What it returns takes that up.
	Recall() (then func())
	// Changed says that the library may have what it had not, Told that the server has just said what it has.
	Changed()
	Told()
	// Do acts on a command, and reports whether it was one of its own.
	Do(cmd state.Command) bool
	// Fill writes what is to be shown now.
	Fill(s *state.State)
	// Moving reports whether time alone changes what is shown. Rest is called after each state that was shown then.
	Moving() bool
	Rest()
}

// Engine is the apparatus behind the page. Commands go in with Do, states come out of World.Show. All
// state belongs to one goroutine, that of Run; work that takes time runs in others, which hand back what
// they found as functions for that goroutine to call.
type Engine struct {
	world World
	lib   *library.Library

	mu      sync.Mutex
	queue   []func()
	wake    chan struct{}  // one pending bit: queue is not empty
	running sync.WaitGroup // work

	// From here on everything belongs to Run's goroutine.
	ctx     context.Context
	state   state.State
	dirty   bool
	shown   time.Time
	tab     state.Tab
	known   bool            // tab is known
	early   []state.Command // came before the engine was ready
	opened  bool            // the store was opened, or there is none
	asking  bool            // the server is being asked for its lists
	again   bool            // it is asked again when it has answered
	told    bool            // and that answer is its word
	tell    func(told bool) // tells the borrower that there is more; nil: there is no borrower
	works   []Work
	reports reports
	look    func() // called before and after every change; nil: nobody looks
}

// New returns an engine with these works that waits for Run.
func New(w *World, works ...func(*Engine) Work) *Engine {
	e := &Engine{world: *w, lib: library.New(w.Backend), wake: make(chan struct{}, 1)}
	if e.world.Now == nil {
		e.world.Now = time.Now
	}
	e.reports.e = e
	for _, make := range works {
		e.works = append(e.works, make(e))
	}
	return e
}

// Do takes a command. It may be called from anywhere, before Run too, and does not wait.
func (e *Engine) Do(cmd state.Command) { e.Post(func() { e.command(cmd) }) }

// Post lets Run's goroutine call f.
func (e *Engine) Post(f func()) {
	e.mu.Lock()
	e.queue = append(e.queue, f)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// World is what surrounds the engine.
func (e *Engine) World() *World { return &e.world }

// Library is what is known of models and releases.
func (e *Engine) Library() *library.Library { return e.lib }

// Context ends when the engine is to end. It is for Run's goroutine.
func (e *Engine) Context() context.Context { return e.ctx }

// Asking tells whether the server is being asked what it has.
func (e *Engine) Asking() bool { return e.asking }

// Go runs f in a goroutine of its own; what f returns is called by Run's. f ends soon after ctx does.
func (e *Engine) Go(f func(ctx context.Context) func()) {
	ctx := e.ctx
	e.running.Add(1)
	go func() {
		defer e.running.Done()
		if then := f(ctx); then != nil && ctx.Err() == nil {
			e.Post(then)
		}
	}()
}

// Run serves until ctx ends. Then every work stops, the last first, and what was begun with the store has ended.
func (e *Engine) Run(ctx context.Context) {
	e.ctx = ctx
	e.dirty = true
	e.known = e.world.Tab == nil
	for _, w := range e.works {
		w.Start()
	}
	if e.known {
		e.openStore()
	}
	e.ask(true)
	show := time.NewTimer(0)
	defer show.Stop()
	again := time.NewTimer(retryAfter)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			for _, w := range slices.Backward(e.works) {
				w.Stop()
			}
			e.running.Wait()
			return
		case <-e.wake:
			e.mu.Lock()
			queue := e.queue
			e.queue = nil
			e.mu.Unlock()
			for _, f := range queue {
				f()
				e.dirty = true
				if e.look != nil {
					e.look()
				}
			}
		case mine, ok := <-e.world.Tab:
			if !ok {
				e.world.Tab = nil
				continue
			}
			if mine && !e.Mine() {
				e.openStore()
			}
			e.tab = state.TabElsewhere
			if mine {
				e.tab = state.TabHere
			}
			e.known, e.dirty = true, true
			e.begin()
		case <-again.C:
			if e.world.Lent {
				continue // whoever lends tells what is new
			}
			e.ask(true)
			wait := askAgain
			if e.state.Server == state.ReachNo {
				wait = retryAfter
			}
			again.Reset(wait)
		case <-show.C:
		}
		e.show(show)
	}
}

// show hands the state over, at most once in showEvery. A change that comes earlier waits for the timer.
func (e *Engine) show(timer *time.Timer) {
	if e.look != nil {
		e.look()
	}
	if !e.dirty {
		return
	}
	if wait := showEvery - time.Since(e.shown); wait > 0 && !e.shown.IsZero() {
		timer.Reset(wait)
		return
	}
	e.shown = time.Now()
	e.dirty = false
	e.fill()
	copied := e.state
	e.world.Show(&copied)
	if slices.ContainsFunc(e.works, Work.Moving) {
		e.dirty = true // time alone changes what is shown
		timer.Reset(showEvery)
		for _, w := range e.works {
			w.Rest()
		}
	}
}

// fill writes what there is to be shown now.
func (e *Engine) fill() {
	e.state.Tab = e.tab
	e.state.Store, e.state.Server = e.lib.Shown()
	if e.tab == state.TabElsewhere {
		e.state.Store = state.StoreElsewhere
	}
	for _, w := range e.works {
		w.Fill(&e.state)
	}
}

// command acts on one command of the person.
func (e *Engine) command(cmd state.Command) {
	if !e.Ready() {
		e.early = append(e.early, cmd) // a person who is quicker than the browser's locks and storage
		return
	}
	if !e.Mine() {
		return // the page offers nothing either
	}
	for _, w := range e.works {
		if w.Do(cmd) {
			return
		}
	}
}

// Mine tells whether this tab has the work.
func (e *Engine) Mine() bool { return e.known && e.tab == state.TabHere }

// Ready tells whether commands can be acted on: it is known who has the work, and if it is this tab, what was left
// in the store.
func (e *Engine) Ready() bool { return e.known && (e.opened || e.tab == state.TabElsewhere) }

// begin acts on the commands that came too early.
func (e *Engine) begin() {
	if !e.Ready() {
		return
	}
	early := e.early
	e.early = nil
	for _, cmd := range early {
		e.command(cmd)
	}
}

// openStore opens the browser's storage, which only the tab that has the work may, and looks for what was left
// there: by an earlier page, or by the tab that had the work until now.
func (e *Engine) openStore() {
	e.Go(func(ctx context.Context) func() {
		var fs hackpadfs.FS
		if e.world.OpenFS != nil {
			fs = e.world.OpenFS(ctx)
		}
		if e.world.Lent {
			e.lib.Borrow(ctx)
		} else {
			e.lib.Open(fs)
		}
		var found []func()
		for _, w := range e.works {
			found = append(found, w.Recall())
		}
		return func() {
			e.opened = true
			for _, then := range found {
				then()
			}
			e.Changed()
			e.reports.send()
			e.begin()
			e.fetchAhead()
		}
	})
}

// ask asks the server what it has, and fetches ahead what a device may need without a network. With told its answer is its word.
func (e *Engine) ask(told bool) {
	if e.world.Backend == nil {
		return
	}
	if e.asking {
		if e.world.Lent { // it may have answered already
			e.again, e.told = true, e.told || told
		}
		return
	}
	e.asking = true
	e.Go(func(ctx context.Context) func() {
		err := e.lib.Refresh(ctx)
		return func() {
			e.asking = false
			e.changed(err == nil && told)
			if err != nil {
				return
			}
			e.reports.send()
			e.fetchAhead()
		}
	})
}

// fetchAhead brings what a device may need without a network into the store.
func (e *Engine) fetchAhead() {
	e.Go(func(ctx context.Context) func() {
		e.lib.Ahead(ctx)
		return func() { // the list has changed: show it
			if e.tell != nil {
				e.tell(false)
			}
		}
	})
}

// Changed tells the works that the library may have what it had not.
func (e *Engine) Changed() { e.changed(false) }

// changed tells the works, and the borrower, that the library may have what it had not; with told, that the server has just said so.
func (e *Engine) changed(told bool) {
	for _, w := range e.works {
		w.Changed()
	}
	if told {
		for _, w := range e.works {
			w.Told()
		}
	}
	if e.tell != nil {
		e.tell(told)
	}
	if e.again && !e.asking {
		told := e.told
		e.again, e.told = false, false
		e.ask(told)
	}
}

// Borrower lets the engine call tell, in Run's goroutine, whenever the engine that borrows of this one's library may get what it could
// not before; with told the server has just said what it has. That engine is to Renew then.
func (e *Engine) Borrower(tell func(told bool)) {
	e.Post(func() { e.tell = tell })
}

// Renew lets an engine that borrows ask for all again, when the other's Borrower was told.
func (e *Engine) Renew(told bool) { e.Post(func() { e.ask(told) }) }
