//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unbrick/lab"
	"unbrick/terminal"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
)

// Headings and sizes of these tests.
const (
	atSure       = "Erase its settings?"
	atStarted    = "It runs release 2."
	settingsSize = 12 << 10 // of both areas, the end of the flash
)

// furnished is a clinic whose patient has settings, which some program has filled.
func furnished(t *testing.T, serial string) (*technician, *patient) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	sh, _, next := published(t, "--settings", "calibration:8KiB", "--settings", "user:4KiB")
	p := newTechnician(t, sh.url, cableAdapter)
	o := sh.run(t, append(factory(serial, serial+".flash"), "--update", "--cut-at", fmt.Sprint(cutOperation), "--tear", "half")...)
	if o.code != exitBricked {
		t.Fatalf("a cut in operation %d ends with code %d, want %d\n%s", cutOperation, o.code, exitBricked, o.stderr)
	}
	raw := sh.read(t, serial+".flash")
	for i := range raw[len(raw)-settingsSize:] {
		raw[len(raw)-settingsSize+i] = byte(i%241) ^ 0x1e
	}
	sh.write(t, serial+".flash", raw)
	d := admit(t, sh, p.bench, serial, next)
	d.settles(lab.Restoration)
	return p, d
}

// kept returns a copy of the bytes of all settings areas.
func (d *patient) kept() []byte {
	raw := d.device.Raw()
	return raw[len(raw)-settingsSize:]
}

// erased fails unless the settings areas hold nothing.
func (d *patient) erased() {
	d.t.Helper()
	if !bytes.Equal(d.kept(), bytes.Repeat([]byte{0xff}, settingsSize)) {
		d.t.Error("the settings areas are not erased")
	}
}

// chooses takes the choice with these words.
func (p *technician) chooses(words string) {
	p.t.Helper()
	place := p.ask(fmt.Sprintf("a choice %q", words), fmt.Sprintf(`(() => {
		const label = seen('label.choice').find(e => words(e).includes(%q) && !e.querySelector('input').disabled);
		if (!label) return '';
		label.scrollIntoView({ block: 'center', behavior: 'instant' });
		const r = label.querySelector('input').getBoundingClientRect();
		return (r.x + r.width / 2) + ' ' + (r.y + r.height / 2);
	})()`, words))
	var x, y float64
	if _, err := fmt.Sscan(place, &x, &y); err != nil {
		p.t.Fatal(err)
	}
	if err := chromedp.Do(p.ctx, chromedp.MouseClickXY(x, y)); err != nil {
		p.t.Fatalf("choose %q: %v", words, err)
	}
}

// TestSerialSettingsKept restores a device with settings and asks for nothing: not a byte of them changes.
func TestSerialSettingsKept(t *testing.T) {
	p, d := furnished(t, "S-REAL-SET-1")
	was := d.kept()
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound)
	p.reads("Settings", "Kept")
	p.presses("Restore")
	p.sees(atDone, atCableOut, atSure)
	p.reads("Kept")
	d.runs()
	if !bytes.Equal(d.kept(), was) {
		t.Error("the settings areas have changed, and nobody asked for it")
	}
}

// TestSerialSettingsErased has the settings of a device erased that is restored, with the cable out in the
// middle of it, and then those of the same device, with nothing wrong with its software.
func TestSerialSettingsErased(t *testing.T) {
	p, d := furnished(t, "S-REAL-SET-2")
	was := d.kept()
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound)
	p.presses("Change what happens to its settings")
	p.chooses("Keep them")
	p.shot("choice")
	p.chooses("Erase them")
	p.reads("calibration (8 KB) and user (4 KB) are lost, for good", "Will be erased")
	p.presses("Restore")
	p.sees(atSure, atDone)
	p.reads("calibration", "8 KB", "user", "4 KB", "Nothing has been written yet.")
	p.shot("sure")
	if !bytes.Equal(d.kept(), was) {
		t.Error("the settings areas have changed before the question was answered")
	}
	d.arm(accident{terminal.EventErased, 1, cableOut})
	p.presses("Restore and erase")
	d.comesOut(p, cableOut)
	p.sees(atCableOut, atDone)
	p.reads("Its software is verified.", "Its software is whole and starts.")
	p.shot("out")
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect again")
	p.sees(atStarted, atFound)
	p.reads("Erased")
	p.shot("done")
	d.runs()
	d.erased()

	p.presses("Connect another")
	p.presses("Connect your device")
	p.sees(atRight, atNoAnswer, atFound)
	p.presses("Change what happens to its settings")
	p.chooses("Erase them")
	p.shot("right")
	p.presses("Erase settings and start")
	p.sees(atSure, atDone) // atStarted is part of what is shown before
	p.presses("Erase and start it")
	p.sees(atStarted, atCableOut)
	p.reads("Erased", "so nothing of it was written")
	d.runs()
	d.erased()
}

// TestSerialBackup saves what a device holds before it is restored: the file is the software area, byte for
// byte, and the restoration goes on from the same question.
func TestSerialBackup(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a browser")
	}
	sh, _, next := published(t, "--readout")
	p := newTechnician(t, sh.url, cableAdapter)
	folder := t.TempDir()
	events := true
	if _, err := chromedp.Call(p.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder, EventsEnabled: &events}); err != nil {
		t.Fatal(err)
	}
	downloads := chromedp.Events(p.ctx, browser.DownloadProgress)
	d := brick(t, sh, p.bench, "S-REAL-BACK", cutOperation, next)
	held := d.device.Raw()[softwareBase:]
	d.plug(cableAdapter)
	p.notices()
	p.presses("Connect your device")
	p.sees(atFound)
	p.shot("offer")
	p.presses("Save a backup first")
	// Of the button all words, so that nothing of the one before is left in it.
	p.ask("how far the backup is", `seen('button').some(b => /^Reading, [1-9]\d* KB of 952 KB$/.test(words(b)))`)
	p.reads("Saving what it holds.", "Nothing is written.")
	p.shot("reading")
	for e, err := range downloads {
		if err != nil {
			p.shot("no-file")
			t.Fatalf("no file came: %v; the page shows:\n%s", err, p.text())
		}
		if e.State == browser.DownloadProgressStateCompleted {
			break
		}
	}
	p.sees(atFound)
	p.shot("saved")
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Fatalf("the browser saved %v, %v", files, err)
	}
	if name := files[0].Name(); !strings.Contains(name, "S-REAL-BACK") || !strings.HasSuffix(name, "-at-0x12000.bin") {
		t.Errorf("the backup is called %q", name)
	}
	got, err := os.ReadFile(filepath.Join(folder, files[0].Name()))
	if err != nil || !bytes.Equal(got, held) {
		t.Errorf("the backup has %d bytes, which are not the %d of the flash; %v", len(got), len(held), err)
	}
	if offered := strings.Contains(p.text(), "Save a backup first"); offered {
		t.Error("a second backup is offered")
	}
	p.presses("Restore")
	p.sees(atDone, atCableOut)
	d.runs()
}
