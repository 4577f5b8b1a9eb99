package view

import "time"

// What the server's answers say, as far as Fleet shows it. Anything that is missing or of another
// shape is zero: an older or newer server costs a field, not the screen.

type fleetSummary struct {
	Devices int
	Groups  map[string]int
	Counts  []releaseCount
}

type releaseCount struct {
	Model, Version       string
	Installed, Confirmed int
}

type fleetDevice struct {
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
	Attempts             []fleetAttempt
	Conflict             time.Time // two peers spoke under its serial at once
}

type fleetAttempt struct {
	Image, Version string
	Failures       int
	Held           bool
	By             string // who holds it back: operator or server
}

type fleetEvent struct {
	At           time.Time
	Kind, Source string
	From, To     string
	Bytes        uint64
	Detail       object // numbers of the kind, see eventWords
}

type fleetDetail struct {
	Device    fleetDevice
	ModelName string
	Geometry  string
	History   []fleetEvent
}

type fleetRelease struct {
	Model, Version, Image, State, Note string
	Keys                               []string // that signed it
	Size                               uint64
	Published                          time.Time
	Installed, Confirmed               int
	Damaged                            bool // its stored image
	Alarms                             int  // devices of its rollout that failed or are lost, as they say
	Alarm, Halted                      bool // of its rollout
}

// object is a JSON object.
type object map[string]any

func (o object) text(key string) string {
	s, _ := o[key].(string)
	return s
}

func (o object) number(key string) uint64 {
	f, _ := o[key].(float64)
	if f < 0 || f > 1<<53 {
		return 0
	}
	return uint64(f)
}

func (o object) count(key string) int { return int(min(o.number(key), 1<<31-1)) }

func (o object) yes(key string) bool {
	b, _ := o[key].(bool)
	return b
}

func (o object) time(key string) time.Time {
	t, err := time.Parse(time.RFC3339, o.text(key))
	if err != nil {
		return time.Time{}
	}
	return t
}

func (o object) object(key string) object {
	m, _ := o[key].(map[string]any)
	return m
}

func (o object) objects(key string) []object {
	list, _ := o[key].([]any)
	var all []object
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

func (o object) texts(key string) []string {
	list, _ := o[key].([]any)
	var all []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

func readSummary(o object) fleetSummary {
	s := fleetSummary{Devices: o.count("devices"), Groups: make(map[string]int)}
	groups := o.object("groups")
	for name := range groups {
		s.Groups[name] = groups.count(name)
	}
	for _, r := range o.objects("releases") {
		s.Counts = append(s.Counts, releaseCount{r.text("model"), r.text("version"), r.count("installed"), r.count("confirmed")})
	}
	return s
}

func readDevice(o object) fleetDevice {
	rel, progress := o.object("release"), o.object("progress")
	d := fleetDevice{
		Model: o.text("model"), Serial: o.text("serial"), Group: o.text("group"),
		Since: o.time("since"), First: o.time("first_seen"), Last: o.time("last_seen"),
		Version: rel.text("version"), Image: rel.text("image"), Confirmed: rel.yes("confirmed"),
		Target: o.object("target").text("version"), Workspace: o.number("workspace"), Needs: o.number("needs"),
		Demo: o.yes("demo"), Kinds: o.texts("kinds"), Sent: progress.number("sent"), Size: progress.number("size"), Restored: o.time("restored"), Conflict: o.time("conflict"), Told: o.yes("restored_as_told"),
	}
	for _, a := range o.objects("attempts") {
		d.Attempts = append(d.Attempts, fleetAttempt{a.text("image"), a.text("version"), a.count("failures"), a.yes("held"), a.text("by")})
	}
	return d
}

func readDevices(o object) (list []fleetDevice, total int, next string) {
	for _, d := range o.objects("devices") {
		list = append(list, readDevice(d))
	}
	return list, o.count("total"), o.text("next")
}

func readDetail(o object) fleetDetail {
	d := fleetDetail{Device: readDevice(o), ModelName: o.text("model_name"), Geometry: o.text("geometry")}
	for _, e := range o.objects("history") {
		d.History = append(d.History, fleetEvent{
			At: e.time("at"), Kind: e.text("kind"), Source: e.text("source"), From: e.text("from"), To: e.text("to"),
			Bytes: e.number("bytes"), Detail: e.object("detail"),
		})
	}
	return d
}

func readReleases(o object) []fleetRelease {
	var list []fleetRelease
	for _, r := range o.objects("releases") {
		rollout := r.object("rollout")
		list = append(list, fleetRelease{
			Model: r.text("model"), Version: r.text("version"), Image: r.text("image"), Keys: r.texts("keys"), Note: r.text("note"), State: r.text("state"),
			Size: r.number("size"), Published: r.time("published"), Installed: r.count("installed"), Confirmed: r.count("confirmed"),
			Damaged: r.yes("damaged"), Alarms: rollout.count("failed") + rollout.count("lost"), Alarm: rollout.yes("alarm"), Halted: rollout.text("halted") != "",
		})
	}
	return list
}
