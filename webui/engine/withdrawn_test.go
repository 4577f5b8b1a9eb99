package engine_test

import (
	"slices"
	"testing"

	"unbrick/release"
	"unbrick/server/storage"
	"unbrick/webui/state"
)

// release sets what the maker does with the releases of model 0001 that want picks.
func (s *stand) release(how storage.ReleaseState, want func(*release.Manifest) bool) {
	s.Helper()
	all, err := s.store.Releases(s.Context(), "0001")
	if err != nil {
		s.Fatal(err)
	}
	for i := range all {
		if m := &all[i].Manifest; want(m) {
			if err := s.store.SetReleaseState(s.Context(), m.Model, m.Digest, how); err != nil {
				s.Fatal(err)
			}
		}
	}
}

// A release that was withdrawn is kept in this browser still. While the server answers it is not what the page offers,
// although an update to it was interrupted; who chooses it is told. Without a server nobody knows.
func TestWithdrawnButKept(t *testing.T) {
	s := newStand(t)
	c, version := s.bricked(150)
	s.ports = c
	s.run()
	s.until("the release to be stored", func(st *state.State) bool {
		return s.stored(func(r state.Release) bool {
			return r.Version == version && r.Model == "0001"
		})
	})
	s.engine.Do(state.Connect{})
	intended := phase[state.RestoreFound](s).Plan.Release
	if intended.Version != version {
		t.Fatalf("release %q is planned, want %q", intended.Version, version)
	}
	s.stop()

	s.release(storage.Withdrawn, func(m *release.Manifest) bool { return m.Digest == intended.Digest })
	s.run()
	s.engine.Do(state.Connect{}) // at once: the list may be on its way still
	st := s.phase(state.RestoreFound{})
	if got := shows[state.RestoreFound](st).Plan.Release; got.Digest == intended.Digest || got.Fit.Held() {
		t.Errorf("with the server the plan is %+v", got)
	}
	i := slices.IndexFunc(shows[state.RestoreFound](st).Choice, func(r state.Release) bool { return r.Digest == intended.Digest })
	if i < 0 || shows[state.RestoreFound](st).Choice[i].Fit != state.FitWithdrawn {
		t.Errorf("the choice is %+v", shows[state.RestoreFound](st).Choice)
	}
	for _, r := range st.Lab.Make.Releases {
		if r.Model == "0001" && r.Digest == intended.Digest {
			t.Error("the Lab offers it")
		}
	}
	s.engine.Do(state.Choose{Digest: intended.Digest})
	s.until("the withdrawn release to be planned, marked", func(st *state.State) bool {
		p := shows[state.RestoreFound](st).Plan.Release
		return is[state.RestoreFound](st) && p.Digest == intended.Digest && p.Fit == state.FitWithdrawn
	})
	s.stop()

	s.release(storage.Withdrawn, func(*release.Manifest) bool { return true })
	s.run()
	s.engine.Do(state.Connect{})
	st = s.phase(state.RestoreWithdrawn{})
	if len(shows[state.RestoreWithdrawn](st).Choice) == 0 || !shows[state.RestoreWithdrawn](st).Choice[0].Fit.Held() {
		t.Errorf("with all withdrawn the choice is %+v", shows[state.RestoreWithdrawn](st).Choice)
	}
	s.stop()

	s.away.away(true)
	s.run()
	s.engine.Do(state.Connect{})
	if got := phase[state.RestoreFound](s).Plan.Release; got.Digest != intended.Digest || got.Fit.Held() {
		t.Errorf("without the server the plan is %+v", got)
	}
}

// A job is not gone on with by itself when its release was withdrawn since: the page shows what there is instead.
func TestJobOfAWithdrawnRelease(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(150)
	s.ports = c
	s.run()
	s.until("a stored release", func(st *state.State) bool { return s.stored(func(state.Release) bool { return true }) })
	begun := s.leaveJob(c, 12)
	s.stop()
	s.release(storage.Withdrawn, func(m *release.Manifest) bool { return m.Digest == begun.Digest })
	s.run()
	s.until("the job", func(st *state.State) bool { return job(st).Serial != "" })
	s.engine.Do(state.Resume{})
	if got := phase[state.RestoreFound](s).Plan.Release; got.Digest == begun.Digest {
		t.Errorf("the plan is %+v", got)
	}
}

// With every release withdrawn and none kept the page says so, and not that it does not know the device.
func TestAllWithdrawn(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(150)
	s.ports = c
	s.release(storage.Withdrawn, func(*release.Manifest) bool { return true })
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	if got := phase[state.RestoreWithdrawn](s); got.Device.Serial == "" || len(got.Choice) > 0 {
		t.Errorf("got %+v", got)
	}
}
