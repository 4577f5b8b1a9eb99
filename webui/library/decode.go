package library

import (
	"crypto/ed25519"
	"errors"
	"slices"

	"unbrick/internal/cbor"
	"unbrick/internal/pack"
	"unbrick/model"
	"unbrick/release"
	"unbrick/webui/state"
)

// Limits of what a server may list.
const (
	maxModels   = 256
	maxReleases = 4096
	maxKeys     = 16
)

var errTooMany = errors.New("list is too long")

// items reads an array of at most max items, each with visit.
func items(r *cbor.Reader, max int, visit func()) error {
	n := r.Array()
	if n > max {
		return errTooMany
	}
	for ; n > 0 && r.Err() == nil; n-- {
		visit()
	}
	return r.Err()
}

// decodeModels reads the server's list of model records. A record of a kind that this program does not
// know is left out: its devices cannot be emulated here, and restoring them asks only the device.
func decodeModels(b []byte) ([]model.Model, error) {
	r := cbor.NewReader(b)
	var list []model.Model
	err := items(r, maxModels, func() {
		if m, err := model.Decode(r.Bytes()); err == nil {
			list = append(list, m)
		}
	})
	if err != nil {
		return nil, err
	}
	return list, r.Finish()
}

// fitOfState is what a release in a state of the server's is for every device. One that is superseded is listed as what it
// became, too.
var fitOfState = map[string]state.Fit{"offered": state.FitUnknown, "withheld": state.FitWithheld, "withdrawn": state.FitWithdrawn,
	saysKept: state.FitUnknown, saysChosen: state.FitUnknown}

// decodeReleases reads the server's list of releases: state, time of publication, signed manifest. A manifest in a shape
// that this program does not know is left out, and so is a release in such a state.
func decodeReleases(b []byte) ([]listed, error) {
	r := cbor.NewReader(b)
	var list []listed
	err := items(r, maxReleases, func() {
		if n := r.Array(); n != 3 && r.Err() == nil {
			r.Fail(pack.ErrShape)
		}
		how := r.TextMax(state.MaxText)
		r.Uint()
		signed := r.BytesMax(release.MaxManifest)
		fit, known := fitOfState[how]
		if r.Err() != nil || !known {
			return
		}
		if m, signers, err := release.Parse(signed); err == nil {
			origin, here := originOfState[how]
			if !here {
				origin = state.OriginServer
			}
			list = append(list, listed{Manifest: m, Signers: signers, Signed: slices.Clone(signed), fit: fit, origin: origin})
		}
	})
	if err != nil {
		return nil, err
	}
	return list, r.Finish()
}

// decodeKeys reads a list of public keys.
func decodeKeys(b []byte) ([]ed25519.PublicKey, error) {
	r := cbor.NewReader(b)
	var keys []ed25519.PublicKey
	err := items(r, maxKeys, func() {
		key := r.Bytes()
		if len(key) != ed25519.PublicKeySize && r.Err() == nil {
			r.Fail(pack.ErrShape)
			return
		}
		keys = append(keys, slices.Clone(key))
	})
	if err != nil {
		return nil, err
	}
	return keys, r.Finish()
}
