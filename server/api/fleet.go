package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"unbrick/model"
	"unbrick/release"
	"unbrick/server/fleet"
	"unbrick/server/storage"
)

// Device is a device as the fleet's screen sees it. All but demo, group, target, needs, progress and the failures
// is what the device said of itself.
type Device struct {
	Model     string     `json:"model"`
	Serial    string     `json:"serial"`
	Demo      bool       `json:"demo"`
	Group     string     `json:"group"`
	Since     time.Time  `json:"since"`
	FirstSeen time.Time  `json:"first_seen"`
	LastSeen  time.Time  `json:"last_seen"`
	Sessions  int64      `json:"sessions"`
	Release   Running    `json:"release"`
	Target    *Target    `json:"target,omitempty"`
	Workspace uint32     `json:"workspace"`
	Needs     uint32     `json:"needs"`
	Kinds     []string   `json:"kinds"`
	Keys      []string   `json:"keys"`
	Progress  *Progress  `json:"progress,omitempty"`
	Restored  *time.Time `json:"restored,omitempty"`
	Told      bool       `json:"restored_as_told"`   // a reporter says so, and the device itself has not yet
	Conflict  *time.Time `json:"conflict,omitempty"` // two peers spoke under the serial at once
	Attempts  []Attempt  `json:"attempts"`
	Refusals  []Refusal  `json:"refusals"`
	Dead      []Dead     `json:"dead_sectors"`
}

// Dead is a sector that takes no data, as the device says.
type Dead struct {
	Addr  uint32 `json:"address"`
	Freed bool   `json:"freed"`
}

// Running is what a device says that it runs; known: it is a release that is here.
type Running struct {
	Version   string `json:"version"`
	Order     uint64 `json:"order"`
	Image     string `json:"image"`
	Known     bool   `json:"known"`
	Confirmed bool   `json:"confirmed"`
}

// Target is the release that a device is led to.
type Target struct {
	Version string `json:"version"`
	Image   string `json:"image"`
}

// Progress is that of a transfer that runs now, in bytes.
type Progress struct {
	Sent uint32 `json:"sent"`
	Size uint32 `json:"size"`
}

// Attempt is a release that failed on a device, or is held back from it.
type Attempt struct {
	Image    string     `json:"image"`
	Version  string     `json:"version"`
	Failures uint32     `json:"failures"`
	Held     bool       `json:"held"`            // now, by whomever
	By       string     `json:"by,omitempty"`    // operator or server, if held
	Until    *time.Time `json:"until,omitempty"` // end of the server's hold
	Last     time.Time  `json:"last"`
}

// Refusal is an update file that the device says it found wrong. It is not offered to it before until.
type Refusal struct {
	File  string    `json:"file"`
	Until time.Time `json:"until"`
}

// Event is one line of a device's history.
type Event struct {
	ID     int64           `json:"id"`
	At     time.Time       `json:"at"`
	Kind   string          `json:"kind"`
	Source string          `json:"source"`
	From   string          `json:"from"`
	To     string          `json:"to"`
	Bytes  uint64          `json:"bytes"`
	File   string          `json:"file"`
	Detail json.RawMessage `json:"detail,omitempty"`
}

func toEventsJSON(events []storage.Event) []Event {
	list := make([]Event, len(events))
	for i := range events {
		e := &events[i]
		v := Event{ID: e.ID, At: e.At, Kind: string(e.Kind), Source: e.Source.String(), From: e.From, To: e.To, Bytes: e.Bytes}
		if e.File != (storage.Digest{}) {
			v.File = release.Hex(e.File)
		}
		if e.Detail != "" {
			v.Detail = json.RawMessage(e.Detail)
		}
		list[i] = v
	}
	return list
}

// versions names images by their releases.
type versions map[deviceImage]string

func (s *Server) versions(r *http.Request, model string) (versions, error) {
	all, err := s.cfg.Store.Releases(r.Context(), model)
	if err != nil {
		return nil, err
	}
	v := make(versions, len(all))
	for i := range all {
		id := deviceImage{all[i].Manifest.Model, all[i].Manifest.Digest}
		if _, newer := v[id]; !newer { // of several releases of an image the newest stands for it
			v[id] = all[i].Manifest.Version
		}
	}
	return v, nil
}

