package api

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"unbrick/delta/diff"
	"unbrick/flash"
	"unbrick/internal/cbor"
	"unbrick/model"
	"unbrick/release"
	"unbrick/server/access"
	"unbrick/server/form"
	"unbrick/server/storage"
)

func (s *Server) modelJSON(r *http.Request, stored *storage.Model) (*form.Model, error) {
	m, err := model.Decode(stored.Record)
	if err != nil {
		return nil, fmt.Errorf("model %q: %w", stored.ID, err)
	}
	g := &m.Layout.Geometry
	area := m.Layout.Software()
	v := &form.Model{ID: m.ID, Name: m.Name, Flash: flash.FormatSize(g.Size()), Geometry: g.String(), Sectors: g.Sectors(),
		ProgramUnit: g.ProgramUnit, Page: g.Page, Erased: g.Erased,
		Boot: m.Layout.Boot, Software: area.Size(), RAM: m.RAM, Resident: m.Resident, Workspace: m.MaxWorkspace(), ISA: m.ISA, Line: m.Line,
		Hints: append([]string{}, m.Hints...), Apps: []form.App{}, Record: stored.Record}
	for _, a := range m.Apps {
		v.Apps = append(v.Apps, form.App(a))
	}
	keys, err := s.cfg.Store.Keys(r.Context(), m.ID)
	if err != nil {
		return v, err
	}
	v.Keys, v.Enrolment = each(keys, toKeyJSON), stored.Enrolment.String()
	kind, err := s.cfg.Offers.Prefers(r.Context(), m.ID)
	v.Prefer = kind.String()
	return v, err
}

func (s *Server) listModels(w http.ResponseWriter, r *http.Request, in *form.ModelQuery) (*form.Models, error) {
	all, err := s.cfg.Store.Models(r.Context())
	if err != nil {
		return nil, err
	}
	if wantsCBOR(r) {
		return nil, writeList(w, all, func(c *cbor.Writer, m *storage.Model) { c.Bytes(m.Record) })
	}
	from, to, next, err := pageOf(&in.Page, len(all), func(i int) string { return all[i].ID })
	if err != nil {
		return nil, err
	}
	page := &form.Models{Models: []form.Model{}, Next: next}
	for i := range all[from:to] {
		v, err := s.modelJSON(r, &all[from+i])
		if err != nil {
			return nil, err
		}
		page.Models = append(page.Models, *v)
	}
	return page, nil
}

func (s *Server) getModel(w http.ResponseWriter, r *http.Request, in *form.ModelID) (*form.Model, error) {
	stored, err := s.cfg.Store.Model(r.Context(), in.ID)
	if err != nil {
		return nil, err
	}
	if wantsCBOR(r) {
		write(w, http.StatusOK, form.CBOR, stored.Record)
		return nil, nil
	}
	return s.modelJSON(r, &stored)
}

// listKeys tells which public keys are registered for a model. They are public: a Lab makes a device of the model
// trust them, and the command shows who signs.
func (s *Server) listKeys(w http.ResponseWriter, r *http.Request, in *form.KeyQuery) (*form.Keys, error) {
	if _, err := s.cfg.Store.Model(r.Context(), in.ID); err != nil {
		return nil, err
	}
	keys, err := s.cfg.Store.Keys(r.Context(), in.ID)
	if err != nil {
		return nil, err
	}
	if wantsCBOR(r) {
		return nil, writeList(w, keys, func(c *cbor.Writer, k *storage.Key) { c.Bytes(k.Public) })
	}
	from, to, next, err := pageOf(&in.Page, len(keys), func(i int) string { return keys[i].ID.String() })
	if err != nil {
		return nil, err
	}
	return &form.Keys{Keys: each(keys[from:to], toKeyJSON), Next: next}, nil
}

func toKeyJSON(k *storage.Key) form.Key {
	return form.Key{ID: k.ID.String(), Public: k.Public, Added: k.Added}
}

