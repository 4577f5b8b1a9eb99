package engine_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"unbrick/emulator"
	"unbrick/lab"
	"unbrick/protocol/smp"
	"unbrick/restore"
	"unbrick/restore/porttest"
	"unbrick/webui/state"

	"github.com/hack-pad/hackpadfs"
	"github.com/hack-pad/hackpadfs/mem"
)

// cord is a USB cable with at most one device at its end; it can be pulled out.
type cord struct {
	mu     sync.Mutex
	device *lab.Device
	host   func() *emulator.Port // of another device than a lab's; nil: device's
	outlet porttest.Outlet
	port   *pulled
	busy   bool
	opened int
	writes int
	pullAt int      // writes until it is pulled out; 0: never
	pulled func()   // called then, before the port vanishes; may be nil
	baud   uint32   // of the device; 0: it understands every speed
	bauds  []uint32 // at which it was opened
}

// pulled is a port that vanishes when the cord is pulled.
type pulled struct {
	*porttest.Opening
	c     *cord
	under *emulator.Port
	deaf  bool          // opened at another speed than the device's
	gone  chan struct{} // closed when the cord is pulled
}

func TestRestoreOverACable(t *testing.T) {
	s := newStand(t)
	c, version := s.bricked(200)
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	found := s.phase(state.RestoreFound{})
	if got := shows[state.RestoreFound](found).Device; got.Serial != "CORD-1" || got.Why != smp.WhyInterrupted || got.Target != version {
		t.Errorf("device: got %+v", got)
	}
	plan := shows[state.RestoreFound](found).Plan
	if plan.Release.Version != version || plan.Release.Fit != state.FitIntended || plan.Trust != state.TrustVerified {
		t.Errorf("plan: got %+v", plan)
	}
	if plan.Send == 0 || plan.Send*2 > plan.Full {
		t.Errorf("to send: got %d of %d bytes, want less than half", plan.Send, plan.Full)
	}
	if m := shows[state.RestoreFound](found).Map; count(&m, state.SectorOld) == 0 || count(&m, state.SectorNew) == 0 {
		t.Errorf("map: %v", shows[state.RestoreFound](found).Map.Cells)
	}
	s.engine.Do(state.Write{})
	done := s.until("the restored device and its report", func(st *state.State) bool {
		return is[state.RestoreDone](st) && shows[state.RestoreDone](st).Result.Reported != state.ReportNone
	})
	if got := shows[state.RestoreDone](done).Result; got.Version != version || got.Written == 0 || got.Reported != state.ReportSent {
		t.Errorf("result: got %+v", got)
	}
	if is, err := c.device.Settle(t.Context()); is != lab.Running || err != nil {
		t.Errorf("device is %v, %v", is, err)
	}
	if got := c.device.About().Installed.Version; got != version {
		t.Errorf("device runs %q, want %q", got, version)
	}
	s.engine.Do(state.SaveReport{})
	s.engine.Do(state.Home{})
	home := s.phase(state.RestoreIdle{})
	if job(home).Serial != "" {
		t.Errorf("a job is left: %+v", job(home))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.saved) != 1 || !strings.Contains(string(s.saved[0].Data), "CORD-1") || s.saved[0].Name != "unbrick-report-CORD-1.txt" {
		t.Errorf("report: got %+v", s.saved)
	}
}

// The cable comes out while writing; the page says so, and goes on where it was.
func TestCableOutAndOn(t *testing.T) {
	s := newStand(t)
	c, version := s.bricked(100)
	s.ports = c
	s.run()
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	c.mu.Lock()
	c.pullAt = 12
	c.mu.Unlock()
	s.engine.Do(state.Write{})
	failed := s.phase(state.RestoreFailed{})
	if f := shows[state.RestoreFailed](failed).Failure; f.Code != restore.CodeVanished || f.Stage != restore.StageWrite || len(f.Trace) == 0 {
		t.Errorf("failure: got %+v", f)
	}
	s.engine.Do(state.SaveDiagnostic{})
	s.engine.Do(state.GoOn{})
	if got := phase[state.RestoreDone](s).Result.Version; got != version {
		t.Errorf("restored to %q, want %q", got, version)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.saved) != 1 || !strings.Contains(string(s.saved[0].Data), "C-101") {
		t.Errorf("diagnostic: got %+v", s.saved)
	}
}

