package demo

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"time"

	"unbrick/server/storage"
)

// silent is the one of the devices that never proved itself.
const silent = "DEMO-0002"

// keyFor is the device key of a device that does not exist. It hangs on the demo's own key, so that each start finds the same.
func keyFor(key ed25519.PrivateKey, serial string) (k storage.PublicKey) {
	seed := sha256.Sum256(append(key.Seed(), serial...))
	copy(k[:], ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey))
	return k
}

// enrol gives devices that are not stored yet their keys, all but one. What an operator has said of a key since then stays.
func enrol(ctx context.Context, s storage.Store, key ed25519.PrivateKey, devices []device) error {
	for i := range devices {
		d := &devices[i].device
		if d.Serial == silent {
			continue
		}
		_, err := s.Device(ctx, d.Model, d.Serial)
		if err == nil {
			continue
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		d.Proof = keyFor(key, d.Serial)
		_, err = s.Enrol(ctx, []storage.Identity{{Model: d.Model, Serial: d.Serial, Public: d.Proof, State: storage.Enrolled,
			Since: d.FirstSeen}})
		if err != nil && !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
	return nil
}

// notProven adds two who spoke and are not proven, unless somebody has decided on them. Their address, storage.Example, says that nobody
// spoke: strangers have no other mark, and no connection has that one.
func notProven(ctx context.Context, s storage.Store, key ed25519.PrivateKey, claim storage.Claim, now time.Time) error {
	for i, v := range []storage.Stranger{{Serial: "DEMO-0008", Standing: storage.Unsigned}, {Serial: "DEMO-0009", Standing: storage.Pending}} {
		v.Model, v.Address, v.Claim, v.Last = "0001", storage.Example, claim, now.Add(time.Duration(i-2)*4*time.Minute)
		if v.Standing == storage.Pending {
			v.Key = keyFor(key, v.Serial)
		}
		known, err := s.Identities(ctx, v.Model, v.Serial)
		if err != nil {
			return err
		}
		there, err := s.Strangers(ctx, storage.StrangerQuery{Models: []string{v.Model}, Serial: v.Serial}, 0, 1)
		if err != nil {
			return err
		}
		if len(known)+len(there) > 0 {
			continue
		}
		if err := s.SeeStranger(ctx, v); err != nil {
			return err
		}
	}
	return nil
}
