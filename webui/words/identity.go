package words

import (
	"cmp"
	"time"

	"unbrick/server/form"
	"unbrick/webui/fleetdata"
)

// What stands on the screen of strangers.
const (
	StrangersHeading = "Who is not proven"
	LookAtStrangers  = "Look who they are"
	ExampleStrangers = "Those marked “example” came with the demonstration. Nobody spoke."
)

// StrangersLead says what a stranger is.
func StrangersLead() string {
	return "Each spoke under a serial, and has not shown that it is the device that has it. It is offered updates, and counts for " +
		"nothing: in no rollout, no hold, no number of the fleet. The server keeps the last " + Group(fleetdata.MaxStrangers) + "."
}

// example is the address of strangers of the demonstration: no connection has such a one.
const example = "example"

// IsExample reports whether a stranger came with the demonstration.
func IsExample(s *form.Stranger) bool { return s.Address == example }

// Proof is by what a device is believed: a mark, and what it means.
type Proof struct{ Class, Is string }

// ProofOf says whether what is known of a device is its own word.
func ProofOf(d *form.Device) Proof {
	switch {
	case d.Conflict != nil:
		return Proof{"proof two", "Conflict, not counted"}
	case d.Key != "":
		return Proof{"proof", "Proven"}
	}
	return Proof{"proof none", "Never proven"}
}

// StrangersLine is the line above the devices that leads to the strangers; empty: there are none.
func StrangersLine(f *fleetdata.Client) string {
	switch n := f.Strangers(); {
	case f.Of() != "":
		return "Who spoke as one of this model and is not proven is not listed here."
	case n > 0:
		return Group(uint64(n)) + " who spoke " + either(n, "is", "are") + " not proven, and not counted."
	}
	return ""
}

// NobodyProven is the line under a serial that no proven device has spoken under.
func NobodyProven(k *form.Known) string {
	if len(k.DeviceKeys) > 0 && k.DeviceKeys[0].State == enrolled {
		return "Its key is enrolled, and it has not spoken with it yet."
	}
	return "Nobody who spoke under this serial is proven to be its device."
}

// EnrolKey wants a key made that of a device, in place of the one that it has if Anew is set; ForgetStrangers those of a model, or of a
// serial, forgotten; SetEnrolment another way by which devices of a model are enrolled.
type (
	EnrolKey struct {
		Model, Serial, Key string
		Anew               bool
	}
	ForgetStrangers struct{ Model, Serial string }
	SetEnrolment    struct{ Model, How string }
)

// enrolled is the state of a key that counts.
const enrolled = "enrolled"

// standing is for whom somebody is taken: a mark, a few words, what it means, and what to do.
type standing struct{ word, sign, is, means string }

// standings are those by their word. Those that hold the key that they name can be enrolled.
var standings = []standing{
	{"pending", "off", "Waits for approval", "It holds the key that it signs with, and its serial has none yet. If it is your device, " +
		"approve it."},
	{"second-key", "bad", "Has another key", "It holds another key than the one that is enrolled. If the device got a new board, say so; " +
		"if not, somebody else uses its serial."},
	{"barred-key", "bad", "Has a barred key", "It holds the key that the device had before it got another. If the old board is back " +
		"for good, say so; if not, leave it."},
	{"other-name", "off", "Spoke to another name", "It signed for a name that is none of this server’s. If it is one, start the server " +
		"with --name and that name; if not, somebody in between may pass on what it says."},
	{"bad-signature", "bad", "Signature is wrong", "The key that it names did not sign what it said. It knows the serial, and that is all. " +
		"If it is your device, its key is damaged."},
	{"unsigned", "off", "Signs nothing", "It named no key. If it is your device, give it one: software of before device keys signs nothing. " +
		"If not, it only knows the serial."},
}

func standingCalled(word string) standing {
	for i := range standings {
		if standings[i].word == word {
			return standings[i]
		}
	}
	return standing{word, "off", word, ""}
}

func holds(s string) bool { return s == "pending" || s == "second-key" || s == "barred-key" }

// standingOf is for whom a stranger is taken now: has says that the serial has a key that counts, which may be newer than its word.
func standingOf(s *form.Stranger, has, byList bool) (v standing) {
	v = standingCalled(s.Standing)
	switch {
	case s.Standing == "pending" && has:
		return standingCalled("second-key")
	case s.Standing == "pending" && byList:
		v.is = "On no list"
		v.means = "It holds the key that it signs with, and devices of its model come by a list alone. If it is your device, import a " +
			"list that names it: unbrick device import."
	case s.Standing == "second-key" && !has:
		v.means = "When it spoke, its key or its serial was another’s. If it is your device, approve it."
	}
	return v
}

// shortKey is as much of a key as tells it from others.
func shortKey(key string) string { return grouped(key[:min(len(key), 16)]) }

// grouped is a key in groups, for the eye.
func grouped(key string) (s string) {
	for ; len(key) > 8; key = key[8:] {
		s += key[:8] + " "
	}
	return s + key
}

