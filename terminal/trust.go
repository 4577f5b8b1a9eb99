package terminal

import (
	"crypto/ed25519"
	"errors"

	"unbrick/protocol"
	"unbrick/protocol/smp"
	"unbrick/release"
)

// trust is whose signatures count, and how many of them must be there: the key slots', or, where the record holds a trust
// statement that these signed, those of the release keys that it names. A statement is believed for its signatures, at every
// boot: a record is protected against accidents only. One that is there and does not hold leaves nobody to be trusted.
type trust struct {
	statement release.Statement
	stated    bool // statement is in force
	slots     [KeySlots]ed25519.PublicKey
	release   [2][release.MaxReleaseKeys]ed25519.PublicKey // memory for keys of a statement
	install   []ed25519.PublicKey                          // sign what may be installed
	run       []ed25519.PublicKey                          // sign what may run
	need      uint8
}

// begin makes the key slots those that count, and returns them.
func (t *trust) begin(id *identification) []ed25519.PublicKey {
	slots := t.slots[:0]
	for i := range id.keys() {
		slots = append(slots, id.key(i))
	}
	t.install, t.run, t.need, t.stated = slots, slots, id.threshold(), false
	return slots
}

// readTrust finds out who is trusted, by the trust statement of the newest record if it has one.
func (d *device) readTrust(signed []byte) {
	t := &d.software.trust
	slots := t.begin(&d.identity)
	if len(signed) == 0 {
		return
	}
	verify := d.hw.VerifyTrust
	if verify == nil {
		verify = release.VerifyStatement
	}
	t.install, t.run = nil, nil
	s, err := verify(signed, slots, int(d.identity.threshold()))
	if err != nil || s.Version < d.identity.least() || s.Model != "" && s.Model != string(d.identity.model()) {
		return
	}
	t.statement, t.stated, t.need = s, true, s.Threshold
	t.install = s.Signers(t.release[0][:0], release.Install)
	t.run = s.Signers(t.release[1][:0], release.Run)
}

// inForce returns the trust statement, nil: there is none.
func (t *trust) inForce() *release.Statement {
	if !t.stated {
		return nil
	}
	return &t.statement
}

// version returns that of the trust statement, 0: there is none.
func (t *trust) version() uint32 {
	if !t.stated {
		return 0
	}
	return t.statement.Version
}

// ids appends the identifiers of the keys that sign what may be installed to dst.
func (t *trust) ids(dst []release.KeyID) []release.KeyID {
	for _, key := range t.install {
		dst = append(dst, release.IDOf(key))
	}
	return dst
}

// verify reads a signed manifest if enough of the keys for that use have signed it, and the trust statement permits it.
func (d *device) verify(signed []byte, use release.Use) (release.Manifest, error) {
	t := &d.software.trust
	keys := t.install
	if use == release.Run {
		keys = t.run
	}
	verify := d.hw.Verify
	if verify == nil {
		verify = release.Verify
	}
	m, err := verify(signed, keys, int(t.need))
	if err == nil {
		err = release.Permits(t.inForce(), &m, use)
	}
	return m, err
}

// mayRun reports whether the release of a signed manifest may run.
func (d *device) mayRun(signed []byte) bool {
	_, err := d.verify(signed, release.Run)
	return err == nil
}

// mayInstall decides whether the release of a signed manifest may be written, by signatures, trust statement, model, size, leaf size
// and floor, and by era and order if current is not nil: it must be newer than that.
func (d *device) mayInstall(signed []byte, current *release.Manifest) (release.Manifest, error) {
	m, err := d.verify(signed, release.Install)
	if err != nil {
		return m, err
	}
	target := release.Target{Model: string(d.identity.model()), Software: &d.area.Software, Floor: d.floor()}
	return m, target.Accept(&m, current)
}

// accept decides whether a release may be restored. Order does not count on the cable.
func (d *device) accept(signed []byte) (release.Manifest, smp.Fault) {
	m, err := d.mayInstall(signed, nil)
	return m, cableFault(err)
}

// cableFault says over the cable why a release is not taken.
func cableFault(err error) smp.Fault {
	var refusal *release.Refusal
	switch {
	case err == nil:
		return smp.FaultNone
	case errors.Is(err, release.ErrSignature):
		return smp.FaultSignature
	case errors.Is(err, release.ErrUnknownKey):
		return smp.FaultKey
	case errors.Is(err, release.ErrSigners):
		return smp.FaultSigners
	case !errors.As(err, &refusal):
		return smp.FaultManifest
	}
	switch refusal.Reason {
	case release.ForeignModel, release.SeveralParts:
		return smp.FaultModel
	case release.TooLarge, release.ForeignLeaf:
		return smp.FaultSize
	case release.BelowFloor, release.NotNewer, release.BelowLeast:
		return smp.FaultFloor
	case release.TrustTooOld, release.EraAhead, release.AboveCeiling:
		return smp.FaultTrust
	}
	return smp.FaultManifest
}

// linkFault says over the link why an offer is not taken.
func linkFault(err error) protocol.Fault {
	var refusal *release.Refusal
	switch {
	case errors.Is(err, release.ErrUnknownKey):
		return protocol.FaultKey
	case errors.Is(err, release.ErrSignature):
		return protocol.FaultSignature
	case errors.Is(err, release.ErrSigners):
		return protocol.FaultSignatures
	case !errors.As(err, &refusal):
		return protocol.FaultManifest
	}
	switch refusal.Reason {
	case release.ForeignModel, release.SeveralParts:
		return protocol.FaultModel
	case release.TooLarge, release.ForeignLeaf:
		return protocol.FaultSize
	case release.BelowFloor, release.BelowLeast:
		return protocol.FaultFloor
	case release.NotNewer:
		return protocol.FaultOrder
	case release.TrustTooOld, release.AboveCeiling:
		return protocol.FaultTrust
	case release.EraAhead:
		return protocol.FaultEra
	}
	return protocol.FaultManifest
}
