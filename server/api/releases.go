package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/internal/cbor"
	"unbrick/model"
	"unbrick/release"
	"unbrick/server/access"
	"unbrick/server/storage"
)

// Model is a model as people and the fleet's screen see it.
type Model struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Flash       string   `json:"flash"`
	Geometry    string   `json:"geometry"`
	Sectors     int      `json:"sectors"`
	ProgramUnit uint32   `json:"program_unit"`
	Page        uint32   `json:"page"`
	Erased      byte     `json:"erased"`
	Boot        uint32   `json:"boot"`
	Software    uint32   `json:"software"`
	RAM         uint32   `json:"ram"`
	Resident    uint32   `json:"resident"`
	Workspace   uint32   `json:"workspace"`
	ISA         string   `json:"isa"`
	Line        uint32   `json:"line"`
	Hints       []string `json:"hints"`
	Apps        []App    `json:"apps"`
	Prefer      string   `json:"prefer"`
	Keys        []Key    `json:"keys"`
	Record      []byte   `json:"record"`
}

// App is an application whose memory may be claimed for an update.
type App struct {
	Name       string `json:"name"`
	Size       uint32 `json:"size"`
	Importance uint8  `json:"importance"`
	Fixed      bool   `json:"fixed"`
}

// Key is a key whose releases are taken for a model.
type Key struct {
	ID     string    `json:"id"`
	Public []byte    `json:"public"`
	Added  time.Time `json:"added"`
}

func (s *Server) modelJSON(r *http.Request, stored *storage.Model) (Model, error) {
	m, err := model.Decode(stored.Record)
	if err != nil {
		return Model{}, fmt.Errorf("model %q: %w", stored.ID, err)
	}
	g := &m.Layout.Geometry
	area := m.Layout.Software()
	v := Model{ID: m.ID, Name: m.Name, Flash: flash.FormatSize(g.Size()), Geometry: g.String(), Sectors: g.Sectors(), ProgramUnit: g.ProgramUnit, Page: g.Page, Erased: g.Erased,
		Boot: m.Layout.Boot, Software: area.Size(), RAM: m.RAM, Resident: m.Resident, Workspace: m.MaxWorkspace(), ISA: m.ISA, Line: m.Line,
		Hints: append([]string{}, m.Hints...), Apps: []App{}, Record: stored.Record}
	for _, a := range m.Apps {
		v.Apps = append(v.Apps, App(a))
	}
	keys, err := s.cfg.Store.Keys(r.Context(), m.ID)
	if err != nil {
		return v, err
	}
	v.Keys = toKeysJSON(keys)
	kind, err := s.cfg.Offers.Prefers(r.Context(), m.ID)
	v.Prefer = kind.String()
	return v, err
}

func (s *Server) listModels(w http.ResponseWriter, r *http.Request) error {
	all, err := s.cfg.Store.Models(r.Context())
	if err != nil {
		return err
	}
	if wantsCBOR(r) {
		c := cbor.Appending(nil)
		c.Array(len(all))
		for i := range all {
			c.Bytes(all[i].Record)
		}
		b, err := c.Result()
		return writeCBOR(w, b, err)
	}
	list := make([]Model, 0, len(all))
	for i := range all {
		v, err := s.modelJSON(r, &all[i])
		if err != nil {
			return err
		}
		list = append(list, v)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"models": list})
}

func (s *Server) getModel(w http.ResponseWriter, r *http.Request) error {
	stored, err := s.cfg.Store.Model(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if wantsCBOR(r) {
		return writeCBOR(w, stored.Record, nil)
	}
	v, err := s.modelJSON(r, &stored)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v)
}

