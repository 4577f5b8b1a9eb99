package words

import (
	"strconv"
	"time"

	"unbrick/server/form"
	"unbrick/webui/fleetdata"
)

// FleetHeading is the headline of the present part of Fleet.
func FleetHeading(f *fleetdata.Client, d *OpenedFile) string {
	switch {
	case f.View == fleetdata.ViewDiagnostic:
		return DiagnosticPane(d).Heading
	case f.Phase == fleetdata.SignedOut:
		return SignInHeading
	case f.Phase == fleetdata.Away:
		return "The server does not answer."
	case f.Phase == fleetdata.Strange && f.Refusal == "":
		return "This is not the server’s answer."
	case f.Phase == fleetdata.Strange:
		return "The server refused."
	case !f.Knows():
		return "Asking the server."
	case f.Denied():
		return deniedHeading(f)
	case f.View == fleetdata.ViewLog:
		return LogHeading
	case f.View == fleetdata.ViewAccounts:
		return AccountsHeading
	case f.View == fleetdata.ViewAccount:
		return AccountHeading(f)
	case f.View == fleetdata.ViewNewAccount:
		return NewAccountHeading
	case f.View == fleetdata.ViewStrangers:
		return StrangersHeading
	case f.Empty():
		return EmptyHeading
	case f.View == fleetdata.ViewDevice:
		return f.Serial
	case f.View == fleetdata.ViewReleases:
		return ReleasesHeading
	case f.Of() != "":
		return "Devices of model " + f.Of() + "."
	case !f.Got(fleetdata.GotSummary):
		return "Asking the server."
	case f.Summary.Devices == 0 && f.Strangers() > 0:
		return "No device is proven yet."
	case f.Summary.Devices == 0:
		return "No device has called yet."
	}
	s := Count(f.Summary.Devices, "device", "devices") + "."
	if n := f.Summary.Groups["restoration"] + f.Summary.Groups["needs-cable"]; n > 0 {
		s += " " + Count(n, "waits", "wait") + " for a cable."
	}
	return s
}

// AskAgain and SignOut are wishes of Fleet, and so are SetRelease and FreeRelease: a change of what the server offers.
type (
	AskAgain   struct{}
	SignOut    struct{}
	SetRelease struct {
		Release *form.Release
		To      string // state
		Done    string // what is said when it is done
	}
	FreeRelease struct{ Image string }
	// OpenDiagnostic wants a diagnostic file chosen and shown.
	OpenDiagnostic struct{}
)

// FleetPane is a part of Fleet that is one pane.
func FleetPane(f *fleetdata.Client) Pane {
	p := Pane{Heading: FleetHeading(f, nil)}
	const stays = "The fleet is as it was; this page asks again by itself. Restoring a device needs no server."
	again := []Act{Primary("Ask again", AskAgain{}), Secondary("Sign out", SignOut{})}
	switch {
	case f.Phase == fleetdata.Away:
		p.Lead, p.Acts = stays, again
	case f.Phase == fleetdata.Strange && f.Refusal == "":
		p.Lead, p.Acts = "Something else answered with status "+strconv.Itoa(f.Status)+
			". A proxy in between must pass on everything below the address of this page, /api and /link too. "+stays, again
	case f.Phase == fleetdata.Strange:
		p.Lead, p.Acts = "It said: "+f.Refusal+". "+stays, again
	case f.Denied():
		p.Lead = deniedLead(f)
	case f.Got(fleetdata.GotSummary) && f.Strangers() > 0:
		p.Lead = "Somebody spoke, and is not proven to be a device: look who it is, and approve what is yours."
		p.Acts = []Act{Primary("Look who spoke", GoTo{fleetdata.StrangersPath})}
	case f.Got(fleetdata.GotSummary) && len(f.Releases) == 0:
		p.Lead = "Nothing is published yet, either. Who has role publish does that, with unbrick publish."
	case f.Got(fleetdata.GotSummary):
		p.Lead = "Releases are ready. A device appears here with its first session. The Lab has one to try."
		p.Acts = []Act{Primary("Try the Lab", GoTo{"#lab"})}
	default:
		p.Acts = []Act{Waiting("One moment")}
	}
	return p
}

// FoundDevices says how many of the devices are shown, of which that many are drawn.
func FoundDevices(f *fleetdata.Client, drawn int) string {
	n := len(f.Devices)
	switch {
	case !f.Got(fleetdata.GotDevices):
		return "Searching"
	case f.Total == 0:
		return "None matches"
	case n > drawn:
		return Group(uint64(n-drawn+1)) + " to " + Group(uint64(n)) + " of " + Group(uint64(f.Total)) + ", those in need first"
	}
	return Group(uint64(n)) + " of " + Group(uint64(f.Total)) + ", those in need first"
}

// LeadPart is a number that leads to what it counts.
type LeadPart struct{ Number, Words, Search string }

