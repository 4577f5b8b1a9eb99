package api

import (
	"errors"
	"net/http"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

func toFileJSON(f *storage.File, names versions) form.File {
	v := form.File{ID: f.ID, Model: f.Key.Model, Kind: offer.KindOf(&f.Key).String(), To: release.Hex(f.Key.To), Step: f.Key.Step,
		State: f.State.String(), Size: f.Size,
		Workspace: f.Workspace, Attempts: f.Attempts, Refusals: f.Refusals, Error: f.Error}
	v.ToName = names[deviceImage{f.Key.Model, f.Key.To}]
	if offer.KindOf(&f.Key) != protocol.KindFull {
		v.From = release.Hex(f.Key.From)
		v.FromName = names[deviceImage{f.Key.Model, f.Key.From}]
	}
	if f.Blob != (storage.Digest{}) {
		v.File = release.Hex(f.Blob)
	}
	if f.State == storage.FileFailed {
		v.Next = &f.Next
	}
	return v
}

func (s *Server) listFiles(_ http.ResponseWriter, r *http.Request, in *form.FileQuery) (*form.Files, error) {
	before, limit, err := idsOf(&in.Page, filesPage)
	if err != nil {
		return nil, err
	}
	files, err := s.cfg.Store.Files(r.Context(), in.Model, before, limit+1)
	if err != nil {
		return nil, err
	}
	files, next := cutPage(files, limit, func(f *storage.File) int64 { return f.ID })
	names, err := s.versions(r, in.Model)
	if err != nil {
		return nil, err
	}
	list := make([]form.File, len(files))
	for i := range files {
		list[i] = toFileJSON(&files[i], names)
	}
	return &form.Files{Files: list, Next: next}, nil
}

// setFile keeps an update file from all, or has it made anew, whatever it was.
func (s *Server) setFile(_ http.ResponseWriter, r *http.Request, in *form.FileState) (*form.File, error) {
	state := map[string]storage.FileState{"wanted": storage.FileWanted, "barred": storage.FileBarred}[in.Body.State]
	f, err := s.cfg.Offers.SetFile(r.Context(), in.ID, state)
	if errors.Is(err, storage.ErrConflict) {
		return nil, problem(http.StatusConflict, "making", "the update file is being made: come again when it is done")
	} else if err != nil {
		return nil, err
	}
	s.cfg.Log.Info("update file set", "id", in.ID, "model", f.Key.Model, "state", f.State.String())
	names, err := s.versions(r, f.Key.Model)
	if err != nil {
		return nil, err
	}
	v := toFileJSON(&f, names)
	return &v, nil
}

// putPrefer takes the operator's choice.
func (s *Server) putPrefer(_ http.ResponseWriter, r *http.Request, in *form.Prefer) (*form.Model, error) {
	kind := map[string]protocol.Kind{"delta": protocol.KindDelta, "bsdiff": protocol.KindBsdiff}[in.Body.Kind]
	if kind == protocol.KindBsdiff && !offer.MakesBsdiff {
		return nil, problem(http.StatusConflict, "no-bsdiff", "%v", offer.ErrNoClassic)
	}
	stored, err := s.cfg.Store.Model(r.Context(), in.ID)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Offers.Prefer(r.Context(), stored.ID, kind); err != nil {
		return nil, err
	}
	s.cfg.Log.Info("preferred kind of update file set", "model", stored.ID, "kind", in.Body.Kind)
	return s.modelJSON(r, &stored)
}
