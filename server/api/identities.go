package api

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"unbrick/release"
	"unbrick/server/fleet"
	"unbrick/server/form"
	"unbrick/server/identity"
	"unbrick/server/storage"
)

const (
	strangersPage  = 50
	knownStrangers = 100 // of one serial that are told of
)

func strangerJSON(released images) func(*storage.Stranger) form.Stranger {
	return func(v *storage.Stranger) form.Stranger {
		told := form.Stranger{Model: v.Model, Serial: v.Serial, Standing: v.Standing.String(), Name: v.Name, Address: v.Address, First: v.First,
			Last: v.Last, Sessions: v.Sessions, Release: runningJSON(v.Model, &v.Claim, released), Workspace: v.Claim.Workspace}
		if v.Key != (storage.PublicKey{}) {
			told.Key = v.Key.String()
		}
		return told
	}
}

// known is by what a device is known, and who is not proven to be it.
func (s *Server) known(r *http.Request, id *form.DeviceID, released images) (k form.Known, err error) {
	keys, err := s.cfg.Store.Identities(r.Context(), id.Model, id.Serial)
	if err != nil {
		return k, err
	}
	q := storage.StrangerQuery{Models: []string{id.Model}, Serial: id.Serial}
	strangers, err := s.cfg.Store.Strangers(r.Context(), q, 0, knownStrangers)
	k.DeviceKeys = each(keys, func(v *storage.Identity) form.DeviceKey {
		return form.DeviceKey{Key: v.Public.String(), State: v.State.String(), Since: v.Since}
	})
	k.Strangers = each(strangers, strangerJSON(released))
	return k, err
}

func (s *Server) listDeviceKeys(_ http.ResponseWriter, r *http.Request, in *form.DeviceID) (*form.Known, error) {
	released, err := s.images(r, in.Model)
	if err != nil {
		return nil, err
	}
	k, err := s.known(r, in, released)
	if err != nil || len(k.DeviceKeys)+len(k.Strangers) > 0 {
		return &k, err
	}
	_, err = s.cfg.Store.Device(r.Context(), in.Model, in.Serial)
	return &k, err
}

func (s *Server) listStrangers(_ http.ResponseWriter, r *http.Request, in *form.StrangerQuery) (*form.Strangers, error) {
	q := storage.StrangerQuery{Serial: in.Serial, Search: in.Search}
	if len(q.Search) > 64 {
		return nil, malformed("search for at most 64 bytes")
	}
	if in.Model != "" {
		q.Models = []string{in.Model}
	}
	if in.Standing != "" {
		var ok bool
		if q.Standing, ok = storage.ParseStanding(in.Standing); !ok {
			return nil, malformed("there is no standing %q", release.Clean(in.Standing, release.MaxText))
		}
	}
	released, err := s.images(r, in.Model)
	if err != nil {
		return nil, err
	}
	list, next, err := pageByID(&in.Page, strangersPage, func(before int64, limit int) ([]storage.Stranger, error) {
		return s.cfg.Store.Strangers(r.Context(), q, before, limit)
	}, func(v *storage.Stranger) int64 { return v.ID })
	return &form.Strangers{Strangers: each(list, strangerJSON(released)), Next: next}, err
}

func (s *Server) removeStrangers(_ http.ResponseWriter, r *http.Request, in *form.StrangerRange) (*form.Removed, error) {
	if in.Model == "" {
		return nil, malformed("strangers of a model are removed: it is not said of which")
	}
	about(r, strings.TrimSuffix(in.Model+"/"+in.Serial, "/"))
	n, err := s.cfg.Store.RemoveStrangers(r.Context(), in.Model, in.Serial)
	return &form.Removed{Removed: n}, err
}

// parseKey reads a device key and refuses one that proves nothing.
func parseKey(digits string) (key storage.PublicKey, err error) {
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != len(key) {
		return key, malformed("key is 64 hexadecimal digits")
	}
	copy(key[:], b)
	if err := identity.CheckKey((*[32]byte)(&key)); err != nil {
		return key, malformed("key: %v", err)
	}
	return key, nil
}

