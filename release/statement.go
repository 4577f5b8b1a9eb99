package release

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"
	"slices"

	"unbrick/internal/cbor"
	"unbrick/limits"
)

// TrustContentType is what the header of a trust statement says the payload is.
const TrustContentType = "application/vnd.unbrick.trust+cbor"

// Limits of a trust statement.
const (
	MaxReleaseKeys = limits.ReleaseKeys
	MaxOnlineKeys  = limits.OnlineKeys
	MaxRetired     = limits.KeySlots - 1 // one key slot is left
	MaxSite        = limits.Site
)

var (
	// ErrStatement is the class of every refusal of a trust statement's form.
	ErrStatement = errors.New("malformed trust statement")
	// ErrRetires tells that a trust statement would leave fewer key slots than must sign the next one.
	ErrRetires = errors.New("trust statement retires too many keys")
)

// ReleaseKey is a key that signs releases.
type ReleaseKey struct {
	Public [32]byte
	Uses   Use // Install, Run or both
}

// Statement says whose releases a device takes and runs, and which of them. The keys in its boot area sign it.
type Statement struct {
	Model      string       // an identifier; empty: every device with these key slots
	Version    uint32       // a device takes only a newer one; at least 1
	Era        uint16       // releases of a later one are not taken
	Least      Floor        // of what is newly installed
	MaxOrder   uint64       // ceilings: nothing above them is taken, so that something newer can always follow
	MaxCounter uint64       //
	Retired    []KeyID      // key slots that do not count any more, ascending
	Threshold  uint8        // how many of Keys must have signed a release
	Keys       []ReleaseKey // ascending; Threshold of them at least for each use
	Online     [][32]byte   // keys that sign freshness statements, ascending
	Until      uint32       // day, since 1970-01-01, up to which the statement is meant to be used; 0: for ever
	Name       string       // of the maker; a text
	Site       string       // of the maker, ASCII; may be empty
	Support    string       // where a person asks, ASCII; may be empty
}

// Keys of the payload map. All are there, in this order.
const (
	trustModel = 1 + iota
	trustVersion
	trustEra
	trustLeast
	trustCeilings
	trustRetired
	trustThreshold
	trustKeys
	trustOnline
	trustUntil
	trustName
	trustSite
	trustSupport

	trustPayloadKeys = trustSupport
)

func trustUse() use {
	return use{protected: "\xa1\x03\x78\x22" + TrustContentType, external: "unbrick trust v1", max: MaxStatement, malformed: ErrStatement}
}

