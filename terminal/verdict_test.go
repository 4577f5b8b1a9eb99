package terminal_test

import (
	"strings"
	"testing"

	"unbrick/emulator"
	"unbrick/terminal"
)

// TestVerdict lets a bit of the flash fall over after it was read back: the update and the restoration
// say so, and nothing is recorded.
func TestVerdict(t *testing.T) {
	f := fixtureOf(t, small)
	decay := func(r *rig, after int) {
		r.hook = func(e terminal.Event) {
			if e.Code == terminal.EventSector && int(e.A) == after {
				addr, _ := f.layout.Geometry.Sector(int(e.Sector))
				c := make([]byte, 1)
				r.board.Peek(addr+9, c)
				if err := r.board.Inject(emulator.Defect{Kind: emulator.DefectStuck, Addr: addr + 9, Mask: 0x10, Value: ^c[0]}); err != nil {
					t.Error(err)
				}
			}
		}
	}
	r := f.device(t, f.a)
	decay(r, 2)
	if out, _ := r.update(f.serverFor(t, f.delta, f.b)); out != terminal.Damaged {
		t.Errorf("update: %v", out)
	}
	r.hook = nil
	if mode := r.boot(); mode != terminal.Restoration {
		t.Errorf("boots to %v", mode)
	}
	r.board.Mend()
	decay(r, 1)
	if err := r.mend(f.b, false); err == nil || !strings.Contains(err.Error(), "verify") {
		t.Errorf("restoration: %v", err)
	}
	r.hook = nil
	r.power()
	if mode := r.boot(); mode != terminal.Restoration {
		t.Errorf("boots to %v", mode)
	}
	r.board.Mend()
	if err := r.mend(f.b, false); err != nil {
		t.Error(err)
	}
}

// TestNoisyLine restores over a line that damages and loses bytes: requests and answers come twice, late
// or never.
func TestNoisyLine(t *testing.T) {
	f := fixtureOf(t, small)
	damaged := uint64(0)
	for _, parts := range []bool{false, true} {
		r := f.broken(t)
		if err := r.board.SetLine(emulator.LineConfig{Baud: 921600, Depth: 8192, BitErrors: 2e-5, LostBytes: 1e-4}); err != nil {
			t.Fatal(err)
		}
		if err := r.mend(f.b, parts); err != nil {
			t.Errorf("parts %v: %v", parts, err)
		}
		damaged += r.board.LineStats().Damaged + r.board.LineStats().Lost
	}
	if damaged == 0 {
		t.Error("nothing was damaged: the test tries nothing")
	}
}
