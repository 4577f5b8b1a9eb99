package server

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"unbrick/protocol"
	"unbrick/protocol/wsconn"
	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

// speaks is a way to say a hello, and for whom its sender is taken.
type speaks struct {
	name     string
	standing storage.Standing
	say      func(c *client, h *protocol.Hello) *protocol.Hello
}

// stranger is a key that nobody has enrolled.
var stranger = ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", 32)))

// strangeWays are all ways to speak under a serial that has a key and one that was barred, without being its device.
func strangeWays(barred ed25519.PrivateKey) []speaks {
	signed := func(key ed25519.PrivateKey) func(*client, *protocol.Hello) *protocol.Hello {
		return func(c *client, h *protocol.Hello) *protocol.Hello { return sign(c, h, key, &c.nonce, c.conn.Host()) }
	}
	return []speaks{
		{"unsigned", storage.Unsigned, func(_ *client, h *protocol.Hello) *protocol.Hello { return unsigned(h) }},
		{"by another key", storage.SecondKey, signed(stranger)},
		{"by the key of another device", storage.SecondKey, signed(deviceKey("B-1"))},
		{"by the barred key", storage.BarredKey, signed(barred)},
		{"over another challenge", storage.Forged, func(c *client, h *protocol.Hello) *protocol.Hello {
			return sign(c, h, deviceKey(h.Serial), &protocol.Nonce{1}, c.conn.Host())
		}},
		{"for another name than it says it dialled", storage.Forged, func(c *client, h *protocol.Hello) *protocol.Hello {
			return sign(c, h, deviceKey(h.Serial), &c.nonce, "false.example")
		}},
		{"with the signature of another hello", storage.Forged, func(c *client, h *protocol.Hello) *protocol.Hello {
			other := new(*h)
			other.Workspace++
			s := sign(c, h, deviceKey(h.Serial), &c.nonce, c.conn.Host())
			s.Signature = sign(c, other, deviceKey(h.Serial), &c.nonce, c.conn.Host()).Signature
			return s
		}},
		{"by a key of small order", storage.Forged, func(_ *client, h *protocol.Hello) *protocol.Hello {
			h = new(*h)
			h.Device = make([]byte, 32)
			h.Device[0] = 1 // the neutral element, under which zeros and itself sign everything
			h.Signature = append([]byte{1}, make([]byte, 63)...)
			return h
		}},
	}
}

// rekey puts a device's key in the place of another, as after a repair, and returns the barred one.
func (r *rig) rekeyed(serial string, from release.Manifest) (barred ed25519.PrivateKey) {
	r.Helper()
	barred = ed25519.NewKeyFromSeed([]byte(strings.Repeat("b", 32)))
	c := r.dial()
	c.say(sign(c, r.hello(serial, from), barred, &c.nonce, c.conn.Host()))
	hears[*protocol.Info](c)
	c.bye()
	r.must(200, "POST", "/api/devices/0001/"+serial+"/rekey", asJSON(r, map[string]string{"key": publicOf(deviceKey(serial)).String()}))
	return barred
}