// FleetLead says how many devices run what, and how many are silent.
func FleetLead(s *form.Summary) []LeadPart {
	var list []LeadPart
	for i, c := range s.Releases {
		if i == 3 || c.Installed == 0 {
			break
		}
		tail := ""
		if i == 0 {
			tail = "release "
		}
		list = append(list, LeadPart{Group(uint64(c.Installed)), either(c.Installed, " runs ", " run ") + tail + c.Version, c.Version})
	}
	if n := s.Groups["silent"]; n > 0 {
		list = append(list, LeadPart{Group(uint64(n)), either(n, " has been silent for a day", " have been silent for a day"), "silent"})
	}
	for i := range list {
		if i < len(list)-1 {
			list[i].Words += ", "
		} else {
			list[i].Words += "."
		}
	}
	return list
}

// DeviceRow is one line of the table of devices.
type DeviceRow struct {
	Path, Serial, Model, Release string
	Sign, State, Small, Last     string
	Proof                        Proof
}

func DeviceRows(list []form.Device, now time.Time) []DeviceRow {
	rows := make([]DeviceRow, len(list))
	for i := range list {
		d := &list[i]
		row := DeviceRow{Path: fleetdata.DevicePath(d.Model, d.Serial), Serial: d.Serial, Model: d.Model, Release: d.Release.Version,
			Last: Ago(d.LastSeen, now), Proof: ProofOf(d)}
		if d.Target != nil && d.Target.Version != "" && d.Target.Version != d.Release.Version {
			row.Release = d.Release.Version + " to " + d.Target.Version
		}
		if d.Demo {
			row.Model += ", example"
		}
		row.Sign, row.State, row.Small = groupWords(d, now)
		rows[i] = row
	}
	return rows
}

// groupWords is a device's situation: the lamp's shape, the word, and what explains it.
func groupWords(d *form.Device, now time.Time) (sign, state, small string) {
	switch d.Group {
	case "running", "rewriting", "overdue", "silent":
		if d.Told {
			return "off", "Restored, as told", "a page or the command says so; the device itself has not said so yet"
		}
	}
	switch d.Group {
	case "restoration":
		return "bad", "In restoration mode", "as its restorer reported"
	case "needs-cable":
		return "bad", "Needs the cable", "the update needs " + KiB(uint64(d.Needs)) + ", it has " + KiB(uint64(d.Workspace))
	case "overdue":
		return "bad", "No word since its rewrite", "received everything, then silent"
	case "held-back":
		for _, a := range d.Attempts {
			switch {
			case a.Held && a.By == "operator":
				return "off", "Held back", "by the operator"
			case a.Held && a.Failures > 0:
				return "off", "Held back", "it says that its rewrites went wrong"
			}
		}
		return "off", "Held back", "its history says why"
	case "silent":
		return "off", "Silent since " + shortDay(d.LastSeen, now), ""
	case "receiving":
		if p := d.Progress; p != nil && p.Size > 0 {
			small = KB(uint64(p.Sent)) + " of " + KB(uint64(p.Size))
		}
		return "live", "Receiving", small
	case "rewriting":
		return "live", "Rewriting", ""
	}
	switch {
	case d.Restored != nil && now.Sub(*d.Restored) < 24*time.Hour:
		small = "restored over the cable"
	case !d.Release.Confirmed:
		small = "not confirmed yet"
	}
	return "ok", "Running", small
}

// marked adds what nobody may overlook to what explains a device's situation.
func marked(d *form.Device, small string) string {
	const conflict = "two seem to have its key, so it is not counted"
	switch {
	case d.Conflict == nil:
		return small
	case small == "":
		return conflict
	}
	return small + ", " + conflict
}

func shortDay(t, now time.Time) string {
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04")
	}
	return t.Format("2 Jan")
}

// Teach are the three commands of the first release.
var Teach = []Help{
	{Head: "Make a key, once", Command: "unbrick key new -o release.key"},
	{Head: "Describe the model", Command: "unbrick model put 0001 --flash 1MiB --geometry 4KiB --program-unit 8 --ram 256KiB"},
	{Head: "Publish the image", Command: "unbrick publish --key release.key --model 0001 --version 1 firmware.bin"},
}

// What stands on the parts of Fleet, whatever the server says.
const (
	SignInHeading = "Sign in to the fleet."
	SignInLead    = "A token says which account you are. Whoever administers the server makes one for you, on this page or with " +
		"unbrick token make; the first one is what the server printed when it first started, or what UNBRICK_TOKEN said."
	SignInHint = "This page keeps no token; your browser’s password manager may. You stay signed in for 12 hours after Fleet was last " +
		"open, and for 7 days at most. The end of the token, or a change of your rights, ends it, too."
	SignInName  = "For your browser’s password manager. The token alone says who you are."
	SignInClear = "This address is not protected: whoever is on the network in between could read your token. Sign in at the https address, " +
		"or on the machine that runs the server."
	EmptyHeading    = "Publish your first release."
	EmptyLead       = "Make a key, describe the model, publish the image. Run these where your firmware is; the key never leaves that machine."
	ReleasesHeading = "Releases"

	SignInAside HTML = `Lost it? Ask for another one. Who runs the server’s machine always gets in: start it with a token of your own in ` +
		`<code>UNBRICK_TOKEN</code>. To <a ` +
		`href="#restore">restore a device</a>, or to <a href="#fleet-diagnostic">open a diagnostic file</a>, you need none.`
	EmptyAside HTML = `The commands find this server and your account by <code>UNBRICK_SERVER</code> and <code>UNBRICK_TOKEN</code>.`
)