// listKeys tells which public keys are registered for a model. They are public: a Lab makes a device of the model
// trust them, and the command shows who signs.
func (s *Server) listKeys(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.cfg.Store.Model(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	keys, err := s.cfg.Store.Keys(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if wantsCBOR(r) {
		c := cbor.Appending(nil)
		c.Array(len(keys))
		for _, k := range keys {
			c.Bytes(k.Public)
		}
		b, err := c.Result()
		return writeCBOR(w, b, err)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"keys": toKeysJSON(keys)})
}

func toKeysJSON(keys []storage.Key) []Key {
	list := make([]Key, len(keys))
	for i, k := range keys {
		list[i] = Key{k.ID.String(), k.Public, k.Added}
	}
	return list
}

// putModel stores a model's record. Where releases exist, their images must still fit the new software area.
func (s *Server) putModel(w http.ResponseWriter, r *http.Request) error {
	if contentType(r) != cborType {
		return problem(http.StatusUnsupportedMediaType, "media-type", "a model is sent as %s; unbrick model put makes it", cborType)
	}
	b, err := access.Body(w, r, model.MaxEncoded)
	if err != nil {
		return err
	}
	m, err := model.Decode(b)
	if err != nil {
		return problem(http.StatusBadRequest, "malformed", "%v", err)
	}
	if m.ID != r.PathValue("id") {
		return problem(http.StatusBadRequest, "malformed", "the record is of model %q, the address of %q", m.ID, r.PathValue("id"))
	}
	if m.ISA != "" && !slices.Contains(diff.ISAs(), m.ISA) {
		return problem(http.StatusBadRequest, "malformed", "instruction set %q is none of %s", m.ISA, strings.Join(diff.ISAs(), ", "))
	}
	releases, err := s.cfg.Store.Releases(r.Context(), m.ID)
	if err != nil {
		return err
	}
	area := m.Layout.Software()
	for i := range releases {
		if err := fitsArea(&releases[i].Manifest, &area); err != nil {
			return problem(http.StatusConflict, "conflict", "release %q of this model would not fit any more: %v", releases[i].Manifest.Version, err)
		}
	}
	stored := storage.Model{ID: m.ID, Record: b, Updated: s.cfg.Now()}
	if err := s.cfg.Store.PutModel(r.Context(), stored); err != nil {
		return err
	}
	s.cfg.Live.Look(m.ID)
	s.cfg.Log.Info("model stored", "model", m.ID)
	v, err := s.modelJSON(r, &stored)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v)
}

// fitsArea says why a release cannot be for a software area.
func fitsArea(m *release.Manifest, area *flash.Geometry) error {
	t := release.Target{Model: m.Model, Software: area}
	return t.Accept(m, nil)
}

// Release is a release; counts only for operators.
type Release struct {
	Model     string    `json:"model"`
	Version   string    `json:"version"`
	Order     uint64    `json:"order"`
	Counter   uint64    `json:"counter"`
	Size      uint32    `json:"size"`
	Image     string    `json:"image"`
	Keys      []string  `json:"keys"` // that signed it
	Era       uint16    `json:"era"`
	Least     uint32    `json:"least_statement"`
	Day       string    `json:"day,omitempty"` // that it says it was released, as 2026-11-28
	Note      string    `json:"note,omitempty"`
	State     string    `json:"state"`
	Published time.Time `json:"published"`
	Manifest  []byte    `json:"manifest"`
	Installed *int      `json:"installed,omitempty"`
	Confirmed *int      `json:"confirmed,omitempty"`
	Rollout   *Rollout  `json:"rollout,omitempty"`
	Damaged   bool      `json:"damaged,omitempty"` // the stored image: publish the release file again
}

// Release is a release with its rollout, of which lost devices are a part.
func (s *Server) releaseJSON(r *storage.Release, lost uint32) Release {
	v := toReleaseJSON(r)
	v.Rollout = s.rolloutJSON(&r.Rollout, lost)
	return v
}

func toReleaseJSON(r *storage.Release) Release {
	m := &r.Manifest
	v := Release{Model: m.Model, Version: m.Version, Order: m.Order, Counter: m.Counter, Size: m.Size, Image: release.Hex(m.Digest), Era: m.Era, Least: m.Least,
		Day: m.Date(), Note: m.Note, State: r.State.String(), Published: r.Published, Manifest: r.Signed}
	v.Keys = idsJSON(&r.Signers)
	return v
}

func idsJSON(signers *release.Signers) []string {
	list := []string{}
	for _, id := range signers.IDs() {
		list = append(list, id.String())
	}
	return list
}