// strangerActs is the button that makes a stranger's key that of the device, if the account may and the key could be. own is the key that
// counts now; empty: none.
func strangerActs(f *fleetdata.Client, s *form.Stranger, own string, small bool) []Act {
	k := f.Describes(s.Model)
	if !holds(s.Standing) || !f.May(form.MayHandle) || !f.On(s.Model) || own == "" && k != nil && k.Enrolment == "list" {
		return nil
	}
	a := Secondary("Approve", EnrolKey{Model: s.Model, Serial: s.Serial, Key: s.Key})
	question := "Approve device " + s.Serial + " of model " + s.Model + " with the key " + grouped(s.Key) +
		"? Compare the key first: anybody can speak under a free serial. From its next session on, what it signs is the device’s word."
	if own != "" {
		a = Secondary("This is its new board", EnrolKey{Model: s.Model, Serial: s.Serial, Key: s.Key, Anew: true})
		if s.Standing == "barred-key" {
			a.Label = "Its old board is back"
		}
		question = "Give device " + s.Serial + " of model " + s.Model + " the key " + grouped(s.Key) + "? The one that it has, " + shortKey(own) +
			" …, is barred: what speaks with that is not believed any more. The history stays."
	}
	a.Name = a.Label + ": " + s.Serial + " of model " + s.Model
	if small {
		a.Name += ", key " + shortKey(s.Key)
	}
	return []Act{Asked(a, question, "Leave it")}
}

// StrangerRow is one line of the table of strangers.
type StrangerRow struct {
	ID, Path, Serial, Model, Sign, Is, Key, From, Last, Runs string
	Acts                                                     []Act
}

// StrangerRows are the lines of the table of strangers. Whether the serial has a key is not known here, so only who waits for the first one
// has a button.
func StrangerRows(f *fleetdata.Client, list []form.Stranger, now time.Time) []StrangerRow {
	rows := make([]StrangerRow, len(list))
	for i := range list {
		s := &list[i]
		k := f.Describes(s.Model)
		v := standingOf(s, false, k != nil && k.Enrolment == "list")
		row := StrangerRow{ID: s.Model + "/" + s.Serial + "/" + s.Key + "/" + s.Standing,
			Path: fleetdata.DevicePath(s.Model, s.Serial), Serial: s.Serial, Model: s.Model, Sign: v.sign, Is: v.is,
			Key: cmp.Or(shortKey(s.Key), "none"), From: s.Address, Last: Ago(s.Last, now),
			Runs: s.Release.Version}
		if s.Name != "" {
			row.Is += ", " + s.Name
		}
		if IsExample(s) {
			row.Model += ", example"
		}
		if s.Standing == "pending" {
			row.Acts = strangerActs(f, s, "", true)
		}
		rows[i] = row
	}
	return rows
}

// FoundStrangers says how many of the strangers are shown, of which that many are drawn.
func FoundStrangers(f *fleetdata.Client, drawn int) string {
	n := len(f.Others)
	switch {
	case !f.Got(fleetdata.GotStrangers):
		return "Searching"
	case n == 0:
		return "Nobody"
	case n > drawn:
		return Group(uint64(n-drawn+1)) + " to " + Group(uint64(n)) + ", who spoke last first"
	}
	return Group(uint64(n)) + ", who spoke last first"
}

// StandingOptions are the standings among which the list of strangers is chosen.
func StandingOptions(chosen string) []Option {
	list := []Option{{Value: "", Name: "For any reason", Selected: chosen == ""}}
	for i := range standings {
		s := &standings[i]
		list = append(list, Option{Value: s.word, Name: s.is, Selected: s.word == chosen})
	}
	return list
}

// StrangersActs is the button that forgets all strangers of the model that is listed.
func StrangersActs(f *fleetdata.Client) []Act {
	model := f.StrangersOf()
	if model == "" || len(f.Others) == 0 || !f.May(form.MayHandle) || !f.On(model) {
		return nil
	}
	return []Act{Asked(Danger("Forget all of model "+model, ForgetStrangers{Model: model}),
		"Forget everybody who spoke as model "+model+" and is not proven, whatever is chosen above? Devices stay. Who speaks again "+
			"stands here again.",
		"Keep them")}
}

// StrangersNote says why nobody can be approved or forgotten here; empty: it can.
func StrangersNote(f *fleetdata.Client) string {
	switch {
	case !f.May(form.MayHandle):
		return "To approve a device, or to forget who is not proven, needs role operate, which this account does not have."
	case f.View == fleetdata.ViewStrangers && f.StrangersOf() == "" && len(f.Others) > 0:
		return "Choose a model to forget those of it."
	}
	return ""
}

// KeyRow is something by which the shown device is known, or somebody who is not proven to be it.
type KeyRow struct {
	ID, Class, Head, Key, Text string
	Acts                       []Act
}

