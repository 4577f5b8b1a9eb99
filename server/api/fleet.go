package api

import (
	"cmp"
	"encoding/json"
	"net/http"

	"unbrick/model"
	"unbrick/release"
	"unbrick/server/fleet"
	"unbrick/server/form"
	"unbrick/server/storage"
)

func toEventJSON(e *storage.Event) form.Event {
	v := form.Event{ID: e.ID, At: e.At, Kind: string(e.Kind), Source: e.Source.String(), From: e.From, To: e.To, Bytes: e.Bytes}
	if e.File != (storage.Digest{}) {
		v.File = release.Hex(e.File)
	}
	json.Unmarshal([]byte(e.Detail), &v.Detail) // storage keeps an object, or nothing
	return v
}

// runningJSON is what somebody says that he runs.
func runningJSON(model string, c *storage.Claim, released images) form.Running {
	return form.Running{Version: c.Version, Order: c.Order, Image: release.Hex(c.Image), Known: released.version(model, c.Image) != "",
		Confirmed: c.Confirmed}
}

func (s *Server) deviceJSON(d *storage.Device, released images) form.Device {
	now := s.cfg.Now()
	v := form.Device{Model: d.Model, Serial: d.Serial, Demo: d.Demo, Group: d.Group(s.cfg.Fleet.Cutoffs()).String(), Since: d.Since,
		FirstSeen: d.FirstSeen, LastSeen: d.LastSeen, Sessions: d.Sessions,
		Release:   runningJSON(d.Model, &d.Claim, released),
		Workspace: d.Claim.Workspace, Needs: d.Needs, Kinds: append([]string{},
			d.Claim.Kinds...), Keys: []string{}, Attempts: []form.Attempt{}, Refusals: []form.Refusal{}, Dead: []form.Dead{}}
	for _, k := range d.Claim.Keys {
		v.Keys = append(v.Keys, k.String())
	}
	if d.Target != (storage.Digest{}) {
		v.Target = &form.Target{Version: d.TargetVersion, Image: release.Hex(d.Target)}
	}
	if !d.Restored.IsZero() {
		v.Restored = &d.Restored
	}
	v.Told = d.RestoredTo != (storage.Digest{}) && !d.Attested
	if sent, size, ok := s.cfg.Live.Progress(fleet.ID{Model: d.Model, Serial: d.Serial}); ok {
		v.Progress = &form.Progress{Sent: sent, Size: size}
	}
	for _, a := range d.Attempts {
		held := form.Attempt{Image: release.Hex(a.Image), Version: released.version(d.Model, a.Image), Failures: a.Failures,
			Held: a.HeldAt(now), Last: a.Last}
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
			v.Refusals = append(v.Refusals, form.Refusal{File: release.Hex(f.File), Until: f.At.Add(storage.RefusedFor)})
		}
	}
	for _, s := range d.Dead {
		v.Dead = append(v.Dead, form.Dead(s))
	}
	if !d.Conflict.IsZero() {
		v.Conflict = &d.Conflict
	}
	if d.Proof != (storage.PublicKey{}) {
		v.Key = d.Proof.String()
	}
	return v
}

func (s *Server) summary(_ http.ResponseWriter, r *http.Request, _ *form.Nothing) (*form.Summary, error) {
	sum, err := s.cfg.Store.Summary(r.Context(), s.cfg.Fleet.Cutoffs())
	if err != nil {
		return nil, err
	}
	known, err := s.images(r, "")
	if err != nil {
		return nil, err
	}
	groups := make(map[string]int, storage.Groups)
	for g, n := range sum.Groups {
		groups[storage.Group(g).String()] = n
	}
	releases := make([]form.ReleaseCount, 0, len(sum.Releases))
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
			releases = append(releases, form.ReleaseCount{Model: c.Model, Image: release.Hex(c.Image), Version: version, Known: r != nil})
		}
		releases[n].Installed += c.Installed
		releases[n].Confirmed += c.Confirmed
	}
	counts, err := s.cfg.Store.CountStrangers(r.Context())
	if err != nil {
		return nil, err
	}
	strangers := map[string]int{}
	for _, c := range counts {
		strangers[c.Standing.String()] += c.Number
	}
	return &form.Summary{Devices: sum.Devices, Groups: groups, Releases: releases, Strangers: strangers}, nil
}

