package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/internal/cbor"
	"unbrick/limits"
	"unbrick/model"
	"unbrick/release"
	"unbrick/release/sequence"
	"unbrick/server/storage"
)

// modelJSON is a model as people and the fleet's screen see it.
type modelJSON struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Flash       string    `json:"flash"`
	Geometry    string    `json:"geometry"`
	Sectors     int       `json:"sectors"`
	ProgramUnit uint32    `json:"program_unit"`
	Page        uint32    `json:"page"`
	Erased      byte      `json:"erased"`
	Boot        uint32    `json:"boot"`
	Software    uint32    `json:"software"`
	RAM         uint32    `json:"ram"`
	Resident    uint32    `json:"resident"`
	Workspace   uint32    `json:"workspace"`
	ISA         string    `json:"isa"`
	Line        uint32    `json:"line"`
	Hints       []string  `json:"hints"`
	Apps        []appJSON `json:"apps"`
	Prefer      string    `json:"prefer"`
	Keys        []keyJSON `json:"keys"`
	Record      []byte    `json:"record"`
}

type appJSON struct {
	Name       string `json:"name"`
	Size       uint32 `json:"size"`
	Importance uint8  `json:"importance"`
	Fixed      bool   `json:"fixed"`
}

type keyJSON struct {
	ID     string    `json:"id"`
	Public []byte    `json:"public"`
	Added  time.Time `json:"added"`
}

func (s *Server) modelJSON(r *http.Request, stored *storage.Model) (modelJSON, error) {
	m, err := model.Decode(stored.Record)
	if err != nil {
		return modelJSON{}, fmt.Errorf("model %q: %w", stored.ID, err)
	}
	g := &m.Layout.Geometry
	area := m.Layout.Software()
	v := modelJSON{ID: m.ID, Name: m.Name, Flash: flash.FormatSize(g.Size()), Geometry: g.String(), Sectors: g.Sectors(), ProgramUnit: g.ProgramUnit, Page: g.Page, Erased: g.Erased,
		Boot: m.Layout.Boot, Software: area.Size(), RAM: m.RAM, Resident: m.Resident, Workspace: m.MaxWorkspace(), ISA: m.ISA, Line: m.Line,
		Hints: append([]string{}, m.Hints...), Apps: []appJSON{}, Record: stored.Record}
	for _, a := range m.Apps {
		v.Apps = append(v.Apps, appJSON(a))
	}
	keys, err := s.store.Keys(r.Context(), m.ID)
	if err != nil {
		return v, err
	}
	v.Keys = toKeysJSON(keys)
	kind, err := s.prefers(r.Context(), m.ID)
	v.Prefer = kind.String()
	return v, err
}

