package fleet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/server/storage"
)

// ErrReceipt is the class of every refusal of a receipt that has the form of one.
var ErrReceipt = errors.New("the device's receipt does not hold")

// proof is what is known of who speaks in a report.
type proof struct {
	enrolled bool             // the device has a key here
	receipt  *release.Receipt // and this is its own word; nil: the report is its sender's alone
}

// DrawNonce returns a number for a receipt.
func (f *Fleet) DrawNonce() [16]byte { return f.nonces.draw() }

// prove looks at a report's receipt: whose it is, and whether it says what the report says. Whether it is new, fresh says. That of a
// device that has no key here proves nothing, and is left alone.
func (f *Fleet) prove(ctx context.Context, p *Report) (proof, error) {
	key, err := f.key(ctx, p.Model, p.Serial)
	v := proof{enrolled: key != nil}
	if err != nil || len(p.Receipt) == 0 {
		return v, err
	}
	r, err := release.ParseReceipt(p.Receipt)
	switch {
	case err != nil:
		return v, fmt.Errorf("%w: %w", ErrReceipt, err)
	case r.Model != p.Model || r.Serial != p.Serial:
		return v, fmt.Errorf("%w: it is of device %s/%s, and the report of %s/%s", ErrReceipt, r.Model, r.Serial, p.Model, p.Serial)
	case p.Outcome == OutcomeRestored && !whole(&r, p.Image):
		return v, fmt.Errorf("%w: the report says restored to image %s, and the device says %v, with image %s in its record and %v in its flash",
			ErrReceipt, release.Hex(p.Image), smp.RecordState(r.State), release.Hex(r.To), smp.Match(r.Match))
	case !v.enrolled:
		return v, nil
	}
	if _, err := release.VerifyReceipt(p.Receipt, p.Signature, key); err != nil {
		return v, fmt.Errorf("%w: the key that this server knows of %s/%s has not signed it", ErrReceipt, p.Model, p.Serial)
	}
	v.receipt = &r
	return v, nil
}

// key is the key under which a device is believed, nil if it is not enrolled.
func (f *Fleet) key(ctx context.Context, model, serial string) (ed25519.PublicKey, error) {
	all, err := f.cfg.Store.Identities(ctx, model, serial)
	for i := range all {
		if all[i].State == storage.Enrolled {
			return all[i].Public[:], nil
		}
	}
	return nil, err
}

// whole reports whether the device says that it holds image, verified and recorded.
func whole(r *release.Receipt, image storage.Digest) bool {
	return r.State == uint8(smp.RecordInstalled) && r.Match == uint8(smp.MatchTo) && r.To == image && image != storage.Digest{}
}

// fresh refuses a receipt that may be an old one: it is over a number that this server drew, which is taken by that until giveBack, or
// over none and of a later record than the last that was believed.
func (f *Fleet) fresh(r *release.Receipt, d *storage.Device) (giveBack func(), err error) {
	if r.Nonce != [16]byte{} {
		giveBack, good := f.nonces.take(ID{r.Model, r.Serial}, &r.Nonce)
		if !good {
			return nil, fmt.Errorf("%w: its number was not drawn here, or used before, or longer than %v ago", ErrReceipt, NonceLife)
		}
		return giveBack, nil
	}
	if r.Sequence <= d.Receipt {
		return nil, fmt.Errorf("%w: it is over no number of this server, and of record %d; the last that was believed is of record %d",
			ErrReceipt, r.Sequence, d.Receipt)
	}
	return func() {}, nil
}