func (s *Server) deviceJSON(d *storage.Device, names versions) Device {
	now := s.cfg.Now()
	_, known := names[deviceImage{d.Model, d.Claim.Image}]
	v := Device{Model: d.Model, Serial: d.Serial, Demo: d.Demo, Group: d.Group(s.cfg.Fleet.Cutoffs()).String(), Since: d.Since, FirstSeen: d.FirstSeen, LastSeen: d.LastSeen, Sessions: d.Sessions,
		Release:   Running{d.Claim.Version, d.Claim.Order, release.Hex(d.Claim.Image), known, d.Claim.Confirmed},
		Workspace: d.Claim.Workspace, Needs: d.Needs, Kinds: append([]string{}, d.Claim.Kinds...), Keys: []string{}, Attempts: []Attempt{}, Refusals: []Refusal{}, Dead: []Dead{}}
	for _, k := range d.Claim.Keys {
		v.Keys = append(v.Keys, k.String())
	}
	if d.Target != (storage.Digest{}) {
		v.Target = &Target{d.TargetVersion, release.Hex(d.Target)}
	}
	if !d.Restored.IsZero() {
		v.Restored = &d.Restored
	}
	v.Told = d.RestoredTo != (storage.Digest{})
	if sent, size, ok := s.cfg.Live.Progress(fleet.ID{Model: d.Model, Serial: d.Serial}); ok {
		v.Progress = &Progress{sent, size}
	}
	for _, a := range d.Attempts {
		held := Attempt{Image: release.Hex(a.Image), Version: names[deviceImage{d.Model, a.Image}], Failures: a.Failures, Held: a.HeldAt(now), Last: a.Last}
		switch {
		case a.Held:
			held.By = storage.ByOperator.String()
		case held.Held:
			held.By, held.Until = storage.ByServer.String(), &a.Until
		}
		v.Attempts = append(v.Attempts, held)
	}
	for _, f := range d.Refusals {
		if d.HasRefused(f.File, now) {
			v.Refusals = append(v.Refusals, Refusal{release.Hex(f.File), f.At.Add(storage.RefusedFor)})
		}
	}
	for _, s := range d.Dead {
		v.Dead = append(v.Dead, Dead(s))
	}
	if !d.Conflict.IsZero() {
		v.Conflict = &d.Conflict
	}
	return v
}

func (s *Server) summary(w http.ResponseWriter, r *http.Request) error {
	sum, err := s.cfg.Store.Summary(r.Context(), s.cfg.Fleet.Cutoffs())
	if err != nil {
		return err
	}
	all, err := s.cfg.Store.Releases(r.Context(), "")
	if err != nil {
		return err
	}
	known := imagesOf(all)
	groups := make(map[string]int, storage.Groups)
	for g, n := range sum.Groups {
		groups[storage.Group(g).String()] = n
	}
	type count struct {
		Model     string `json:"model"`
		Image     string `json:"image"`
		Version   string `json:"version"`
		Installed int    `json:"installed"`
		Confirmed int    `json:"confirmed"`
		Known     bool   `json:"known"`
	}
	releases := make([]count, 0, len(sum.Releases))
	type runs struct {
		deviceImage
		order uint64 // of the release; 0 if there is none
	}
	at := make(map[runs]int, len(sum.Releases))
	for i := range sum.Releases { // a release may come in parts: with several orders and texts
		c := &sum.Releases[i]
		id, version := runs{deviceImage{c.Model, c.Image}, 0}, c.Version
		r := known.of(c)
		if r != nil {
			id.order, version = r.Manifest.Order, r.Manifest.Version
		}
		n, there := at[id]
		if !there {
			n = len(releases)
			at[id] = n
			releases = append(releases, count{Model: c.Model, Image: release.Hex(c.Image), Version: version, Known: r != nil})
		}
		releases[n].Installed += c.Installed
		releases[n].Confirmed += c.Confirmed
	}
	return writeJSON(w, http.StatusOK, map[string]any{"devices": sum.Devices, "groups": groups, "releases": releases})
}

func (s *Server) listDevices(w http.ResponseWriter, r *http.Request) error {
	in := r.URL.Query()
	limit, err := limitOf(r, 50)
	if err != nil {
		return err
	}
	q := storage.Query{Search: in.Get("search"), Model: in.Get("model"), Cursor: in.Get("cursor"), Limit: limit, Cut: s.cfg.Fleet.Cutoffs()}
	if len(q.Search) > 64 {
		return problem(http.StatusBadRequest, "malformed", "search for at most 64 bytes")
	}
	if v := in.Get("image"); v != "" {
		d, err := release.ParseHex(v)
		if err != nil {
			return problem(http.StatusBadRequest, "malformed", "image is a SHA-256")
		}
		q.Image = &d
	}
	// A search for the word of a group finds the group, as people expect of one search field.
	for _, v := range []string{in.Get("group"), q.Search} {
		if g, ok := storage.ParseGroup(v); ok && q.Group == nil {
			q.Group = &g
			if v == q.Search {
				q.Search = ""
			}
		}
	}
	if in.Get("group") != "" && q.Group == nil {
		return problem(http.StatusBadRequest, "malformed", "there is no group %q", in.Get("group"))
	}
	page, err := s.cfg.Store.Devices(r.Context(), q)
	if errors.Is(err, storage.ErrCursor) {
		return problem(http.StatusBadRequest, "malformed", "%v", storage.ErrCursor)
	} else if err != nil {
		return err
	}
	names, err := s.versions(r, q.Model)
	if err != nil {
		return err
	}
	list := make([]Device, len(page.Devices))
	for i := range page.Devices {
		list[i] = s.deviceJSON(&page.Devices[i], names)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"devices": list, "total": page.Total, "next": page.Next})
}

