package view

import "strconv"

// FleetScreen is what an operator sees, once signed in.
type FleetScreen struct{ Page *Root }

// part is what stands on the screen: "diagnostic", "signin", "away", "strange", "asking", "empty", "device", "releases",
// "devices" or "none".
func (c *FleetScreen) part() string {
	f := &c.Page.fleet
	switch {
	case f.view == fleetDiagnostic:
		return "diagnostic"
	case f.phase == fleetSignedOut:
		return "signin"
	case f.phase == fleetAway:
		return "away"
	case f.phase == fleetStrange:
		return "strange"
	case f.empty():
		return "empty"
	case f.view == fleetOne:
		return "device"
	case f.view == fleetReleases:
		return "releases"
	case f.got&gotSummary == 0:
		return "asking"
	case f.summary.Devices == 0:
		return "none"
	}
	return "devices"
}

// signedIn says whether the tabs of Fleet are of use.
func (c *FleetScreen) signedIn() bool {
	return c.Page.fleet.phase == fleetKnown && !c.Page.fleet.empty()
}

func (c *FleetScreen) tabs() []tab {
	list := []tab{{Path: "#fleet", Name: "Devices"}, {Path: "#fleet-releases", Name: "Releases"}, {Path: "#fleet-diagnostic", Name: "Diagnostic file"}}
	at := 0
	switch c.Page.fleet.view {
	case fleetReleases:
		at = 1
	case fleetDiagnostic:
		at = 2
	case fleetDevices, fleetOne:
	}
	list[at].Current = "page"
	return list
}

func (c *FleetScreen) signOut() { c.Page.signOut() }

// pane is the part that is one pane.
func (c *FleetScreen) pane() pane {
	r := c.Page
	switch c.part() {
	case "away":
		return pane{
			Heading: r.fleetHeading(),
			Lead:    "The fleet is as it was; this page asks again by itself. Restoring a device needs no server.",
			Acts:    []act{primary("Ask again", r.fleetAsk), secondary("Sign out", r.signOut)},
		}
	case "strange":
		lead := "It said: " + r.fleet.refusal + ". "
		if r.fleet.refusal == "" {
			lead = "Something else answered with status " + strconv.Itoa(r.fleet.status) + ". A proxy in between must pass on everything below the address of this page, /api and /link too. "
		}
		return pane{
			Heading: r.fleetHeading(),
			Lead:    lead + "The fleet is as it was; this page asks again by itself. Restoring a device needs no server.",
			Acts:    []act{primary("Ask again", r.fleetAsk), secondary("Sign out", r.signOut)},
		}
	case "none":
		return pane{
			Heading: r.fleetHeading(),
			Lead:    "Releases are ready. A device appears here with its first session. The Lab has one to try.",
			Acts:    []act{primary("Try the Lab", func() { r.hooks.Go("#lab") })},
		}
	}
	return pane{Heading: r.fleetHeading(), Acts: []act{waiting("One moment")}}
}