// TestStrangersChangeNothing: whoever speaks under a device's serial and is not proven to be it gets an update that is there, and whatever
// he says, nothing that is known of the device or that others share is changed.
func TestStrangersChangeNothing(t *testing.T) {
	r, one, two := newPair(t)
	barred := r.rekeyed("A-1", one)
	r.session(r.hello("B-1", one))
	r.update(r.hello("A-1", one)) // so that the device is awaited, and the delta is there
	files, err := r.store.Files(t.Context(), "", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	// The device itself is there all the time: nobody ends its session, or makes a conflict of it.
	held := r.dial()
	held.say(r.hello("A-1", one))
	hears[*protocol.Info](held)
	before, history := r.device("A-1"), r.events("A-1")
	ways := strangeWays(barred)
	for i, way := range ways {
		counts := counted(r.s.metrics.Hellos, way.standing.String())
		c := r.dial()
		c.TB = t
		h := r.hello("A-1", one)
		h.Refused = []storage.Digest{files[0].Blob}
		h.Report = &protocol.Report{Verdict: protocol.VerdictFailed, From: one.Digest, To: two.Digest, Dead: []uint32{0x9000}}
		c.say(way.say(c, h))
		info := hears[*protocol.Info](c)
		if info.Kind == protocol.KindDelta { // he says that he refuses it
			t.Errorf("%s: %+v is offered that he refused", way.name, info)
		}
		c.bye()

		c = r.dial()
		c.TB = t
		c.say(way.say(c, r.hello("A-1", one)))
		if info = hears[*protocol.Info](c); info.Kind != protocol.KindDelta {
			t.Fatalf("%s: %+v, want the delta", way.name, info)
		}
		c.fetch(info, nil, 4096)
		c.say(&protocol.Done{Digest: info.Digest})
		c.bye()
		c = r.dial()
		c.TB = t
		c.say(way.say(c, r.hello("A-1", two))) // and runs something else
		hears[*protocol.Info](c)
		c.say(&protocol.Error{Fault: protocol.FaultSize})
		c.bye()
		r.until("his sessions are over", func() bool { return r.s.live.Number() == 1 })
		if got := counted(r.s.metrics.Hellos, way.standing.String()) - counts; got != 3 {
			t.Errorf("%s: %d of three hellos count as %s", way.name, got, way.standing)
		}
		if n := len(r.strangers("A-1")); n == 0 || n > i+1 {
			t.Errorf("%s: %d strangers", way.name, n)
		}
	}
	held.bye()
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
	if after := r.device("A-1"); !reflect.DeepEqual(before, after) {
		t.Errorf("the device is %+v, was %+v", after, before)
	}
	if after := r.events("A-1"); !reflect.DeepEqual(history, after) {
		t.Errorf("its history is %+v, was %+v", after, history)
	}
	for _, f := range files {
		after, err := r.store.FileOf(t.Context(), f.Key)
		if err != nil || after.Refusals != f.Refusals || after.State != f.State || after.Attempts != f.Attempts {
			t.Errorf("file %+v, %v, was %+v", after, err, f)
		}
	}
	if n, err := r.store.CountDevices(t.Context()); n != 2 || err != nil {
		t.Errorf("%d devices, %v", n, err)
	}
	for _, word := range []string{"done", "broken"} {
		if n := single(r.s.metrics.Transfers.WithLabelValues(word, "yes")); n != map[string]int{"done": 1}[word] {
			t.Errorf("%d transfers to devices are %s", n, word)
		}
	}
	if n := single(r.s.metrics.Transfers.WithLabelValues("done", "no")); n != len(ways) {
		t.Errorf("%d transfers to strangers, want %d", n, len(ways))
	}
	// The device itself goes on as if nothing had been.
	r.session(r.hello("A-1", two))
	if d := r.device("A-1"); d.Claim.Image != two.Digest || d.Proof != publicOf(deviceKey("A-1")) {
		t.Errorf("the device is %+v", d)
	}
	r.session(r.hello("A-1", one))
}

// TestStrangersGetWhatIsThere: for a stranger no delta is made, whatever he says he runs; he gets the full image, and a delta once a
// device had it made.
func TestStrangersGetWhatIsThere(t *testing.T) {
	r, one, _ := newPair(t)
	for i := range 3 {
		h := unsigned(r.hello(fmt.Sprint("X-", i), one))
		h.Workspace -= uint32(i) * 70 << 10
		if info := r.session(h); info.Kind != protocol.KindFull {
			t.Errorf("%d: %+v, want the full image", i, info)
		}
	}
	h := unsigned(r.hello("X-1", one))
	h.Kinds = protocol.KindsOf(protocol.KindDelta)
	if info := r.session(h); info.Kind != protocol.KindNone || info.Reason != protocol.ReasonPreparing || info.Wait != offer.WaitUsual {
		t.Errorf("without the full image: %+v", info)
	}
	files, err := r.store.Files(t.Context(), "", 0, 100)
	if err != nil || len(files) != 1 || files[0].Key.From != (storage.Digest{}) {
		t.Errorf("made for strangers: %+v, %v", files, err)
	}
	if info := r.session(r.hello("A-1", one)); info.Kind != protocol.KindDelta {
		t.Fatalf("the device: %+v", info)
	}
	if info := r.session(unsigned(r.hello("X-9", one))); info.Kind != protocol.KindDelta {
		t.Errorf("once it is there: %+v", info)
	}
}

// TestStrangersLeavePlaces: a quarter of the places is kept for devices, however many strangers come.
func TestStrangersLeavePlaces(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.Sessions = 4 })
	one := r.publish("1", 1, image(1, 20_000))
	var held []*client
	for i := range 3 {
		c := r.dial()
		c.say(unsigned(r.hello(fmt.Sprint("X-", i), one)))
		hears[*protocol.Info](c)
		held = append(held, c)
	}
	c := r.dial()
	c.say(unsigned(r.hello("X-4", one)))
	c.fault(protocol.FaultBusy)
	c.conn.Close()
	r.until("he has left", func() bool { return r.s.live.Number() == 3 })
	r.session(r.hello("A-1", one))
	held[0].bye()
	r.until("there is a place", func() bool { return r.s.live.Number() == 2 })
	r.session(unsigned(r.hello("X-4", one)))
}