// KeyRows are all of them: what needs a decision, the key that counts, those that did, who else spoke.
func KeyRows(f *fleetdata.Client, now time.Time) []KeyRow {
	d := &f.Detail
	var rows []KeyRow
	if d.Conflict != nil {
		row := KeyRow{ID: "conflict", Class: "bad", Head: "Two seem to have its key", Text: "Seen " + Ago(*d.Conflict, now) + ". A copy of its " +
			"board speaks, too, or an old content of its flash was put back. It is served, and left out of all that is counted until " +
			"you end this: look at the board, and at its history, first."}
		if f.May(form.MayHandle) && f.On(f.Model) {
			row.Acts = []Act{Asked(Secondary("There is only one", FreeRelease{}),
				"Count device "+f.Serial+" again? That also ends what keeps releases and update files from it: all is tried again.", "Leave it out")}
		}
		rows = append(rows, row)
	}
	own := ""
	for i := range d.DeviceKeys {
		k := &d.DeviceKeys[i]
		since := Lower(Day(k.Since.In(now.Location()), now))
		row := KeyRow{ID: k.Key, Class: "plain", Head: "A barred key", Key: shortKey(k.Key), Text: "Barred " + since +
			", when the device got another. What it signs counts for nothing."}
		if k.State == enrolled {
			own = k.Key
			row.Class, row.Head, row.Text = "ok", "Its key", "Enrolled "+since+". What it signs is the device’s word."
			if d.Key != own {
				row.Class, row.Text = "plain", "Enrolled "+since+". The device has not spoken with it yet."
			}
		}
		rows = append(rows, row)
	}
	if own == "" {
		rows = append(rows, KeyRow{ID: "none", Class: "plain", Head: "It has no key", Text: "None is enrolled for it, so whoever speaks under " +
			"its serial is not believed."})
	}
	kind := f.Describes(f.Model)
	for i := range d.Strangers {
		s := &d.Strangers[i]
		v := standingOf(s, own != "", kind != nil && kind.Enrolment == "list")
		row := KeyRow{ID: s.Key + s.Standing, Class: "plain", Head: v.is, Key: shortKey(s.Key), Acts: strangerActs(f, s, own, false)}
		if v.sign == "bad" {
			row.Class = "bad"
		}
		if s.Name != "" {
			row.Head += ", " + s.Name
		}
		row.Text = v.means + " Spoke " + Lower(Ago(s.Last, now)) + " from " + s.Address + ", " + Count(int(s.Sessions), "time", "times") +
			cmp.Or(sentence(", and says that it runs ", s.Release.Version), ".")
		if IsExample(s) {
			row.Text = v.means + " An example of the demonstration: nobody spoke."
		}
		rows = append(rows, row)
	}
	return rows
}

// KnownActs is the button that forgets who spoke under the serial and is not proven.
func KnownActs(f *fleetdata.Client) []Act {
	if len(f.Detail.Strangers) == 0 || !f.May(form.MayHandle) || !f.On(f.Model) {
		return nil
	}
	return []Act{Asked(Secondary("Forget who is not proven", ForgetStrangers{f.Model, f.Serial}),
		"Forget who spoke under "+f.Serial+" and is not proven? The device and its keys stay. Who speaks again stands here again.", "Keep them")}
}

// enrolments are the ways by which devices of a model are enrolled: the word, what it is called, the button to it, what it means.
var enrolments = []struct{ word, is, to, means string }{
	{"approve", "By approval", "Approve each", "Somebody who may operate approves each device, or a list names it."},
	{"list", "By list", "Lists alone", "Only a list that was imported names devices; nobody can be approved here."},
	{"open", "Whoever comes first", "First comes", "The first key that speaks under a serial is the device’s: for trying things out, " +
		"where nobody else reaches the server."},
}

// EnrolmentRow is one line of the table of models.
type EnrolmentRow struct {
	ID, Name, How, Means string
	Acts                 []Act
}

// EnrolmentRows say how devices of each model are enrolled.
func EnrolmentRows(f *fleetdata.Client) []EnrolmentRow {
	rows := make([]EnrolmentRow, len(f.Described))
	for i := range f.Described {
		k := &f.Described[i]
		row := EnrolmentRow{ID: k.ID, Name: k.Name, How: k.Enrolment}
		for j := range enrolments {
			e := &enrolments[j]
			if e.word == k.Enrolment {
				row.How, row.Means = e.is, e.means
			} else if f.May(form.MayAdminister) {
				a := Secondary(e.to, SetEnrolment{k.ID, e.word})
				a.Name = e.to + ": devices of model " + k.ID
				row.Acts = append(row.Acts, Asked(a, "Change how devices of model "+k.ID+" are enrolled? "+e.means+
					" Those that are enrolled stay.", "Leave it"))
			}
		}
		rows[i] = row
	}
	return rows
}

// EnrolmentNote says why the way cannot be changed; empty: it can.
func EnrolmentNote(f *fleetdata.Client) string {
	if f.May(form.MayAdminister) {
		return ""
	}
	return "To change how devices are enrolled needs role admin, which this account does not have."
}
