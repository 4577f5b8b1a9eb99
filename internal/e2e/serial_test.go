//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"unbrick/internal/webserial"
	"unbrick/lab"
	"unbrick/terminal"
)

// Headings of the Restore screen.
const (
	atStart    = "Bring your device back."
	atFound    = "Found it. It can be restored."
	atDone     = "Restored. It runs release 2."
	atCableOut = "The cable came out."
	atGoOn     = "Go on restoring "
	atNoPort   = "Device not in the list?"
	atNoAnswer = "Connected, but no answer."
	atRight    = "Nothing is wrong with its software. It runs release 2."
)

// cutOperation is inside the rewriting of sectors, well before its end.
const cutOperation = 200

// clinic is a server with two releases, a technician at its page and a patient, not yet connected.
func clinic(t *testing.T, serial string, allowed ...webserial.Adapter) (*technician, *patient) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	sh, _, next := published(t)
	p := newTechnician(t, sh.url, allowed...)
	return p, brick(t, sh, p.bench, serial, cutOperation, next)
}

// TestSerialRestore is what the page is for: connect, look, press Restore.
func TestSerialRestore(t *testing.T) {
	p, d := clinic(t, "S-REAL-1", cableAdapter)
	p.sees(atStart)
	p.shot("start")
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound)
	p.reads("S-REAL-1", "Model 0001", "Release 2", "verified on this computer", "An update stopped halfway")
	p.shot("found")
	p.presses("Restore")
	p.sees(atDone, atCableOut)
	p.reads("S-REAL-1", "You can unplug it.")
	p.shot("done")
	d.runs()
}

// TestSerialCableOut pulls the cable out at several moments of a restoration, each time going on from
// what the last one has left: while the file is sent, and between sectors, with devices that live on the
// cable's power, with a line that dies without being unplugged, and with a device that goes on alone: what it
// had been sent was all, so that it is found right.
func TestSerialCableOut(t *testing.T) {
	p, d := clinic(t, "S-REAL-2", cableAdapter)
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound)
	d.unplug() // before anything is pressed
	p.sees(atCableOut)
	p.reads("before anything was written")
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect again")
	for i, a := range []accident{
		{terminal.EventReceiving, 2, cableOut},
		{terminal.EventSector, 1, powerOut},
		{terminal.EventSector, 3, hangUp},
		{terminal.EventMark, 4, powerOut},
		{terminal.EventSector, 2, cableOut},
	} {
		p.sees(atFound)
		d.arm(a)
		p.presses("Restore")
		d.comesOut(p, a.kind)
		p.sees(atCableOut, atDone)
		p.reads("Is the device safe?", "Yes.")
		p.shot(fmt.Sprintf("out-%d", i))
		if a.kind == hangUp {
			d.unplug()
		}
		d.plug(cableAdapter)
		p.notices()
		p.presses("Connect again")
	}
	p.sees(atRight, atFound)
	p.shot("left")
	p.presses("Start it")
	p.sees(atDone)
	p.reads("come to the end alone")
	p.shot("done")
	d.runs()
}

// TestSerialReload loads the page anew while the device is being written. The new page offers to go on, and
// finds that the device has come to the end alone.
func TestSerialReload(t *testing.T) {
	p, d := clinic(t, "S-REAL-3", cableAdapter)
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound)
	d.arm(accident{terminal.EventSector, 2, holdStill})
	p.presses("Restore")
	d.meanwhile(p, func() {
		p.shot("writing")
		p.reloads()
	})
	p.sees(atGoOn + "S-REAL-3.")
	p.shot("go-on")
	p.presses("Connect and go on")
	p.sees(atDone, atFound, atCableOut)
	p.reads("come to the end alone")
	p.shot("done")
	d.runs()
}

// TestSerialTwoCables has another allowed adapter plugged in, behind which nothing answers.
func TestSerialTwoCables(t *testing.T) {
	p, d := clinic(t, "S-REAL-4", cableAdapter, otherAdapter)
	silent, err := p.bench.Plug(otherAdapter, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Unplug() })
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound, atNoAnswer)
	p.reads("S-REAL-4")
	p.presses("Restore")
	p.sees(atDone, atCableOut)
	d.runs()
}

// TestSerialBreak connects a healthy device while it runs. It is asked into restoration mode by a break,
// nothing is found wrong, and it is started again.
func TestSerialBreak(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	sh, _, next := published(t)
	p := newTechnician(t, sh.url, cableAdapter)
	sh.must(t, 0, append(factory("S-REAL-6", "S-REAL-6.flash"), "--update")...)
	d := admit(t, sh, p.bench, "S-REAL-6", next)
	d.settles(lab.Running)
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atRight, atNoAnswer, atFound)
	if d.heard() == 0 {
		t.Error("the device came into restoration mode, but heard no break")
	}
	p.shot("right")
	p.presses("Start it")
	p.reads("it was only started")
	d.runs()
}

// TestSerialTalkative connects a device that talks while the port is being opened: boot messages, half a
// frame, bytes of another speed.
func TestSerialTalkative(t *testing.T) {
	p, d := clinic(t, "S-REAL-7", cableAdapter)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	noise := make([]byte, 600)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	d.chatter = slices.Concat([]byte("\r\n*** Booting ***\r\n[00:00:00.003] flash: 1024 KiB\r\n\x06\x09ABkAAA"), noise, []byte("\x04\x14AAAA"))
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound, atNoAnswer)
	p.presses("Restore")
	p.sees(atDone, atCableOut)
	d.runs()
}

// TestSerialHidden puts another tab in front while the device is being written. The device is whole and
// runs before anybody looks at the page again.
func TestSerialHidden(t *testing.T) {
	p, d := clinic(t, "S-REAL-8", cableAdapter)
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound)
	d.arm(accident{terminal.EventSector, 2, holdStill})
	p.presses("Restore")
	var back func()
	d.meanwhile(p, func() {
		back = p.looksElsewhere()
		p.ask("that it is hidden", `document.visibilityState === 'hidden'`)
		d.arm(accident{terminal.EventRunning, 1, holdStill})
	})
	d.meanwhile(p, func() { p.ask("that it is hidden", `document.visibilityState === 'hidden'`) })
	d.runs()
	back()
	p.ask("that it is in front", `document.visibilityState === 'visible'`)
	p.sees(atDone, atCableOut)
}

// TestSerialChooserCancelled closes the browser's own chooser without a choice.
func TestSerialChooserCancelled(t *testing.T) {
	p, d := clinic(t, "S-REAL-5")
	d.plug(cableAdapter)
	p.presses("Connect your device")
	// The chooser of a headless browser cannot be seen. A press beside it closes it.
	p.pressesBesideUntil(atNoPort)
	p.shot("no-port")
	p.reads("nothing was changed")
}