func (s *Server) listDevices(_ http.ResponseWriter, r *http.Request, in *form.DeviceQuery) (*form.Devices, error) {
	q := storage.Query{Search: in.Search, Model: in.Model, Cursor: in.Cursor, Limit: cmp.Or(in.Limit, devicesPage),
		Cut: s.cfg.Fleet.Cutoffs()}
	if len(q.Search) > 64 {
		return nil, malformed("search for at most 64 bytes")
	}
	if in.Image != "" {
		d, err := release.ParseHex(in.Image)
		if err != nil {
			return nil, malformed("image is a SHA-256")
		}
		q.Image = &d
	}
	if g, ok := storage.ParseGroup(in.Group); ok {
		q.Group = &g
	} else if in.Group != "" {
		return nil, malformed("there is no group %q", in.Group)
	} else if g, ok := storage.ParseGroup(q.Search); ok {
		q.Group, q.Search = &g, "" // the word of a group finds the group, as people expect of one search field
	}
	page, err := s.cfg.Store.Devices(r.Context(), q)
	if err != nil {
		return nil, err
	}
	released, err := s.images(r, q.Model)
	if err != nil {
		return nil, err
	}
	list := each(page.Devices, func(d *storage.Device) form.Device { return s.deviceJSON(d, released) })
	return &form.Devices{Devices: list, Total: page.Total, Next: page.Next}, nil
}

func (s *Server) getDevice(_ http.ResponseWriter, r *http.Request, in *form.DeviceID) (*form.DeviceDetail, error) {
	d, err := s.cfg.Store.Device(r.Context(), in.Model, in.Serial)
	if err != nil {
		return nil, err
	}
	released, err := s.images(r, d.Model)
	if err != nil {
		return nil, err
	}
	history, err := s.history(r, &form.HistoryQuery{DeviceID: *in})
	if err != nil {
		return nil, err
	}
	known, err := s.known(r, in, released)
	if err != nil {
		return nil, err
	}
	v := &form.DeviceDetail{Device: s.deviceJSON(&d, released), Known: known, History: history.History, Next: history.Next}
	if stored, err := s.cfg.Store.Model(r.Context(), d.Model); err == nil {
		if m, err := model.Decode(stored.Record); err == nil {
			v.ModelName, v.Geometry = m.Name, m.Layout.Geometry.String()
		}
	}
	return v, nil
}

func (s *Server) getHistory(_ http.ResponseWriter, r *http.Request, in *form.HistoryQuery) (*form.History, error) {
	if _, err := s.cfg.Store.Device(r.Context(), in.Model, in.Serial); err != nil {
		return nil, err
	}
	return s.history(r, in)
}

// history reads a page of a device's history.
func (s *Server) history(r *http.Request, in *form.HistoryQuery) (*form.History, error) {
	h, next, err := pageByID(&in.Page, historyPage, func(before int64, limit int) ([]storage.Event, error) {
		return s.cfg.Store.History(r.Context(), in.Model, in.Serial, before, limit)
	}, func(e *storage.Event) int64 { return e.ID })
	return &form.History{History: each(h, toEventJSON), Next: next}, err
}

// forget deletes a device with its history: one that was never there, or is no more. It comes back when it speaks.
func (s *Server) forget(w http.ResponseWriter, r *http.Request, in *form.DeviceID) (*form.Nothing, error) {
	if err := s.cfg.Store.DeleteDevice(r.Context(), in.Model, in.Serial); err != nil {
		return nil, err
	}
	s.cfg.Live.Drop(fleet.ID{Model: in.Model, Serial: in.Serial}) // a session that goes on is no device's any more
	s.cfg.Log.Info("device forgotten", "model", in.Model, "serial", in.Serial)
	return gone(w)
}

// setHold keeps a release away from one device, or offers it again and forgets its failures.
func (s *Server) setHold(held bool) func(http.ResponseWriter, *http.Request, *form.Hold) (*form.Device, error) {
	return func(_ http.ResponseWriter, r *http.Request, in *form.Hold) (*form.Device, error) {
		released, err := s.images(r, in.Model)
		if err != nil {
			return nil, err
		}
		var image storage.Digest
		if in.Body.Image != "" || held {
			if image, err = release.ParseHex(in.Body.Image); err != nil {
				return nil, malformed("image is the SHA-256 of a release's image")
			}
			if released.version(in.Model, image) == "" {
				return nil, problem(http.StatusNotFound, "not-found", "model %q has no release with this image", in.Model)
			}
		}
		after(r, released.version(in.Model, image))
		name := func(image storage.Digest) string { return released.version(in.Model, image) }
		d, err := s.cfg.Fleet.Hold(r.Context(), fleet.ID{Model: in.Model, Serial: in.Serial}, image, held, name)
		if err != nil {
			return nil, err
		}
		s.cfg.Live.Look(in.Model)
		return new(s.deviceJSON(&d, released)), nil
	}
}
