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
	"unbrick/server/api"
	"unbrick/server/storage"
)

const keySetting = "demo-key"

// New makes the demo of a store. Its signing key is kept there, so that a demo with a data directory of its own can
// be started again.
func New(ctx context.Context, store storage.Store, now time.Time) (*api.Demo, error) {
	seed, err := store.Setting(ctx, keySetting)
	if errors.Is(err, storage.ErrNotFound) {
		seed = make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		err = store.PutSetting(ctx, keySetting, seed)
	}
	if err != nil {
		return nil, fmt.Errorf("demo key: %w", err)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("demo key: %w", storage.ErrDamaged)
	}
	key := ed25519.NewKeyFromSeed(seed)
	older, newer := firmware.OpenSBI()
	terminal, err := ready(fieldTerminal(), key, older, newer)
	if err != nil {
		return nil, err
	}
	terminal.Devices = fleet(terminal, now)
	older, newer = firmware.Mithermo()
	thermometer, err := ready(thermometer(), key, older, newer)
	if err != nil {
		return nil, err
	}
	older, newer = firmware.OpenSBI()
	gateway, err := ready(gateway(), key, older, newer)
	if err != nil {
		return nil, err
	}
	gateway.Prefer = protocol.KindBsdiff
	return &api.Demo{Models: []api.DemoModel{*terminal, *thermometer, *gateway}}, nil
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

// ready signs two images as releases 1 and 2 of a model.
func ready(m model.Model, key ed25519.PrivateKey, images ...[]byte) (*api.DemoModel, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	d := &api.DemoModel{Model: m, Key: key.Public().(ed25519.PublicKey)}
	area := m.Layout.Software()
	for i, image := range images {
		n := uint64(i + 1)
		manifest, err := release.Describe(m.ID, fmt.Sprint(n), n, 0, image, &area)
		if err != nil {
			return nil, fmt.Errorf("demo release %d of model %s: %w", n, m.ID, err)
		}
		signed, err := release.Sign(&manifest, key)
		if err != nil {
			return nil, fmt.Errorf("demo release %d of model %s: %w", n, m.ID, err)
		}
		d.Releases = append(d.Releases, api.DemoRelease{Signed: signed, Image: image})
	}
	return d, nil
}

// fleet is a handful of devices in the situations that the fleet's screen has to tell apart.
func fleet(d *api.DemoModel, now time.Time) []api.DemoDevice {
	var manifests [2]release.Manifest
	for i := range manifests {
		m, _, err := release.Parse(d.Releases[i].Signed)
		if err != nil {
			panic("demo: its own manifest: " + err.Error())
		}
		manifests[i] = m
	}
	one, two := &manifests[0], &manifests[1]
	id := release.IDOf(d.Key)
	device := func(n int, runs *release.Manifest, state storage.DeviceState, ago time.Duration) storage.Device {
		seen := now.Add(-ago)
		v := storage.Device{Model: d.Model.ID, Serial: fmt.Sprintf("DEMO-%04d", n), Demo: true, FirstSeen: now.Add(-90 * 24 * time.Hour),
			LastSeen: seen, Sessions: int64(40 + n), State: state, Since: seen,
			Claim: storage.Claim{Version: runs.Version, Order: runs.Order, Image: runs.Digest, Confirmed: true, Workspace: d.Model.MaxWorkspace(),
				Keys: []release.KeyID{id}, Kinds: []string{"delta", "full"}}}
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
	restored := device(3, two, storage.Running, 12*time.Minute)
	restored.Restored = now.Add(-20 * time.Minute)
	small := device(5, one, storage.NeedsCable, 3*time.Hour)
	small.Claim.Workspace, small.Needs = 24*kib, 64*kib
	held := device(6, one, storage.HeldBack, 5*time.Hour)
	held.Attempts = []storage.Attempt{{Image: two.Digest, Failures: 3, Until: now.Add(19 * time.Hour), Last: now.Add(-5 * time.Hour)}}
	lost := device(4, one, storage.Restoration, 51*time.Minute)
	return []api.DemoDevice{
		{Device: device(1, two, storage.Running, 2*time.Minute), History: updated},
		{Device: device(2, one, storage.Running, 9*24*time.Hour), History: []storage.Event{first}},
		{Device: restored, History: append(updated[:2:2], event(25*time.Minute, storage.Found, storage.ByReporter, one.Version, two.Version,
			`{"via":"page"}`),
			event(20*time.Minute, storage.Restored, storage.ByReporter, one.Version, two.Version,
				`{"via":"page","words":""}`), event(12*time.Minute, storage.Verified, storage.ByDevice, "", two.Version, ""))},
		{Device: lost, History: append(updated[:2:2], event(51*time.Minute, storage.Found, storage.ByReporter, one.Version, two.Version,
			`{"via":"page"}`))},
		{Device: small, History: []storage.Event{first, event(3*time.Hour, storage.NoFit, storage.ByServer, one.Version, two.Version,
			fmt.Sprintf(`{"needs":%d,"has":%d}`, small.Needs, small.Claim.Workspace))}},
		{Device: held, History: []storage.Event{first, event(5*time.Hour, storage.Held, storage.ByServer, "", two.Version, `{"failures":3}`)}},
	}
}
