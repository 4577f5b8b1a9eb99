package engine_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"unbrick/release"
	"unbrick/restore"
	"unbrick/webui/state"
)

// bubble lets f use the stand without a server in a bubble: time passes when nobody has anything else to do.
func (s *stand) bubble(f func(s *stand)) {
	s.Helper()
	s.maker()
	synctest.Test(s.T, func(t *testing.T) {
		f(&stand{T: t, store: s.store, fs: s.fs, outlet: &outlet{}, serial: s.serial, made: s.made, news: make(chan struct{}, 1)})
	})
}

// alone is bubble with an open page: it knows the maker's releases from files, and a damaged device is on the cord.
func (s *stand) alone(f func(s *stand, c *cord)) {
	s.Helper()
	s.bubble(func(s *stand) {
		c, _, _ := s.furnished(nil)
		s.ports = c
		s.run()
		s.phase(state.RestoreIdle{})
		s.know()
		f(s, c)
		s.stop()
	})
}

// know gives the page the release files of the demo's first model.
func (s *stand) know() {
	s.Helper()
	for i, r := range s.maker().Releases {
		s.engine.Do(state.AddFile{Name: "a.unbrick", Data: release.AppendFile(nil, &release.File{Signed: r.Signed, Image: r.Image})})
		s.until("a release", func(st *state.State) bool { return len(s.engine.Library().All()) > i })
	}
}

// deafen lets the device at the end of the cord answer no more, or again.
func (c *cord) deafen(deaf bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.port != nil {
		c.port.deaf = deaf
	}
}

// pull pulls the cord out at the n-th write from now.
func (c *cord) pull(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pullAt = n
}

// other is a release that could be written instead of the planned one.
func other(r state.RestoreFound) [32]byte {
	for _, x := range r.Choice {
		if x.Digest != r.Plan.Release.Digest {
			return x.Digest
		}
	}
	return [32]byte{}
}

// TestOneOwnerOfThePort ends an attempt in each way that there is and connects again at once. Closing takes its
// time, in which the next attempt must leave the port alone; then it finds the device.
func TestOneOwnerOfThePort(t *testing.T) {
	found := func(s *stand) *state.State { return s.phase(state.RestoreFound{}) }
	for name, end := range map[string]func(s *stand, c *cord){
		"connect while connecting": func(*stand, *cord) {},
		"home while connecting":    func(s *stand, _ *cord) { s.engine.Do(state.Home{}) },
		"chooser closed meanwhile": func(s *stand, _ *cord) { s.engine.Do(state.ChooserClosed{}) },
		"connect when found":       func(s *stand, _ *cord) { found(s) },
		"home when found":          func(s *stand, _ *cord) { found(s); s.engine.Do(state.Home{}) },
		"home twice":               func(s *stand, _ *cord) { found(s); s.engine.Do(state.Home{}); s.engine.Do(state.Home{}) },
		"planning failed": func(s *stand, c *cord) {
			st := found(s)
			c.deafen(true)
			s.engine.Do(state.Choose{Digest: other(shows[state.RestoreFound](st))})
			s.phase(state.RestoreFailed{})
		},
		"home while planning": func(s *stand, _ *cord) {
			st := found(s)
			s.engine.Do(state.Choose{Digest: other(shows[state.RestoreFound](st))})
			s.engine.Do(state.Home{})
		},
		"chosen twice while planning": func(s *stand, _ *cord) {
			st := found(s)
			s.engine.Do(state.Choose{Digest: other(shows[state.RestoreFound](st))})
			s.engine.Do(state.Choose{Digest: shows[state.RestoreFound](st).Plan.Release.Digest})
		},
		"a file that is none": func(s *stand, _ *cord) {
			found(s)
			s.engine.Do(state.AddFile{Name: "notes.txt", Data: []byte("no release")})
			s.phase(state.RestoreFailed{})
		},
		"cable out while writing": func(s *stand, c *cord) {
			found(s)
			c.pull(6)
			s.engine.Do(state.Write{})
			s.phase(state.RestoreFailed{})
		},
		"no answer, and the coach listens": func(s *stand, c *cord) {
			found(s)
			s.engine.Do(state.Home{})
			s.phase(state.RestoreIdle{})
			c.mu.Lock()
			c.baud = 1 // no speed
			c.mu.Unlock()
			s.engine.Do(state.Connect{})
			s.phase(state.RestoreNoAnswer{})
			s.engine.Do(state.WayDone{})
			c.mu.Lock()
			c.baud = 0
			c.mu.Unlock()
		},
		"cable out when found": func(s *stand, c *cord) {
			found(s)
			c.pull(1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			newStand(t).alone(func(s *stand, c *cord) {
				s.outlet.pass = func() { time.Sleep(500 * time.Millisecond) } // of the bubble
				s.engine.Do(state.Connect{})
				end(s, c)
				s.engine.Do(state.Connect{})
				s.until("the first attempt to be over", func(st *state.State) bool { return is[state.RestoreConnecting](st) })
				s.until("an end", func(st *state.State) bool {
					return !is[state.RestoreConnecting](st) && !is[state.RestoreReading](st)
				})
				s.until("the device", func(st *state.State) bool {
					return is[state.RestoreFound](st) || is[state.RestoreRight](st) // it may have gone on alone
				})
			})
		})
	}
}

// TestPortThatOpensLate: the browser takes longer to open the port than anybody waits. The page does not call that
// another program, and does not lose the port when it opens after all.
func TestPortThatOpensLate(t *testing.T) {
	for name, early := range map[string]bool{"given up by the page": false, "given up by the person": true} {
		t.Run(name, func(t *testing.T) {
			newStand(t).alone(func(s *stand, c *cord) {
				var slow atomic.Bool
				slow.Store(true)
				begun := make(chan struct{})
				s.outlet.pass = func() {
					if slow.Swap(false) {
						close(begun)
						time.Sleep(25 * time.Second)
					}
				}
				s.engine.Do(state.Connect{})
				<-begun
				if early {
					s.engine.Do(state.Home{})
				} else if f := phase[state.RestoreFailed](s).Failure; f.Code != restore.CodePortStuck || f.Touched != restore.TouchedNothing {
					t.Errorf("failure: got %+v", f)
				}
				s.engine.Do(state.Connect{})
				s.phase(state.RestoreFound{})
			})
		})
	}
}

// TestPortThatNeverCloses: what the browser does not end it says, in a time that a person waits.
func TestPortThatNeverCloses(t *testing.T) {
	newStand(t).alone(func(s *stand, c *cord) {
		s.engine.Do(state.Connect{})
		s.phase(state.RestoreFound{})
		goOn := make(chan struct{})
		s.outlet.mu.Lock()
		s.outlet.pass = func() { <-goOn }
		s.outlet.mu.Unlock()
		s.engine.Do(state.Connect{})
		if f := phase[state.RestoreFailed](s).Failure; f.Code != restore.CodePortStuck {
			t.Errorf("failure: got %+v", f)
		}
		s.outlet.mu.Lock()
		s.outlet.pass = nil
		s.outlet.mu.Unlock()
		close(goOn)
		s.engine.Do(state.Connect{})
		s.phase(state.RestoreFound{})
	})
}