// events are all of a device's history.
func (r *rig) events(serial string) []storage.Event {
	r.Helper()
	h, err := r.store.History(context.Background(), "0001", serial, 0, 500)
	if err != nil {
		r.Fatal(err)
	}
	return h
}

// TestEnrolment: how the first key of a serial becomes the device's own, in each of the three ways, and that one and all others are told.
func TestEnrolment(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	enrolled := func(serial string) bool {
		t.Helper()
		r.session(r.hello(serial, one))
		return len(r.strangers(serial)) == 0
	}
	set := func(how string) {
		t.Helper()
		b := r.must(200, "PUT", "/api/models/0001/enrolment", asJSON(r, map[string]string{"enrolment": how}))
		if got := decode[form.Model](r, b).Enrolment; got != how {
			t.Fatalf("enrolment %q, want %q", got, how)
		}
	}
	key := func(serial string) []byte {
		return asJSON(r, map[string]string{"key": publicOf(deviceKey(serial)).String()})
	}
	list := func(serials ...string) []byte {
		b := []byte("model,serial,public\n")
		for _, s := range serials {
			b = fmt.Appendf(b, "0001,%s,%v\n", s, publicOf(deviceKey(s)))
		}
		return b
	}
	r.must(400, "PUT", "/api/models/0001/enrolment", asJSON(r, map[string]string{"enrolment": "anybody"}))
	r.must(404, "PUT", "/api/models/0099/enrolment", asJSON(r, map[string]string{"enrolment": "open"}))

	if !enrolled("OPEN-1") || r.device("OPEN-1").Proof != publicOf(deviceKey("OPEN-1")) {
		t.Error("open: the first key is not the device's")
	}
	set("approve")
	if enrolled("A-1") {
		t.Error("approve: a key is the device's by itself")
	}
	if v := r.strangers("A-1"); v[0].Standing != storage.Pending || v[0].Claim.Version != "1" {
		t.Errorf("approve: %+v", v)
	}
	k := decode[form.Known](r, r.must(200, "GET", "/api/devices/0001/A-1/keys", nil))
	if len(k.DeviceKeys) != 0 || len(k.Strangers) != 1 || k.Strangers[0].Standing != "pending" {
		t.Errorf("keys of a pending device: %+v", k)
	}
	k = decode[form.Known](r, r.must(200, "POST", "/api/devices/0001/A-1/approve", key("A-1")))
	if len(k.DeviceKeys) != 1 || k.DeviceKeys[0].State != "enrolled" || len(k.Strangers) != 0 {
		t.Errorf("after the approval: %+v", k)
	}
	if !enrolled("A-1") {
		t.Error("approve: an approved one is not the device")
	}
	if got := decode[form.Imported](r, r.must(200, "POST", "/api/keys", list("A-1", "A-2"))); got.Devices != 2 || got.Known != 1 {
		t.Errorf("imported %+v", got)
	}
	set("list")
	if !enrolled("A-2") || !enrolled("OPEN-1") {
		t.Error("list: one that is enrolled is not the device")
	}
	if enrolled("A-3") {
		t.Error("list: one that no list names is the device")
	}
	for _, refused := range []struct {
		method, path string
		body         []byte
		status       int
		code         string
	}{
		{"POST", "/api/devices/0001/A-3/approve", key("A-3"), 409, "enrolment"},
		{"POST", "/api/devices/0099/A-3/approve", key("A-3"), 404, "unknown-model"},
		{"POST", "/api/devices/0001/A-3/approve", []byte(`{"key":"12"}`), 400, "malformed"},
		{"POST", "/api/devices/0001/A-3/approve", []byte(`{"key":"` + strings.Repeat("0", 64) + `"}`), 400, "malformed"},
		{"POST", "/api/devices/0001/A-3/rekey", key("A-3"), 404, "not-found"},
		{"POST", "/api/devices/0001/A-1/rekey", key("A-2"), 409, "device-key"},
		{"GET", "/api/devices/0001/A-99/keys", nil, 404, "not-found"},
		{"POST", "/api/keys", []byte("serial,public\n"), 400, "malformed"},
		{"POST", "/api/keys", append(list("A-4"), "0099,A-5,"+publicOf(stranger).String()+"\n"...), 404, "unknown-model"},
		{"POST", "/api/keys", append(list("A-4"), "0001,A-1,"+publicOf(stranger).String()+"\n"...), 409, "device-key"},
		{"DELETE", "/api/strangers", nil, 400, "malformed"},
		{"GET", "/api/strangers?standing=odd", nil, 400, "malformed"},
		{"GET", "/api/strangers?search=" + strings.Repeat("x", 65), nil, 400, "malformed"},
	} {
		b := r.must(refused.status, refused.method, refused.path, refused.body)
		if p := decode[form.Problem](r, b); p.Code != refused.code {
			t.Errorf("%s %s: %+v, want %s", refused.method, refused.path, p, refused.code)
		}
	}
	if enrolled("A-4") {
		t.Error("a part of a refused list is enrolled")
	}
	page := decode[form.Strangers](r, r.must(200, "GET", "/api/strangers?model=0001&standing=pending&limit=1", nil))
	if len(page.Strangers) != 1 || page.Strangers[0].Serial != "A-4" || page.Next == "" {
		t.Errorf("strangers %+v", page)
	}
	if sum := decode[form.Summary](r, r.must(200, "GET", "/api/summary", nil)); sum.Strangers["pending"] != 2 || sum.Devices != 3 {
		t.Errorf("summary %+v", sum)
	}
	if n := decode[form.Removed](r, r.must(200, "DELETE", "/api/strangers?model=0001&serial=A-4", nil)).Removed; n != 1 {
		t.Errorf("%d strangers are removed", n)
	}
	r.must(200, "DELETE", "/api/strangers?model=0001", nil)
	if page = decode[form.Strangers](r, r.must(200, "GET", "/api/strangers", nil)); len(page.Strangers) != 0 {
		t.Errorf("strangers %+v", page)
	}
	var acts []string
	for _, a := range decode[form.Acts](r, r.must(200, "GET", "/api/audit?limit=500", nil)).Acts {
		acts = append(acts, fmt.Sprintf("%s %s: %s -> %s: %s", a.Name, a.Object, a.Before, a.After, a.Result))
	}
	for _, want := range []string{"model.enrolment 0001: approve -> list: done", "device.approve 0001/A-1: ", "device.import 0001:  -> 2 devices, list ",
		"stranger.remove 0001/A-4: ", "stranger.remove 0001: ", "enrolment"} {
		if !slices.ContainsFunc(acts, func(act string) bool { return strings.Contains(act, want) }) {
			t.Errorf("no act %q in %q", want, acts)
		}
	}
}

