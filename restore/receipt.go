package restore

import (
	"bytes"
	"context"
	"errors"

	"unbrick/protocol/smp"
)

// Receipt is a device's signed word on where it stands (docs/release.md), for a server that need not believe who brings it. Nobody
// has looked at it yet.
type Receipt struct {
	Bytes     []byte
	Signature [64]byte
}

// Receipt asks the device for its word over a nonce. Nil without an error says that it gives none: it has no key, or a restoration
// is under way. After one that failed the device forgets that for it, of which nothing could be used any more.
func (s *Session) Receipt(ctx context.Context, d *Device, nonce [16]byte) (*Receipt, error) {
	if d.DeviceKey == [32]byte{} {
		return nil, nil
	}
	var got smp.Receipt
	q := smp.ReceiptRequest{Nonce: nonce}
	err := s.call(ctx, &q, &got, slow)
	var said *smp.Error
	if errors.As(err, &said) && said.Fault() == smp.FaultPhase {
		var failed bool
		if failed, err = s.abandon(ctx); failed && err == nil {
			err = s.call(ctx, &q, &got, slow)
		}
		if !failed && err == nil {
			return nil, nil
		}
	}
	switch {
	case errors.As(err, &said):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &Receipt{Bytes: bytes.Clone(got.Receipt), Signature: got.Signature}, nil
}

// Said returns the receipt of a device that has itself said why Run failed; nil of any other: who is silent is not waited for.
func (s *Session) Said(ctx context.Context, p *Plan, failed error) *Receipt {
	var e *Error
	if p.Nonce == nil || !errors.As(failed, &e) || e.Fault == smp.FaultNone {
		return nil
	}
	got, _ := s.Receipt(ctx, p.Device, *p.Nonce)
	return got
}

// abandon drops a restoration that failed, and reports whether there was one. Any other might go on.
func (s *Session) abandon(ctx context.Context) (bool, error) {
	var status smp.Status
	if err := s.call(ctx, &smp.StatusRequest{}, &status, slow); err != nil || status.Phase != smp.PhaseFailed {
		return false, err
	}
	return true, s.call(ctx, &smp.AbortRequest{}, &smp.Empty{}, slow)
}

// attest asks for the receipt that the caller wants, if any, while the device can still be asked. It has judged already, so that
// what goes wrong here costs the receipt and nothing else; a device that has vanished is noticed by who asks next.
func (r *runner) attest(ctx context.Context) error {
	if r.p.Nonce == nil {
		return nil
	}
	got, err := r.s.Receipt(ctx, r.p.Device, *r.p.Nonce)
	r.receipt = got
	var e *Error
	if ctx.Err() != nil || errors.As(err, &e) && e.Code == CodeVanished {
		return err
	}
	return nil
}
