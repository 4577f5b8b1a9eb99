package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// watchFocus looks at each frame whether the focus has fallen to the body, from which a keyboard begins anew.
const watchFocus = `window.fallen = []; window.doing = ''; (function look() {
	if (document.activeElement === document.body) { fallen.push(doing); document.querySelector('h1').focus(); }
	requestAnimationFrame(look);
})()`

// blank is a name that is missing in a sentence.
var blank = regexp.MustCompile(` [:.,;]|\\w  +\\w`)

// keys types into whatever has the focus.
func (p *screen) keys(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// enter presses Enter on the button with a label, as who uses a keyboard does.
func (p *screen) enterOn(label string) {
	p.t.Helper()
	find := `[...document.querySelectorAll('button')].find(b => b.offsetParent && !b.disabled && b.innerText.trim() === ` + strconv.Quote(label) + `)`
	p.until(find)
	p.eval(fmt.Sprintf(`window.doing = %q; %s.focus()`, label, find))
	p.keys(kb.Enter)
}

// into moves the focus to an element.
func (p *screen) into(selector string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector(%q)`, selector))
	p.eval(fmt.Sprintf(`window.doing = %q; const f = document.querySelector(%q); f.focus(); if (f.select) f.select()`, selector, selector))
}

// TestByKeyboard goes through Lab, Fleet and Restore with the keyboard alone: whatever is pressed, the focus stays at a place
// from which one goes on. On the way it looks at what the screens say.
func TestByKeyboard(t *testing.T) {
	s := startServer(t, "--demo")
	p := openPage(t, s.URL+"/#lab")
	p.until(`[...document.querySelectorAll('button')].some(b => b.innerText === 'Make a device')`)
	p.eval(`document.querySelector('h1').focus(); ` + watchFocus)
	p.enterOn("Make a device")
	p.says("Running release 1.")
	p.eval(`window.field = document.querySelector('#cut-n')`)
	p.enterOn("New device")
	p.enterOn("Make a device")
	p.until(`!document.querySelector('.make')`)
	p.says("Running release 1.")
	if p.text(`String(field.isConnected)`) != "true" {
		t.Error("the form for a new device takes the panel's place, and the focus of who is in it")
	}
	p.choose("pace", "as fast as it goes")
	for typed, says := range map[string]string{"1.5": "Nothing is armed. Type", "99999999": "No rewrite of this flash has more than", "-1": "Nothing is armed. Type", "1e3": "Nothing is armed. Type"} {
		p.into("#cut-n")
		p.keys(typed + kb.Enter)
		p.says(says)
		p.until(`document.querySelector('#cut-n').getAttribute('aria-invalid') === 'true' && document.querySelector('.cut button').innerText === 'Arm'`)
	}
	p.shot("lab-cut-refused")
	p.into("#cut-n")
	p.keys("400" + kb.Enter)
	p.says("Armed: the power fails inside flash operation 400.")
	p.until(`document.activeElement.id === 'cut-n'`)
	p.enterOn("Update over the air")
	p.enterOn("Switch it on")
	p.says("Bricked: a mixture of 1 and 2.")
	// The sector that the cut fell into is doubtful, whatever it reads: it is drawn as such, and counted.
	p.until(`[...document.querySelectorAll('.legend li')].some(l => /Damaged/.test(l.innerText) && /[1-9]/.test(l.innerText))`)
	p.shot("lab-doubtful")
	p.enterOn("Replay the cut")
	p.enterOn("Back to the device")
	p.says("Bricked: a mixture of 1 and 2.")

	p.into("#noise")
	p.keys(kb.End)
	p.says("1 in 1\u202f000")
	p.enterOn("Restore over the cable")
	p.says("Is the device safe?")
	p.says("What to do now")
	p.shot("lab-ended")
	p.into("#noise")
	p.keys(kb.Home)
	p.until(`document.querySelector('#noise-say').innerText === 'none'`)
	p.enterOn("Restore over the cable")
	p.says("Running release 2.")
	if log := p.text(`document.querySelector('.log').innerText`); blank.MatchString(log) {
		t.Errorf("a name is blank:\n%s", log)
	}
	p.into(".toggle")
	p.keys(" ")
	p.says("From its next start on it hangs.")
	p.keys(" ")

	p.eval(`location.hash = 'fleet'`)
	p.into("#token")
	p.keys(token + kb.Enter)
	// The device has said by itself what came of its repair: nobody has pressed anything since.
	p.until(`[...document.querySelectorAll('table.devices tr')].some(r => /LAB-/.test(r.innerText) && /Running/.test(r.innerText) && !/to 2/.test(r.innerText))`)
	p.shot("fleet-lab")
	p.eval(`location.hash = 'fleet-releases'`)
	p.enterOn("Withhold")
	p.until(`document.activeElement.innerText === 'Keep offering it'`)
	p.keys(kb.Escape)
	p.until(`document.activeElement.innerText === 'Withhold' && !document.body.innerText.includes('Keep offering it')`)
	p.keys(kb.Enter)
	p.until(`document.activeElement.innerText === 'Keep offering it'`)
	p.keys(kb.Enter)
	p.until(`document.activeElement.innerText === 'Withhold' && !document.body.innerText.includes('Keep offering it')`)
	p.keys(kb.Enter)
	p.until(`document.activeElement.innerText === 'Keep offering it'`)
	p.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
	p.keys(kb.Enter)
	p.says("Withheld")
	p.enterOn("Sign out")
	p.says("Sign in to the fleet.")

	p.eval(`navigator.serial.requestPort = () => Promise.reject(new Error('closed')); location.hash = 'restore'`)
	p.enterOn("Connect your device")
	p.says("Device not in the list?")
	p.enterOn("Show the list again")
	p.enterOn("It is in the list, but does not answer")
	p.says("Device not in the list?")
	p.into(".theme")
	p.keys(kb.Enter)
	p.until(`document.documentElement.dataset.theme === 'light'`)
	if fallen := p.text(`JSON.stringify([...new Set(fallen)])`); fallen != "[]" {
		t.Errorf("the focus fell to the body after %s", fallen)
	}
}