// TestRekey: a repaired board takes the place of the one before, whose key is believed no longer, also in a session that goes on.
func TestRekey(t *testing.T) {
	r, one, two := newPair(t, func(c *Config) { c.Limits.Answer = time.Hour })
	old := deviceKey("A-1")
	r.session(r.hello("A-1", one))
	held := r.dial()
	held.say(r.hello("A-1", one))
	offered := hears[*protocol.Info](held)
	c := r.dial()
	c.say(sign(c, r.hello("A-1", two), stranger, &c.nonce, c.conn.Host()))
	hears[*protocol.Info](c)
	c.bye()
	if v := r.strangers("A-1"); len(v) != 1 || v[0].Standing != storage.SecondKey || v[0].Key != publicOf(stranger) {
		t.Errorf("strangers %+v", v)
	}
	r.must(200, "POST", "/api/devices/0001/A-1/rekey", asJSON(r, map[string]string{"key": publicOf(stranger).String()}))
	protocol.Send(held.conn, &protocol.Request{Digest: offered.Digest, Credit: 1 << 10}, nil) // it may be closed already
	if b, err := held.conn.Recv(); err == nil {
		t.Errorf("the session of the old key goes on: %x", b)
	}
	r.until("it is over", func() bool { return r.s.live.Number() == 0 })
	c = r.dial()
	c.say(sign(c, r.hello("A-1", two), stranger, &c.nonce, c.conn.Host()))
	hears[*protocol.Info](c)
	c.bye()
	if d := r.device("A-1"); d.Proof != publicOf(stranger) || d.Claim.Image != two.Digest {
		t.Errorf("device %+v", d)
	}
	r.history("A-1", "first-seen offer proven changed confirmed")
	r.session(r.hello("A-1", one)) // by the old key
	if v := r.strangers("A-1"); len(v) != 1 || v[0].Standing != storage.BarredKey || v[0].Key != publicOf(old) {
		t.Errorf("strangers %+v", v)
	}
	if d := r.device("A-1"); d.Claim.Image != two.Digest {
		t.Error("what the old key says is believed")
	}
	k := decode[form.DeviceDetail](r, r.must(200, "GET", "/api/devices/0001/A-1", nil))
	if len(k.DeviceKeys) != 2 || k.DeviceKeys[0].Key != publicOf(stranger).String() || k.DeviceKeys[1].State != "barred" || len(k.Strangers) != 1 {
		t.Errorf("keys %+v", k.Known)
	}
}

