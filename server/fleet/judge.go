package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"unbrick/protocol"
	"unbrick/server/identity"
	"unbrick/server/storage"

	"golang.org/x/time/rate"
)

// Judge says for whom the holder of a device key is taken under a serial, in a model whose devices are enrolled as e says. The first
// key of a serial is enrolled here if that is how. It fails only if storage does.
func (f *Fleet) Judge(ctx context.Context, id ID, key storage.PublicKey, e storage.Enrolment) (storage.Standing, error) {
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
	if err := f.Room(ctx); errors.Is(err, ErrTooMany) {
		return storage.Pending, nil
	} else if err != nil {
		return 0, err
	}
	_, err = f.cfg.Store.Enrol(ctx, []storage.Identity{{Model: id.Model, Serial: id.Serial, Public: key, State: storage.Enrolled,
		Since: f.cfg.Now()}})
	if errors.Is(err, storage.ErrConflict) {
		return storage.SecondKey, nil // that of another device, or another was faster
	}
	return storage.Proven, err
}

// Budget of what strangers have written down: an attempt of many costs the devices no time at the disk.
const (
	strangersPerSecond = 20
	strangersAtOnce    = 200
)

// strangers bounds how often one is written down.
type strangers struct {
	mu   sync.Mutex
	rate *rate.Limiter
}

func newStrangers() *strangers {
	return &strangers{rate: rate.NewLimiter(strangersPerSecond, strangersAtOnce)}
}

// allow goes by the time that passed.
func (s *strangers) allow(passed time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rate.AllowN(time.Time{}.Add(passed), 1)
}

// Stranger writes down who spoke and was not proven, as far as the budget goes; noted is whether it was.
func (f *Fleet) Stranger(ctx context.Context, h *protocol.Hello, standing storage.Standing, name, address string) (noted bool, err error) {
	if !f.strangers.allow(f.cfg.Passed()) {
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
