package server

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"unbrick/protocol/smp"
	"unbrick/release"
	"unbrick/server/fleet"
	"unbrick/server/storage"
	"unbrick/terminal"
)

// witness is a fleet in which device A-1 is enrolled.
type witness struct {
	*testing.T
	f      *fleet.Fleet
	store  storage.Store
	key    terminal.DeviceKey // that is enrolled
	old    terminal.DeviceKey // that was, and is barred
	passed time.Duration
	n      byte
}

func newWitness(t *testing.T) *witness {
	t.Helper()
	r := newRig(t)
	r.publish("1", 1, image(1, 20_000)) // makes the model
	w := &witness{T: t, store: r.store, key: terminal.NewDeviceKey(&[32]byte{1}), passed: time.Hour}
	w.old = terminal.NewDeviceKey(&[32]byte{9})
	first := storage.Identity{Model: "0001", Serial: "A-1", Public: w.old.Public, State: storage.Enrolled, Since: time.Now()}
	second := first
	second.Public = w.key.Public
	if _, err := r.store.Enrol(context.Background(), []storage.Identity{first}); err != nil {
		t.Fatal(err)
	}
	if err := r.store.Rekey(context.Background(), second); err != nil {
		t.Fatal(err)
	}
	w.f = w.start()
	return w
}

// start is the fleet of a server that has just started.
func (w *witness) start() *fleet.Fleet {
	return fleet.New(fleet.Config{Store: w.store, Now: time.Now, Passed: func() time.Duration { return w.passed }, Devices: 100})
}

var restoredTo = storage.Digest{7}

// sound is a receipt of a device that is restored.
func sound(nonce [16]byte, sequence uint32) *release.Receipt {
	return &release.Receipt{Model: "0001", Serial: "A-1", Nonce: nonce, State: uint8(smp.RecordInstalled), Match: uint8(smp.MatchTo), To: restoredTo, Sequence: sequence}
}

// report is one that was never sent before.
func (w *witness) report(o fleet.Outcome, r *release.Receipt, key *terminal.DeviceKey) *fleet.Report {
	w.Helper()
	w.n++
	p := reportOf("A-1", o, restoredTo)
	p.ID[15] = w.n
	if r == nil {
		return p
	}
	var err error
	if p.Receipt, err = release.AppendReceipt(nil, r); err != nil {
		w.Fatal(err)
	}
	var sig [64]byte
	if err := terminal.SignSeed(key, release.ReceiptMessage(nil, p.Receipt), &sig); err != nil {
		w.Fatal(err)
	}
	p.Signature = sig[:]
	return p
}

func (w *witness) tell(p *fleet.Report, operator bool) error {
	return w.f.Report(context.Background(), p, operator)
}

// device returns what is known of A-1, and the newest line of its history.
func (w *witness) device() (*storage.Device, storage.Event) {
	w.Helper()
	d, err := w.store.Device(context.Background(), "0001", "A-1")
	if err != nil {
		w.Fatal(err)
	}
	h, err := w.store.History(context.Background(), "0001", "A-1", 0, 1)
	if err != nil || len(h) == 0 {
		w.Fatal(err)
	}
	return &d, h[0]
}

// between calls something when a device was saved, before who saved it goes on; or it cannot save.
type between struct {
	storage.Store
	saved func()
	fails bool
}

func (s *between) SaveDevice(ctx context.Context, d *storage.Device, events ...storage.Event) error {
	if s.fails {
		return storage.ErrFull
	}
	err := s.Store.SaveDevice(ctx, d, events...)
	if then := s.saved; then != nil {
		s.saved = nil
		then()
	}
	return err
}

