package fleet

import (
	"context"
	"fmt"
	"time"

	"unbrick/server/storage"
)

// ErrHolds says that no further release can be held back from a device.
var ErrHolds = fmt.Errorf("%d releases are held back from this device: free one first", storage.MaxAttempts)

// Hold keeps a release away from one device, or, if not held, offers it again and forgets its failures; without an image
// everything that keeps any update from the device. version names the images of its model.
func (f *Fleet) Hold(ctx context.Context, id ID, image storage.Digest, held bool, version func(storage.Digest) string) (storage.Device,
	error) {
	return f.Change(ctx, id, func(d *storage.Device) ([]storage.Event, error) {
		if d.Revision == 0 {
			return nil, storage.ErrNotFound
		}
		if held && d.Tried(image) == nil {
			return nil, ErrHolds
		}
		return f.applyHold(d, image, held, version), nil
	})
}

// applyHold holds a release back from a device, or ends what keeps it from the device: with an image the operator's hold of
// that release and the server's, without one everything that keeps any update from it, and its marks.
func (f *Fleet) applyHold(d *storage.Device, image storage.Digest, held bool,
	version func(storage.Digest) string) (events []storage.Event) {
	now := f.cfg.Now()
	if held {
		a := d.Tried(image)
		if a == nil || a.Held {
			return nil
		}
		a.Held = true
		return []storage.Event{{At: now, Kind: storage.Held, Source: storage.ByOperator, To: version(image)}}
	}
	all := image == (storage.Digest{})
	for i := range d.Attempts {
		a := &d.Attempts[i]
		if !all && a.Image != image {
			continue
		}
		if a.HeldAt(now) {
			events = append(events, storage.Event{At: now, Kind: storage.Freed, Source: storage.ByOperator, To: version(a.Image)})
		}
		a.Held, a.Failures, a.Until = false, 0, time.Time{}
	}
	marked := d.State == storage.HeldBack && len(events) > 0
	if all {
		d.Refusals, d.Conflict = nil, time.Time{} // the operator wants everything tried again
		for i := range d.Dead {
			d.Dead[i].Freed = true
		}
		marked = d.State != storage.Running && d.State != storage.Receiving
	}
	if marked {
		if all && len(events) == 0 {
			events = append(events, storage.Event{At: now, Kind: storage.Settled, Source: storage.ByOperator,
				Detail: storage.Detail(map[string]any{"was": d.State.String()})})
		}
		d.Settle(storage.Running, now)
		d.Target, d.TargetVersion, d.File, d.Needs = storage.Digest{}, "", storage.Digest{}, 0
	}
	return events
}
