package identity

import (
	"errors"
	"fmt"

	"filippo.io/edwards25519"
)

// ErrKey is the class of every refusal of a public key.
var ErrKey = errors.New("not an Ed25519 public key")

// CheckKey reports why a device's public key proves nothing: it is no point of the curve, or not as it is written, or of small order,
// under which everybody can sign. It fails with ErrKey.
func CheckKey(public *[32]byte) error {
	if *public == [32]byte{} {
		return fmt.Errorf("%w: zeros", ErrKey)
	}
	point, err := new(edwards25519.Point).SetBytes(public[:])
	switch {
	case err != nil:
		return fmt.Errorf("%w: %x is no point of the curve", ErrKey, *public)
	case [32]byte(point.Bytes()) != *public:
		return fmt.Errorf("%w: %x is not how that point is written", ErrKey, *public)
	case new(edwards25519.Point).MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 1:
		return fmt.Errorf("%w: %x is of small order: everybody can sign for it", ErrKey, *public)
	}
	return nil
}
