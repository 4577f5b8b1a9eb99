package engine_test

import (
	"fmt"
	"testing"

	"unbrick/restore"
	"unbrick/webui/state"
)

// swap changes the devices at the ends of two cords.
func (c *cord) swap(o *cord) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.device, o.device = o.device, c.device
}

// TestJobsBelongToDevices: nothing that is done with one device forgets, or uses, what was begun with another; what
// was begun with both is kept over a reload, and each is gone on with as it was begun.
func TestJobsBelongToDevices(t *testing.T) {
	s := newStand(t)
	c, version, _ := s.furnished(nil)
	first := s.serial
	s.serial = "CORD-2"
	other, target := s.bricked(100)
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreFound{})
	c.pull(2)
	s.engine.Do(state.Write{Erase: true})
	s.phase(state.RestoreFailed{})
	s.engine.Do(state.Home{})
	if got := job(s.phase(state.RestoreIdle{})); got.Serial != first || got.Version != version || !got.Erase {
		t.Errorf("job: got %+v", got)
	}

	// "Connect again", and it is another device: it gets a question, and no settings are at stake.
	c.swap(other)
	s.engine.Do(state.Resume{})
	found := phase[state.RestoreFound](s)
	if found.Device.Serial != "CORD-2" || found.Plan.Release.Version != target {
		t.Errorf("found %q, plan %q, want CORD-2 and %q", found.Device.Serial, found.Plan.Release.Version, target)
	}
	c.pull(12)
	s.engine.Do(state.Write{})
	s.phase(state.RestoreFailed{})
	s.stop()

	s.run()
	idle := phase[state.RestoreIdle](s).Jobs
	if len(idle) != 2 || idle[0].Serial != "CORD-2" || idle[0].Erase || idle[1].Serial != first || !idle[1].Erase {
		t.Errorf("jobs: got %+v", idle)
	}
	c.swap(other) // the first again: it is gone on with by itself, settings and all, though the other was begun last
	s.engine.Do(state.Resume{})
	if got := phase[state.RestoreDone](s).Result; got.Version != version || got.Settings != restore.SettingsErased {
		t.Errorf("result: got %+v", got)
	}
	s.engine.Do(state.Home{})
	if got := phase[state.RestoreIdle](s).Jobs; len(got) != 1 || got[0].Serial != "CORD-2" {
		t.Errorf("jobs: got %+v", got)
	}

	// The first once more, with nothing wrong: starting it forgets nothing of the second.
	s.runs(c, version)
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreRight{})
	s.engine.Do(state.Start{})
	s.phase(state.RestoreDone{})
	s.stop()
	s.run()
	if got := job(s.phase(state.RestoreIdle{})); got.Serial != "CORD-2" {
		t.Errorf("job: got %+v", got)
	}
	s.engine.Do(state.Forget{Model: "0001", Serial: first}) // it has none
	s.engine.Do(state.Forget{Model: "0009", Serial: "CORD-2"})
	s.engine.Do(state.Forget{Model: "0001", Serial: "CORD-2"})
	s.until("no job", func(st *state.State) bool { return job(st).Serial == "" })
	s.stop()
	s.run()
	if got := job(s.phase(state.RestoreIdle{})); got.Serial != "" {
		t.Errorf("a forgotten job is left: %+v", got)
	}
}

// TestManyJobs: the jobs of many devices are kept; beyond the limit the one begun first goes.
func TestManyJobs(t *testing.T) {
	s := newStand(t)
	var cords []*cord
	const n = state.MaxJobs + 2
	for i := range n {
		s.serial = fmt.Sprintf("CORD-%02d", i)
		c, _, _ := s.furnished(nil)
		cords = append(cords, c)
	}
	c := &cord{}
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	for _, x := range cords {
		c.mu.Lock()
		c.device = x.device
		c.mu.Unlock()
		s.engine.Do(state.Connect{})
		s.phase(state.RestoreFound{})
		c.pull(2)
		s.engine.Do(state.Write{})
		s.phase(state.RestoreFailed{})
		s.engine.Do(state.Home{})
		s.phase(state.RestoreIdle{})
	}
	s.stop()
	s.run()
	got := phase[state.RestoreIdle](s).Jobs
	if len(got) != state.MaxJobs || got[0].Serial != fmt.Sprintf("CORD-%02d", n-1) || got[len(got)-1].Serial != "CORD-02" {
		t.Errorf("jobs: got %+v", got)
	}
}