func (s *Server) listModels(w http.ResponseWriter, r *http.Request) error {
	all, err := s.store.Models(r.Context())
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
	list := make([]modelJSON, 0, len(all))
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
	stored, err := s.store.Model(r.Context(), r.PathValue("id"))
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
	if _, err := s.store.Model(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	keys, err := s.store.Keys(r.Context(), r.PathValue("id"))
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

func toKeysJSON(keys []storage.Key) []keyJSON {
	list := make([]keyJSON, len(keys))
	for i, k := range keys {
		list[i] = keyJSON{k.ID.String(), k.Public, k.Added}
	}
	return list
}

// putModel stores a model's record. Where releases exist, their images must still fit the new software area.
func (s *Server) putModel(w http.ResponseWriter, r *http.Request) error {
	if contentType(r) != cborType {
		return problem(http.StatusUnsupportedMediaType, "media-type", "a model is sent as %s; unbrick model put makes it", cborType)
	}
	b, err := body(w, r, model.MaxEncoded)
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
	releases, err := s.store.Releases(r.Context(), m.ID)
	if err != nil {
		return err
	}
	area := m.Layout.Software()
	for i := range releases {
		if err := fitsArea(&releases[i].Manifest, &area); err != nil {
			return problem(http.StatusConflict, "conflict", "release %q of this model would not fit any more: %v", releases[i].Manifest.Version, err)
		}
	}
	stored := storage.Model{ID: m.ID, Record: b, Updated: s.now()}
	if err := s.store.PutModel(r.Context(), stored); err != nil {
		return err
	}
	s.live.look(m.ID)
	s.log.Info("model stored", "model", m.ID)
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

// releaseJSON is a release; counts only for operators.
type releaseJSON struct {
	Model     string       `json:"model"`
	Version   string       `json:"version"`
	Order     uint64       `json:"order"`
	Counter   uint64       `json:"counter"`
	Size      uint32       `json:"size"`
	Image     string       `json:"image"`
	Keys      []string     `json:"keys"` // that signed it
	Era       uint16       `json:"era"`
	Least     uint32       `json:"least_statement"`
	Day       string       `json:"day,omitempty"` // that it says it was released, as 2026-11-28
	Note      string       `json:"note,omitempty"`
	State     string       `json:"state"`
	Published time.Time    `json:"published"`
	Manifest  []byte       `json:"manifest"`
	Installed *int         `json:"installed,omitempty"`
	Confirmed *int         `json:"confirmed,omitempty"`
	Rollout   *rolloutJSON `json:"rollout,omitempty"`
	Damaged   bool         `json:"damaged,omitempty"` // the stored image: publish the release file again
}

// releaseJSON is a release with its rollout, of which lost devices are a part.
func (s *Server) releaseJSON(r *storage.Release, lost uint32) releaseJSON {
	v := toReleaseJSON(r)
	v.Rollout = s.rolloutJSON(&r.Rollout, lost)
	return v
}

func toReleaseJSON(r *storage.Release) releaseJSON {
	m := &r.Manifest
	v := releaseJSON{Model: m.Model, Version: m.Version, Order: m.Order, Counter: m.Counter, Size: m.Size, Image: release.Hex(m.Digest), Era: m.Era, Least: m.Least,
		Day: m.Date(), Note: m.Note, State: r.State.String(), Published: r.Published, Manifest: r.Signed}
	for _, id := range r.Signers.IDs() {
		v.Keys = append(v.Keys, id.String())
	}
	return v
}

func (s *Server) listReleases(w http.ResponseWriter, r *http.Request) error {
	all, err := s.store.Releases(r.Context(), r.URL.Query().Get("model"))
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
	operator := isOperator(r)
	shown := all[:0]
	for _, v := range all {
		if operator || v.State != storage.Withdrawn {
			shown = append(shown, v)
		}
	}
	list := make([]releaseJSON, len(shown))
	for i := range shown {
		list[i] = toReleaseJSON(&shown[i])
		list[i].Damaged = operator && s.isSpoilt(shown[i].Manifest.Digest)
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
func (s *Server) tellRollouts(ctx context.Context, all []storage.Release, list []releaseJSON) error {
	for i := range all {
		if !all[i].Rollout.Active() {
			continue
		}
		lost, err := s.lost(ctx, &all[i].Manifest)
		if err != nil {
			return err
		}
		list[i].Rollout = s.rolloutJSON(&all[i].Rollout, lost)
	}
	return nil
}

// count adds to each release how many devices say that they run it, and on how many it confirmed itself.
func (s *Server) count(ctx context.Context, model string, all []storage.Release, list []releaseJSON) error {
	counts, err := s.store.Installed(ctx, model)
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

// publish takes a release file (212). The server checks everything that it can: form, image, signature, whether the
// image fits the model, and whether it may follow the releases that the model has (package sequence).
func (s *Server) publish(w http.ResponseWriter, r *http.Request) error {
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		w.Header().Set("Retry-After", "5")
		return problem(http.StatusServiceUnavailable, "busy", "other release files are being received, come again")
	}
	b, err := body(w, r, release.MaxFile)
	if err != nil {
		return err
	}
	f, err := release.SplitFile(b)
	if err != nil {
		return problem(http.StatusBadRequest, "malformed", "this is no release file: %v", err)
	}
	m, signers, err := release.Parse(f.Signed)
	if err != nil {
		return problem(http.StatusBadRequest, "malformed", "manifest: %v", err)
	}
	if err := checkStatement(f.Statement, m.Model); err != nil {
		return err
	}
	if err := m.CheckImage(f.Image); err != nil {
		return problem(http.StatusBadRequest, "wrong-image", "%v", err)
	}
	keys, added, err := s.publisherKeys(r, &m, &signers)
	if err != nil {
		return err
	}
	if _, err := release.Verify(f.Signed, keys, 1); err != nil {
		return problem(http.StatusForbidden, "signature", "the manifest's signature is wrong: %v", err)
	}
	v := storage.Release{Manifest: m, Signed: bytes.Clone(f.Signed), Signers: signers, Statement: bytes.Clone(f.Statement), LongNote: bytes.Clone(f.LongNote),
		State: storage.Offered, Published: s.now().UTC().Truncate(time.Millisecond)}
	if v.Rollout, err = s.parseRollout(r.URL.Query().Get("phases"), r.URL.Query().Get("limit"), r.URL.Query().Get("halts")); err != nil {
		return err
	}
	s.publishing.Lock()
	defer s.publishing.Unlock()
	created, err := s.admit(r, &v, f.Image)
	if err != nil {
		return err
	}
	if err := s.store.AddRelease(r.Context(), v, f.Image); err != nil {
		return err
	}
	if err := s.heal(r.Context(), m.Model, m.Digest); err != nil {
		return err
	}
	for _, key := range added { // after the release: a refused one registers nothing, and sending it again makes up for a crash here
		if err := s.store.TrustKey(r.Context(), m.Model, key, s.now()); err != nil {
			return err
		}
		s.log.Info("key registered", "model", m.Model, "key", release.IDOf(key).String())
	}
	if v, err = s.store.Release(r.Context(), m.Model, m.Digest); err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		s.log.Info("release published", "model", m.Model, "version", m.Version, "order", m.Order, "image", release.ShortHex(m.Digest), "keys", signers.String())
	}
	return writeJSON(w, status, map[string]any{"release": s.releaseJSON(&v, 0)})
}

// checkStatement refuses a trust statement that comes with a release and is none, or is for another model. Whose it is, devices say.
func checkStatement(signed []byte, model string) error {
	if len(signed) == 0 {
		return nil
	}
	v, _, err := release.ParseStatement(signed)
	if err != nil {
		return problem(http.StatusBadRequest, "malformed", "trust statement: %v", err)
	}
	if v.Model != "" && v.Model != model {
		return problem(http.StatusBadRequest, "malformed", "the trust statement is for model %q, the release for %q", v.Model, model)
	}
	return nil
}

// publisherKeys returns the keys of which one must have signed: the registered ones of the model, and those that came with the
// request if the model has none yet or the request says to trust them. The latter are added, and all of them must have signed.
func (s *Server) publisherKeys(r *http.Request, m *release.Manifest, signers *release.Signers) (keys, added []ed25519.PublicKey, err error) {
	if _, err := s.store.Model(r.Context(), m.Model); errors.Is(err, storage.ErrNotFound) {
		return nil, nil, problem(http.StatusNotFound, "unknown-model", "model %q is not known here: describe it first with unbrick model put", m.Model)
	} else if err != nil {
		return nil, nil, err
	}
	registered, err := s.store.Keys(r.Context(), m.Model)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range registered {
		keys = append(keys, k.Public)
	}
	known := signers.Known(keys)
	trust, _ := strconv.ParseBool(r.URL.Query().Get("trust"))
	if len(keys) > 0 && !trust {
		if known.Len() == 0 {
			return nil, nil, problem(http.StatusForbidden, "unknown-key", "of the keys that signed (%v), none is registered for model %q; to register them too, publish once with --trust-key", signers, m.Model)
		}
		return keys, nil, nil
	}
	if added, err = sentKeys(r, signers, &known); err != nil {
		return nil, nil, err
	}
	if len(added) == 0 && known.Len() == 0 {
		return nil, nil, problem(http.StatusBadRequest, "no-key", "the first release under a key needs that public key in the header Unbrick-Public-Key")
	}
	if len(keys)+len(added) > limits.ModelKeys {
		return nil, nil, problem(http.StatusConflict, "conflict", "model %q has %d keys already, and %d more do not fit: a device of it can hold %d. Sign with those that it has", m.Model, len(keys), len(added), limits.ModelKeys)
	}
	return append(keys, added...), added, nil
}

// sentKeys returns the public keys that came with a request, but for those that are known.
func sentKeys(r *http.Request, signers, known *release.Signers) ([]ed25519.PublicKey, error) {
	var sent []ed25519.PublicKey
	for _, text := range r.Header.Values("Unbrick-Public-Key") {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return nil, problem(http.StatusBadRequest, "no-key", "the header Unbrick-Public-Key holds no public key")
		}
		if !signers.Has(release.IDOf(raw)) {
			return nil, problem(http.StatusBadRequest, "no-key", "a public key that was sent is not one that signed")
		}
		if !known.Has(release.IDOf(raw)) && !slices.ContainsFunc(sent, func(k ed25519.PublicKey) bool { return bytes.Equal(k, raw) }) {
			sent = append(sent, raw)
		}
	}
	return sent, nil
}

// admit checks a release against its model and its neighbours. It says whether the release is new.
func (s *Server) admit(r *http.Request, v *storage.Release, image []byte) (created bool, err error) {
	stored, err := s.store.Model(r.Context(), v.Manifest.Model)
	if err != nil {
		return false, err
	}
	m, err := model.Decode(stored.Record)
	if err != nil {
		return false, err
	}
	area := m.Layout.Software()
	if err := fitsArea(&v.Manifest, &area); err != nil {
		return false, problem(http.StatusUnprocessableEntity, "does-not-fit", "%v", err)
	}
	if err := v.Manifest.CheckTree(image); err != nil {
		return false, problem(http.StatusBadRequest, "wrong-image", "%v", err)
	}
	all, err := s.store.Releases(r.Context(), v.Manifest.Model)
	if err != nil {
		return false, err
	}
	others := make([]sequence.Release, len(all))
	for i := range all {
		o := &all[i].Manifest
		if bytes.Equal(all[i].Signed, v.Signed) {
			return false, nil // the same again
		}
		others[i] = sequence.Of(o)
	}
	jump, _ := strconv.ParseBool(r.URL.Query().Get("jump"))
	older, _ := strconv.ParseBool(r.URL.Query().Get("older-version"))
	var no *sequence.Refusal
	if err := sequence.Check(sequence.Of(&v.Manifest), others, &sequence.Options{Jump: jump, Older: older}); errors.As(err, &no) {
		return false, problem(http.StatusConflict, string(no.Reason), "%v", no)
	}
	return true, nil
}

func (s *Server) releaseAt(r *http.Request, model string) (storage.Release, error) {
	image, err := release.ParseHex(r.PathValue("image"))
	if err != nil {
		return storage.Release{}, problem(http.StatusBadRequest, "malformed", "the address needs the SHA-256 of an image")
	}
	return s.store.Release(r.Context(), model, image)
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
	if err := s.store.SetReleaseState(r.Context(), v.Manifest.Model, v.Manifest.Digest, state); err != nil {
		return err
	}
	v.State = state
	s.live.look(v.Manifest.Model)
	s.log.Info("release state set", "model", v.Manifest.Model, "version", v.Manifest.Version, "state", in.State)
	return writeJSON(w, http.StatusOK, toReleaseJSON(&v))
}
