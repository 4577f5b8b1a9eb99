package session

import (
	"context"
	"crypto/rand"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/fleet"
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
	v.log.Info("identification received", "step", "S02", "element", 211, "release", h.Release, "order", h.Order, "image",
		release.ShortHex(h.Digest),
		"workspace", h.Workspace, "confirmed", h.Confirmed, "signature", v.signature(g))
	if n := v.s.cfg.Live.take(v); n > 0 {
		v.log.Info("other sessions under this serial are open", "sessions", n)
	}
	return nil
}

// signature says, for the log alone, whether the device key that a hello names signed it. Nothing hangs on it yet: nobody has said
// whose key that is, and the host is the one that the peer says it dialled.
func (v *session) signature(g *greeting) string {
	if len(g.Device) == 0 {
		return "none"
	}
	if err := protocol.VerifyHello(g.raw, &v.nonce, v.conn.Host()); err != nil {
		return err.Error()
	}
	return "good"
}