const historyPage = 50

func (s *Server) getDevice(w http.ResponseWriter, r *http.Request) error {
	d, err := s.cfg.Store.Device(r.Context(), r.PathValue("model"), r.PathValue("serial"))
	if err != nil {
		return err
	}
	names, err := s.versions(r, d.Model)
	if err != nil {
		return err
	}
	history, before, err := s.history(r, 0, historyPage)
	if err != nil {
		return err
	}
	v := struct {
		Device
		ModelName string  `json:"model_name"`
		Geometry  string  `json:"geometry"`
		History   []Event `json:"history"`
		Before    int64   `json:"before"`
	}{Device: s.deviceJSON(&d, names), History: history, Before: before}
	if stored, err := s.cfg.Store.Model(r.Context(), d.Model); err == nil {
		if m, err := model.Decode(stored.Record); err == nil {
			v.ModelName, v.Geometry = m.Name, m.Layout.Geometry.String()
		}
	}
	return writeJSON(w, http.StatusOK, v)
}

func (s *Server) getHistory(w http.ResponseWriter, r *http.Request) error {
	before, limit, err := pageOf(r, "an event", historyPage)
	if err != nil {
		return err
	}
	if _, err := s.cfg.Store.Device(r.Context(), r.PathValue("model"), r.PathValue("serial")); err != nil {
		return err
	}
	history, next, err := s.history(r, before, limit)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"history": history, "before": next})
}

// history reads a page of a device's history; next is where the page behind it begins, 0 if there is none.
func (s *Server) history(r *http.Request, before int64, limit int) (events []Event, next int64, err error) {
	h, err := s.cfg.Store.History(r.Context(), r.PathValue("model"), r.PathValue("serial"), before, limit+1)
	if err != nil {
		return nil, 0, err
	}
	h, next = cutPage(h, limit, func(e *storage.Event) int64 { return e.ID })
	return toEventsJSON(h), next, nil
}

// hold keeps a release away from one device, free offers it again and forgets its failures.
func (s *Server) hold(w http.ResponseWriter, r *http.Request) error { return s.setHold(w, r, true) }
func (s *Server) free(w http.ResponseWriter, r *http.Request) error { return s.setHold(w, r, false) }

// forget deletes a device with its history: one that was never there, or is no more. It comes back when it speaks.
func (s *Server) forget(w http.ResponseWriter, r *http.Request) error {
	id := fleet.ID{Model: r.PathValue("model"), Serial: r.PathValue("serial")}
	if err := s.cfg.Store.DeleteDevice(r.Context(), id.Model, id.Serial); err != nil {
		return err
	}
	s.cfg.Log.Info("device forgotten", "model", id.Model, "serial", id.Serial)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) setHold(w http.ResponseWriter, r *http.Request, held bool) error {
	var in struct {
		Image string `json:"image"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	id := fleet.ID{Model: r.PathValue("model"), Serial: r.PathValue("serial")}
	names, err := s.versions(r, id.Model)
	if err != nil {
		return err
	}
	var image storage.Digest
	if in.Image != "" || held {
		if image, err = release.ParseHex(in.Image); err != nil {
			return problem(http.StatusBadRequest, "malformed", "image is the SHA-256 of a release's image")
		}
		if _, known := names[deviceImage{id.Model, image}]; !known {
			return problem(http.StatusNotFound, "not-found", "model %q has no release with this image", id.Model)
		}
	}
	d, err := s.cfg.Fleet.Hold(r.Context(), id, image, held, func(image storage.Digest) string { return names[deviceImage{id.Model, image}] })
	if errors.Is(err, fleet.ErrHolds) {
		return problem(http.StatusConflict, "full", "%v", err)
	} else if err != nil {
		return err
	}
	s.cfg.Live.Look(id.Model)
	return writeJSON(w, http.StatusOK, s.deviceJSON(&d, names))
}
