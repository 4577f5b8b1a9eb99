// Package demo makes what `unbrick serve --demo` shows: three models with two real releases each, signed by a key
// that is made on the spot, and devices that are marked as demo because no terminal stands behind them.
package demo

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"unbrick/flash"
	"unbrick/internal/firmware"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

const keySetting = "demo-key"

// New makes the demo in a store, as far as it is not there yet, and returns what the Lab's devices are made of. Its signing
// key is kept in the store, so that a demo with a data directory of its own can be started again.
func New(ctx context.Context, store storage.Store, now time.Time) (*form.Demo, error) {
	key, err := keyOf(ctx, store)
	if err != nil {
		return nil, fmt.Errorf("demo key: %w", err)
	}
	older, newer := firmware.OpenSBI()
	smallOlder, smallNewer := firmware.Mithermo()
	all := &form.Demo{}
	for _, m := range []*content{
		{model: fieldTerminal(), images: [][]byte{older, newer}, fleet: true},
		{model: thermometer(), images: [][]byte{smallOlder, smallNewer}},
		{model: gateway(), images: [][]byte{older, newer}, prefer: protocol.KindBsdiff},
	} {
		told, err := m.store(ctx, store, key, now)
		if err != nil {
			return nil, fmt.Errorf("load demo: %w", err)
		}
		all.Models = append(all.Models, *told)
	}
	return all, nil
}

