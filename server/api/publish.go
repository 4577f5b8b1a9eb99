package api

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"unbrick/limits"
	"unbrick/model"
	"unbrick/release"
	"unbrick/release/sequence"
	"unbrick/server/access"
	"unbrick/server/form"
	"unbrick/server/rollout"
	"unbrick/server/storage"
)

// upload receives a body that may be large. As many as may be are taken at once, each until done is called, which is never nil.
func (s *Server) upload(w http.ResponseWriter, r *http.Request, limit int64) (b []byte, done func(), err error) {
	select {
	case s.uploads <- struct{}{}:
		done = func() { <-s.uploads }
	default:
		return nil, func() {}, comeAgain(5, http.StatusServiceUnavailable, "busy", "other files are being received, come again")
	}
	if b, err = access.Body(w, r, limit); err == nil {
		err = s.cfg.Accounts.Still(r.Context(), asks(r)) // receiving it may have taken an hour
	}
	return b, done, err
}

// publish takes a release file (212). The server checks everything that it can: form, image, signature, whether the
// image fits the model, and whether it may follow the releases that the model has (package sequence).
func (s *Server) publish(w http.ResponseWriter, r *http.Request, in *form.Upload) (*form.Published, error) {
	b, done, err := s.upload(w, r, release.MaxFile)
	defer done()
	if err != nil {
		return nil, err
	}
	f, err := release.SplitFile(b)
	if err != nil {
		return nil, malformed("this is no release file: %v", err)
	}
	m, signers, err := release.Parse(f.Signed)
	if err != nil {
		return nil, malformed("manifest: %v", err)
	}
	about(r, m.Model+"/"+m.Version)
	after(r, fmt.Sprintf("order %d, image %s", m.Order, release.Hex(m.Digest)))
	if err := onModel(asks(r), m.Model); err != nil {
		return nil, err
	}
	if err := checkStatement(f.Statement, m.Model); err != nil {
		return nil, err
	}
	if err := m.CheckImage(f.Image); err != nil {
		return nil, problem(http.StatusBadRequest, "wrong-image", "%v", err)
	}
	keys, added, err := s.publisherKeys(r, in, &m, &signers)
	if err != nil {
		return nil, err
	}
	if _, err := release.Verify(f.Signed, keys, 1); err != nil {
		return nil, problem(http.StatusForbidden, "signature", "the manifest's signature is wrong: %v", err)
	}
	v := storage.Release{Manifest: m, Signed: bytes.Clone(f.Signed), Signers: signers, Statement: bytes.Clone(f.Statement),
		LongNote: bytes.Clone(f.LongNote),
		State:    storage.Offered, Published: s.cfg.Now().UTC().Truncate(time.Millisecond)}
	if v.Rollout, err = rollout.Parse(in.Phases, in.Limit, in.Halts); err != nil {
		return nil, malformed("%v", err)
	}
	if v.Rollout.Active() {
		s.cfg.Clock.Begin(&v.Rollout)
	}
	s.publishing.Lock()
	defer s.publishing.Unlock()
	created, more, err := s.admit(r, in, &v, f.Image, keys)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Store.AddRelease(r.Context(), v, f.Image); err != nil {
		return nil, err
	}
	if err := s.cfg.Offers.Heal(r.Context(), m.Model, m.Digest); err != nil {
		return nil, err
	}
	for _, key := range added { // after the release: a refused one registers nothing, and sending it again makes up for a crash here
		ctx := also(r, "key.register", m.Model, release.IDOf(key).String())
		if err := s.cfg.Store.TrustKey(ctx, m.Model, key, s.cfg.Now()); err != nil {
			return nil, err
		}
		s.cfg.Log.Info("key registered", "model", m.Model, "key", release.IDOf(key).String())
	}
	if v, err = s.stored(r.Context(), &m); err != nil {
		return nil, err
	}
	status := http.StatusOK
	switch {
	case created:
		status = http.StatusCreated
		s.cfg.Log.Info("release published", "model", m.Model, "version", m.Version, "order", m.Order, "image", release.ShortHex(m.Digest),
			"keys", signers.String())
	case more.Len() > 0:
		s.cfg.Log.Info("release signed by further keys", "model", m.Model, "version", m.Version, "order", m.Order, "image",
			release.ShortHex(m.Digest), "keys", more.String())
	}
	told, err := s.releaseJSON(r.Context(), &v)
	if err != nil {
		return nil, err
	}
	return nil, writeJSON(w, status, &form.Published{Release: *told, Added: form.KeyIDs(&more)})
}

// stored is a release as it is kept, also one that another has superseded.
func (s *Server) stored(ctx context.Context, m *release.Manifest) (storage.Release, error) {
	all, err := s.cfg.Store.Releases(ctx, m.Model)
	if err != nil {
		return storage.Release{}, err
	}
	i := slices.IndexFunc(all, func(r storage.Release) bool { return r.Manifest == *m })
	if i < 0 {
		return storage.Release{}, storage.ErrNotFound
	}
	return all[i], nil
}

