package engine_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/protocol/wsconn"
	"unbrick/server"
	"unbrick/server/demo"
	"unbrick/server/storage"
	"unbrick/server/storage/local"
	"unbrick/webui/engine"
	"unbrick/webui/labwork"
	"unbrick/webui/library"
	"unbrick/webui/projector"
	"unbrick/webui/repair"
	"unbrick/webui/state"

	"github.com/hack-pad/hackpadfs"
	"github.com/hack-pad/hackpadfs/mem"
)

// stand is an engine with everything around it: a real server with the demo's real releases, a store in
// memory, and the states as they come.
type stand struct {
	*testing.T
	store    storage.Store
	web      *httptest.Server
	fs       hackpadfs.FS
	ports    engine.Ports
	away     *switchable // nil: no server at all, or backend
	backend  library.Backend
	engine   *pair
	cancel   context.CancelFunc
	ended    chan struct{}
	outlet   *outlet // of ports
	insecure bool
	serial   string        // of the next device from the factory
	made     *demoModel    // see maker
	tab      <-chan bool   // whether this tab has the work; nil: it has
	hold     chan struct{} // the store opens when it is closed; nil: at once
	opens    atomic.Int32  // of the store
	of, lab  told          // what a page has of the two engines

	mu     sync.Mutex
	state  *state.State  // of both
	news   chan struct{} // one pending bit
	saved  []state.Download
	phases []state.LabPhase // of the Lab, each once in a row
}

// switchable is a server that may stop answering.
type switchable struct {
	url string
	mu  sync.Mutex
	off bool
}

func (s *switchable) away(off bool) {
	s.mu.Lock()
	s.off = off
	s.mu.Unlock()
}

func (s *switchable) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.off
}

func (s *switchable) Fetch(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	if s.gone() {
		return 0, nil, io.ErrUnexpectedEOF
	}
	q, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	q.Header.Set("Accept", "application/cbor, application/octet-stream;q=0.9")
	q.Header.Set("Content-Type", "application/cbor")
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, nil, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	return a.StatusCode, b, err
}

func (s *switchable) Dial(ctx context.Context) (protocol.Conn, error) {
	if s.gone() {
		return nil, io.ErrUnexpectedEOF
	}
	return wsconn.Dial(ctx, "ws"+strings.TrimPrefix(s.url, "http")+"/link", nil)
}