// TestReceiptOnce: of two reports at once with one receipt one is believed; one that could not be recorded was not used up.
func TestReceiptOnce(t *testing.T) {
	w := newWitness(t)
	s := &between{Store: w.store, fails: true}
	w.store = s
	w.f = w.start()
	receipt := sound(w.f.DrawNonce(), 5)
	if err := w.tell(w.report(fleet.OutcomeRestored, receipt, &w.key), false); !errors.Is(err, storage.ErrFull) {
		t.Fatal(err)
	}
	first, second := w.report(fleet.OutcomeRestored, receipt, &w.key), w.report(fleet.OutcomeRestored, receipt, &w.key)
	s.fails, s.saved = false, func() {
		if err := w.tell(second, false); !errors.Is(err, fleet.ErrReceipt) {
			t.Errorf("a second report meanwhile: %v", err)
		}
	}
	if err := w.tell(first, false); err != nil || s.saved != nil {
		t.Error(err)
	}
}

// TestReceiptsAreBelieved: an enrolled device's own word moves what is known of it, an operator's too, and nobody else's.
func TestReceiptsAreBelieved(t *testing.T) {
	w := newWitness(t)
	nonce := w.f.DrawNonce()
	broken := sound(nonce, 4)
	broken.State, broken.Match = uint8(smp.RecordRewriting), 0
	if err := w.tell(w.report(fleet.OutcomeNotRestored, broken, &w.key), false); err != nil {
		t.Fatal(err) // and it makes a device of one that never spoke
	}
	if d, e := w.device(); d.State != storage.Restoration || e.Source != storage.ByDevice || e.Kind != storage.NotRestored {
		t.Errorf("not restored: %s, %+v", d.State, e)
	}
	if err := w.tell(w.report(fleet.OutcomeRestored, nil, nil), false); err != nil {
		t.Fatal(err)
	}
	if d, e := w.device(); d.State != storage.Restoration || !d.Restored.IsZero() || d.RestoredTo != (storage.Digest{}) || e.Source != storage.ByReporter || e.Kind != storage.Restored {
		t.Errorf("a stranger says restored: %s, %v, %+v", d.State, d.Restored, e)
	}
	good := w.report(fleet.OutcomeRestored, sound(w.f.DrawNonce(), 5), &w.key)
	for range 2 { // sent again, it counts once
		if err := w.tell(good, false); err != nil {
			t.Fatal(err)
		}
	}
	if d, e := w.device(); d.State == storage.Restoration || d.Restored.IsZero() || d.RestoredTo != restoredTo || !d.Attested || e.Source != storage.ByDevice {
		t.Errorf("restored: %s, %v, %v, %+v", d.State, d.RestoredTo, d.Attested, e)
	}
	if err := w.tell(w.report(fleet.OutcomeFound, nil, nil), false); err != nil {
		t.Fatal(err)
	}
	if d, _ := w.device(); d.State == storage.Restoration {
		t.Error("a stranger's word puts an enrolled device into restoration")
	}
	if err := w.tell(w.report(fleet.OutcomeFound, nil, nil), true); err != nil {
		t.Fatal(err)
	}
	if d, e := w.device(); d.State != storage.Restoration || e.Source != storage.ByReporter {
		t.Errorf("an operator's word: %s, %+v", d.State, e)
	}
}

