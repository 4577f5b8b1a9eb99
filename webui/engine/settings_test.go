package engine_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"strings"
	"testing"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/lab"
	"unbrick/release"
	"unbrick/restore"
	"unbrick/terminal"
	"unbrick/webui/state"
)

// furnished is a device on a cord, of the demo's first model but for two settings areas, which are full. Its
// software is damaged. told hears its events. It returns the version that it had, and where the areas begin.
func (s *stand) furnished(told func(lab.Event)) (c *cord, version string, area uint32) {
	s.Helper()
	d := s.maker()
	m := d.Model
	g := &m.Layout.Geometry
	area, size := g.Sector(g.Sectors() - 3)
	m.Layout.Settings = []flash.Area{{Name: "calibration", Addr: area, Size: size}, {Name: "user", Addr: area + size, Size: g.Size() - area - size}}
	device, err := lab.New(&m, &lab.Options{Seed: 5, Event: told})
	if err != nil {
		s.Fatal(err)
	}
	id := &terminal.Identity{Model: m.ID, Serial: s.serial, Threshold: 1, Resident: m.Resident, Keys: [][32]byte{[32]byte(d.Key)}}
	first := d.Releases[0]
	raw, err := terminal.Factory(&m.Layout, id, nil, first.Signed, first.Image)
	if err != nil {
		s.Fatal(err)
	}
	for i := range raw[area:] {
		raw[int(area)+i] = byte(i%247) ^ 0x2d
	}
	raw[m.Layout.SoftwareBase()+5000] ^= 1
	if err := device.Board().Load(raw, nil); err != nil {
		s.Fatal(err)
	}
	if err := device.PowerOn(context.Background()); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { device.PowerOff(emulator.NotBegun) })
	if is, err := device.Settle(s.Context()); err != nil || is != lab.Restoration {
		s.Fatalf("device is %v, %v", is, err)
	}
	manifest, err := release.Verify(first.Signed, []ed25519.PublicKey{d.Key}, 1)
	if err != nil {
		s.Fatal(err)
	}
	return &cord{device: device}, manifest.Version, area
}

// runs fails unless the device runs that version and broke no rule of its hardware.
func (s *stand) runs(c *cord, version string) {
	s.Helper()
	if is, err := c.device.Settle(s.Context()); err != nil || is != lab.Running {
		s.Errorf("device is %v, %v", is, err)
	}
	if got := c.device.About().Installed.Version; got != version {
		s.Errorf("device runs %q, want %q", got, version)
	}
	if f := c.device.Board().Faults(); len(f) > 0 {
		s.Errorf("hardware faults: %v", f)
	}
}

// TestSettings keeps them by default, and erases them when the person has said so: with software to write,
// and with nothing wrong.
func TestSettings(t *testing.T) {
	s := newStand(t)
	c, version, area := s.furnished(nil)
	s.ports = c
	full := bytes.Clone(c.device.Raw()[area:])
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	found := phase[state.RestoreFound](s)
	if d := found.Device; len(d.Settings) != 2 || d.Settings[0].Name != "calibration" || d.Settings[1].Name != "user" || d.Settings[1].Size == 0 || !d.Erases {
		t.Errorf("device: got %+v", d)
	}
	if found.Plan.Settings != restore.SettingsKept {
		t.Errorf("plan: got %+v", found.Plan)
	}
	s.engine.Do(state.Write{})
	if got := phase[state.RestoreDone](s).Result; got.Settings != restore.SettingsKept || got.Work != state.WorkWritten {
		t.Errorf("result: got %+v", got)
	}
	s.runs(c, version)
	if !bytes.Equal(c.device.Raw()[area:], full) {
		t.Error("the settings areas have changed, and nobody asked for it")
	}
	s.engine.Do(state.Home{})
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	s.phase(state.RestoreRight{})
	s.engine.Do(state.Start{Erase: true})
	if got := phase[state.RestoreDone](s).Result; got.Settings != restore.SettingsErased || got.Work != state.WorkStarted {
		t.Errorf("result: got %+v", got)
	}
	s.runs(c, version)
	if !bytes.Equal(c.device.Raw()[area:], bytes.Repeat([]byte{0xff}, len(full))) {
		t.Error("the settings areas are not erased")
	}
	s.engine.Do(state.SaveReport{})
	s.engine.Do(state.Home{})
	if home := s.phase(state.RestoreIdle{}); job(home).Serial != "" {
		t.Errorf("a job is left: %+v", job(home))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.saved) != 1 || !strings.Contains(string(s.saved[0].Data), "settings areas: erased, as it was asked for\n  \"calibration\"") {
		t.Errorf("report: got %+v", s.saved)
	}
}

// TestCableOutWhileErasing pulls the cable out while settings are erased. The page knows that the software is
// verified; the next one, which knows it from its job, has the rest erased.
func TestCableOutWhileErasing(t *testing.T) {
	for _, reload := range []bool{false, true} {
		s := newStand(t)
		var c *cord
		gone := false
		c, version, area := s.furnished(func(e lab.Event) {
			if e.Code != terminal.EventErased || gone {
				return
			}
			gone = true
			c.mu.Lock()
			c.port = nil
			c.mu.Unlock()
		})
		s.ports = c
		s.run()
		s.phase(state.RestoreIdle{})
		s.engine.Do(state.Connect{})
		s.phase(state.RestoreFound{})
		s.engine.Do(state.Write{Erase: true})
		failed := phase[state.RestoreFailed](s)
		if f := failed.Failure; f.Code != restore.CodeVanished || f.Touched != restore.TouchedSettings || f.Stage != restore.StageErase {
			t.Errorf("failure: got %+v", f)
		}
		if reload {
			s.stop()
			s.run()
			left := s.until("the job", func(st *state.State) bool { return job(st).Serial != "" })
			if got := job(left); got.Serial != "CORD-1" || got.Version != version || !got.Erase {
				t.Errorf("job: got %+v", got)
			}
		}
		s.engine.Do(state.Resume{})
		if got := phase[state.RestoreDone](s).Result; got.Settings != restore.SettingsErased || got.Version != version {
			t.Errorf("result: got %+v", got)
		}
		s.runs(c, version)
		if got := c.device.Raw()[area:]; !bytes.Equal(got, bytes.Repeat([]byte{0xff}, len(got))) {
			t.Error("the settings areas are not erased")
		}
	}
}
