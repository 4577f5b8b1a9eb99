package fleet

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"unbrick/server/storage"
)

// ErrUnknown says that a report is about a device that never spoke itself. It is logged and counted.
var ErrUnknown = errors.New("no such device")

// Report makes a report part of the device's history. It changes what is known of the device only with the device's own
// receipt, or from an operator: else it is a line there and no more. One of a device that never spoke makes one, if it is the device's
// own or an operator's, and is ErrUnknown otherwise. It fails with ErrReceipt if there is a receipt and it does not hold.
func (f *Fleet) Report(ctx context.Context, p *Report, operator bool) error {
	now := f.cfg.Now()
	id := hex.EncodeToString(p.ID[:])
	v, err := f.prove(ctx, p)
	if err != nil {
		return err
	}
	source := storage.ByReporter
	if v.receipt != nil {
		source = storage.ByDevice
	}
	event := storage.Event{At: now, Kind: kinds[p.Outcome], Source: source, From: p.From, To: p.Version, Bytes: uint64(p.Sent),
		Unique: "report:" + id,
		Detail: storage.Detail(map[string]any{"why": p.Why, "sectors": p.Sectors, "sent": p.Sent, "received": p.Received, "full": p.Full,
			"seconds": float64(p.Milliseconds) / 1000,
			"baud":    p.Baud, "via": p.Via, "words": p.Words, "operator": operator})}
	var giveBack func() // the number of the receipt, once it is taken
	_, err = f.Change(ctx, ID{p.Model, p.Serial}, func(d *storage.Device) ([]storage.Event, error) {
		if d.Revision == 0 {
			// A stranger's word makes no device; an operator's does, or that of one that is enrolled and has not spoken.
			if _, err := f.cfg.Store.Model(ctx, p.Model); err != nil {
				return nil, err
			}
			if !operator && v.receipt == nil {
				return nil, ErrUnknown
			}
			if err := f.Room(ctx); err != nil {
				return nil, err
			}
			d.FirstSeen, d.LastSeen, d.Claim.Version = now, now, p.From
			d.Settle(storage.Running, now)
		}
		if slices.Contains(d.Reports, id) {
			return nil, nil
		}
		if v.receipt != nil {
			if giveBack == nil || v.receipt.Nonce == [16]byte{} {
				back, err := f.fresh(v.receipt, d)
				if err != nil {
					return nil, err
				}
				giveBack = back
			}
			d.Receipt = v.receipt.Sequence
		}
		d.Reports = append(d.Reports, id)
		d.Reports = d.Reports[max(0, len(d.Reports)-storage.MaxReports):]
		if v.receipt != nil || operator {
			reported(d, p, now)
			d.Attested = v.receipt != nil && d.RestoredTo != storage.Digest{}
		}
		return []storage.Event{event}, nil
	})
	if err != nil && giveBack != nil {
		giveBack()
	}
	return err
}

// reported takes into the device's record what a reporter says. A device that speaks for itself at this moment
// knows better.
func reported(d *storage.Device, p *Report, now time.Time) {
	if d.State == storage.Receiving {
		return
	}
	switch p.Outcome {
	case OutcomeRestored:
		d.Restored, d.RestoredTo = now, p.Image
		if d.State == storage.Running && d.Claim.Image == p.Image {
			d.RestoredTo = storage.Digest{} // the device was quicker: it has said so itself
		}
		if d.State == storage.Restoration {
			state := storage.Running
			if d.Target != (storage.Digest{}) { // its next session tells whether the update in between succeeded
				state = storage.Rewriting
			}
			d.Settle(state, now)
			d.LastSeen = now
		}
	case OutcomeNotRestored, OutcomeFound:
		d.RestoredTo = storage.Digest{}
		d.Settle(storage.Restoration, now)
		d.LastSeen = now
	}
}