// newStand starts the server. The engine starts with run.
func newStand(t *testing.T) *stand {
	t.Helper()
	store, err := local.Open(context.Background(), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	d, err := demo.New(t.Context(), store, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(&server.Config{Store: store, Demo: d, Workers: 1, Limits: server.Limits{Rate: 1e6, Burst: 1e6, Reports: 1e6, Drain: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	web := httptest.NewServer(s.Handler())
	t.Cleanup(web.Close)
	fs, err := mem.NewFS()
	if err != nil {
		t.Fatal(err)
	}
	return &stand{T: t, store: store, web: web, fs: fs, outlet: &outlet{}, serial: "CORD-1", away: &switchable{url: web.URL}, news: make(chan struct{}, 1)}
}

// server is the one that the engine asks; nil: there is none.
func (s *stand) server() library.Backend {
	if s.away != nil {
		return s.away
	}
	return s.backend
}

// run starts an engine, as opening the page does.
func (s *stand) run() {
	s.Helper()
	s.mu.Lock()
	s.state = nil
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	w := &engine.World{
		Project: projector.Project, Tab: s.tab, Browser: "test", Insecure: s.insecure, Seed: 7, Show: s.show,
		OpenFS: func(context.Context) hackpadfs.FS {
			s.opens.Add(1)
			if s.hold != nil {
				<-s.hold
			}
			return s.fs
		},
		Save: func(d state.Download) {
			s.mu.Lock()
			s.saved = append(s.saved, d)
			s.mu.Unlock()
		},
	}
	w.Backend, w.Families = s.server(), s.welcome
	if s.ports != nil {
		w.Ports = &strictPorts{s, s.ports}
	}
	s.of, s.lab = told{}, told{}
	s.engine = &pair{Engine: engine.New(w, repair.New)}
	borrows := *w
	borrows.Show, borrows.Lent, borrows.Tab, borrows.Ports, borrows.OpenFS = s.showLab, true, nil, nil, nil
	borrows.Backend = &desk{by: s.engine.Engine, server: w.Backend}
	s.engine.lab = engine.New(&borrows, labwork.New)
	s.engine.Borrower(s.engine.lab.Renew)
	newReader(s.T).follow(s.engine.Engine)
	newReader(s.T).follow(s.engine.lab)
	s.cancel, s.ended = cancel, make(chan struct{})
	go func() {
		var lab sync.WaitGroup
		lab.Go(func() { s.engine.lab.Run(ctx) })
		s.engine.Run(ctx)
		lab.Wait()
		close(s.ended)
	}()
	s.Cleanup(s.stop)
}

// pair is the two engines of a page: the one that has store, tab and port, with Restore's work, and the Lab's, which borrows.
type pair struct {
	*engine.Engine
	lab *engine.Engine
}

// Do gives a command to the engine that it is for.
func (p *pair) Do(cmd state.Command) {
	if _, ok := cmd.(state.ForLab); ok {
		p.lab.Do(cmd)
		return
	}
	p.Engine.Do(cmd)
}

// desk is what a Lab's engine borrows over, and the link to the server.
type desk struct {
	by     *engine.Engine
	server library.Backend // may be nil
}

func (d *desk) Dial(ctx context.Context) (protocol.Conn, error) {
	if d.server == nil {
		return nil, io.ErrUnexpectedEOF
	}
	return d.server.Dial(ctx)
}

func (d *desk) Fetch(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	return d.by.Library().Lend(ctx, method, path, body)
}

// told is what a page has of an engine, and what that has sent last.
type told struct{ sent, held state.State }

// stop ends the engine, as closing the page does. The port is free then.
func (s *stand) stop() {
	s.Helper()
	s.cancel()
	<-s.ended
	s.free()
}

func (s *stand) show(st *state.State) { s.take(&s.of, st) }

func (s *stand) showLab(st *state.State) { s.take(&s.lab, st) }

// take takes the state of one engine, and shows it as the page does.
func (s *stand) take(t *told, st *state.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// What the page gets has been through the codec.
	b, err := state.AppendChanges(nil, &t.sent, st)
	if err != nil {
		s.Errorf("state: %v", err)
		return
	}
	t.sent = *st
	held := t.held
	if err := state.Change(b, &held); err != nil {
		s.Errorf("state: %v", err)
		return
	}
	t.held = held
	both := s.of.held.With(&s.lab.held)
	s.state, st = &both, &both
	if n := len(s.phases); n == 0 || s.phases[n-1] != st.Lab.Phase {
		s.phases = append(s.phases, st.Lab.Phase)
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

const patience = 60 * time.Second

// until waits for a state and returns it.
func (s *stand) until(what string, ok func(*state.State) bool) *state.State {
	s.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		s.mu.Lock()
		st := s.state
		s.mu.Unlock()
		if st != nil && ok(st) {
			return st
		}
		select {
		case <-s.news:
		case <-timer.C:
			if st != nil {
				s.Fatalf("waited for %s in vain: restore %+v\nlab %v outcome %v fault %q timeline %v\nlog %+v", what, st.Restore, st.Lab.Phase, st.Lab.Outcome, st.Lab.Fault,
					st.Lab.Timeline, st.Lab.Log)
			}
			s.Fatalf("waited for %s in vain: no state", what)
		}
	}
}

// makeDevice makes the Lab's device with the oldest release of model 0001 and waits until it runs.
func (s *stand) makeDevice() *state.State {
	s.Helper()
	st := s.until("releases", func(st *state.State) bool { return len(st.Lab.Make.Releases) > 1 })
	var oldest state.Release
	for _, r := range st.Lab.Make.Releases { // newest first in each model
		if r.Model == "0001" {
			oldest = r
		}
	}
	s.engine.Do(state.LabLine{Line: state.Line{Baud: 115200, TurnAround: time.Millisecond, Pace: state.PaceFull}})
	s.engine.Do(state.LabMake{Model: "0001", Digest: oldest.Digest})
	return s.until("a running device", func(st *state.State) bool {
		return st.Lab.Phase == state.LabRunning && st.Lab.Offered.Digest != [32]byte{}
	})
}

func count(m *state.Map, kind state.Sector) int {
	n := 0
	for _, c := range m.Cells {
		if c == kind {
			n++
		}
	}
	return n
}

func TestUpdateOverTheAir(t *testing.T) {
	s := newStand(t)
	s.run()
	before := s.makeDevice()
	if before.Lab.Runs == "" || before.Lab.Runs == before.Lab.Offered.Version {
		t.Errorf("runs %q, offered %q", before.Lab.Runs, before.Lab.Offered.Version)
	}
	s.engine.Do(state.LabUpdate{})
	after := s.until("the new release, confirmed", func(st *state.State) bool { return st.Lab.Outcome == state.OutcomeConfirmed })
	if after.Lab.Runs != before.Lab.Offered.Version {
		t.Errorf("runs %q, want %q", after.Lab.Runs, before.Lab.Offered.Version)
	}
	for n := 1; n <= 14; n++ {
		want := state.StepDone
		if n == 6 {
			want = state.StepSkipped
		}
		if got := after.Lab.Timeline.Steps[n-1]; got != want {
			t.Errorf("S%02d: got %d, want %d", n, got, want)
		}
	}
	if after.Lab.Power.Ops == 0 {
		t.Error("the number of flash operations of the rewrite is not known")
	}
}

// The story that the project is about: an update is cut, the device waits, the apparatus brings it back.
func TestCutAndRestoredInTheLab(t *testing.T) {
	s := newStand(t)
	s.run()
	offered := s.makeDevice().Lab.Offered
	s.engine.Do(state.LabCut{At: 100, Tear: state.TearHalf})
	s.engine.Do(state.LabUpdate{})
	cut := s.until("the cut", func(st *state.State) bool { return st.Lab.Phase == state.LabOff })
	if cut.Lab.Power.LastCut != 100 {
		t.Errorf("cut at operation %d, want 100", cut.Lab.Power.LastCut)
	}
	if cut.Lab.RAM.Contents != state.ContentsLost || cut.Lab.RAM.Workspace.Size != 0 {
		t.Errorf("without power RAM is %+v", cut.Lab.RAM)
	}
	s.until("another device that could be made", func(st *state.State) bool {
		return len(st.Lab.Make.Models) > 0 && len(st.Lab.Make.Releases) > 0
	})
	if got := cut.Lab.Timeline.Steps[12]; got != state.StepBad {
		t.Errorf("S13 after the cut: got %d, want StepBad", got)
	}
	s.engine.Do(state.LabPower{Switch: state.SwitchOn})
	bricked := s.until("restoration mode, and its workspace, which it secures there", func(st *state.State) bool {
		return st.Lab.Phase == state.LabBricked && count(&st.Lab.Map, state.SectorOld) > 0 && st.Lab.RAM.Workspace.Size > 0
	})
	if n := count(&bricked.Lab.Map, state.SectorNew); n == 0 {
		t.Errorf("no sector is new after 100 operations: %v", bricked.Lab.Map.Cells)
	}
	if bricked.Lab.Why != smp.WhyInterrupted {
		t.Errorf("why: got %d, want WhyInterrupted", bricked.Lab.Why)
	}
	if bricked.Lab.RAM.Contents != state.ContentsLost {
		t.Errorf("after the cut RAM is %+v, want its contents lost", bricked.Lab.RAM)
	}
	step, known := uint8(0), false
	for _, row := range bricked.Lab.Log {
		if row.Source == state.SourceBoard && row.Code == state.LogCut {
			known = true
		}
		if known && row.Step > 15 {
			t.Errorf("before a host has come the log tells of S%d: %+v", row.Step, row)
		}
		if !known && row.Step == 2 && step == 0 {
			t.Error("the server has received an identification before the terminal sent it")
		}
		step = max(step, row.Step)
	}
	for n := 16; n <= 20; n++ {
		if got := bricked.Lab.Timeline.Steps[n-1]; got != state.StepWaiting {
			t.Errorf("S%02d before a host has come: got %d, want StepWaiting", n, got)
		}
	}
	s.engine.Do(state.LabRestore{})
	done := s.until("the restored device", func(st *state.State) bool {
		return st.Lab.Outcome == state.OutcomeRestored && st.Lab.Phase == state.LabRunning
	})
	if done.Lab.RAM.Contents != state.ContentsKept {
		t.Error("with its applications running, RAM is still shown as lost")
	}
	if done.Lab.Runs != offered.Version {
		t.Errorf("runs %q, want %q", done.Lab.Runs, offered.Version)
	}
	if got := done.Lab.Timeline.Steps[19]; got != state.StepDone {
		t.Errorf("S20: got %d, want StepDone", got)
	}
	if n := count(&done.Lab.Map, state.SectorDamaged) + count(&done.Lab.Map, state.SectorOld); n != 0 {
		t.Errorf("%d sectors are damaged or old in a restored device", n)
	}
}
