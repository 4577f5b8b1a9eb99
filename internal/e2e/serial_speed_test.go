//go:build linux

package e2e

import (
	"testing"

	"unbrick/emulator"
	"unbrick/lab"
	"unbrick/terminal"
)

// TestSerialWrongSpeed connects a device whose cable is slower than its model's record says. The page
// hears nothing at the speed that it expects, asks at others, finds it, and restores it.
func TestSerialWrongSpeed(t *testing.T) {
	t.Parallel() // the page tries speed after speed
	p, d := clinic(t, "S-REAL-9", cableAdapter)
	if err := d.device.Board().SetLine(emulator.LineConfig{Baud: 57600}); err != nil {
		t.Fatal(err)
	}
	d.plug(cableAdapter)
	p.notices()
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
	t.Parallel() // the page tries speed after speed
	p, d := clinic(t, "S-REAL-10", cableAdapter)
	if err := d.device.Board().SetLine(emulator.LineConfig{Baud: 31250}); err != nil {
		t.Fatal(err)
	}
	d.plug(cableAdapter)
	p.notices()
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

// TestSerialFast connects a device whose flash is empty. A whole image pays another speed: the page closes its
// port and opens it again at that, for the transfer and back for the next conversation.
func TestSerialFast(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	sh, _, next := published(t)
	p := newTechnician(t, sh.url, cableAdapter)
	const file = "S-REAL-11.flash"
	sh.must(t, 0, append(factory("S-REAL-11", file), "--update")...)
	raw := sh.read(t, file)
	for i := softwareBase - 2*4096; i < len(raw); i++ {
		raw[i] = 0xFF
	}
	sh.write(t, file, raw)
	d := admit(t, sh, p.bench, "S-REAL-11", next)
	d.settles(lab.Restoration)
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound, atNoAnswer, atNoPort)
	if n := d.asked(); n != 115200 {
		t.Errorf("before the transfer: %d baud, want 115200", n)
	}
	d.arm(accident{terminal.EventSector, 40, holdStill})
	p.presses("Restore")
	d.meanwhile(p, func() {
		if n := d.asked(); n != 921600 {
			t.Errorf("during the transfer: %d baud, want 921600", n)
		}
		p.shot("fast")
	})
	p.sees(atDone, atCableOut)
	p.shot("done")
	d.runs()
	if n := d.asked(); n != 115200 {
		t.Errorf("after the transfer: %d baud, want 115200", n)
	}
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