// putModel stores a model's record. Where releases exist, their images must still fit the new software area.
func (s *Server) putModel(w http.ResponseWriter, r *http.Request, in *form.ModelID) (*form.Model, error) {
	b, err := access.Body(w, r, model.MaxEncoded)
	if err != nil {
		return nil, err
	}
	m, err := model.Decode(b)
	if err != nil {
		return nil, malformed("%v", err)
	}
	if m.ID != in.ID {
		return nil, malformed("the record is of model %q, the address of %q", m.ID, in.ID)
	}
	if m.ISA != "" && !slices.Contains(diff.ISAs(), m.ISA) {
		return nil, malformed("instruction set %q is none of %s", m.ISA, strings.Join(diff.ISAs(), ", "))
	}
	releases, err := s.cfg.Store.Releases(r.Context(), m.ID)
	if err != nil {
		return nil, err
	}
	for i := range releases {
		if err := fits(&releases[i].Manifest, nil, &m.Layout); err != nil {
			return nil, problem(http.StatusConflict, "conflict", "release %q of this model would not fit any more: %v",
				releases[i].Manifest.Version, err)
		}
	}
	if was, err := s.cfg.Store.Model(r.Context(), m.ID); err == nil {
		before(r, recordName(was.Record))
	}
	after(r, recordName(b))
	stored := storage.Model{ID: m.ID, Record: b, Updated: s.cfg.Now()}
	if err := s.cfg.Store.PutModel(r.Context(), stored); err != nil {
		return nil, err
	}
	s.cfg.Live.Look(m.ID)
	s.cfg.Log.Info("model stored", "model", m.ID)
	if stored, err = s.cfg.Store.Model(r.Context(), m.ID); err != nil {
		return nil, err
	}
	return s.modelJSON(r, &stored)
}

// setEnrolment says how devices of a model are enrolled from now on. Those that are, stay.
func (s *Server) setEnrolment(_ http.ResponseWriter, r *http.Request, in *form.Enrolment) (*form.Model, error) {
	stored, err := s.cfg.Store.Model(r.Context(), in.ID)
	if err != nil {
		return nil, err
	}
	before(r, stored.Enrolment.String())
	stored.Enrolment, _ = storage.ParseEnrolment(in.Body.Enrolment) // its words were looked at
	after(r, stored.Enrolment.String())
	if err := s.cfg.Store.SetEnrolment(r.Context(), in.ID, stored.Enrolment); err != nil {
		return nil, err
	}
	s.cfg.Log.Info("enrolment of a model", "model", in.ID, "enrolment", stored.Enrolment.String())
	return s.modelJSON(r, &stored)
}

// recordName tells a model's record from another in the audit log.
func recordName(record []byte) string { return "record " + release.ShortHex(sha256.Sum256(record)) }

// fits says why a release cannot be for devices with a layout: an image goes into their software area, parts go anywhere in their flash.
// An image that is nil was looked at before.
func fits(m *release.Manifest, image []byte, l *flash.Layout) error {
	if m.Family != "" {
		return m.FitParts(image, l)
	}
	area := l.Software()
	t := release.Target{Model: m.Model, Software: &area}
	return t.Accept(m, nil)
}

// releaseJSON is a release with its rollout.
func (s *Server) releaseJSON(ctx context.Context, r *storage.Release) (*form.Release, error) {
	v := toReleaseJSON(r)
	var err error
	v.Rollout, err = s.rolloutJSON(ctx, r)
	return &v, err
}

func toReleaseJSON(r *storage.Release) form.Release {
	return form.Release{Claims: form.ClaimsOf(&r.Manifest, &r.Signers), State: r.State.String(), Published: r.Published, Manifest: r.Signed}
}

