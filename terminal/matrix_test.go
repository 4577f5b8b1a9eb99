package terminal_test

import (
	"testing"

	"unbrick/delta"
	"unbrick/emulator"
	"unbrick/terminal"
)

func (f *fixture) workspace(t testing.TB, file []byte, g goods) uint32 {
	t.Helper()
	h, err := delta.ParseHeader(file)
	if err != nil {
		t.Fatal(err)
	}
	return delta.NeedsOf(&h, uint32(len(file)), g.m.Leaves(), resident).Workspace()
}

func TestUpdate(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			f := fixtureOf(t, k)
			r := f.device(t, f.a)
			out, e := r.update(f.serverFor(t, f.delta, f.b))
			if out != terminal.Rewritten || e.Kind != emulator.EndReset {
				t.Fatalf("update: %v, %v, %+v", out, e.Kind, r.last.Last())
			}
			if !r.holds(f.b) {
				t.Fatal("flash does not hold the new image")
			}
			if mode := r.boot(); mode != terminal.Running {
				t.Fatalf("boot: %v", mode)
			}
			if m, ok := r.last.Installed(); !ok || m.Digest != f.b.m.Digest || r.last.Confirmed() {
				t.Fatalf("installed %v %v, confirmed %v", m.Version, ok, r.last.Confirmed())
			}
			s := nothing(t)
			if out, _ := r.update(s); out != terminal.Nothing {
				t.Fatalf("second session: %v", out)
			}
			if s.hello.Report == nil || s.hello.Report.To != f.b.m.Digest {
				t.Errorf("report %+v", s.hello.Report)
			}
			if !r.last.Confirmed() || r.last.Floor() != 2 {
				t.Errorf("confirmed %v, floor %d", r.last.Confirmed(), r.last.Floor())
			}
			t.Logf("delta %d bytes, %d operations", len(f.delta), r.board.Operations())
		})
	}
}