// The cable comes out while the page only shows what it would do: it says so, and does not wait until somebody presses Restore.
func TestCableOutWhenFound(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(100)
	s.ports = c
	s.run()
	for range 2 {
		s.engine.Do(state.Connect{})
		s.phase(state.RestoreFound{})
		c.yank()
		if f := phase[state.RestoreFailed](s).Failure; f.Code != restore.CodeVanished || f.Touched != restore.TouchedNothing || f.Stage >= restore.StageWrite {
			t.Errorf("failure: got %+v", f)
		}
	}
}

// The cable comes out when the device has been sent all: it ends alone, and the page, connected again, says and
// reports that it is restored.
func TestEndsAlone(t *testing.T) {
	writes := 0 // of a restoration that is not disturbed
	for back := range 8 {
		s := newStand(t)
		c, version := s.bricked(100)
		s.ports = c
		s.run()
		s.engine.Do(state.Connect{})
		s.phase(state.RestoreFound{})
		c.mu.Lock()
		c.writes, c.pullAt = 0, max(writes-back, 0)
		c.mu.Unlock()
		s.engine.Do(state.Write{})
		st := s.until("an end", func(st *state.State) bool {
			return is[state.RestoreFailed](st) || is[state.RestoreDone](st)
		})
		if back == 0 {
			c.mu.Lock()
			writes = c.writes
			c.mu.Unlock()
		}
		if is[state.RestoreDone](st) {
			continue
		}
		if _, err := c.device.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.engine.Do(state.GoOn{})
		done := s.until("the restored device and its report", func(st *state.State) bool {
			return is[state.RestoreDone](st) && shows[state.RestoreDone](st).Result.Reported == state.ReportSent
		})
		got := shows[state.RestoreDone](done).Result
		if got.Version != version {
			t.Errorf("pulled %d writes before the end: got %+v, want %q", back, got, version)
		}
		if got.Work == state.WorkFinished {
			return
		}
	}
	t.Error("at no moment the device ended alone")
}

// The cable comes out while the update file is still being sent: nothing was written, and the page knows.
func TestCableOutBeforeTheFirstErase(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(100)
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	c.mu.Lock()
	c.pullAt = 6
	c.mu.Unlock()
	s.engine.Do(state.Write{})
	f := phase[state.RestoreFailed](s).Failure
	if f.Code != restore.CodeVanished || f.Sector != 0 || f.Touched != restore.TouchedNothing && f.Touched != restore.TouchedRenewed {
		t.Errorf("failure: got %+v, want one before the first erase", f)
	}
}

// A device with nothing wrong is only started, and the page says no more than that.
func TestOnlyStarted(t *testing.T) {
	s := newStand(t)
	c, version := s.bricked(100)
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	total := phase[state.RestoreFound](s).Plan.Total
	s.engine.Do(state.Write{})
	first := phase[state.RestoreDone](s).Result
	if first.Work != state.WorkWritten || first.Verified != total || total == 0 {
		t.Errorf("result: got %+v, want %d sectors verified", first, total)
	}
	if _, err := c.device.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.engine.Do(state.Home{})
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	right := phase[state.RestoreRight](s).Plan
	if right.Work != state.WorkStarted || right.Sectors != 0 || right.Total != total {
		t.Errorf("plan: got %+v, want nothing to write of %d sectors", right, total)
	}
	s.engine.Do(state.Start{})
	if got := phase[state.RestoreDone](s).Result; got.Work != state.WorkStarted || got.Written != 0 || got.Version != version || got.Verified != total {
		t.Errorf("result: got %+v", got)
	}
}

// Before the browser's store is open nobody knows whether a job was left: the page waits.
func TestLoadingUntilTheStoreIsOpen(t *testing.T) {
	s := newStand(t)
	s.ports = &cord{}
	s.hold = make(chan struct{})
	s.run()
	s.phase(state.RestoreLoading{})
	s.until("the server", func(st *state.State) bool { return st.Server == state.ReachYes })
	s.mu.Lock()
	loading := is[state.RestoreLoading](s.state)
	s.mu.Unlock()
	if !loading {
		t.Errorf("with the store closed the phase is %T", s.state.Restore)
	}
	close(s.hold)
	s.phase(state.RestoreIdle{})
}

