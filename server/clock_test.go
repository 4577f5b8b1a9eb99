package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"unbrick/protocol"
	"unbrick/server/storage"
)

// watch is a server whose time of day and whose passing time are two things.
type watch struct {
	*rig
	day, run atomic.Int64 // since the test began, in nanoseconds
	epoch    time.Time
}

func newWatch(t *testing.T, boots time.Time, changes ...func(*Config)) *watch {
	w := &watch{epoch: boots}
	w.rig = newRig(t, append(changes, w.config)...)
	return w
}

func (w *watch) config(c *Config) {
	c.Now = func() time.Time { return w.epoch.Add(time.Duration(w.day.Load())).Truncate(time.Millisecond) }
	c.Passed = func() time.Duration { return time.Duration(w.run.Load()) }
}

// passes lets time pass, in steps of an hour, each of which the server looks at; it would look every minute.
func (w *watch) passes(d time.Duration) {
	w.Helper()
	for d > 0 {
		step := min(d, time.Hour)
		d -= step
		w.day.Add(int64(step))
		w.run.Add(int64(step))
		w.looks()
	}
}

func (w *watch) looks() {
	w.Helper()
	if err := w.s.rollouts.CountTime(context.Background()); err != nil {
		w.Fatal(err)
	}
	if err := w.s.rollouts.LookForLost(context.Background()); err != nil {
		w.Fatal(err)
	}
}

// set sets the clock, and no time passes.
func (w *watch) set(by time.Duration) { w.day.Add(int64(by)) }

// restarts ends the server and starts another on the same store, after a while in which none was there.
func (w *watch) restarts(graceful bool, day time.Duration) {
	w.Helper()
	if graceful {
		w.s.Close(context.Background())
	}
	w.set(day)
	w.run.Store(0)
	cfg := &Config{Store: w.store, Workers: 1, Limits: Limits{Drain: time.Second}}
	w.config(cfg)
	s, err := New(cfg)
	if err != nil {
		w.Fatal(err)
	}
	w.s = s
	w.Cleanup(func() { s.Close(context.Background()) })
	w.web.Config.Handler = s.Handler()
}

var (
	no1970 = time.Date(1970, 1, 1, 0, 0, 30, 0, time.UTC)
	in2026 = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	in2038 = time.Date(2038, 2, 1, 0, 0, 0, 0, time.UTC)
)

// TestRolloutClock: whatever the time of day does, a rollout goes by the time that a server saw pass, no faster and not
// much slower, and says where the clock disagrees.
func TestRolloutClock(t *testing.T) {
	const far = 56 * 365 * 24 * time.Hour
	for _, c := range []struct {
		name  string
		boots time.Time
		odd   func(w *watch) // half-way through the first phase of 24 hours
		says  bool           // that the clock disagrees
		set   int64          // times that it was found set
	}{
		{"nothing happens", in2026, func(*watch) {}, false, 0},
		{"boots in 1970 and is set", no1970, func(w *watch) { w.set(in2026.Sub(no1970)) }, true, 1},
		{"boots in 1970 and stays", no1970, func(*watch) {}, false, 0},
		{"boots in 2038 and is set back", in2038, func(w *watch) { w.set(in2026.Sub(in2038)) }, true, 1},
		{"set forward by a day", in2026, func(w *watch) { w.set(24 * time.Hour) }, true, 1},
		{"set back by a day", in2026, func(w *watch) { w.set(-24 * time.Hour) }, true, 1},
		{"to and fro", in2026, func(w *watch) { w.set(far); w.looks(); w.set(-far) }, false, 2},
		{"set forward while no server runs", in2026, func(w *watch) { w.restarts(true, far) }, true, 0},
		{"restarts in 1970", in2026, func(w *watch) { w.restarts(true, no1970.Sub(in2026)) }, true, 1},
		{"away for a week", in2026, func(w *watch) { w.restarts(true, 7*24*time.Hour) }, true, 0},
		{"killed before it looked", in2026, func(w *watch) {
			w.day.Add(int64(50 * time.Second))
			w.run.Add(int64(50 * time.Second))
			w.restarts(false, 0)
		}, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWatch(t, c.boots)
			a := image(1, 20_000)
			one := w.publish("1", 1, a)
			w.run.Add(int64(17 * time.Second)) // not at a moment at which time is counted
			two := w.staged("2", 2, next(a, 2), "0.01%,100%@24h", "")
			serial := ""
			for i := range 100 {
				s := fmt.Sprint("A-", i)
				r := storage.Rollout{Phases: []storage.Phase{{Share: 1}}}
				if !r.Reaches("0001", s, two.Digest, time.Time{}) {
					serial = s
					break
				}
			}
			reached := func() bool {
				t.Helper()
				info := w.session(w.hello(serial, one))
				if info.Kind == protocol.KindNone && info.Reason != protocol.ReasonNotYet {
					t.Fatalf("neither offered nor not yet: %s", info.Reason)
				}
				return info.Kind != protocol.KindNone
			}
			w.passes(12 * time.Hour)
			if reached() {
				t.Fatal("half-way through the first phase everybody is reached")
			}
			c.odd(w)
			w.looks()
			if reached() {
				t.Fatal("the second phase began early")
			}
			v := w.rollout(two)
			if got := (12*time.Hour - time.Duration(v.Passed)*time.Second).Abs(); v.Share != "0.01%" || got > 3*time.Minute {
				t.Errorf("rollout %+v, want 12 hours passed", v)
			}
			if (v.Clock != "") != c.says {
				t.Errorf("it says %q of the clock", v.Clock)
			}
			if m := string(w.must(http.StatusOK, "GET", "/metrics", nil)); !strings.Contains(m, fmt.Sprintf("unbrick_clock_set_total %d\n", c.set)) {
				t.Errorf("the metrics do not tell that the clock was set %d times", c.set)
			}
			w.passes(12*time.Hour - 3*time.Minute)
			if reached() {
				t.Fatal("the second phase began early")
			}
			w.passes(6 * time.Minute)
			if !reached() {
				t.Fatalf("the second phase has not begun: %+v", w.rollout(two))
			}
		})
	}
}

