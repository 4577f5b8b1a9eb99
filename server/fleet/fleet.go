// Package fleet keeps what the server knows of each device: what it said of itself (Hear), what others say of it
// (Report), what an operator decided (Hold), and the history of all that.
//
// A device is a storage.Device, which is read, changed and saved with its events in one step (Change); two who change it
// at once both take effect. It is what signs with the key that is enrolled for its serial (Judge). Who speaks under a serial
// otherwise is a stranger, and written down apart; a stranger's report makes no device.
package fleet

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"unbrick/server/storage"
)

// ID names one device.
type ID struct{ Model, Serial string }

// Store is what the fleet needs of the server's storage.
type Store interface {
	Model(ctx context.Context, id string) (storage.Model, error)
	Device(ctx context.Context, model, serial string) (storage.Device, error)
	SaveDevice(ctx context.Context, d *storage.Device, events ...storage.Event) error
	Devices(ctx context.Context, q storage.Query) (storage.Page, error)
	CountDevices(ctx context.Context) (int, error)
	Identities(ctx context.Context, model, serial string) ([]storage.Identity, error)
	Enrol(ctx context.Context, list []storage.Identity) (fresh int, err error)
	SeeStranger(ctx context.Context, v storage.Stranger) error
}

// Config is what a Fleet is made of. All of it is required.
type Config struct {
	Store    Store
	Log      *slog.Logger
	Now      func() time.Time
	Passed   func() time.Duration          // since any moment, never falling
	Ago      func(time.Duration) time.Time // before which a last word is longer ago than that
	Devices  int                           // ever recorded
	Failures uint32                        // failed rewrites of a release that hold a device back from it for a while
	Silent   time.Duration                 // without a word until a device counts as silent
	Overdue  time.Duration                 // between transfer and the next word until a device counts as overdue
}

// Fleet is all devices. It may be used concurrently.
type Fleet struct {
	cfg       Config
	nonces    *nonces
	strangers *strangers
	firsts    sync.Mutex // held while the first key of a serial is enrolled
}

// New returns the fleet of a store.
func New(cfg Config) *Fleet {
	return &Fleet{cfg: cfg, nonces: newNonces(cfg.Passed), strangers: newStrangers(cfg.Passed)}
}

// Cutoffs is by what devices count as silent or overdue now.
func (f *Fleet) Cutoffs() storage.Cutoffs {
	return storage.Cutoffs{Silent: f.cfg.Ago(f.cfg.Silent), Overdue: f.cfg.Ago(f.cfg.Overdue)}
}

// ErrTooMany says that no further device is recorded.
var ErrTooMany = errors.New("as many devices as allowed are recorded")

// Room says whether a further device may be recorded: ErrTooMany if not.
func (f *Fleet) Room(ctx context.Context) error {
	n, err := f.cfg.Store.CountDevices(ctx)
	if err == nil && n >= f.cfg.Devices {
		err = ErrTooMany
	}
	return err
}

// Device is the record of a device; one that never spoke has an empty one, of Revision 0.
func (f *Fleet) Device(ctx context.Context, id ID) (storage.Device, error) {
	d, err := f.cfg.Store.Device(ctx, id.Model, id.Serial)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Device{Model: id.Model, Serial: id.Serial}, nil
	}
	return d, err
}

// Change loads a device, lets change do so and return what happened, and saves both. When somebody else was
// faster it does so again with the newer state. It gets a device with Revision 0 if there was none.
func (f *Fleet) Change(ctx context.Context, id ID, change func(d *storage.Device) ([]storage.Event, error)) (storage.Device, error) {
	const tries = 8
	for try := 1; ; try++ {
		d, err := f.Device(ctx, id)
		if err != nil {
			return d, err
		}
		events, err := change(&d)
		if err != nil {
			return d, err
		}
		err = f.cfg.Store.SaveDevice(ctx, &d, events...)
		if err == nil || !errors.Is(err, storage.ErrStale) || try == tries {
			return d, err
		}
	}
}

// Recover puts right what a crash left: a device whose transfer ended with the server is not receiving.
func (f *Fleet) Recover(ctx context.Context) error {
	group := storage.GroupReceiving
	for {
		page, err := f.cfg.Store.Devices(ctx, storage.Query{Group: &group, Cut: f.Cutoffs(), Limit: storage.MaxPage})
		if err != nil {
			return err
		}
		if len(page.Devices) == 0 {
			return nil
		}
		for i := range page.Devices {
			d := &page.Devices[i]
			d.Settle(storage.Running, f.cfg.Now())
			err := f.cfg.Store.SaveDevice(ctx, d)
			if errors.Is(err, storage.ErrFull) { // its next session puts it right; what is there is served
				f.cfg.Log.Error("devices are shown as receiving that are not", "error", err)
				return nil
			}
			if err != nil && !errors.Is(err, storage.ErrStale) {
				return err
			}
		}
	}
}
