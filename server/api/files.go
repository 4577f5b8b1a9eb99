package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

// File is an update file as operators see it.
type File struct {
	ID        int64      `json:"id"`
	Model     string     `json:"model"`
	Kind      string     `json:"kind"`
	From      string     `json:"from"` // image, empty for a full image
	FromName  string     `json:"from_version"`
	To        string     `json:"to"`
	ToName    string     `json:"to_version"`
	Step      uint32     `json:"step"` // workspace that it was made for, 0: any
	State     string     `json:"state"`
	File      string     `json:"file"`
	Size      uint32     `json:"size"`
	Workspace uint32     `json:"workspace"`
	Attempts  uint32     `json:"attempts"`
	Refusals  uint32     `json:"refusals"` // devices that say that they found it wrong
	Error     string     `json:"error"`
	Next      *time.Time `json:"next,omitempty"` // when it is tried again
}

func toFileJSON(f *storage.File, names versions) File {
	v := File{ID: f.ID, Model: f.Key.Model, Kind: offer.KindOf(&f.Key).String(), To: release.Hex(f.Key.To), Step: f.Key.Step, State: f.State.String(), Size: f.Size,
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

const filesPage = 100

func (s *Server) listFiles(w http.ResponseWriter, r *http.Request) error {
	before, limit, err := pageOf(r, "an update file", filesPage)
	if err != nil {
		return err
	}
	id := r.URL.Query().Get("model")
	files, err := s.cfg.Store.Files(r.Context(), id, before, limit+1)
	if err != nil {
		return err
	}
	files, next := cutPage(files, limit, func(f *storage.File) int64 { return f.ID })
	names, err := s.versions(r, id)
	if err != nil {
		return err
	}
	list := make([]File, len(files))
	for i := range files {
		list[i] = toFileJSON(&files[i], names)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"files": list, "before": next})
}

// setFile keeps an update file from all, or has it made anew, whatever it was.
func (s *Server) setFile(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		State string `json:"state"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	state, ok := map[string]storage.FileState{"wanted": storage.FileWanted, "barred": storage.FileBarred}[in.State]
	if !ok {
		return problem(http.StatusBadRequest, "malformed", "state %q is none of wanted, barred", in.State)
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return problem(http.StatusBadRequest, "malformed", "the address needs the id of an update file")
	}
	f, err := s.cfg.Offers.SetFile(r.Context(), id, state)
	if errors.Is(err, storage.ErrConflict) {
		return problem(http.StatusConflict, "making", "the update file is being made: come again when it is done")
	} else if err != nil {
		return err
	}
	s.cfg.Log.Info("update file set", "id", id, "model", f.Key.Model, "state", f.State.String())
	names, err := s.versions(r, f.Key.Model)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, toFileJSON(&f, names))
}

// putPrefer takes the operator's choice.
func (s *Server) putPrefer(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Kind string `json:"kind"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	var kind protocol.Kind
	switch in.Kind {
	case protocol.KindDelta.String():
		kind = protocol.KindDelta
	case protocol.KindBsdiff.String():
		kind = protocol.KindBsdiff
	default:
		return problem(http.StatusBadRequest, "malformed", "kind %q is neither delta nor bsdiff", in.Kind)
	}
	if kind == protocol.KindBsdiff && !offer.MakesBsdiff {
		return problem(http.StatusConflict, "no-bsdiff", "%v", offer.ErrNoClassic)
	}
	stored, err := s.cfg.Store.Model(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.cfg.Offers.Prefer(r.Context(), stored.ID, kind); err != nil {
		return err
	}
	s.cfg.Log.Info("preferred kind of update file set", "model", stored.ID, "kind", kind.String())
	v, err := s.modelJSON(r, &stored)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v)
}