// meanwhile is a store in which something happens right after a device's keys were looked up.
type meanwhile struct {
	storage.Store
	does atomic.Pointer[func()]
}

func (m *meanwhile) Identities(ctx context.Context, model, serial string) ([]storage.Identity, error) {
	list, err := m.Store.Identities(ctx, model, serial)
	if does := m.does.Swap(nil); does != nil {
		(*does)()
	}
	return list, err
}

// TestRekeyAtTheHello: one whose key is barred while he is being judged is not believed.
func TestRekeyAtTheHello(t *testing.T) {
	var store meanwhile
	r := newRig(t, func(c *Config) { store.Store, c.Store = c.Store, &store })
	a := image(1, 20_000)
	one, two := r.publish("1", 1, a), r.publish("2", 2, next(a, 2))
	r.session(r.hello("A-1", one))
	rekey := func() {
		r.must(200, "POST", "/api/devices/0001/A-1/rekey", asJSON(r, map[string]string{"key": publicOf(stranger).String()}))
	}
	store.does.Store(&rekey)
	r.session(r.hello("A-1", two)) // is served all the same
	if d := r.device("A-1"); d.Claim.Image != one.Digest {
		t.Error("what the barred key says is believed")
	}
	if v := r.strangers("A-1"); len(v) != 1 || v[0].Standing != storage.BarredKey {
		t.Errorf("strangers %+v", v)
	}
}

