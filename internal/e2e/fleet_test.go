package e2e

import "testing"

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
