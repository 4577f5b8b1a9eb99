package engine_test

import (
	"testing"
	"testing/synctest"

	"unbrick/lab"
	"unbrick/webui/state"

	"github.com/hack-pad/hackpadfs"
)

// second runs another tab of the same browser: it has the same storage, ports and server.
func (s *stand) second(tab <-chan bool) *stand {
	o := &stand{T: s.T, store: s.store, web: s.web, fs: s.fs, ports: s.ports, outlet: s.outlet, serial: s.serial, made: s.made,
		away: s.away, news: make(chan struct{}, 1), tab: tab}
	o.run()
	return o
}

// waiting runs another tab, which waits for the work until the function that it returns is called.
func (s *stand) waiting() (o *stand, comes func()) {
	s.Helper()
	tab := make(chan bool, 2)
	tab <- false
	o = s.second(tab)
	o.until("another tab to have the work", func(st *state.State) bool { return st.Tab == state.TabElsewhere })
	return o, func() { tab <- true }
}

// leaveJob lets a device be written until the cord comes out at the n-th write. It returns the release.
func (s *stand) leaveJob(c *cord, n int) state.Release {
	s.Helper()
	s.engine.Do(state.Connect{})
	begun := phase[state.RestoreFound](s).Plan.Release
	c.pull(n)
	s.engine.Do(state.Write{})
	s.phase(state.RestoreFailed{})
	c.pull(0)
	return begun
}

// TestTakeover: a tab that waits for the work gets it from one that left a job, one that left none any more, and
// one that left the jobs of two devices. It knows what a page opened anew would know, and goes on.
func TestTakeover(t *testing.T) {
	type left struct{ job, other string }
	for name, test := range map[string]struct {
		first func(s *stand, a, b *cord)
		want  left
	}{
		"nothing begun": {func(*stand, *cord, *cord) {}, left{}},
		"a job left":    {func(s *stand, a, _ *cord) { s.leaveJob(a, 12) }, left{"CORD-1", ""}},
		"a job ended": {func(s *stand, a, _ *cord) {
			s.leaveJob(a, 12)
			s.engine.Do(state.GoOn{})
			s.phase(state.RestoreDone{})
		}, left{}},
		"a job forgotten": {func(s *stand, a, _ *cord) {
			s.leaveJob(a, 12)
			s.engine.Do(state.Home{})
			j := job(s.phase(state.RestoreIdle{}))
			s.engine.Do(state.Forget{Model: j.Model, Serial: j.Serial})
			s.until("no job", func(st *state.State) bool { return job(st).Serial == "" })
		}, left{}},
		"jobs of two devices": {func(s *stand, a, b *cord) {
			s.leaveJob(a, 12)
			s.engine.Do(state.Home{})
			a.swap(b)
			s.leaveJob(a, 12)
			a.swap(b)
		}, left{"CORD-2", "CORD-1"}},
		"a job of the other device": {func(s *stand, a, b *cord) {
			s.leaveJob(a, 12)
			s.engine.Do(state.Home{})
			a.swap(b)
			s.engine.Do(state.Connect{})
			s.phase(state.RestoreFound{})
			s.engine.Do(state.Write{})
			s.phase(state.RestoreDone{})
			a.swap(b)
		}, left{"CORD-1", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			a, version := s.bricked(100)
			s.serial = "CORD-2"
			b, _ := s.bricked(100)
			s.ports = a
			s.run()
			s.phase(state.RestoreIdle{})
			o, comes := s.waiting()
			test.first(s, a, b)
			s.stop()
			comes()
			o.until("the work", func(st *state.State) bool {
				return st.Tab == state.TabHere && is[state.RestoreIdle](st)
			})
			st := phase[state.RestoreIdle](o)
			got := left{}
			if len(st.Jobs) > 0 {
				got.job = st.Jobs[0].Serial
			}
			if len(st.Jobs) > 1 {
				got.other = st.Jobs[1].Serial
			}
			if got != test.want {
				t.Errorf("left: got %q, want %q", got, test.want)
			}
			if len(st.Jobs) == 0 {
				return
			}
			o.engine.Do(state.Resume{})
			if got := phase[state.RestoreDone](o).Result.Version; got != version {
				t.Errorf("restored to %q, want %q", got, version)
			}
			if is, err := a.device.Settle(t.Context()); err != nil || is != lab.Running {
				t.Errorf("device is %v, %v", is, err)
			}
		})
	}
}

// TestOnlyTheOwnerTouchesTheStore: a tab without the work neither opens the store nor cleans it, and keeps nothing
// of what it hears, until the work comes over.
func TestOnlyTheOwnerTouchesTheStore(t *testing.T) {
	s := newStand(t)
	if err := hackpadfs.MkdirAll(s.fs, "apparatus", 0o755); err != nil {
		t.Fatal(err)
	}
	const part = "apparatus/jobs.blob.part" // the first tab is between write and rename
	f, err := hackpadfs.OpenFile(s.fs, part, hackpadfs.FlagWriteOnly|hackpadfs.FlagCreate, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	o, comes := s.waiting()
	st := o.until("the server's lists", func(st *state.State) bool { return st.Server == state.ReachYes })
	if st.Store != state.StoreElsewhere {
		t.Errorf("condition: got %d, want StoreElsewhere", st.Store)
	}
	o.engine.Do(state.Connect{})
	o.engine.Do(state.Forget{Model: "0001", Serial: "CORD-1"})
	o.engine.Do(state.AddFile{Name: "a.unbrick", Data: []byte("no release")})
	if names, err := blobsOf(s.fs); err != nil || len(names) != 1 || o.opens.Load() != 0 {
		t.Errorf("a tab without the work has opened the store %d times; there is %q, %v", o.opens.Load(), names, err)
	}
	comes()
	o.until("the newest release of each model to be stored", func(st *state.State) bool {
		return st.Tab == state.TabHere && o.stored(func(state.Release) bool { return true })
	})
	if _, err := hackpadfs.Stat(s.fs, part); err == nil {
		t.Error("the owner has left what an interrupted write left")
	}
	if o.opens.Load() != 1 {
		t.Errorf("the store was opened %d times, want 1", o.opens.Load())
	}
}

// TestLabTakesOver: the Lab's device comes over with the work, as the tab before left it.
func TestLabTakesOver(t *testing.T) {
	s := newStand(t)
	s.run()
	made := s.makeDevice().Lab
	o, comes := s.waiting()
	s.until("the device to be kept", func(st *state.State) bool { return st.Lab.Kept })
	s.stop()
	comes()
	st := o.until("the device", func(st *state.State) bool { return st.Lab.Phase == state.LabRunning })
	if st.Lab.Serial != made.Serial || st.Lab.Runs != made.Runs {
		t.Errorf("got %q with release %q, want %q with %q", st.Lab.Serial, st.Lab.Runs, made.Serial, made.Runs)
	}
}

// A page that is closed leaves nothing that it would still do with the store: another may open it.
func TestClosedPageIsDoneWithTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stand{T: t, outlet: &outlet{}, news: make(chan struct{}, 1), hold: make(chan struct{})}
		s.run()
		s.cancel()
		synctest.Wait()
		select {
		case <-s.ended:
			t.Error("the page has ended while its store is being opened")
		default:
		}
		close(s.hold)
		s.stop()
	})
}