func (s *Server) listReleases(w http.ResponseWriter, r *http.Request) error {
	all, err := s.cfg.Store.Releases(r.Context(), r.URL.Query().Get("model"))
	if err != nil {
		return err
	}
	if wantsCBOR(r) { // for the page, which may have a release still that was withdrawn since: it is told
		c := cbor.Appending(nil)
		c.Array(len(all))
		for i := range all {
			c.Array(3)
			c.Text(all[i].State.String())
			c.Uint(uint64(max(0, all[i].Published.UnixMilli())))
			c.Bytes(all[i].Signed)
		}
		b, err := c.Result()
		return writeCBOR(w, b, err)
	}
	operator := access.IsOperator(r)
	shown := all[:0]
	for _, v := range all {
		if operator || v.State != storage.Withdrawn {
			shown = append(shown, v)
		}
	}
	list := make([]Release, len(shown))
	for i := range shown {
		list[i] = toReleaseJSON(&shown[i])
		list[i].Damaged = operator && s.cfg.Offers.Damaged(shown[i].Manifest.Digest)
	}
	if operator {
		if err := s.count(r.Context(), r.URL.Query().Get("model"), shown, list); err != nil {
			return err
		}
		if err := s.tellRollouts(r.Context(), shown, list); err != nil {
			return err
		}
	}
	return writeJSON(w, http.StatusOK, map[string]any{"releases": list})
}

// tellRollouts adds to each release its rollout.
func (s *Server) tellRollouts(ctx context.Context, all []storage.Release, list []Release) error {
	for i := range all {
		if !all[i].Rollout.Active() {
			continue
		}
		lost, err := s.cfg.Rollouts.Lost(ctx, &all[i].Manifest)
		if err != nil {
			return err
		}
		list[i].Rollout = s.rolloutJSON(&all[i].Rollout, lost)
	}
	return nil
}

// count adds to each release how many devices say that they run it, and on how many it confirmed itself.
func (s *Server) count(ctx context.Context, model string, all []storage.Release, list []Release) error {
	counts, err := s.cfg.Store.Installed(ctx, model)
	if err != nil {
		return err
	}
	at := make(map[*storage.Release]int, len(list))
	for i := range list {
		list[i].Installed, list[i].Confirmed = new(int), new(int)
		at[&all[i]] = i
	}
	known := imagesOf(all)
	for i := range counts {
		if r := known.of(&counts[i]); r != nil {
			*list[at[r]].Installed += counts[i].Installed
			*list[at[r]].Confirmed += counts[i].Confirmed
		}
	}
	return nil
}

// deviceImage names the devices of a model that run an image.
type deviceImage struct {
	model string
	image storage.Digest
}

// images are releases by what they are released for, newest first.
type images map[deviceImage][]*storage.Release

func imagesOf(all []storage.Release) images {
	v := make(images, len(all))
	for i := range all {
		m := &all[i].Manifest
		id := deviceImage{m.Model, m.Digest}
		v[id] = append(v[id], &all[i])
	}
	return v
}

// of is the release that counted devices run: of those of their image the one of their order, else the newest; nil if
// there is none.
func (v images) of(c *storage.ReleaseCount) *storage.Release {
	same := v[deviceImage{c.Model, c.Image}]
	for _, r := range same {
		if r.Manifest.Order == c.Order {
			return r
		}
	}
	if len(same) > 0 {
		return same[0]
	}
	return nil
}

func (s *Server) releaseAt(r *http.Request, model string) (storage.Release, error) {
	image, err := release.ParseHex(r.PathValue("image"))
	if err != nil {
		return storage.Release{}, problem(http.StatusBadRequest, "malformed", "the address needs the SHA-256 of an image")
	}
	return s.cfg.Store.Release(r.Context(), model, image)
}

func (s *Server) setReleaseState(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Model string `json:"model"`
		State string `json:"state"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	state, ok := storage.ParseReleaseState(in.State)
	if !ok {
		return problem(http.StatusBadRequest, "malformed", "state %q is none of offered, withheld, withdrawn", in.State)
	}
	v, err := s.releaseAt(r, in.Model)
	if err != nil {
		return err
	}
	if err := s.cfg.Store.SetReleaseState(r.Context(), v.Manifest.Model, v.Manifest.Digest, state); err != nil {
		return err
	}
	v.State = state
	s.cfg.Live.Look(v.Manifest.Model)
	s.cfg.Log.Info("release state set", "model", v.Manifest.Model, "version", v.Manifest.Version, "state", in.State)
	return writeJSON(w, http.StatusOK, toReleaseJSON(&v))
}
