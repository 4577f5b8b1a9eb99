package fleetdata

import "time"

// What the server's answers say, as far as Fleet shows it. Anything that is missing or of another
// shape is zero: an older or newer server costs a field, not the screen.

type Summary struct {
	Devices int
	Groups  map[string]int
	Counts  []ReleaseCount
}

type ReleaseCount struct {
	Model, Version       string
	Installed, Confirmed int
}

type Device struct {
	Model, Serial, Group string
	Since, First, Last   time.Time
	Version, Image       string
	Confirmed            bool
	Demo                 bool // an example of the server's: no terminal stands behind it
	Target               string
	Workspace, Needs     uint64
	Kinds                []string
	Sent, Size           uint64 // of a transfer that is under way
	Restored             time.Time
	Told                 bool // that it was restored is what a page or the command says
	Attempts             []Attempt
	Conflict             time.Time // two peers spoke under its serial at once
}

type Attempt struct {
	Image, Version string
	Failures       int
	Held           bool
	By             string // who holds it back: operator or server
}

type Event struct {
	At           time.Time
	Kind, Source string
	From, To     string
	Bytes        uint64
	Detail       Object // numbers of the kind, see eventWords
}

type Detail struct {
	Device    Device
	ModelName string
	Geometry  string
	History   []Event
}

type Release struct {
	Model, Version, Image, State, Note string
	Keys                               []string // that signed it
	Size                               uint64
	Published                          time.Time
	Installed, Confirmed               int
	Damaged                            bool // its stored image
	Alarms                             int  // devices of its rollout that failed or are lost, as they say
	Alarm, Halted                      bool // of its rollout
}

// Object is a JSON object.
type Object map[string]any

func (o Object) Text(key string) string {
	s, _ := o[key].(string)
	return s
}

func (o Object) Number(key string) uint64 {
	f, _ := o[key].(float64)
	if f < 0 || f > 1<<53 {
		return 0
	}
	return uint64(f)
}

func (o Object) Count(key string) int { return int(min(o.Number(key), 1<<31-1)) }

func (o Object) yes(key string) bool {
	b, _ := o[key].(bool)
	return b
}

func (o Object) time(key string) time.Time {
	t, err := time.Parse(time.RFC3339, o.Text(key))
	if err != nil {
		return time.Time{}
	}
	return t
}

func (o Object) object(key string) Object {
	m, _ := o[key].(map[string]any)
	return m
}

func (o Object) objects(key string) []Object {
	list, _ := o[key].([]any)
	var all []Object
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

func (o Object) texts(key string) []string {
	list, _ := o[key].([]any)
	var all []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

func readSummary(o Object) Summary {
	s := Summary{Devices: o.Count("devices"), Groups: make(map[string]int)}
	groups := o.object("groups")
	for name := range groups {
		s.Groups[name] = groups.Count(name)
	}
	for _, r := range o.objects("releases") {
		s.Counts = append(s.Counts, ReleaseCount{r.Text("model"), r.Text("version"), r.Count("installed"), r.Count("confirmed")})
	}
	return s
}

func readDevice(o Object) Device {
	rel, progress := o.object("release"), o.object("progress")
	d := Device{
		Model: o.Text("model"), Serial: o.Text("serial"), Group: o.Text("group"),
		Since: o.time("since"), First: o.time("first_seen"), Last: o.time("last_seen"),
		Version: rel.Text("version"), Image: rel.Text("image"), Confirmed: rel.yes("confirmed"),
		Target: o.object("target").Text("version"), Workspace: o.Number("workspace"), Needs: o.Number("needs"),
		Demo: o.yes("demo"), Kinds: o.texts("kinds"), Sent: progress.Number("sent"), Size: progress.Number("size"),
		Restored: o.time("restored"), Conflict: o.time("conflict"), Told: o.yes("restored_as_told"),
	}
	for _, a := range o.objects("attempts") {
		d.Attempts = append(d.Attempts, Attempt{a.Text("image"), a.Text("version"), a.Count("failures"), a.yes("held"), a.Text("by")})
	}
	return d
}

func readDevices(o Object) (list []Device, total int, next string) {
	for _, d := range o.objects("devices") {
		list = append(list, readDevice(d))
	}
	return list, o.Count("total"), o.Text("next")
}

func readDetail(o Object) Detail {
	d := Detail{Device: readDevice(o), ModelName: o.Text("model_name"), Geometry: o.Text("geometry")}
	for _, e := range o.objects("history") {
		d.History = append(d.History, Event{
			At: e.time("at"), Kind: e.Text("kind"), Source: e.Text("source"), From: e.Text("from"), To: e.Text("to"),
			Bytes: e.Number("bytes"), Detail: e.object("detail"),
		})
	}
	return d
}

func readReleases(o Object) []Release {
	var list []Release
	for _, r := range o.objects("releases") {
		rollout := r.object("rollout")
		list = append(list, Release{
			Model: r.Text("model"), Version: r.Text("version"), Image: r.Text("image"), Keys: r.texts("keys"), Note: r.Text("note"),
			State: r.Text("state"),
			Size:  r.Number("size"), Published: r.time("published"), Installed: r.Count("installed"), Confirmed: r.Count("confirmed"),
			Damaged: r.yes("damaged"), Alarms: rollout.Count("failed") + rollout.Count("lost"), Alarm: rollout.yes("alarm"),
			Halted: rollout.Text("halted") != "",
		})
	}
	return list
}
