package restore

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	"unbrick/flash"
	"unbrick/protocol/smp"
	"unbrick/release"
)

// Device is who is at the other end (311, S16).
type Device struct {
	smp.Identity
	Software flash.Geometry // of the software area, addresses from 0
	From     *Known         // rewriting: release of which the flash had the image before; nil: none, or nobody needs it
	To       *Known         // release that is installed, or is being written; nil: none

	// InForce is the trust statement in its record, if the key slots signed it; nil: there is none.
	InForce *release.Statement

	seen *reading // of sectors from the first on, when it was identified; nil: none
}

// Known is a release that a device's record names. Nothing says that anybody the device trusts has signed it: a plan writes only
// what its Source gives, and the device decides what it runs.
type Known struct {
	Manifest release.Manifest
}

// Trusted returns the keys whose signatures under a release count for the device: those of its key slots, or those that its trust
// statement names.
func (d *Device) Trusted() []ed25519.PublicKey {
	if d.InForce != nil {
		return d.InForce.Signers(nil, release.Install)
	}
	if d.Identity.Statement > 0 {
		return nil // one that the key slots did not sign: it trusts nobody
	}
	return d.slots()
}

// Needs returns how many of them must have signed.
func (d *Device) Needs() int {
	if d.InForce != nil {
		return int(d.InForce.Threshold)
	}
	return int(d.Threshold)
}

func (d *Device) slots() []ed25519.PublicKey {
	var keys []ed25519.PublicKey
	for i := range d.Keys {
		keys = append(keys, d.Keys[i][:])
	}
	return keys
}

// Installed returns the release that was installed last, by the record: while it is rewritten, that is the one before. Nil: none.
func (d *Device) Installed() *Known {
	if d.State == smp.RecordRewriting {
		return d.From
	}
	return d.To
}

// Intended returns the release that an interrupted rewrite was leading to; nil: there was none.
func (d *Device) Intended() *Known {
	if d.State == smp.RecordRewriting {
		return d.To
	}
	return nil
}

// Intact reports whether the device holds a release that its record says is installed, and nothing in it
// is doubtful. A device of which this is true starts, unless the release itself does not work.
func (d *Device) Intact() bool {
	return d.State == smp.RecordInstalled && d.Match == smp.MatchTo && d.To != nil && d.Doubtful == 0
}

// Identify asks who the device is and reads the manifests of its record. Nothing is written.
func (s *Session) Identify(ctx context.Context) (*Device, error) {
	d := &Device{}
	if s.foreign {
		return nil, &Error{Code: CodeForeign, Err: errors.New("identify: its boot loader has another name, or tells none")}
	}
	err := s.refusal
	if !s.asked {
		err = s.who(ctx, slow)
	}
	s.asked = false
	var said *smp.Error
	for errors.As(err, &said) && (said.Fault() == smp.FaultBusy || said.RC && smp.RC(said.Code) == smp.RCBusy) {
		// It still works for an earlier host, which went away. What it does, it does to the end.
		if err := s.idle(ctx); err != nil {
			return nil, fmt.Errorf("identify: %w", err)
		}
		err = s.who(ctx, slow)
	}
	if err != nil {
		return nil, fmt.Errorf("identify: %w", s.refused(err))
	}
	d.Identity = s.identity
	if d.Version != smp.UserVersion {
		return nil, &Error{Code: CodeProtocol, Err: fmt.Errorf("identify: version %d of the cable, %d wanted", d.Version, smp.UserVersion)}
	}
	d.Software = d.Layout.Software()
	if release.LeafSize(&d.Software) == 0 {
		return nil, &Error{Code: CodeProtocol, Err: errors.New("identify: software area without a leaf size")}
	}
	var parts [3][]byte
	riders := d.missing(&parts)
	if d.State != smp.RecordNone && (d.Match == smp.MatchNone || d.Doubtful > 0) {
		riders = append(riders, d.look()...)
	}
	if err := s.agree(ctx, d, 0, riders...); err != nil {
		return nil, fmt.Errorf("identify: %w", err)
	}
	for asks := d.missing(&parts); len(asks) > 0; asks = d.missing(&parts) {
		if err := s.together(ctx, slow, besides, asks); err != nil {
			return nil, fmt.Errorf("read record: %w", s.refused(err))
		}
	}
	if s, err := release.VerifyStatement(parts[smp.PartStatement], d.slots(), int(d.Threshold)); err == nil {
		d.InForce = &s
	}
	d.From, d.To = known(parts[smp.PartFrom]), known(parts[smp.PartTo])
	return d, nil
}

