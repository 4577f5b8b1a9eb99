package e2e

import (
	"regexp"
	"strings"
	"testing"

	"unbrick/internal/firmware"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestFleet signs an operator in, with a wrong token first, and looks at every part of Fleet: what the
// server answers is read by the program that people get.
func TestFleet(t *testing.T) {
	p := openPage(t, startServer(t, "--demo").URL+"/#fleet")
	p.says("Sign in to the fleet.")
	p.enter("token", "wrong")
	p.press("Sign in")
	p.says("This token is not known here.")
	p.enter("token", token)
	p.press("Sign in")
	p.until(`document.querySelector('table.devices tbody a')`)
	p.shot("fleet-devices")
	p.eval(`document.querySelector('table.devices tbody a').click()`)
	p.until(`document.querySelector('ol.history li')`)
	p.shot("fleet-device")
	p.eval(`location.hash = 'fleet-releases'`)
	p.until(`document.querySelectorAll('table.releases tbody tr').length > 1`)
	p.press("Withhold")
	p.says("Keep offering it") // asked once: every device feels it
	p.shot("fleet-withhold")
	p.press("Withhold")
	p.says("Withheld")
	p.shot("fleet-releases")
	p.eval(`location.hash = 'fleet-log'`)
	p.says("sets release")
	p.says("signs in")
	p.shot("fleet-log")
	p.eval(`location.hash = 'fleet-accounts'`)
	p.says("operate, publish, admin")
	p.shot("fleet-accounts")
	p.eval(`location.reload()`) // the page has no token, and is known
	p.says("operate, publish, admin")
	p.press("Sign out")
	p.says("Sign in to the fleet.")
}

// TestFleetAccounts: an admin makes an account and its token with the keyboard, is told what is refused, and hands the token over; the new
// account signs in with it, sees its own parts alone, and is out when the admin removes it.
func TestFleetAccounts(t *testing.T) {
	s := startServer(t, "--demo")
	p := openPage(t, s.URL+"/#fleet-new-account")
	p.into("#username")
	p.keys("environment" + kb.Tab + token + kb.Enter)
	p.says("New account")
	p.eval(watchFocus)
	p.into("#account-name")
	p.keys("environment" + kb.Tab + " ") // role view
	p.enterOn("Make the account")
	p.says("The server refused: the account environment is the server")
	p.into("#account-name")
	p.keys("night" + kb.Tab + " ") // view no more
	p.keys(kb.Tab + kb.Tab + " ")  // role publish
	p.keys(kb.Tab + kb.Tab + "0001" + kb.Enter)
	p.until(`location.hash === '#fleet-account/night' && document.activeElement === document.querySelector('h1')`)
	p.says("It has no token.")
	p.shot("fleet-account")
	p.into("#token-days")
	p.keys("1.5" + kb.Enter)
	p.says("Days are a whole number")
	p.into("#token-days")
	p.keys("30" + kb.Enter)
	p.until(`document.activeElement.id === 'made-h'`)
	secret := p.text(`document.querySelector('#new-token').innerText`)
	if !strings.HasPrefix(secret, "ubk_") || len(secret) < 60 {
		t.Fatalf("the token is %q", secret)
	}
	p.says("It is not shown again")
	p.shot("fleet-token-made")
	p.enterOn("I have kept it")
	p.until(`document.activeElement.id === 'tokens-h' && !document.body.innerText.includes('ubk_')`)
	p.says(secret[4:12])

	other := openPage(t, s.URL+"/#fleet")
	other.into("#username")
	other.keys("night" + kb.Tab + secret[:20] + kb.Enter)
	other.says("This token is not known here.")
	other.until(`document.activeElement.id === 'token'`)
	other.into("#token")
	other.keys(secret + kb.Enter)
	other.until(`document.querySelector('table.releases')`)
	if tabs := other.text(`[...document.querySelectorAll('.subtabs a')].map(a => a.innerText).join(', ')`); tabs != "Releases, Log, Diagnostic file" {
		t.Errorf("role publish sees %s", tabs)
	}
	if buttons := other.text(`String(document.querySelectorAll('table.releases button').length)`); buttons == "0" {
		t.Error("who publishes has no button for it")
	}
	other.says("This account offers and withholds releases of model 0001 alone.")
	other.shot("fleet-as-publish")
	other.eval(`location.hash = 'fleet-accounts'`)
	other.says("This account does not administer.")
	other.eval(`location.hash = 'fleet'`)
	other.do(chromedp.Reload())
	other.until(`document.querySelector('table.releases')`)

	p.eval(`document.querySelector('#role-view').focus()`)
	p.keys(" ")
	p.enterOn("Save")
	p.says("Saved.")
	other.says("Sign in to the fleet.") // its rights have changed
	other.into("#token")
	other.keys(secret + kb.Enter)
	other.until(`document.querySelector('table.devices tbody a')`)
	other.says("Devices")

	p.enterOn("Remove the account")
	p.says("Remove account night? Its 1 token ends at once")
	p.until(`document.activeElement.innerText === 'Keep it'`)
	p.confirms()
	p.until(`location.hash === '#fleet-accounts' && !document.querySelector('table.accounts a[href$="/night"]')`)
	other.says("Sign in to the fleet.")
	other.into("#token")
	other.keys(secret + kb.Enter)
	other.says("This token is not known here.")
	if fallen := p.text(`JSON.stringify([...new Set(fallen)])`); fallen != "[]" {
		t.Errorf("the focus fell to the body after %s", fallen)
	}
}

// confirms answers a question by the keyboard: the focus is on what leaves all as it is, and before it is what does it.
func (p *screen) confirms() {
	p.t.Helper()
	p.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
	p.keys(kb.Enter)
}

// TestFleetApproves: a device that nobody enrolled speaks, changes nothing, is approved on the page by the keyboard, and is proven with its
// next session; another that takes its serial is told apart.
func TestFleetApproves(t *testing.T) {
	s := startServer(t, "--data", t.TempDir())
	sh := newShell(t, s)
	old, next := firmware.Mithermo()
	sh.write(t, "v1.bin", old)
	sh.write(t, "v2.bin", next)
	sh.must(t, 0, "key", "new", "-o", "release.key")
	sh.must(t, 0, "model", "put", "0001", "--flash", "1MiB", "--geometry", "4KiB", "--program-unit", "8", "--ram", "256KiB", "--boot", "64KiB")
	sh.must(t, 0, "publish", "--key", "release.key", "--model", "0001", "--version", "1", "v1.bin")
	sh.must(t, 0, append(factory("S1", "dev.bin"), "--update")...)
	p := openPage(t, s.URL+"/#fleet")
	p.says("Sign in to the fleet.")
	p.enter("token", token)
	p.press("Sign in")
	p.says("No device is proven yet.")
	p.shot("fleet-nobody-proven")
	p.eval(watchFocus)
	p.enterOn("Look who spoke")
	p.until(`document.querySelector('table.strangers tbody a') && document.activeElement === document.querySelector('h1')`)
	p.says("Waits for approval")
	begins := p.text(`document.querySelector('table.strangers td.mono').innerText`)
	p.shot("fleet-strangers")
	p.enterOn("Approve")
	p.until(`document.activeElement.innerText === 'Leave it'`)
	asked := p.text(`document.querySelector('table.strangers .question').innerText`)
	key := regexp.MustCompile(`(?:[0-9a-f]{8} ){7}[0-9a-f]{8}`).FindString(asked)
	if !strings.HasPrefix(key, begins) || !strings.Contains(asked, "device S1 of model 0001") {
		t.Fatalf("the list says %q, and asked is %q", begins, asked)
	}
	p.confirms()
	p.says("Approved.")
	p.until(`!document.querySelector('table.strangers') && document.activeElement === document.querySelector('h1')`)
	p.eval(`location.hash = 'fleet-device/0001/S1'`)
	p.says("Its key is enrolled, and it has not spoken with it yet.")

	sh.must(t, 0, "publish", "--key", "release.key", "--model", "0001", "--version", "2", "v2.bin")
	var got emulated
	sh.must(t, 0, "emulate", "--model", "0001", "--flash", "dev.bin", "--update", "--json").last(t, &got)
	if got.Release != "2" {
		t.Errorf("got %+v", got)
	}
	if o := sh.must(t, 0, "device", "show", "0001", "S1", "--json"); !strings.Contains(o.stdout, strings.ReplaceAll(key, " ", "")) {
		t.Errorf("the device is known by another key than %s: %s", key, o.stdout)
	}
	p.says("What it signs is the device’s word.")
	p.eval(`location.hash = 'fleet'`)
	p.until(`[...document.querySelectorAll('table.devices tbody tr')].some(r => r.innerText.includes('S1') && r.innerText.includes('Proven'))`)
	p.shot("fleet-proven")

	sh.must(t, 0, append(factory("S1", "other.bin"), "--update")...) // a new board, or somebody else
	p.says("1 who spoke is not proven, and not counted.")
	p.eval(`document.querySelector('table.devices tbody a').click()`)
	p.says("Has another key")
	p.enterOn("This is its new board")
	p.says("Give device S1 of model 0001 the key")
	p.until(`document.activeElement.innerText === 'Leave it'`)
	p.confirms()
	p.says("A barred key")
	p.says("The device has not spoken with it yet.")
	p.shot("fleet-rekeyed")
	if fallen := p.text(`JSON.stringify([...new Set(fallen)])`); fallen != "[]" {
		t.Errorf("the focus fell to the body after %s", fallen)
	}
}
