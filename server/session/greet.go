package session

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/fleet"
	"unbrick/server/storage"
)

// greet sends the challenge and waits for the hello. One that was sent before the challenge had come is heard as well: it can
// only not be signed.
func (v *session) greet(ctx context.Context) error {
	rand.Read(v.nonce[:])
	if err := v.send(&protocol.Challenge{Nonce: v.nonce}); err != nil {
		return err
	}
	m, err := v.next(ctx, v.s.cfg.Limits.Hello, false)
	if err != nil {
		return err
	}
	g, ok := m.(*greeting)
	if !ok {
		return fault(protocol.FaultUnexpected, "%s before hello", m.Code())
	}
	h := &g.Hello
	v.hello, v.id = h, fleet.ID{Model: h.Model, Serial: h.Serial}
	v.log = v.log.With("model", h.Model, "serial", h.Serial)
	met, err := v.enter(ctx, g)
	if err != nil {
		return err
	}
	v.s.cfg.Metrics.Hellos.Add(v.standing.String())
	v.log.Info("identification received", "step", "S02", "element", 211, "release", h.Release, "order", h.Order, "image",
		release.ShortHex(h.Digest),
		"workspace", h.Workspace, "confirmed", h.Confirmed, "standing", v.standing.String())
	if met > 0 {
		v.log.Info("other sessions of this device are open", "sessions", met)
	}
	return nil
}

// judgements bounds how often who speaks is judged, because keys change meanwhile.
const judgements = 8

// enter judges who speaks, and counts him in. It does so again if a key was barred or removed in between, so that nobody goes on
// who was proven by one that is no device's any more.
func (v *session) enter(ctx context.Context, g *greeting) (met int, err error) {
	for range judgements {
		dropped := v.s.cfg.Live.drops()
		v.full = nil
		if v.standing, err = v.judge(ctx, g); noRoom(err) {
			v.standing, v.full = storage.Pending, err // for inform to tell
		} else if err != nil {
			return 0, v.trouble(err)
		}
		if met, err = v.s.cfg.Live.take(v, v.s.cfg.Limits.Sessions, dropped); !errors.Is(err, errDropped) {
			break
		}
	}
	if err != nil {
		return 0, fault(protocol.FaultBusy, "%v", err)
	}
	return met, nil
}

// judge says for whom the one who said a hello is taken.
func (v *session) judge(ctx context.Context, g *greeting) (storage.Standing, error) {
	signed := func(name string) bool { return protocol.VerifyHello(g.raw, &v.nonce, name) == nil }
	switch {
	case len(g.Device) == 0:
		return storage.Unsigned, nil
	case slices.ContainsFunc(v.peer.Names, signed):
	case signed(v.conn.Host()): // if that were its name, a false server could hand on what a device signed for it
		return storage.OtherName, nil
	default:
		return storage.Forged, nil
	}
	m, err := v.s.cfg.Store.Model(ctx, g.Model)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Pending, nil
	} else if err != nil {
		return 0, err
	}
	return v.s.cfg.Fleet.Judge(ctx, &g.Hello, m.Enrolment)
}

// proven says whether who speaks is the device.
func (v *session) proven() bool { return v.standing == storage.Proven }