func (s *Server) listReleases(w http.ResponseWriter, r *http.Request, in *form.ReleaseQuery) (*form.Releases, error) {
	all, err := s.cfg.Store.Releases(r.Context(), in.Model)
	if err != nil {
		return nil, err
	}
	if wantsCBOR(r) { // for the page, which may have a release still that was withdrawn since: it is told
		return nil, writeList(w, all, func(c *cbor.Writer, r *storage.Release) {
			c.Array(3)
			c.Text(r.State.String())
			c.Uint(uint64(max(0, r.Published.UnixMilli())))
			c.Bytes(r.Signed)
		})
	}
	shown := slices.DeleteFunc(all, func(v storage.Release) bool { return v.State == storage.Withdrawn && !seesAll(r, v.Manifest.Model) })
	list := each(shown, toReleaseJSON)
	from, to, next, err := pageOf(&in.Page, len(list), func(i int) string { return fmt.Sprintf("%s:%d", list[i].Model, list[i].Order) })
	if err != nil {
		return nil, err
	}
	if asks(r).May(form.MaySee) {
		if err := s.count(r, in.Model, shown, list); err != nil {
			return nil, err
		}
	}
	for i := from; i < to; i++ {
		if !seesAll(r, list[i].Model) {
			continue
		}
		if err := s.tellMore(r.Context(), &shown[i], &list[i]); err != nil {
			return nil, err
		}
	}
	return &form.Releases{Releases: list[from:to], Next: next}, nil
}

// seesAll says whether who asks sees all of the releases of a model: the withdrawn ones, and how rollouts go.
func seesAll(r *http.Request, model string) bool {
	return asks(r).May(form.MaySeeFiles) && asks(r).On(model)
}

// tellMore adds to a release what accounts see of it.
func (s *Server) tellMore(ctx context.Context, r *storage.Release, v *form.Release) (err error) {
	v.Damaged = s.cfg.Offers.Damaged(r.Manifest.Digest)
	v.Rollout, err = s.rolloutJSON(ctx, r)
	return err
}

// count adds to each release how many devices say that they run it, and on how many it confirmed itself.
func (s *Server) count(r *http.Request, model string, all []storage.Release, list []form.Release) error {
	counts, err := s.cfg.Store.Installed(r.Context(), model)
	if err != nil {
		return err
	}
	at := make(map[*storage.Release]int, len(list))
	for i := range list {
		at[&all[i]] = i
		if asks(r).On(list[i].Model) {
			list[i].Installed, list[i].Confirmed = new(int), new(int)
		}
	}
	known := imagesOf(all)
	for i := range counts {
		if r := known.of(&counts[i]); r != nil && list[at[r]].Installed != nil {
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

// images reads the releases of a model, of all with "".
func (s *Server) images(r *http.Request, model string) (images, error) {
	all, err := s.cfg.Store.Releases(r.Context(), model)
	return imagesOf(all), err
}

// version is that of the newest release of an image, "" if there is none.
func (v images) version(model string, image storage.Digest) string {
	if same := v[deviceImage{model, image}]; len(same) > 0 {
		return same[0].Manifest.Version
	}
	return ""
}

// of is the release that counted devices run: of those of their image the one of their order, else the newest; nil if
// there is none.
func (v images) of(c *storage.ReleaseCount) *storage.Release {
	same := v[deviceImage{c.Model, c.Image}]
	if len(same) == 0 {
		return nil
	}
	return same[max(0, slices.IndexFunc(same, func(r *storage.Release) bool { return r.Manifest.Order == c.Order }))]
}

func (s *Server) releaseAt(r *http.Request, model, sha256 string) (storage.Release, error) {
	image, err := release.ParseHex(sha256)
	if err != nil {
		return storage.Release{}, malformed("the address needs the SHA-256 of an image")
	}
	return s.cfg.Store.Release(r.Context(), model, image)
}

func (s *Server) setReleaseState(_ http.ResponseWriter, r *http.Request, in *form.ReleaseState) (*form.Release, error) {
	v, err := s.releaseAt(r, in.Body.Model, in.Image)
	if err != nil {
		return nil, err
	}
	before(r, v.State.String())
	v.State, _ = storage.ParseReleaseState(in.Body.State)
	after(r, v.State.String())
	if err := s.cfg.Store.SetReleaseState(r.Context(), v.Manifest.Model, v.Manifest.Digest, v.State); err != nil {
		return nil, err
	}
	s.cfg.Live.Look(v.Manifest.Model)
	s.cfg.Log.Info("release state set", "model", v.Manifest.Model, "version", v.Manifest.Version, "state", in.Body.State)
	told := toReleaseJSON(&v)
	if err := s.tellMore(r.Context(), &v, &told); err != nil {
		return nil, err
	}
	return &told, nil
}
