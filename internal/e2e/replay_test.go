package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"unbrick/emulator"
	"unbrick/flash"
	"unbrick/internal/firmware"
	"unbrick/lab/sweep"
)

// mapPicture is the flash map as the page has drawn it.
func (p *screen) mapPicture() string {
	p.t.Helper()
	return p.text(`document.querySelector('#lab-map canvas').toDataURL()`)
}

// scrub moves the range of the replay, as a drag does, and waits for words beside it.
func (p *screen) scrub(at int, words string) {
	p.t.Helper()
	p.eval(fmt.Sprintf(`const r = document.getElementById('replay'); r.value = %d; r.dispatchEvent(new Event('input', {bubbles: true}))`, at))
	p.until(fmt.Sprintf(`document.getElementById('replay-say').innerText.includes(%q)`, words))
}

func (p *screen) key(k string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(k))
}

// TestReplayLink opens the link of a run, as a report has it: the page finds both images by their digests,
// computes the run anew, and ends in the same flash as the command, to the bit.
func TestReplayLink(t *testing.T) {
	old, new := firmware.Mithermo() // which the demo publishes
	shape := sweep.Shape{Runs: []flash.Run{{Size: 4096, Count: uint32(max(len(old), len(new))/4096 + 4)}}, Unit: 8, Page: 256, Erased: 0xFF}
	subject, err := sweep.NewSubject(t.Context(), "e2e", shape, old, new, 5)
	if err != nil {
		t.Fatal(err)
	}
	mend := sweep.Restoring(sweep.RoadFile, sweep.New)
	run := sweep.Run{Cuts: []sweep.Cut{{In: sweep.ActUpdate, Op: 120, Tear: emulator.Half}}, Mend: mend}
	want, err := subject.Replay(t.Context(), &run)
	if err != nil {
		t.Fatal(err)
	}
	digest, ops := fmt.Sprintf("%x", want.Flash[:8]), fmt.Sprint(want.Operations())
	id := subject.ID(&run)
	s := startServer(t, "--demo")

	// The command says the same of the same id.
	dir := t.TempDir()
	for name, image := range map[string][]byte{"old.bin": old, "new.bin": new} {
		if err := os.WriteFile(filepath.Join(dir, name), image, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program(t), "powercut", "--old", "old.bin", "--new", "new.bin", "--replay", id.String())
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), digest) {
		t.Errorf("powercut --replay: %v, want flash %s\n%s", err, digest, out)
	}

	p := openPage(t, s.URL+"/#lab/replay/"+id.String())
	p.says("Replay of a cut at flash operation 120. The device itself is not touched.")
	p.until(`document.getElementById('replay-say').innerText.includes('Power failed here: half of the bytes.')`)
	if got := strings.Join(strings.Fields(p.text(`document.getElementById('replay-op').innerText`)), ""); got != "120of"+ops {
		t.Errorf("the replay reads %q, want operation 120 of %s", got, ops)
	}
	p.until(`document.querySelector('.power').inert && document.querySelector('.wire').inert && document.querySelector('.big').innerText === 'Off'`)
	cut := p.mapPicture()
	p.shot("lab-replay-cut")

	p.scrub(0, "Before the first flash operation.")
	before := p.mapPicture()
	last := p.text(`document.getElementById('replay').max`)
	var n int
	fmt.Sscan(last, &n)
	p.scrub(n, "The end: release 2 runs.")
	end := p.mapPicture()
	if cut == before || cut == end || before == end {
		t.Error("the flash map does not change")
	}
	p.until(fmt.Sprintf(`document.querySelector('.log').innerText.includes(%q)`, digest))
	if got := p.step(20); got != "done" {
		t.Errorf("at the end S20 is %q", got)
	}
	p.shot("lab-replay-end")

	// The keyboard: arrows go one step, Page keys to another sector.
	p.scrub(60, "of")
	p.until(`document.getElementById('replay').value === '60'`)
	p.eval(`document.getElementById('replay').focus()`)
	p.key(kb.ArrowRight)
	p.until(`document.getElementById('replay').value === '61' && document.getElementById('replay-op').innerText.startsWith('61 ')`)
	p.key(kb.PageUp)
	spoken := `document.getElementById('replay').getAttribute('aria-valuetext')`
	p.until(`!document.getElementById('replay-op').innerText.startsWith('61 ') && / sector 0x/.test(` + spoken + `)`)
	sector := p.text(spoken + `.match(/0x[0-9a-f]+/)[0]`)
	p.key(kb.PageUp)
	p.until(`!` + spoken + `.includes('` + sector + `')`)
	p.key(kb.PageDown)
	p.until(spoken + `.includes('` + sector + `')`)
	p.press("Play")
	p.until(`+document.getElementById('replay').value > 70`)
	p.press("Pause")

	p.do(chromedp.EmulateViewport(360, 800))
	p.until(`document.documentElement.scrollWidth <= innerWidth`)
	p.shot("lab-replay-phone")
	p.press("Back to the device")
	p.says("No device has been made yet.")
	if got := p.text(`location.hash`); got != "#lab" {
		t.Errorf("the address is %q", got)
	}
}

// TestReplayTheCut plays the last cut of the Lab's own device, which waits meanwhile and is then restored.
func TestReplayTheCut(t *testing.T) {
	p := makeDevice(t, startServer(t, "--demo"))
	p.enter("cut-n", "400")
	p.press("Arm")
	p.press("Update over the air")
	p.press("Switch it on")
	p.says("Bricked: a mixture of 1 and 2.")
	device := p.mapPicture()
	p.press("Replay the cut")
	p.says("Replay of a cut at flash operation 400.")
	p.shot("lab-replay-own")
	p.scrub(200, "programmed into")
	p.until(`document.querySelector('.stack .space')`)
	if p.mapPicture() == device {
		t.Error("the flash map does not change")
	}
	p.shot("lab-replay-own-200")
	p.press("Cut here instead")
	p.says("Bricked: a mixture of 1 and 2.")
	if got := p.text(`document.getElementById('cut-n').value`); got != "200" {
		t.Errorf("the field for a cut has %q", got)
	}
	if p.mapPicture() != device {
		t.Error("the device was touched")
	}
	p.press("Restore over the cable")
	p.says("Running release 2.")
}

// TestReplayWithoutImages opens the link of a run whose images nobody has.
func TestReplayWithoutImages(t *testing.T) {
	old, new := firmware.Mithermo()
	old[0] ^= 1
	shape := sweep.Shape{Runs: []flash.Run{{Size: 4096, Count: uint32(max(len(old), len(new))/4096 + 4)}}, Unit: 8, Page: 256, Erased: 0xFF}
	subject, err := sweep.NewSubject(t.Context(), "e2e", shape, old, new, 5)
	if err != nil {
		t.Fatal(err)
	}
	id := subject.ID(&sweep.Run{Cuts: []sweep.Cut{{In: sweep.ActUpdate, Op: 9}}})
	p := openPage(t, startServer(t, "--demo").URL+"/#lab/replay/"+id.String())
	p.says(fmt.Sprintf("The replay needs the image whose SHA-256 begins with %x.", id.Old))
	p.shot("lab-replay-missing")
	p.eval(`location.hash = 'lab/replay/nonsense'`)
	p.says("This replay cannot be shown")
	p.press("Back to the device")
	p.says("No device has been made yet.")
}
