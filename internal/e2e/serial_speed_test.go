//go:build linux

package e2e

import (
	"testing"

	"unbrick/emulator"
)

// TestSerialWrongSpeed connects a device whose cable is slower than its model's record says. The page
// hears nothing at the speed that it expects, asks at others, finds it, and restores it.
func TestSerialWrongSpeed(t *testing.T) {
	p, d := clinic(t, "S-REAL-9", cableAdapter)
	if err := d.device.Board().SetLine(emulator.LineConfig{Baud: 57600}); err != nil {
		t.Fatal(err)
	}
	d.plug(cableAdapter)
	p.presses("Connect your device")
	p.sees(atFound, atNoAnswer, atNoPort)
	p.reads("S-REAL-9")
	if d.asked() == 57600 && d.settings() < 2 {
		t.Error("the page began at the device's speed: nothing was wrong")
	}
	p.presses("Restore")
	p.sees(atDone, atCableOut)
	d.runs()
}

// TestSerialNoSpeed connects a device at a speed that nobody uses. The page says that nothing answers, and
// what a person can do.
func TestSerialNoSpeed(t *testing.T) {
	p, d := clinic(t, "S-REAL-10", cableAdapter)
	if err := d.device.Board().SetLine(emulator.LineConfig{Baud: 31250}); err != nil {
		t.Fatal(err)
	}
	d.plug(cableAdapter)
	p.presses("Connect your device")
	p.sees(atNoAnswer, atFound)
	p.reads("Switch the device off and on", "by DTR", "Nothing has been written.")
	p.shot("no-answer")
	if n := d.settings(); n < 8 {
		t.Errorf("the page has tried %d speeds", n)
	}
	if err := d.device.Board().SetLine(emulator.LineConfig{Baud: 115200}); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.hears()
	d.mu.Unlock()
	p.sees(atFound)
}

// settings is how often the page has set a speed, and asked the last one.
func (d *patient) settings() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.speeds
}

func (d *patient) asked() uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.speed
}
