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

func toFileJSON(f *storage.File, released images) form.File {
	v := form.File{ID: f.ID, Model: f.Key.Model, Kind: offer.KindOf(&f.Key).String(), To: release.Hex(f.Key.To), Step: f.Key.Step,
		State: f.State.String(), Size: f.Size,
		Workspace: f.Workspace, Attempts: f.Attempts, Refusals: f.Refusals, Error: f.Error}
	v.ToName = released.version(f.Key.Model, f.Key.To)
	if offer.KindOf(&f.Key) != protocol.KindFull {
		v.From = release.Hex(f.Key.From)
		v.FromName = released.version(f.Key.Model, f.Key.From)
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
	files, next, err := pageByID(&in.Page, filesPage, func(before int64, limit int) ([]storage.File, error) {
		return s.cfg.Store.Files(r.Context(), in.Model, before, limit)
	}, func(f *storage.File) int64 { return f.ID })
	if err != nil {
		return nil, err
	}
	list, err := s.filesJSON(r, in.Model, files)
	return &form.Files{Files: list, Next: next}, err
}

// filesJSON tells of update files of a model, "" means all.
func (s *Server) filesJSON(r *http.Request, model string, files []storage.File) ([]form.File, error) {
	released, err := s.images(r, model)
	if err != nil {
		return nil, err
	}
	list := each(files, func(f *storage.File) form.File { return toFileJSON(f, released) })
	old, err := s.cfg.Offers.Old(r.Context(), files)
	for i := range old {
		list[i].Old = old[i]
	}
	return list, err
}

// setFile keeps an update file from all, or has it made anew, whatever it was.
func (s *Server) setFile(_ http.ResponseWriter, r *http.Request, in *form.FileState) (*form.File, error) {
	after(r, in.Body.State)
	state, _ := storage.ParseFileState(in.Body.State)
	f, err := s.cfg.Offers.SetFile(r.Context(), in.ID, state)
	if errors.Is(err, storage.ErrConflict) {
		return nil, errMaking
	} else if err != nil {
		return nil, err
	}
	s.cfg.Log.Info("update file set", "id", in.ID, "model", f.Key.Model, "state", f.State.String())
	told, err := s.filesJSON(r, f.Key.Model, []storage.File{f})
	if err != nil {
		return nil, err
	}
	return &told[0], nil
}

// putPrefer takes the operator's choice.
func (s *Server) putPrefer(_ http.ResponseWriter, r *http.Request, in *form.Prefer) (*form.Model, error) {
	after(r, in.Body.Kind)
	kind := protocol.KindDelta
	if in.Body.Kind == protocol.KindBsdiff.String() {
		if kind = protocol.KindBsdiff; !offer.MakesBsdiff {
			return nil, problem(http.StatusConflict, "no-bsdiff", "%v", offer.ErrNoClassic)
		}
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
