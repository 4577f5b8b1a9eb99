package api

import (
	"errors"
	"fmt"
	"net/http"

	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/storage"
)

// gone answers for what was removed.
func gone(w http.ResponseWriter) (*form.Nothing, error) {
	w.WriteHeader(http.StatusNoContent)
	return nil, nil
}

// removeRelease removes a release that nobody is offered any more, and what is kept for it alone.
func (s *Server) removeRelease(w http.ResponseWriter, r *http.Request, in *form.Removal) (*form.Nothing, error) {
	if in.Model == "" {
		return nil, malformed("say of which model the release is")
	}
	image, err := release.ParseHex(in.Image)
	if err != nil {
		return nil, malformed("the address needs the SHA-256 of an image")
	}
	s.publishing.Lock() // it is not published again meanwhile
	defer s.publishing.Unlock()
	v, err := s.ordered(r, in.Model, image, uint64(in.Order))
	if err != nil {
		return nil, err
	}
	m := &v.Manifest
	before(r, fmt.Sprintf("%v %s, order %d, signed by %v", v.State, m.Version, m.Order, v.Signers))
	if err := s.cfg.Offers.RemoveRelease(r.Context(), in.Model, image, uint64(in.Order)); err != nil {
		return nil, err
	}
	s.cfg.Log.Info("release removed", "model", m.Model, "version", m.Version, "order", m.Order, "image", release.ShortHex(image))
	return gone(w)
}

// ordered is the release of an image that has an order, or with 0 the newest.
func (s *Server) ordered(r *http.Request, model string, image storage.Digest, order uint64) (v storage.Release, err error) {
	all, err := s.cfg.Store.Releases(r.Context(), model)
	if err != nil {
		return v, err
	}
	for i := range all {
		if m := &all[i].Manifest; m.Digest == image && (order == 0 || m.Order == order) {
			return all[i], nil
		}
	}
	return v, storage.ErrNotFound
}

// removeModel removes a model that nothing is kept for.
func (s *Server) removeModel(w http.ResponseWriter, r *http.Request, in *form.ModelID) (*form.Nothing, error) {
	s.publishing.Lock()
	defer s.publishing.Unlock()
	was, err := s.cfg.Store.Model(r.Context(), in.ID)
	if err != nil {
		return nil, err
	}
	before(r, recordName(was.Record))
	if err := s.cfg.Store.RemoveModel(r.Context(), in.ID); err != nil {
		return nil, err
	}
	s.cfg.Log.Info("model removed", "model", in.ID)
	return gone(w)
}

// removeKey takes a publisher's key back. Devices decide by their own slots, so what it signed stays as it is.
func (s *Server) removeKey(w http.ResponseWriter, r *http.Request, in *form.KeyOfModel) (*form.Nothing, error) {
	keys, err := s.cfg.Store.Keys(r.Context(), in.ID)
	if err != nil {
		return nil, err
	}
	for i := range keys {
		k := &keys[i]
		if k.ID.String() != in.Key {
			continue
		}
		before(r, fmt.Sprintf("%x, registered %s", []byte(k.Public), k.Added.Format("2006-01-02")))
		if err := s.cfg.Store.RemoveKey(r.Context(), in.ID, k.ID); err != nil {
			return nil, err
		}
		s.cfg.Log.Info("key removed", "model", in.ID, "key", in.Key)
		return gone(w)
	}
	return nil, storage.ErrNotFound
}

// removeFile removes an update file.
func (s *Server) removeFile(w http.ResponseWriter, r *http.Request, in *form.FileID) (*form.Nothing, error) {
	f, err := s.cfg.Offers.RemoveFile(r.Context(), in.ID, func(f *storage.File) {
		before(r, fmt.Sprintf("%v, of model %s, from %s to %s", f.State, f.Key.Model, release.ShortHex(f.Key.From), release.ShortHex(f.Key.To)))
	})
	if errors.Is(err, storage.ErrConflict) {
		return nil, errMaking
	} else if err != nil {
		return nil, err
	}
	s.cfg.Log.Info("update file removed", "id", in.ID, "model", f.Key.Model, "state", f.State.String())
	return gone(w)
}

// errMaking says that an update file is not anybody's to change now.
var errMaking = problem(http.StatusConflict, "making", "the update file is being made: come again when it is done")

// forgetAll deletes devices of a model, as many as one step takes. They come back when they speak.
func (s *Server) forgetAll(_ http.ResponseWriter, r *http.Request, in *form.DevicesOf) (*form.Forgotten, error) {
	if in.Model == "" {
		return nil, malformed("say of which model the devices are")
	}
	v := &form.Forgotten{}
	left, err := s.cfg.Store.ForgetDevices(r.Context(), in.Model, func(n storage.Forgotten) {
		v.Devices, v.Keys = n.Devices, n.Keys
		before(r, fmt.Sprintf("%d devices, %d device keys", n.Devices, n.Keys))
	})
	if err != nil {
		return nil, err
	}
	s.cfg.Live.DropModel(in.Model) // sessions that go on are no devices' any more
	v.DevicesLeft, v.KeysLeft = left.Devices, left.Keys
	s.cfg.Log.Info("devices forgotten", "model", in.Model, "devices", v.Devices, "left", v.DevicesLeft)
	return v, nil
}