// TestFirstAndGone: where a model is open, who says hello and leaves at once takes the place of a device: there are no more keys than
// there may be devices.
func TestFirstAndGone(t *testing.T) {
	const may = 3
	r := newRig(t, func(c *Config) { c.Limits.Devices = may })
	one := r.publish("1", 1, image(1, 20_000))
	serials := make([]string, 10*may)
	for i := range serials {
		serials[i] = fmt.Sprint("X-", i)
		c := r.dial()
		c.say(r.hello(serials[i], one))
		c.conn.Close()
	}
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
	keys := 0
	for _, serial := range serials {
		list, err := r.store.Identities(t.Context(), "0001", serial)
		if err != nil {
			t.Fatal(err)
		}
		keys += len(list)
	}
	devices, err := r.store.CountDevices(t.Context())
	if keys != may || devices != may || err != nil {
		t.Errorf("%d keys and %d devices, %v: want %d of each", keys, devices, err, may)
	}
}

// TestHelloAgain: a recorded hello, one of another connection, and one that a false server hands on prove nothing.
func TestHelloAgain(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Names = []string{"updates.example"} })
	one := r.publish("1", 1, image(1, 20_000))
	first := r.dialAs("updates.example")
	said := sign(t, r.hello("A-1", one), deviceKey("A-1"), &first.nonce, "updates.example")
	first.say(said)
	hears[*protocol.Info](first)
	first.bye()
	if d := r.device("A-1"); d.Proof != publicOf(deviceKey("A-1")) {
		t.Fatalf("device %+v", d)
	}
	sessions := r.device("A-1").Sessions
	again := r.dialAs("updates.example")
	again.say(said)
	hears[*protocol.Info](again)
	again.bye()
	// A false server has the device dial it, and hands on this server's challenge: the device signs for the name of the false one.
	relayed := r.dialAs("false.example")
	relayed.say(sign(t, r.hello("A-1", one), deviceKey("A-1"), &relayed.nonce, "false.example"))
	hears[*protocol.Info](relayed)
	relayed.bye()
	// A proxy may put another name in front of the request: the device has signed for this server's all the same.
	renamed := r.dialAs("127.0.0.1")
	renamed.say(sign(t, r.hello("A-1", one), deviceKey("A-1"), &renamed.nonce, "updates.example"))
	hears[*protocol.Info](renamed)
	renamed.bye()
	sessions++
	pretended := r.dialAs("updates.example")
	pretended.say(sign(t, r.hello("A-1", one), deviceKey("A-1"), &pretended.nonce, "false.example"))
	hears[*protocol.Info](pretended)
	pretended.bye()
	if n := r.device("A-1").Sessions; n != sessions {
		t.Errorf("%d sessions of the device, want %d", n, sessions)
	}
	for standing, want := range map[storage.Standing]uint64{storage.Proven: 2, storage.Forged: 2, storage.OtherName: 1} {
		if n := counted(r.s.metrics.Hellos, standing.String()); n != want {
			t.Errorf("%d hellos %s, want %d", n, standing, want)
		}
	}
	for _, v := range r.strangers("A-1") {
		if (v.Standing == storage.OtherName) != (v.Name == "false.example") {
			t.Errorf("%+v", v)
		}
	}
}