// TestRolloutStandsWhileHalted: the time while it is offered to nobody does not bring the next phase nearer.
func TestRolloutStandsWhileHalted(t *testing.T) {
	w := newWatch(t, in2026)
	a := image(1, 20_000)
	w.publish("1", 1, a)
	two := w.staged("2", 2, next(a, 2), "1%,100%@24h", "")
	w.passes(time.Hour)
	w.setRollout(http.StatusOK, two, `{"model":"0001","halt":true}`)
	w.setRollout(http.StatusOK, two, `{"model":"0001","halt":true}`)
	w.day.Add(int64(40 * time.Second))
	w.run.Add(int64(40 * time.Second))
	w.passes(100 * time.Hour)
	w.day.Add(int64(40 * time.Second))
	w.run.Add(int64(40 * time.Second))
	w.setRollout(http.StatusOK, two, `{"model":"0001","halt":false}`)
	w.setRollout(http.StatusOK, two, `{"model":"0001","halt":false}`)
	if v := w.rollout(two); v.Share != "1%" || v.Passed != 3600 {
		t.Fatalf("%+v, want an hour passed", v)
	}
	w.passes(23 * time.Hour)
	if v := w.rollout(two); v.Share != "100%" {
		t.Fatalf("%+v, want all", v)
	}
}

// TestNobodyIsOverdueForTheClock: devices are late by the time in which they could be heard.
func TestNobodyIsOverdueForTheClock(t *testing.T) {
	for _, c := range []struct {
		name string
		odd  func(w *watch)
	}{
		{"clock set forward", func(w *watch) { w.set(100 * time.Hour) }},
		{"no server for days", func(w *watch) { w.restarts(true, 100*time.Hour) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWatch(t, in2026)
			a := image(1, 20_000)
			one := w.publish("1", 1, a)
			two := w.staged("2", 2, next(a, 2), "100%", "0")
			w.update(w.hello("A-1", one))
			w.session(w.hello("A-2", one))
			group := func(serial, want string) {
				t.Helper()
				d := decode[struct{ Group string }](w.rig, w.must(http.StatusOK, "GET", "/api/devices/0001/"+serial, nil))
				if d.Group != want {
					t.Fatalf("%s is %s, want %s", serial, d.Group, want)
				}
			}
			w.passes(10 * time.Minute)
			c.odd(w)
			w.passes(40 * time.Minute)
			group("A-1", "rewriting")
			group("A-2", "running")
			if v := w.rollout(two); v.Lost != 0 || v.Alarm {
				t.Fatalf("%+v: an alarm for the clock", v)
			}
			w.passes(30 * time.Minute)
			group("A-1", "overdue")
			group("A-2", "running")
			if v := w.rollout(two); v.Lost != 1 || !v.Alarm {
				t.Fatalf("%+v, want one lost", v)
			}
			w.passes(24 * time.Hour)
			group("A-2", "silent")
		})
	}
}

// TestStoredBegin: what a begin from a wrong clock says decides nothing.
func TestStoredBegin(t *testing.T) {
	for _, begun := range []time.Time{no1970, in2038, {}} {
		w := newWatch(t, in2026)
		a := image(1, 20_000)
		w.publish("1", 1, a)
		two := w.staged("2", 2, next(a, 2), "1%,100%@72h", "")
		if _, err := w.store.ChangeRollout(context.Background(), "0001", two.Digest, func(r *storage.Rollout) error { r.Begun = begun; return nil }); err != nil {
			t.Fatal(err)
		}
		if v := w.rollout(two); v.Share != "1%" || v.Next == nil || v.Next.Sub(in2026).Round(time.Hour) != 72*time.Hour || v.Clock == "" {
			t.Errorf("begun %v: %+v", begun, v)
		}
		w.passes(72 * time.Hour)
		if v := w.rollout(two); v.Share != "100%" {
			t.Errorf("begun %v, three days on: %+v", begun, v)
		}
	}
}