// The page is closed in the middle of a restoration; the next one offers to go on and does.
func TestReloadWhileRestoring(t *testing.T) {
	s := newStand(t)
	c, version := s.bricked(100)
	s.ports = c
	s.run()
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	reached, closed := make(chan struct{}), make(chan struct{})
	c.mu.Lock()
	c.pullAt, c.pulled = 12, func() { close(reached); <-closed } // the page goes away inside a write
	c.mu.Unlock()
	s.engine.Do(state.Write{})
	<-reached
	s.cancel()
	close(closed)
	s.stop()
	c.mu.Lock()
	c.pulled = nil
	c.mu.Unlock()
	s.run()
	again := s.until("the job", func(st *state.State) bool { return job(st).Serial != "" })
	if got := job(again); got.Serial != "CORD-1" || got.Version != version {
		t.Errorf("job: got %+v", got)
	}
	s.engine.Do(state.Resume{})
	if got := phase[state.RestoreDone](s).Result.Version; got != version {
		t.Errorf("restored to %q, want %q", got, version)
	}
}

// Without a server the browser's own store is enough, once it has seen the releases; the report waits.
func TestServerAway(t *testing.T) {
	s := newStand(t)
	c, version := s.bricked(150)
	s.ports = c
	s.run()
	s.until("every release to be stored", func(st *state.State) bool {
		return s.stored(func(r state.Release) bool {
			return r.Version == version && r.Model == "0001"
		})
	})
	s.stop()
	s.away.away(true)
	s.run()
	s.until("the server to be missed", func(st *state.State) bool { return st.Server == state.ReachNo })
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	s.engine.Do(state.Write{})
	s.until("the report to be kept", func(st *state.State) bool {
		return is[state.RestoreDone](st) && shows[state.RestoreDone](st).Result.Reported == state.ReportKept
	})
	s.stop()
	s.away.away(false)
	s.run()
	s.until("the server", func(st *state.State) bool { return st.Server == state.ReachYes })
	s.until("no report to be left", func(*state.State) bool {
		names, err := blobsOf(s.fs)
		return err == nil && !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "report-") })
	})
}

// The browser threw its store away: the server's releases still work.
func TestLostStore(t *testing.T) {
	s := newStand(t)
	c, version := s.bricked(150)
	s.ports = c
	s.run()
	s.until("a stored release", func(st *state.State) bool { return s.stored(func(state.Release) bool { return true }) })
	s.stop()
	fs, err := mem.NewFS()
	if err != nil {
		t.Fatal(err)
	}
	s.fs = fs
	s.run()
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	s.engine.Do(state.Write{})
	if got := phase[state.RestoreDone](s).Result.Version; got != version {
		t.Errorf("restored to %q, want %q", got, version)
	}
}

func TestNothingToOpen(t *testing.T) {
	s := newStand(t)
	s.run()
	s.phase(state.RestoreUnsupported{})
	s.stop()
	c := &cord{}
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.ChooserClosed{})
	s.phase(state.RestoreNoPort{})
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreNoPort{})
	busy, _ := s.bricked(50)
	busy.busy = true
	c.mu.Lock()
	c.device, c.busy = busy.device, true
	c.mu.Unlock()
	s.engine.Do(state.Connect{})
	s.phase(state.RestorePortBusy{})
	c.mu.Lock()
	c.busy = false
	c.mu.Unlock()
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	s.engine.Do(state.AddFile{Name: "notes.txt", Data: []byte("no release")})
	bad := s.phase(state.RestoreFailed{})
	if got := shows[state.RestoreFailed](bad).Failure.Code; got != restore.CodeBadFile {
		t.Errorf("a file that is no release: got cause %d", got)
	}
}

// blobsOf names what the engine keeps besides releases.
func blobsOf(fs hackpadfs.FS) ([]string, error) {
	entries, err := hackpadfs.ReadDir(fs, "apparatus")
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}