// TestNamesOfTheServer: without a name that was said, a device is believed that dialled the address it came to, or localhost.
func TestNamesOfTheServer(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	for i, test := range []struct {
		host string
		own  bool
	}{{"127.0.0.1", true}, {"localhost", true}, {"127.0.0.2", false}, {"192.0.2.1", false}, {"updates.example", false}, {"[::1]", false}} {
		serial := fmt.Sprint("N-", i)
		c := r.dialAs(test.host)
		c.say(sign(t, r.hello(serial, one), deviceKey(serial), &c.nonce, protocol.HostOf(test.host)))
		hears[*protocol.Info](c)
		c.bye()
		v := r.strangers(serial)
		if proven := len(v) == 0; proven != test.own || !proven && v[0].Standing != storage.OtherName {
			t.Errorf("%s: proven %t, %+v", test.host, proven, v)
		}
	}
}

// TestLiars: a thousand who lie about one rollout, under invented serials and under those of its devices, move nothing, and one device
// more than may fail does.
func TestLiars(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	two := r.published("2", 2, next(image(1, 20_000), 2), "?phases=100%25&limit=2&halts=true")
	devices := []string{"D-1", "D-2", "D-3"}
	for _, s := range devices {
		r.update(r.hello(s, one))
		r.session(r.hello(s, two))
	}
	if err := r.store.SetEnrolment(t.Context(), "0001", storage.ByApproval); err != nil {
		t.Fatal(err)
	}
	failed := func(serial string) *protocol.Hello {
		h := r.hello(serial, one)
		h.Report = &protocol.Report{Verdict: protocol.VerdictFailed, From: one.Digest, To: two.Digest}
		return h
	}
	var work sync.WaitGroup
	for i := range 20 {
		work.Go(func() {
			for j := range 50 {
				c := r.dial()
				h := failed(fmt.Sprintf("L-%d-%d", i, j))
				if j%3 == 0 {
					h = failed(devices[j%len(devices)])
				}
				switch j % 4 {
				case 0:
					c.say(unsigned(h))
				case 1:
					c.say(sign(c, h, deviceKey(fmt.Sprint("liar ", i, j)), &c.nonce, c.conn.Host()))
				case 2:
					c.say(sign(c, h, deviceKey(h.Serial), &protocol.Nonce{byte(i), byte(j)}, c.conn.Host()))
				case 3:
					c.say(sign(c, h, deviceKey(fmt.Sprint("liar ", i, j)), &c.nonce, c.conn.Host()))
				}
				if info := hears[*protocol.Info](c); info.Kind != protocol.KindNone { // and takes it, and never comes back
					c.fetch(info, nil, 4096)
					c.say(&protocol.Done{Digest: info.Digest})
				}
				c.bye()
			}
		})
	}
	work.Wait()
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
	r.later(2 * r.s.cfg.Limits.Overdue)
	lookForLost := func() *form.Rollout {
		t.Helper()
		if err := r.s.rollouts.LookForLost(t.Context()); err != nil {
			t.Fatal(err)
		}
		return r.rollout(two)
	}
	v := lookForLost()
	if v.Strangers == 0 || v.Strangers > storage.MaxFromAddress {
		t.Errorf("%d strangers are told of", v.Strangers)
	}
	if v.Halted != nil || v.Alarm || v.Failed != 0 || v.Lost != 0 {
		t.Errorf("after a thousand liars: %+v", v)
	}
	if n := counted(r.s.metrics.Hellos, "proven"); n != 2*uint64(len(devices)) {
		t.Errorf("%d hellos are proven, want %d", n, 2*len(devices))
	}
	list := "model,serial,public\n"
	for i := range 3 {
		list += fmt.Sprintf("0001,E-%d,%v\n", i, publicOf(deviceKey(fmt.Sprint("E-", i))))
	}
	r.must(200, "POST", "/api/keys", []byte(list))
	for i := range 3 {
		r.session(failed(fmt.Sprint("E-", i)))
	}
	if v := r.rollout(two); v.Halted == nil || v.Failed != 3 {
		t.Errorf("after three devices that failed: %+v", v)
	}
}

// dialAs connects as one who dialled a name that leads here.
func (r *rig) dialAs(host string) *client {
	r.Helper()
	here := strings.TrimPrefix(r.web.URL, "http://")
	web := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, here)
	}}}
	return r.dialled("http://"+host, &wsconn.Options{Client: web})
}

