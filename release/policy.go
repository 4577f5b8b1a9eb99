package release

import "crypto/ed25519"

// Use is what a release key may sign for.
type Use uint8

// The uses.
const (
	Install Use = 1 << iota // a release that is newly installed
	Run                     // a release that is there and is to run
)

// Permits decides whether a device with the trust statement s may install or run m, which enough keys have signed (see
// Statement.Signers), and fails with a *Refusal. With s nil the key slots sign, and m may be of the first era only and ask for no
// statement: nothing would say that an era is over.
func Permits(s *Statement, m *Manifest, use Use) error {
	var era uint16
	var version uint32
	if s != nil {
		era, version = s.Era, s.Version
	}
	if m.Least > version {
		return &Refusal{Reason: TrustTooOld, Has: uint64(version), Needs: uint64(m.Least)}
	}
	if s == nil && m.Era > 0 {
		return &Refusal{Reason: TrustTooOld, Needs: 1}
	}
	if m.Era > era {
		return &Refusal{Reason: EraAhead, HasEra: m.Era, NeedsEra: era}
	}
	if s == nil {
		return nil
	}
	if m.Order > s.MaxOrder {
		return &Refusal{Reason: AboveCeiling, Has: m.Order, Needs: s.MaxOrder}
	}
	if m.Counter > s.MaxCounter {
		return &Refusal{Reason: AboveCeiling, Has: m.Counter, Needs: s.MaxCounter}
	}
	if use == Install && m.Floor().Compare(s.Least) < 0 {
		return &Refusal{Reason: BelowLeast, Has: m.Counter, HasEra: m.Era, Needs: s.Least.Counter, NeedsEra: s.Least.Era}
	}
	return nil
}

// Signers fills dst with the keys of s that sign releases for this use; Threshold of them must have signed.
func (s *Statement) Signers(dst []ed25519.PublicKey, use Use) []ed25519.PublicKey {
	dst = dst[:0]
	for i := range s.Keys {
		if s.Keys[i].Uses&use != 0 {
			dst = append(dst, s.Keys[i].Public[:])
		}
	}
	return dst
}