// checkStatement refuses a trust statement that comes with a release and is none, or is for another model. Whose it is, devices say.
func checkStatement(signed []byte, model string) error {
	if len(signed) == 0 {
		return nil
	}
	v, _, err := release.ParseStatement(signed)
	if err != nil {
		return malformed("trust statement: %v", err)
	}
	if v.Model != "" && v.Model != model {
		return malformed("the trust statement is for model %q, the release for %q", v.Model, model)
	}
	return nil
}

// publisherKeys returns the keys of which one must have signed: the registered ones of the model, and those that came with the
// request if the model has none yet or the request says to trust them. The latter are added, and all of them must have signed.
func (s *Server) publisherKeys(r *http.Request, in *form.Upload, m *release.Manifest, signers *release.Signers) (keys,
	added []ed25519.PublicKey, err error) {
	if _, err := s.cfg.Store.Model(r.Context(), m.Model); errors.Is(err, storage.ErrNotFound) {
		return nil, nil, unknownModel(m.Model)
	} else if err != nil {
		return nil, nil, err
	}
	registered, err := s.cfg.Store.Keys(r.Context(), m.Model)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range registered {
		keys = append(keys, k.Public)
	}
	known := signers.Known(keys)
	if len(keys) > 0 && !in.Trust {
		if known.Len() == 0 {
			return nil, nil, problem(http.StatusForbidden, "unknown-key",
				"of the keys that signed (%v), none is registered for model %q; to register them too, publish once with --trust-key", signers, m.Model)
		}
		return keys, nil, nil
	}
	if added, err = sentKeys(in.Keys, signers, &known); err != nil {
		return nil, nil, err
	}
	if len(added) == 0 && known.Len() == 0 {
		return nil, nil, problem(http.StatusBadRequest, "no-key",
			"the first release under a key needs that public key in the header Unbrick-Public-Key")
	}
	if len(keys)+len(added) > limits.ModelKeys {
		return nil, nil, problem(http.StatusConflict, "conflict",
			"model %q has %d keys already, and %d more do not fit: a device of it can hold %d. Sign with those that it "+
				"has", m.Model, len(keys), len(added), limits.ModelKeys)
	}
	return append(keys, added...), added, nil
}

// sentKeys returns the public keys that came with a request, but for those that are known.
func sentKeys(texts []string, signers, known *release.Signers) ([]ed25519.PublicKey, error) {
	var sent []ed25519.PublicKey
	for _, text := range texts {
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

// admit checks a release against its model and its neighbours. It says whether the release is new, and, if it is not, whose signatures
// its store has not.
func (s *Server) admit(r *http.Request, in *form.Upload, v *storage.Release, image []byte, keys []ed25519.PublicKey) (created bool,
	more release.Signers, err error) {
	stored, err := s.cfg.Store.Model(r.Context(), v.Manifest.Model)
	if err != nil {
		return false, more, err
	}
	m, err := model.Decode(stored.Record)
	if err != nil {
		return false, more, err
	}
	if err := sequence.Untaken(&v.Manifest); err != nil {
		return false, more, problem(http.StatusUnprocessableEntity, string(sequence.Statement), "%v", err)
	}
	if err := fits(&v.Manifest, image, &m.Layout); err != nil {
		return false, more, problem(http.StatusUnprocessableEntity, "does-not-fit", "%v", err)
	}
	if err := v.Manifest.CheckTree(image); err != nil {
		return false, more, problem(http.StatusBadRequest, "wrong-image", "%v", err)
	}
	all, err := s.cfg.Store.Releases(r.Context(), v.Manifest.Model)
	if err != nil {
		return false, more, err
	}
	others := make([]sequence.Release, len(all))
	for i := range all {
		o := &all[i].Manifest
		if *o == v.Manifest {
			more, err = furtherSigners(&all[i], v, keys)
			return false, more, err
		}
		others[i] = sequence.Of(o)
	}
	var no *sequence.Refusal
	if err := sequence.Check(sequence.Of(&v.Manifest), others, &sequence.Options{Jump: in.Jump, Older: in.Older}); errors.As(err, &no) {
		return false, more, problem(http.StatusConflict, string(no.Reason), "%v", no)
	}
	return true, more, nil
}

// furtherSigners says whose signatures of v are not kept with the release. As no signature that is kept can be taken back, and one that
// does not verify keeps devices from the release, only those by the model's keys are added.
func furtherSigners(kept, v *storage.Release, keys []ed25519.PublicKey) (release.Signers, error) {
	m := &v.Manifest
	_, more, err := release.MergeSignatures(kept.Signed, v.Signed)
	if errors.Is(err, release.ErrManySigners) {
		return more, problem(http.StatusConflict, "conflict",
			"release %q is kept with the signatures of %v, and of %v not all fit: %d are the "+
				"most", m.Version, kept.Signers, v.Signers, release.MaxSigners)
	}
	if err != nil {
		return more, err
	}
	if known := more.Known(keys); known != more {
		return more, problem(http.StatusForbidden, "unknown-key",
			"release %q is kept already, and of the keys that signed it now (%v) not all are registered for model %q, so that nothing can be "+
				"added; "+
				"to register them too, publish it with --trust-key and the --pub of each", m.Version, more, m.Model)
	}
	return more, nil
}