// keyOf is the demo's signing key.
func keyOf(ctx context.Context, store storage.Settings) (ed25519.PrivateKey, error) {
	seed, err := store.Setting(ctx, keySetting)
	if errors.Is(err, storage.ErrNotFound) {
		seed = make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		err = store.PutSetting(ctx, keySetting, seed)
	}
	if err == nil && len(seed) != ed25519.SeedSize {
		err = storage.ErrDamaged
	}
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

// fieldTerminal is model 0001: 512 KiB of even flash, and applications of which some can be limited.
func fieldTerminal() model.Model {
	return model.Model{ID: "0001", Name: "Field terminal", RAM: 256 * kib, Resident: 16 * kib, Line: model.DefaultLine,
		Layout: flash.Layout{Boot: 64 * kib, Geometry: flash.Geometry{Runs: []flash.Run{{Size: 4 * kib, Count: 128}}, ProgramUnit: 8,
			Page: 256, Erased: 0xff}},
		Apps: []model.App{
			{Name: "System", Size: 48 * kib, Importance: 9, Fixed: true}, {Name: "Calls", Size: 40 * kib, Importance: 8}, {Name: "Metering",
				Size: 32 * kib, Importance: 7},
			{Name: "Display", Size: 40 * kib, Importance: 5}, {Name: "Journal", Size: 24 * kib, Importance: 2}, {Name: "Maps", Size: 56 * kib,
				Importance: 1},
		},
		Hints: []string{"Unplug the cable, hold the service button, plug the cable in again, and let go after two seconds."}}
}

// thermometer is model 0002: a small sensor.
func thermometer() model.Model {
	return model.Model{ID: "0002", Name: "Thermometer", RAM: 64 * kib, Resident: 8 * kib, Line: model.DefaultLine,
		Layout: flash.Layout{Boot: 16 * kib, Geometry: flash.Geometry{Runs: []flash.Run{{Size: 4 * kib, Count: 64}}, ProgramUnit: 4, Page: 256,
			Erased: 0xff}},
		Apps: []model.App{
			{Name: "System", Size: 12 * kib, Importance: 9, Fixed: true}, {Name: "Sensor", Size: 6 * kib, Importance: 8}, {Name: "Display",
				Size: 6 * kib, Importance: 4},
			{Name: "History", Size: 20 * kib, Importance: 1},
		},
		Hints: []string{"Take the battery out, connect the cable, and put the battery in again."}}
}

// gateway is model 0003: it has the RAM for a whole image, and so for classic patches. Its images are those of model
// 0001, released for it too.
func gateway() model.Model {
	return model.Model{ID: "0003", Name: "Gateway", RAM: 32 * mib, Resident: 32 * kib, Line: model.DefaultLine,
		Layout: flash.Layout{Boot: 128 * kib, Geometry: flash.Geometry{Runs: []flash.Run{{Size: 64 * kib, Count: 16}}, ProgramUnit: 8,
			Page: 256, Erased: 0xff}},
		Apps: []model.App{
			{Name: "System", Size: 6 * mib, Importance: 9, Fixed: true}, {Name: "Routing", Size: 8 * mib, Importance: 8}, {Name: "Statistics",
				Size: 4 * mib, Importance: 3},
			{Name: "Cache", Size: 10 * mib, Importance: 1},
		},
		Hints: []string{"Hold the reset button for five seconds while the gateway is plugged in."}}
}

// content is one model of the demo.
type content struct {
	model  model.Model
	images [][]byte      // of releases 1 and 2
	prefer protocol.Kind // of update file, unless the operator said something; 0: a delta
	fleet  bool          // it has devices

	manifests []release.Manifest // of the releases
}

// store signs the images, and stores what is not there yet.
func (d *content) store(ctx context.Context, s storage.Store, key ed25519.PrivateKey, now time.Time) (*form.DemoModel, error) {
	m := &d.model
	if err := m.Validate(); err != nil {
		return nil, err
	}
	told := &form.DemoModel{Record: m.Append(nil), Public: key.Public().(ed25519.PublicKey)}
	_, err := s.Model(ctx, m.ID)
	if err := s.PutModel(ctx, storage.Model{ID: m.ID, Record: told.Record, Updated: now}); err != nil {
		return nil, err
	}
	if errors.Is(err, storage.ErrNotFound) { // what an operator has said since then stays
		if err := s.SetEnrolment(ctx, m.ID, storage.ByFirst); err != nil {
			return nil, err
		}
	}
	if err := s.TrustKey(ctx, m.ID, told.Public, now); err != nil {
		return nil, err
	}
	if d.prefer != protocol.KindNone {
		if err := offer.PreferOnce(ctx, s, m.ID, d.prefer); err != nil {
			return nil, err
		}
	}
	for i, image := range d.images {
		r, err := signed(m, uint64(i+1), image, key)
		if err != nil {
			return nil, fmt.Errorf("demo release %d of model %s: %w", i+1, m.ID, err)
		}
		r.State, r.Published = storage.Offered, now
		if err := s.AddRelease(ctx, *r, image); err != nil {
			return nil, err
		}
		d.manifests = append(d.manifests, r.Manifest)
		told.Releases = append(told.Releases, form.Release{Claims: form.ClaimsOf(&r.Manifest, &r.Signers), State: r.State.String(),
			Manifest: r.Signed})
	}
	if !d.fleet {
		return told, nil
	}
	devices := fleet(m, told.Public, &d.manifests[0], &d.manifests[1], now)
	if err := enrol(ctx, s, key, devices); err != nil {
		return nil, err
	}
	for i := range devices {
		v := &devices[i]
		if err := s.SaveDevice(ctx, &v.device, v.history...); err != nil && !errors.Is(err, storage.ErrStale) {
			return nil, err
		}
	}
	return told, notProven(ctx, s, key, devices[0].device.Claim, now)
}

// signed is a signed release of an image, whose number is its version.
func signed(m *model.Model, n uint64, image []byte, key ed25519.PrivateKey) (r *storage.Release, err error) {
	area := m.Layout.Software()
	r = &storage.Release{}
	if r.Manifest, err = release.Describe(m.ID, fmt.Sprint(n), n, 0, image, &area); err != nil {
		return nil, err
	}
	if r.Signed, err = release.Sign(&r.Manifest, key); err != nil {
		return nil, err
	}
	_, r.Signers, err = release.Parse(r.Signed)
	return r, err
}

// device is one that no session made, with its history.
type device struct {
	device  storage.Device
	history []storage.Event // oldest first
}

// fleet is a handful of devices in the situations that the fleet's screen has to tell apart.
func fleet(m *model.Model, key ed25519.PublicKey, one, two *release.Manifest, now time.Time) []device {
	keys := []release.KeyID{release.IDOf(key)}
	example := func(n int, runs *release.Manifest, state storage.DeviceState, ago time.Duration) storage.Device {
		seen := now.Add(-ago)
		v := storage.Device{Model: m.ID, Serial: fmt.Sprintf("DEMO-%04d", n), Demo: true, FirstSeen: now.Add(-90 * 24 * time.Hour),
			LastSeen: seen, Sessions: int64(40 + n), State: state, Since: seen,
			Claim: storage.Claim{Version: runs.Version, Order: runs.Order, Image: runs.Digest, Confirmed: true, Workspace: m.MaxWorkspace(),
				Keys: keys, Kinds: []string{"delta", "full"}}}
		if runs == one && state != storage.Running {
			v.Target, v.TargetVersion = two.Digest, two.Version
		}
		return v
	}
	event := func(ago time.Duration, kind storage.EventKind, by storage.Source, from, to, detail string) storage.Event {
		return storage.Event{At: now.Add(-ago), Kind: kind, Source: by, From: from, To: to, Detail: detail,
			Unique: fmt.Sprintf("demo:%s:%s:%s", kind, from, to)}
	}
	first := event(90*24*time.Hour, storage.FirstSeen, storage.ByServer, "", one.Version, "")
	updated := []storage.Event{first, event(26*time.Hour, storage.Transferred, storage.ByServer, one.Version, two.Version, `{"kind":"delta"}`),
		event(26*time.Hour-time.Minute, storage.Installed, storage.ByDevice, one.Version, two.Version, ""), event(26*time.Hour-2*time.Minute,
			storage.Confirmed, storage.ByDevice, "", two.Version, "")}
	restored := example(3, two, storage.Running, 12*time.Minute)
	restored.Restored = now.Add(-20 * time.Minute)
	small := example(5, one, storage.NeedsCable, 3*time.Hour)
	small.Claim.Workspace, small.Needs = 24*kib, 64*kib
	held := example(6, one, storage.HeldBack, 5*time.Hour)
	held.Attempts = []storage.Attempt{{Image: two.Digest, Failures: 3, Until: now.Add(19 * time.Hour), Last: now.Add(-5 * time.Hour)}}
	lost := example(4, one, storage.Restoration, 51*time.Minute)
	twice := example(7, two, storage.Running, 6*time.Minute)
	twice.Conflict, twice.Sequence = now.Add(-6*time.Minute), 12
	return []device{
		{example(1, two, storage.Running, 2*time.Minute), updated},
		{example(2, one, storage.Running, 9*24*time.Hour), []storage.Event{first}},
		{restored, append(updated[:2:2], event(25*time.Minute, storage.Found, storage.ByReporter, one.Version, two.Version,
			`{"via":"page"}`),
			event(20*time.Minute, storage.Restored, storage.ByReporter, one.Version, two.Version,
				`{"via":"page","words":""}`), event(12*time.Minute, storage.Verified, storage.ByDevice, "", two.Version, ""))},
		{lost, append(updated[:2:2], event(51*time.Minute, storage.Found, storage.ByReporter, one.Version, two.Version,
			`{"via":"page"}`))},
		{small, []storage.Event{first, event(3*time.Hour, storage.NoFit, storage.ByServer, one.Version, two.Version,
			fmt.Sprintf(`{"needs":%d,"has":%d}`, small.Needs, small.Claim.Workspace))}},
		{held, []storage.Event{first, event(5*time.Hour, storage.Held, storage.ByServer, "", two.Version, `{"failures":3}`)}},
		{twice, append(updated[:4:4], event(6*time.Minute, storage.Conflict, storage.ByServer, two.Version, "", `{"record":12,"before":31}`))},
	}
}