// TestReceiptsThatDoNotHold: each is refused, and leaves no trace.
func TestReceiptsThatDoNotHold(t *testing.T) {
	w := newWitness(t)
	if err := w.tell(w.report(fleet.OutcomeRestored, sound([16]byte{}, 7), &w.key), false); err != nil {
		t.Fatal(err) // offline, and of a later record than any
	}
	other, used := terminal.NewDeviceKey(&[32]byte{2}), w.f.DrawNonce()
	before := w.f.DrawNonce()
	if err := w.tell(w.report(fleet.OutcomeRestored, sound(w.f.DrawNonce(), 8), &w.key), false); err != nil {
		t.Fatal(err)
	}
	for _, nonce := range [][16]byte{used, before} {
		if err := w.tell(w.report(fleet.OutcomeRestored, sound(nonce, 9), &w.key), true); !errors.Is(err, fleet.ErrReceipt) {
			t.Errorf("over a number that was drawn before one that was used: %v", err)
		}
	}
	elsewhere := w.start().DrawNonce()
	old := w.f.DrawNonce()
	w.passed += fleet.NonceLife + time.Second
	was, last := w.device()
	change := func(f func(*release.Receipt)) *release.Receipt {
		r := sound(w.f.DrawNonce(), 9)
		f(r)
		return r
	}
	for _, c := range []struct {
		name, want string
		r          *release.Receipt
		key        *terminal.DeviceKey
	}{
		{"another key", "has not signed it", sound(w.f.DrawNonce(), 9), &other},
		{"the key of before", "has not signed it", sound(w.f.DrawNonce(), 9), &w.old},
		{"another run of the server's", "its number", sound(elsewhere, 9), &w.key},
		{"too old a number", "its number", sound(old, 9), &w.key},
		{"an invented number", "its number", sound([16]byte{1}, 9), &w.key},
		{"no number, and the record of before", "over no number of this server, and of record 8", sound([16]byte{}, 8), &w.key},
		{"another image", "the report says restored", change(func(r *release.Receipt) { r.To = storage.Digest{8} }), &w.key},
		{"on the way", "the report says restored", change(func(r *release.Receipt) { r.State = uint8(smp.RecordRewriting) }), &w.key},
		{"another image in the flash", "the report says restored", change(func(r *release.Receipt) { r.Match = uint8(smp.MatchFrom) }), &w.key},
		{"another device", "it is of device 0001/A-2", change(func(r *release.Receipt) { r.Serial = "A-2" }), &w.key},
	} {
		if err := w.tell(w.report(fleet.OutcomeRestored, c.r, c.key), true); !errors.Is(err, fleet.ErrReceipt) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if d, e := w.device(); d.Revision != was.Revision || e.ID != last.ID {
		t.Errorf("a refused receipt left something: %+v", e)
	}
	if err := w.tell(w.report(fleet.OutcomeRestored, sound(w.f.DrawNonce(), 3), &w.key), false); err != nil {
		t.Errorf("over a fresh number, of a record that began anew: %v", err)
	}
}

// TestReceiptOverHTTP: numbers are drawn by anybody, each once, and not without end; a receipt of another device is refused.
func TestReceiptOverHTTP(t *testing.T) {
	var passed time.Duration
	r := newRig(t, func(c *Config) { c.Passed = func() time.Duration { return passed } })
	r.publish("1", 1, image(1, 20_000))
	seen := map[string]bool{}
	for range 20 {
		if b := r.must(200, "POST", "/api/reports/nonce", nil, "Authorization", ""); len(b) != 16 || seen[string(b)] {
			t.Fatalf("nonce %x", b)
		} else {
			seen[string(b)] = true
		}
	}
	r.must(429, "POST", "/api/reports/nonce", nil, "Authorization", "")
	b, err := release.AppendReceipt(nil, sound([16]byte{}, 1))
	if err != nil {
		t.Fatal(err)
	}
	j, err := json.Marshal(map[string]any{"id": strings.Repeat("ab", 16), "model": "0001", "serial": "A-2", "outcome": "restored", "image": release.Hex(restoredTo),
		"via": "command", "receipt": b, "signature": make([]byte, 64)})
	if err != nil {
		t.Fatal(err)
	}
	if a := r.must(403, "POST", "/api/reports", j, "Content-Type", jsonType); !strings.Contains(string(a), `"receipt"`) {
		t.Errorf("answer %s", a)
	}
	p := reportOf("A-2", fleet.OutcomeRestored, restoredTo)
	p.Receipt, p.Signature = b, make([]byte, 64)
	if b, err = p.Append(nil); err != nil {
		t.Fatal(err)
	}
	r.must(403, "POST", "/api/reports", b, "Content-Type", cborType)
	r.must(400, "POST", "/api/reports", []byte(strings.Replace(string(j), `"signature"`, `"signature":"","x"`, 1)), "Content-Type", jsonType)
}
