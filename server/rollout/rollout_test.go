package rollout

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/storage"
)

// shelf is a store of one release, with a clock that tests move.
type shelf struct {
	release  storage.Release
	lost     int
	settings map[string][]byte
	day      time.Time
	run      time.Duration
	alarms   []bool // whether each halted the rollout
}

func newShelf(t *testing.T, rule storage.Rollout) (*shelf, *Watch) {
	t.Helper()
	s := &shelf{settings: map[string][]byte{}, day: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	s.release = storage.Release{Manifest: release.Manifest{Model: "0001", Digest: storage.Digest{1}}, State: storage.Offered, Rollout: rule}
	w := s.server(t)
	w.cfg.Clock.Begin(&s.release.Rollout)
	return s, w
}

// server starts on the shelf as after a reboot.
func (s *shelf) server(t *testing.T) *Watch {
	t.Helper()
	s.run = 0
	w, err := New(t.Context(), Config{
		Store: s, Log: slog.New(slog.DiscardHandler), Cutoffs: func() storage.Cutoffs { return storage.Cutoffs{} },
		Clock: NewClock(func() time.Time { return s.day }, func() time.Duration { return s.run }, slog.New(slog.DiscardHandler)),
		Alarm: func(_ string, halted bool) { s.alarms = append(s.alarms, halted) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (s *shelf) passes(d time.Duration) { s.day, s.run = s.day.Add(d), s.run+d }

func (s *shelf) Releases(context.Context, string) ([]storage.Release, error) {
	return []storage.Release{s.release}, nil
}

func (s *shelf) ChangeRollout(_ context.Context, _ string, _ storage.Digest, f func(*storage.Rollout) error) (storage.Rollout, error) {
	r := s.release.Rollout
	if err := f(&r); err != nil {
		return storage.Rollout{}, err
	}
	s.release.Rollout = r
	return r, nil
}

func (s *shelf) Lost(context.Context, string, storage.Digest, storage.Cutoffs) (int, error) {
	return s.lost, nil
}

func (s *shelf) Setting(_ context.Context, name string) ([]byte, error) {
	if b, ok := s.settings[name]; ok {
		return b, nil
	}
	return nil, storage.ErrNotFound
}

func (s *shelf) PutSetting(_ context.Context, name string, b []byte) error {
	s.settings[name] = b
	return nil
}

// TestTimeThatPasses: a rollout counts what a running server saw pass, and nothing else.
func TestTimeThatPasses(t *testing.T) {
	s, w := newShelf(t, storage.Rollout{Phases: []storage.Phase{{Share: storage.Everyone}}})
	want := func(d time.Duration) {
		t.Helper()
		if got := w.cfg.Clock.Ran(&s.release.Rollout); got != d {
			t.Fatalf("it ran %v, want %v", got, d)
		}
	}
	count := func() {
		t.Helper()
		if err := w.CountTime(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.passes(time.Minute)
	want(time.Minute)
	count()
	want(time.Minute)
	s.day = s.day.Add(1000 * time.Hour)
	count()
	want(time.Minute)
	if w.cfg.Clock.Jumps() != 1 {
		t.Errorf("the clock was set once, %d times were seen", w.cfg.Clock.Jumps())
	}
	if got := s.day.Sub(w.cfg.Clock.Ago(time.Hour)); got != 1001*time.Hour {
		t.Errorf("an hour ago is %v ago by the clock that was set", got)
	}
	s.day = s.day.Add(24 * time.Hour)
	w = s.server(t)
	want(time.Minute)
	s.passes(time.Minute)
	yes, no := true, false
	for _, halt := range []*bool{&yes, &yes, &no, &no} {
		if _, err := w.Change(t.Context(), &s.release.Manifest, &form.Change{Halt: halt}); err != nil {
			t.Fatal(err)
		}
		want(2 * time.Minute)
		if *halt {
			s.passes(time.Hour)
			want(2 * time.Minute)
		}
	}
}

// TestAlarm: one alarm for more devices than may, which halts only where the operator wants that.
func TestAlarm(t *testing.T) {
	for _, halts := range []bool{false, true} {
		s, w := newShelf(t, storage.Rollout{Phases: []storage.Phase{{Share: storage.Everyone}}, Limit: 1, Halts: halts})
		before := s.day
		s.passes(time.Minute)
		w.Failed(t.Context(), "0001", storage.Digest{1}, time.Time{})
		w.Failed(t.Context(), "0001", storage.Digest{1}, s.day) // told of it in this rollout
		if s.release.Rollout.Failed != 1 || len(s.alarms) != 0 {
			t.Fatalf("one device failed: %+v, alarms %v", s.release.Rollout, s.alarms)
		}
		s.lost = 1
		for range 2 {
			if err := w.LookForLost(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if len(s.alarms) != 1 || s.alarms[0] != halts || s.release.Rollout.Goes() == halts {
			t.Fatalf("halts %v: %+v, alarms %v", halts, s.release.Rollout, s.alarms)
		}
		w.Failed(t.Context(), "0001", storage.Digest{1}, before.Add(-time.Hour)) // of another rollout
		if s.release.Rollout.Failed != 2 || len(s.alarms) != 1 {
			t.Fatalf("two failed: %+v, alarms %v", s.release.Rollout, s.alarms)
		}
		no := false
		_, err := w.Change(t.Context(), &s.release.Manifest, &form.Change{Halt: &no})
		var limit *LimitError
		if errors.As(err, &limit) != halts {
			t.Errorf("halts %v: going on says %v", halts, err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		phases, limit, halts string
		good                 bool
	}{
		{"", "", "", true}, {"1%,100%@24h", "", "", true}, {"100%", "0", "true", true}, {"100%", "1000000", "false", true},
		{"", "1", "", false}, {"", "", "true", false}, {"7", "", "", false}, {"100%", "many", "", false}, {"100%", "1000001", "", false}, {"100%", "", "perhaps", false},
	} {
		r, err := Parse(c.phases, c.limit, c.halts)
		if (err == nil) != c.good || c.good && r.Active() != (c.phases != "") {
			t.Errorf("%+v: %+v, %v", c, r, err)
		}
		if c.good && c.limit == "" && c.phases != "" && r.Limit != DefaultLimit {
			t.Errorf("%+v: limit %d", c, r.Limit)
		}
	}
}
