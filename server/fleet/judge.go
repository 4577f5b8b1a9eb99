package fleet

import (
	"context"
	"errors"
	"time"

	"unbrick/protocol"
	"unbrick/server/access"
	"unbrick/server/identity"
	"unbrick/server/storage"
)

// Judge says for whom the holder of the device key of a hello is taken under its serial, in a model whose devices are enrolled as e
// says. The first key of a serial is enrolled here if that is how. It fails only if storage does.
func (f *Fleet) Judge(ctx context.Context, h *protocol.Hello, e storage.Enrolment) (storage.Standing, error) {
	id, key := ID{h.Model, h.Serial}, storage.PublicKey(h.Device)
	if identity.CheckKey((*[32]byte)(&key)) != nil {
		return storage.Forged, nil // everybody can sign with it, or nobody
	}
	known, err := f.cfg.Store.Identities(ctx, id.Model, id.Serial)
	if err != nil {
		return 0, err
	}
	enrolled := false
	for i := range known {
		switch k := &known[i]; {
		case k.State == storage.Enrolled && k.Public == key:
			return storage.Proven, nil
		case k.State == storage.Enrolled:
			enrolled = true
		case k.Public == key:
			return storage.BarredKey, nil
		}
	}
	switch {
	case enrolled:
		return storage.SecondKey, nil
	case e != storage.ByFirst:
		return storage.Pending, nil
	}
	return f.first(ctx, id, h, key)
}

// first enrols the first key of a serial and records its device, whatever becomes of the session: who leaves at once takes one of the
// places for devices like everybody, so keys are no more than these.
func (f *Fleet) first(ctx context.Context, id ID, h *protocol.Hello, key storage.PublicKey) (storage.Standing, error) {
	f.firsts.Lock() // there is room for each until he is recorded
	defer f.firsts.Unlock()
	if err := f.Room(ctx); errors.Is(err, ErrTooMany) {
		return storage.Pending, nil
	} else if err != nil {
		return 0, err
	}
	now := f.cfg.Now()
	_, err := f.cfg.Store.Enrol(ctx, []storage.Identity{{Model: id.Model, Serial: id.Serial, Public: key, State: storage.Enrolled,
		Since: now}})
	if errors.Is(err, storage.ErrConflict) {
		return storage.SecondKey, nil // that of another device, or another was faster
	} else if err != nil {
		return 0, err
	}
	d, err := f.Device(ctx, id)
	if err != nil || d.Revision > 0 {
		return storage.Proven, err
	}
	d.FirstSeen, d.LastSeen, d.Claim, d.Proof, d.Sequence = now, now, claim(h), key, h.Sequence
	d.Settle(storage.Running, now)
	err = f.cfg.Store.SaveDevice(ctx, &d, storage.Event{At: now, Kind: storage.FirstSeen, Source: storage.ByServer, To: h.Release})
	if errors.Is(err, storage.ErrStale) {
		err = nil // another session of it was faster
	}
	return storage.Proven, err
}

// Budget of what strangers have written down, in all and for each address: many of them cost the devices no time at the disk, and one of
// them keeps no other off the list.
const (
	strangersPerSecond = 20
	strangersAtOnce    = 200
	addressPerSecond   = 1
	addressAtOnce      = 20
)

// strangers bounds how often one is written down.
type strangers struct{ all, each *access.Limiter }

func newStrangers(passed func() time.Duration) *strangers {
	return &strangers{access.NewLimiter(strangersPerSecond, strangersAtOnce, passed),
		access.NewLimiter(addressPerSecond, addressAtOnce, passed)}
}

func (s *strangers) allow(address string) bool {
	_, own := s.each.Allow(address)
	if !own {
		return false
	}
	_, some := s.all.Allow("")
	return some
}

// Stranger writes down who spoke and was not proven, as far as the budget goes; noted is whether it was.
func (f *Fleet) Stranger(ctx context.Context, h *protocol.Hello, standing storage.Standing, name, address string) (noted bool, err error) {
	if !f.strangers.allow(address) {
		return false, nil
	}
	v := storage.Stranger{Model: h.Model, Serial: h.Serial, Standing: standing, Name: name, Address: address, Last: f.cfg.Now(),
		Claim: claim(h)}
	copy(v.Key[:], h.Device)
	if h.Report != nil && h.Report.Verdict == protocol.VerdictFailed {
		v.Failed = h.Report.To
	}
	return true, f.cfg.Store.SeeStranger(ctx, v)
}