func (s *Server) approveDevice(_ http.ResponseWriter, r *http.Request, in *form.DeviceKeyChange) (*form.Known, error) {
	m, err := s.cfg.Store.Model(r.Context(), in.Model)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, unknownModel(in.Model)
	} else if err != nil {
		return nil, err
	}
	key, err := parseKey(in.Body.Key)
	if err != nil {
		return nil, err
	}
	if m.Enrolment == storage.ByList {
		return nil, problem(http.StatusConflict, "enrolment",
			"devices of model %s are enrolled by a list alone: import one that names this device", in.Model)
	}
	if _, err := s.cfg.Store.Enrol(r.Context(), []storage.Identity{s.enrolled(&in.DeviceID, key)}); err != nil {
		return nil, err
	}
	return s.keyChanged(r, in)
}

func (s *Server) rekeyDevice(_ http.ResponseWriter, r *http.Request, in *form.DeviceKeyChange) (*form.Known, error) {
	key, err := parseKey(in.Body.Key)
	if err != nil {
		return nil, err
	}
	keys, err := s.cfg.Store.Identities(r.Context(), in.Model, in.Serial)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 || keys[0].State != storage.Enrolled {
		return nil, problem(http.StatusNotFound, "not-found", "device %s of model %s has no key that another could replace: approve one",
			in.Serial, in.Model)
	}
	before(r, keys[0].Public.String())
	if err := s.cfg.Store.Rekey(r.Context(), s.enrolled(&in.DeviceID, key)); err != nil {
		return nil, err
	}
	s.cfg.Live.Drop(fleet.ID{Model: in.Model, Serial: in.Serial}) // what speaks with the old one is believed no longer
	return s.keyChanged(r, in)
}

func (s *Server) enrolled(id *form.DeviceID, key storage.PublicKey) storage.Identity {
	return storage.Identity{Model: id.Model, Serial: id.Serial, Public: key, State: storage.Enrolled, Since: s.cfg.Now()}
}

// keyChanged logs by what a device is known now, and answers with it.
func (s *Server) keyChanged(r *http.Request, in *form.DeviceKeyChange) (*form.Known, error) {
	s.cfg.Log.Info("device key enrolled", "model", in.Model, "serial", in.Serial, "key", in.Body.Key)
	return s.listDeviceKeys(nil, r, &in.DeviceID)
}

// importKeys enrols the devices of a list.
func (s *Server) importKeys(w http.ResponseWriter, r *http.Request, _ *form.KeyList) (*form.Imported, error) {
	b, done, err := s.upload(w, r, int64(identity.MaxList))
	defer done()
	if err != nil {
		return nil, err
	}
	entries, err := identity.ParseList(strings.NewReader(string(b)))
	if errors.Is(err, identity.ErrList) {
		return nil, malformed("%v", err)
	} else if err != nil {
		return nil, err
	}
	list := make([]storage.Identity, len(entries))
	models := map[string]int{}
	for i := range entries {
		e := &entries[i]
		if models[e.Model]++; models[e.Model] == 1 {
			if err := onModel(asks(r), e.Model); err != nil {
				return nil, err
			}
			if _, err := s.cfg.Store.Model(r.Context(), e.Model); errors.Is(err, storage.ErrNotFound) {
				return nil, unknownModel(e.Model)
			} else if err != nil {
				return nil, err
			}
		}
		list[i] = s.enrolled(&form.DeviceID{Model: e.Model, Serial: e.Serial}, e.Public)
	}
	about(r, strings.Join(slices.Sorted(maps.Keys(models)), ", "))
	after(r, fmt.Sprintf("%d devices, list %s", len(list), release.ShortHex(sha256.Sum256(b))))
	fresh, err := s.cfg.Store.Enrol(r.Context(), list)
	if err != nil {
		return nil, err
	}
	s.cfg.Log.Info("device keys imported", "devices", len(list), "new", fresh)
	return &form.Imported{Devices: len(list), Known: len(list) - fresh}, nil
}