// Validate reports what makes s unfit to be signed or believed.
func (s *Statement) Validate() error {
	if err := s.validateKeys(); err != nil {
		return fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if err := s.validateTexts(); err != nil {
		return fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if s.Version == 0 {
		return fmt.Errorf("%w: version 0", ErrStatement)
	}
	if s.MaxOrder > MaxNumber || s.MaxCounter > MaxNumber || s.Least.Counter > MaxNumber {
		return fmt.Errorf("%w: ceilings %d and %d, least %v: at most %d", ErrStatement, s.MaxOrder, s.MaxCounter, s.Least, uint64(MaxNumber))
	}
	return nil
}

func (s *Statement) validateKeys() error {
	if n := len(s.Keys); n == 0 || n > MaxReleaseKeys {
		return fmt.Errorf("%d release keys, 1 to %d", n, MaxReleaseKeys)
	}
	if len(s.Retired) > MaxRetired || len(s.Online) > MaxOnlineKeys {
		return fmt.Errorf("%d retired keys, at most %d; %d online keys, at most %d", len(s.Retired), MaxRetired, len(s.Online), MaxOnlineKeys)
	}
	install, run := 0, 0
	for i, k := range s.Keys {
		if k.Uses == 0 || k.Uses&^(Install|Run) != 0 {
			return fmt.Errorf("release key %d: uses %d", i+1, k.Uses)
		}
		install += int(k.Uses & Install)
		run += int(k.Uses&Run) / int(Run)
		if i > 0 && slices.Compare(s.Keys[i-1].Public[:], k.Public[:]) >= 0 {
			return errors.New("release keys are not ascending")
		}
	}
	if s.Threshold == 0 || s.Threshold > MaxSigners || int(s.Threshold) > min(install, run) {
		return fmt.Errorf("threshold %d: %d keys sign what is installed, %d what runs", s.Threshold, install, run)
	}
	for i := 1; i < len(s.Retired); i++ {
		if slices.Compare(s.Retired[i-1][:], s.Retired[i][:]) >= 0 {
			return errors.New("retired keys are not ascending")
		}
	}
	for i := 1; i < len(s.Online); i++ {
		if slices.Compare(s.Online[i-1][:], s.Online[i][:]) >= 0 {
			return errors.New("online keys are not ascending")
		}
	}
	return nil
}

func (s *Statement) validateTexts() error {
	if s.Model != "" {
		if err := CheckID(s.Model); err != nil {
			return fmt.Errorf("model: %w", err)
		}
	}
	if err := CheckText(s.Name, MaxText); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	if s.Name == "" {
		return errors.New("no name")
	}
	for _, text := range [...]string{s.Site, s.Support} {
		if err := CheckText(text, MaxSite); err != nil {
			return fmt.Errorf("site or support: %w", err)
		}
		for i := range len(text) {
			if text[i] > '~' {
				return fmt.Errorf("site or support: %w: %q is not ASCII", ErrText, text)
			}
		}
	}
	return nil
}

func (s *Statement) write(w *cbor.Writer) {
	w.Map(trustPayloadKeys)
	w.Uint(trustModel)
	w.Text(s.Model)
	w.Uint(trustVersion)
	w.Uint(uint64(s.Version))
	w.Uint(trustEra)
	w.Uint(uint64(s.Era))
	w.Uint(trustLeast)
	w.Array(2)
	w.Uint(uint64(s.Least.Era))
	w.Uint(s.Least.Counter)
	w.Uint(trustCeilings)
	w.Array(2)
	w.Uint(s.MaxOrder)
	w.Uint(s.MaxCounter)
	w.Uint(trustRetired)
	w.Array(len(s.Retired))
	for i := range s.Retired {
		w.Bytes(s.Retired[i][:])
	}
	w.Uint(trustThreshold)
	w.Uint(uint64(s.Threshold))
	w.Uint(trustKeys)
	w.Array(len(s.Keys))
	for i := range s.Keys {
		w.Array(2)
		w.Bytes(s.Keys[i].Public[:])
		w.Uint(uint64(s.Keys[i].Uses))
	}
	w.Uint(trustOnline)
	w.Array(len(s.Online))
	for i := range s.Online {
		w.Bytes(s.Online[i][:])
	}
	w.Uint(trustUntil)
	w.Uint(uint64(s.Until))
	w.Uint(trustName)
	w.Text(s.Name)
	w.Uint(trustSite)
	w.Text(s.Site)
	w.Uint(trustSupport)
	w.Text(s.Support)
}

// read is the inverse of write and takes nothing that write would not write.
func (s *Statement) read(payload []byte) error {
	r := cbor.NewReader(payload)
	if r.Map() != trustPayloadKeys {
		r.Fail(ErrStatement)
	}
	for key := uint64(trustModel); key <= trustPayloadKeys; key++ {
		if r.Uint() != key {
			r.Fail(ErrStatement)
		}
		s.readValue(r, key)
	}
	if err := r.Finish(); err != nil {
		return fmt.Errorf("%w: payload: %w", ErrStatement, err)
	}
	return s.Validate()
}

func (s *Statement) readValue(r *cbor.Reader, key uint64) {
	switch key {
	case trustModel:
		s.Model = r.TextMax(MaxText)
	case trustVersion:
		s.Version = r.Uint32()
	case trustEra:
		s.Era = uint16(r.UintMax(math.MaxUint16))
	case trustLeast:
		count(r, 2, 2)
		s.Least.Era = uint16(r.UintMax(math.MaxUint16))
		s.Least.Counter = r.UintMax(MaxNumber)
	case trustCeilings:
		count(r, 2, 2)
		s.MaxOrder = r.UintMax(MaxNumber)
		s.MaxCounter = r.UintMax(MaxNumber)
	case trustRetired:
		for range count(r, 0, MaxRetired) {
			var id KeyID
			r.Fill(id[:])
			s.Retired = append(s.Retired, id)
		}
	case trustThreshold:
		s.Threshold = uint8(r.UintMax(MaxSigners))
	case trustKeys:
		for range count(r, 1, MaxReleaseKeys) {
			var k ReleaseKey
			count(r, 2, 2)
			r.Fill(k.Public[:])
			k.Uses = Use(r.UintMax(math.MaxUint8))
			s.Keys = append(s.Keys, k)
		}
	case trustOnline:
		for range count(r, 0, MaxOnlineKeys) {
			var k [32]byte
			r.Fill(k[:])
			s.Online = append(s.Online, k)
		}
	case trustUntil:
		s.Until = r.Uint32()
	case trustName:
		s.Name = r.TextMax(MaxText)
	case trustSite:
		s.Site = r.TextMax(MaxSite)
	case trustSupport:
		s.Support = r.TextMax(MaxSite)
	}
}

// count reads the head of an array of least to most items.
func count(r *cbor.Reader, least, most int) int {
	n := r.Array()
	if r.Err() != nil {
		return 0
	}
	if n < least || n > most {
		r.Fail(cbor.ErrLength)
		return 0
	}
	return n
}

// SignStatement returns the statement signed with each of keys, at most MaxStatement bytes. It fails with ErrStatement if s is not
// valid, ErrKey or ErrManySigners.
func SignStatement(s *Statement, keys ...ed25519.PrivateKey) ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	payload, err := encodePayload(s.write)
	if err != nil {
		return nil, fmt.Errorf("encode trust statement: %w", err)
	}
	u, e := trustUse(), envelope{payload: payload}
	if err := u.sign(&e, keys); err != nil {
		return nil, err
	}
	return u.seal(&e)
}

// ParseStatement reads a signed trust statement without checking its signatures, for showing and sorting.
func ParseStatement(signed []byte) (Statement, Signers, error) {
	s, e, err := parseStatement(signed)
	return s, e.signers, err
}

// VerifyStatement returns the statement in signed if at least need of slots signed it, not counting those that it retires itself,
// and if it leaves as many. It fails with ErrStatement (not of the one shape), ErrRetires, ErrSignature, ErrUnknownKey or
// ErrSigners. slots are the keys of the boot area that an earlier statement has not retired. Whether the statement is for the
// device's model, and newer than the one it has, is the caller's care.
func VerifyStatement(signed []byte, slots []ed25519.PublicKey, need int) (Statement, error) {
	s, e, err := parseStatement(signed)
	if err != nil {
		return Statement{}, err
	}
	left := make([]ed25519.PublicKey, 0, len(slots))
	for _, key := range slots {
		if len(key) == ed25519.PublicKeySize && !slices.Contains(s.Retired, IDOf(key)) {
			left = append(left, key)
		}
	}
	if len(left) < need {
		return Statement{}, fmt.Errorf("%w: %d are left, %d must sign", ErrRetires, len(left), need)
	}
	u := trustUse()
	if err := u.check(&e, left, need); err != nil {
		return Statement{}, err
	}
	return s, nil
}

func parseStatement(signed []byte) (s Statement, e envelope, err error) {
	u := trustUse()
	if e, err = u.open(signed); err != nil {
		return Statement{}, envelope{}, err
	}
	if err := s.read(e.payload); err != nil {
		return Statement{}, envelope{}, err
	}
	return s, e, nil
}
