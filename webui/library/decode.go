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

// items reads a list of at most most items. Those that read does not want are left out.
func items[T any](b []byte, most int, read func(r *cbor.Reader) (item T, wanted bool)) ([]T, error) {
	r := cbor.NewReader(b)
	n := r.Array()
	if n > most {
		return nil, errTooMany
	}
	var list []T
	for ; n > 0 && r.Err() == nil; n-- {
		if item, wanted := read(r); wanted {
			list = append(list, item)
		}
	}
	if err := r.Finish(); err != nil {
		return nil, err
	}
	return list, nil
}

// decodeModels reads the server's list of model records. A record of a kind that this program does not
// know is left out: its devices cannot be emulated here, and restoring them asks only the device.
func decodeModels(b []byte) ([]model.Model, error) {
	return items(b, maxModels, func(r *cbor.Reader) (model.Model, bool) {
		m, err := model.Decode(r.Bytes())
		return m, err == nil
	})
}

// fitOfState is what a release in a state of the server's is for every device. One that is superseded is listed as what it
// became, too.
var fitOfState = map[string]state.Fit{"offered": state.FitUnknown, "withheld": state.FitWithheld, "withdrawn": state.FitWithdrawn,
	saysKept: state.FitUnknown, saysChosen: state.FitUnknown}

// decodeReleases reads the server's list of releases: state, time of publication, signed manifest. A manifest in a shape
// that this program does not know is left out, and so is a release in such a state.
func decodeReleases(b []byte) ([]listed, error) {
	return items(b, maxReleases, func(r *cbor.Reader) (listed, bool) {
		if n := r.Array(); n != 3 && r.Err() == nil {
			r.Fail(pack.ErrShape)
		}
		how := r.TextMax(state.MaxText)
		r.Uint()
		signed := r.BytesMax(release.MaxManifest)
		fit, known := fitOfState[how]
		if r.Err() != nil || !known {
			return listed{}, false
		}
		origin, here := originOfState[how]
		if !here {
			origin = state.OriginServer
		}
		m, signers, err := release.Parse(signed)
		return listed{Manifest: m, Signers: signers, Signed: slices.Clone(signed), fit: fit, origin: origin}, err == nil
	})
}

// decodeKeys reads a list of public keys.
func decodeKeys(b []byte) ([]ed25519.PublicKey, error) {
	return items(b, maxKeys, func(r *cbor.Reader) (ed25519.PublicKey, bool) {
		key := r.Bytes()
		if len(key) != ed25519.PublicKeySize && r.Err() == nil {
			r.Fail(pack.ErrShape)
		}
		return slices.Clone(key), true
	})
}