// TestTwoWithOneKey: two who speak with one device's key, at once or with a record that went back, are a conflict, which counts for nothing
// until an operator ends it; after a restoration a record may go back.
func TestTwoWithOneKey(t *testing.T) {
	r, one, two := newPair(t)
	at := func(n uint32, runs release.Manifest) *protocol.Hello {
		h := r.hello("A-1", runs)
		h.Sequence = n
		return h
	}
	installed := func() (n int) {
		t.Helper()
		counts, err := r.store.Installed(t.Context(), "0001")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range counts {
			n += c.Installed
		}
		return n
	}
	r.session(r.hello("B-1", one))
	r.session(at(7, one))
	r.session(at(7, one))
	r.session(at(9, one))
	if d := r.device("A-1"); !d.Conflict.IsZero() || installed() != 2 {
		t.Fatalf("conflict %v, %d installed", d.Conflict, installed())
	}
	r.update(at(8, one))
	d := r.device("A-1")
	if d.Conflict.IsZero() || installed() != 1 || d.Awaited() != (storage.Digest{}) || single(r.s.metrics.Conflicts) != 1 {
		t.Fatalf("conflict %v, %d installed, awaited %x", d.Conflict, installed(), d.Awaited())
	}
	r.history("A-1", "first-seen offer conflict transferred")
	v := r.staged("3", 3, next(next(image(1, 20_000), 2), 3), "100%", "1")
	r.session(failure(at(8, one), one, v))
	if got := r.rollout(v); got.Failed != 0 {
		t.Errorf("one in conflict counts: %+v", got)
	}
	r.must(200, "POST", "/api/devices/0001/A-1/free", []byte(`{}`))
	if d := r.device("A-1"); !d.Conflict.IsZero() || installed() != 2 {
		t.Errorf("freed: conflict %v, %d installed", d.Conflict, installed())
	}
	h := at(2, two)
	h.Report = &protocol.Report{Verdict: protocol.VerdictRestored, From: one.Digest, To: two.Digest}
	r.session(h)
	if d := r.device("A-1"); !d.Conflict.IsZero() {
		t.Errorf("after a restoration: conflict %v", d.Conflict)
	}
	// At once: the older one speaks after the younger has begun.
	older, younger := r.dial(), r.dial()
	older.say(at(3, two))
	hears[*protocol.Info](older)
	younger.say(at(3, two))
	hears[*protocol.Info](younger)
	older.bye()
	younger.bye()
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
	if d := r.device("A-1"); d.Conflict.IsZero() {
		t.Error("two at once are no conflict")
	}
}

// TestImportIsBound: an account that is bound to models imports devices of those alone, and of a list with others nothing.
func TestImportIsBound(t *testing.T) {
	r := newRig(t)
	token := "Bearer " + r.account("works", "operate", "0001")
	list := func(model string) []byte {
		return fmt.Appendf(nil, "model,serial,public\n0001,A-1,%v\n%s,A-2,%v\n", publicOf(deviceKey("A-1")), model, publicOf(deviceKey("A-2")))
	}
	b := r.must(403, "POST", "/api/keys", list("0002"), "Authorization", token)
	if p := decode[form.Problem](r, b); p.Code != "other-model" {
		t.Errorf("%+v", p)
	}
	if keys, err := r.store.Identities(t.Context(), "0001", "A-1"); len(keys) != 0 || err != nil {
		t.Errorf("a part of the list is enrolled: %+v, %v", keys, err)
	}
	r.must(200, "POST", "/api/keys", list("0001"), "Authorization", token)
	r.must(403, "POST", "/api/devices/0002/A-2/approve", []byte(`{"key":"`+publicOf(stranger).String()+`"}`), "Authorization", token)
	r.must(403, "GET", "/api/strangers", nil, "Authorization", token)
}
