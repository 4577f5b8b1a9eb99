package words

import (
	"strings"

	"unbrick/server/form"
	"unbrick/webui/fleetdata"
)

// seesDevices reports whether the part that is shown is of devices.
func seesDevices(f *fleetdata.Client) bool {
	return f.View == fleetdata.ViewDevices || f.View == fleetdata.ViewDevice || f.View == fleetdata.ViewStrangers
}

// deniedHeading is the headline where an account may not see what is there.
func deniedHeading(f *fleetdata.Client) string {
	if seesDevices(f) {
		return "This account does not see devices."
	}
	return "This account does not administer."
}

// deniedLead says what it would need.
func deniedLead(f *fleetdata.Client) string {
	need := "Accounts and tokens are for role admin."
	if seesDevices(f) {
		need = "Devices are for roles view and operate."
	}
	return "Account " + f.Who + " may " + strings.Join(f.Roles, ", ") + ". " + need + " Whoever administers the server can give it that."
}

// ReleasesNote says why releases have no buttons, if some have none; empty: all have theirs.
func ReleasesNote(f *fleetdata.Client) string {
	switch {
	case !f.May(form.MayPublish):
		return "To offer or to withhold a release needs role publish, which this account does not have."
	case len(f.Models) > 0:
		return "This account offers and withholds releases of " + onModels(f.Models) + " alone."
	}
	return ""
}

// DeviceNote says why a release that a device is held back from has no button; empty: it has, or there is none.
func DeviceNote(f *fleetdata.Client) string {
	held := len(heldActs(&f.Detail.Device)) > 0
	switch {
	case held && !f.May(form.MayHandle):
		return "To offer a release to it again needs role operate, which this account does not have."
	case held && !f.On(f.Detail.Device.Model):
		return "This account changes devices of " + onModels(f.Models) + " alone."
	}
	return ""
}
