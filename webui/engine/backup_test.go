package engine_test

import (
	"bytes"
	"strings"
	"testing"

	"unbrick/webui/state"
)

// TestBackup saves what a device holds before it is restored, where it lets itself be read.
func TestBackup(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(200, true)
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	if found := phase[state.RestoreFound](s).Device; !found.Backup || found.Saved {
		t.Errorf("got %+v", found)
	}
	s.engine.Do(state.SaveBackup{})
	s.until("the question again", func(st *state.State) bool {
		return is[state.RestoreFound](st) && shows[state.RestoreFound](st).Device.Saved
	})
	s.mu.Lock()
	saved := s.saved
	s.mu.Unlock()
	layout := &c.device.Model().Layout
	software := layout.Software()
	want := c.device.Raw()[layout.SoftwareBase():][:software.Size()]
	if len(saved) != 1 || !bytes.Equal(saved[0].Data, want) || !strings.HasSuffix(saved[0].Name, ".bin") || !strings.Contains(saved[0].Name, "CORD-1") {
		t.Fatalf("saved %d files, %q", len(saved), saved[0].Name)
	}
	s.engine.Do(state.Write{})
	s.phase(state.RestoreDone{})
}

// A device that does not allow it is not asked for its bytes.
func TestNoBackup(t *testing.T) {
	s := newStand(t)
	c, _ := s.bricked(200)
	s.ports = c
	s.run()
	s.phase(state.RestoreIdle{})
	s.engine.Do(state.Connect{})
	if found := phase[state.RestoreFound](s).Device; found.Backup {
		t.Errorf("got %+v", found)
	}
}