// who asks a terminal for its identification.
func (s *Session) who(ctx context.Context, p patience) error {
	s.refusal = s.call(ctx, &smp.IdentifyRequest{}, &s.identity, p)
	return s.refusal
}

// idle waits until the device does not work by itself any more.
func (s *Session) idle(ctx context.Context) error {
	w := waiting{s: s}
	for {
		var st smp.Status
		if err := s.call(ctx, &smp.StatusRequest{}, &st, slow); err != nil {
			return s.refused(err)
		}
		if !st.Phase.Busy() {
			return nil
		}
		if err := w.next(ctx, &st); err != nil {
			return err
		}
	}
}

// missing asks for what is missing of the signed statements of the record, of which parts has the beginnings. The release before an
// installed one changes nothing about a restoration: the flash has no sector of it left.
func (d *Device) missing(parts *[3][]byte) []ask {
	var asks []ask
	from := d.Identity.From
	if d.State != smp.RecordRewriting {
		from = 0
	}
	for i, size := range [...]uint32{smp.PartFrom: from, smp.PartTo: d.Identity.To, smp.PartStatement: d.Identity.Statement} {
		at := uint32(len(parts[i]))
		if at >= size {
			continue
		}
		var got smp.Record
		asks = append(asks, ask{q: &smp.RecordRequest{Part: smp.Part(i), Offset: at}, answer: &got, take: func() error {
			if got.Length != size || got.Offset != at || len(got.Data) == 0 {
				err := fmt.Errorf("record of %d bytes: %d bytes at %d of %d", size, len(got.Data), got.Offset, got.Length)
				return &Error{Code: CodeProtocol, Err: err}
			}
			parts[i] = append(parts[i], got.Data...)
			return nil
		}})
	}
	return asks
}

// look asks for the digests of the sectors that the releases of the record lie in, which a plan will need, before
// it is known how many these are.
func (d *Device) look() []ask {
	asks := make([]ask, min(2, (d.Software.Sectors()+smp.MaxDigests-1)/smp.MaxDigests))
	for i := range asks {
		q := smp.DigestsRequest{First: uint32(i * smp.MaxDigests)}
		var got smp.Digests
		asks[i] = ask{q: &q, answer: &got, take: func() error {
			r := &reading{}
			if d.seen != nil {
				*r = *d.seen
			}
			at, n := len(r.digests), len(got.Digests)/smp.DigestSize
			if at != int(q.First) || n == 0 {
				return nil // it is asked for again
			}
			q.Count = uint32(n)
			r.digests, r.doubtful = append(r.digests, make([]digest, n)...), append(r.doubtful, make([]bool, n)...)
			err := r.take(&q, &got, at)
			d.seen = r
			return err
		}}
	}
	return asks
}

// known reads a signed manifest of the record. One that is not well-formed is as good as none: nil.
func known(signed []byte) *Known {
	m, _, err := release.Parse(signed)
	if err != nil {
		return nil
	}
	return &Known{Manifest: m}
}

// refused turns an error that the device answered into an *Error; others stay.
func (s *Session) refused(err error) error {
	var said *smp.Error
	if !errors.As(err, &said) {
		return err
	}
	e := &Error{Code: CodeRefused, Fault: said.Fault(), Err: err}
	switch said.Fault() {
	case smp.FaultSignature:
		e.Code = CodeSignature
	case smp.FaultKey, smp.FaultTrust:
		e.Code = CodeUnknownKey
	case smp.FaultSigners:
		e.Code = CodeSigners
	case smp.FaultModel:
		e.Code = CodeModel
	case smp.FaultFloor:
		e.Code = CodeFloor
	case smp.FaultManifest:
		e.Code = CodeBadFile
	case smp.FaultWorkspace:
		e.Code = CodeNoRoom
	case smp.FaultProof, smp.FaultLeaves, smp.FaultFormat:
		e.Code = CodeProof
	case smp.FaultVerify:
		e.Code = CodeVerify
	case smp.FaultErase, smp.FaultProgram, smp.FaultRecord:
		e.Code = CodeFlash
	case smp.FaultPhase:
		// In a phase that nobody else could have changed: the device has forgotten, so it restarted.
		e.Code = CodeRestarted
	case smp.FaultNone, smp.FaultUnknown, smp.FaultMalformed, smp.FaultBusy, smp.FaultSize, smp.FaultRange, smp.FaultDigest,
		smp.FaultUnreadable, smp.FaultDenied, smp.FaultStatement, smp.FaultOld, smp.FaultUnblessed:
	}
	return e
}
