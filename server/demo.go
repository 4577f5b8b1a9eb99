package server

import (
	"context"
	"crypto/ed25519"
	"errors"

	"unbrick/release"
	"unbrick/server/storage"
)

// loadDemo stores what is not there yet.
func (s *Server) loadDemo(ctx context.Context) error {
	for i := range s.cfg.Demo.Models {
		d := &s.cfg.Demo.Models[i]
		if err := s.store.PutModel(ctx, storage.Model{ID: d.Model.ID, Record: d.Model.Append(nil), Updated: s.now()}); err != nil {
			return err
		}
		if err := s.store.TrustKey(ctx, d.Model.ID, d.Key, s.now()); err != nil {
			return err
		}
		if err := s.offers.PreferOnce(ctx, d.Model.ID, d.Prefer); err != nil {
			return err
		}
		for _, r := range d.Releases {
			m, err := release.Verify(r.Signed, []ed25519.PublicKey{d.Key}, 1)
			if err != nil {
				return err
			}
			_, signers, err := release.Parse(r.Signed)
			if err != nil {
				return err
			}
			v := storage.Release{Manifest: m, Signed: r.Signed, Signers: signers, State: storage.Offered, Published: s.now()}
			if err := s.store.AddRelease(ctx, v, r.Image); err != nil {
				return err
			}
		}
		for _, dev := range d.Devices {
			v := dev.Device
			v.Demo = true
			if err := s.store.SaveDevice(ctx, &v, dev.History...); err != nil && !errors.Is(err, storage.ErrStale) {
				return err
			}
		}
	}
	return nil
}
