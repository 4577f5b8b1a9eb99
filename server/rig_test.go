package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"unbrick/delta"
	"unbrick/flash"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/protocol/wsconn"
	"unbrick/release"
	"unbrick/server/account"
	"unbrick/server/metrics"
	"unbrick/server/storage"
	"unbrick/server/storage/local"

	dto "github.com/prometheus/client_model/go"
)

// Media types of the API.
const (
	cborType = "application/cbor"
	jsonType = "application/json"
)

const testToken = "the operator's token of the tests"

// rig is a server on a real store behind a real HTTP listener, with a clock that tests move.
type rig struct {
	testing.TB
	s      *Server
	dir    string // of the store
	store  storage.Store
	web    *httptest.Server
	model  model.Model
	key    ed25519.PrivateKey
	kid    release.KeyID
	offset atomic.Int64 // time that passed besides the real
	set    atomic.Int64 // by how much somebody has set the clock
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	r := newServer(t, change...)
	h := r.s.Handler()
	if r.s.cfg.Split {
		h = r.s.Operators() // tests ask as operators
	}
	r.web = httptest.NewServer(h)
	t.Cleanup(r.web.Close)
	r.describe()
	return r
}

// newServer is the server of a rig without a listener and without a model.
func newServer(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	dir := t.TempDir()
	store, err := local.Open(context.Background(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	r := &rig{TB: t, dir: dir, store: store, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{5}, ed25519.SeedSize))}
	r.kid = release.IDOf(r.key.Public().(ed25519.PublicKey))
	cfg := &Config{Store: store, Workers: 1, Version: "test", Now: r.now, Passed: r.passed, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Limits: Limits{Drain: time.Second, Rate: 1e6, Burst: 1e6, Answer: 20 * time.Second}}
	for _, c := range change {
		c(cfg)
	}
	if _, _, err := account.Start(context.Background(), store, testToken, r.now()); err != nil {
		t.Fatal(err)
	}
	if r.s, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.s.Close(context.Background()) })
	r.model = model.Model{ID: "0001", Name: "Test", RAM: 512 << 10, Resident: 4 << 10, Line: model.DefaultLine,
		Layout: flash.Layout{Boot: 16 << 10, Geometry: flash.Geometry{Runs: []flash.Run{{Size: 4 << 10, Count: 64}}, ProgramUnit: 8, Page: 256, Erased: 0xff}}}
	return r
}

func (r *rig) describe() {
	r.Helper()
	r.must(http.StatusOK, "PUT", "/api/models/0001", r.model.Append(nil), "Content-Type", cborType)
	if err := r.store.SetEnrolment(context.Background(), r.model.ID, storage.ByFirst); err != nil {
		r.Fatal(err)
	}
}

// deviceKey is the key of the device that has a serial in these tests.
func deviceKey(serial string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("device " + serial))
	return ed25519.NewKeyFromSeed(seed[:])
}

// strangers are those who spoke under a serial, who spoke last first.
func (r *rig) strangers(serial string) []storage.Stranger {
	r.Helper()
	list, err := r.store.Strangers(context.Background(), storage.StrangerQuery{Serial: serial}, 0, 500)
	if err != nil {
		r.Fatal(err)
	}
	return list
}

// publicOf is the public part of a device key.
func publicOf(key ed25519.PrivateKey) (public storage.PublicKey) {
	copy(public[:], key.Public().(ed25519.PublicKey))
	return public
}

func (r *rig) now() time.Time {
	return time.Now().UTC().Truncate(time.Millisecond).Add(time.Duration(r.offset.Load() + r.set.Load()))
}

var started = time.Now()

func (r *rig) passed() time.Duration { return time.Since(started) + time.Duration(r.offset.Load()) }

func (r *rig) later(d time.Duration) { r.offset.Add(int64(d)) }

// do sends a request with the operator's token unless header sets another Authorization.
func (r *rig) do(method, path string, body []byte, header ...string) (*http.Response, []byte) {
	r.Helper()
	base := "http://rig"
	if r.web != nil {
		base = r.web.URL
	}
	q, err := http.NewRequest(method, base+path, bytes.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+testToken)
	for i := 0; i+1 < len(header); i += 2 {
		if i == 0 || header[i] != header[i-2] { // the same name twice is a header that comes twice
			q.Header.Del(header[i])
		}
		if header[i+1] != "" {
			q.Header.Add(header[i], header[i+1])
		}
	}
	if r.web == nil { // in virtual time there is no network
		w := httptest.NewRecorder()
		r.s.Handler().ServeHTTP(w, q)
		r.held(q, w.Result(), w.Body.Bytes())
		return w.Result(), w.Body.Bytes()
	}
	a, err := http.DefaultTransport.RoundTrip(q)
	if err != nil {
		r.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		r.Fatal(err)
	}
	r.held(q, a, b)
	return a, b
}

// held fails a test that is answered what openapi.json does not describe.
func (r *rig) held(q *http.Request, a *http.Response, b []byte) {
	r.Helper()
	d, err := described()
	if err == nil {
		err = d.hold(q, a, b)
	}
	if err != nil {
		r.Errorf("%s %s: %s %.200q: %v", q.Method, q.URL, a.Status, b, err)
	}
}

func (r *rig) must(status int, method, path string, body []byte, header ...string) []byte {
	r.Helper()
	a, b := r.do(method, path, body, header...)
	if a.StatusCode != status {
		r.Fatalf("%s %s: %s %s, want %d", method, path, a.Status, b, status)
	}
	return b
}

// image makes firmware-like bytes: words from a small vocabulary, so that it compresses a little.
func image(seed uint64, size int) []byte {
	random := rand.New(rand.NewPCG(seed, 7))
	words := make([][4]byte, 600)
	for i := range words {
		n := random.Uint32()
		words[i] = [4]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}
	}
	b := make([]byte, 0, size+4)
	for len(b) < size {
		w := words[random.IntN(len(words))]
		b = append(b, w[:]...)
	}
	return b[:size]
}

// next changes an image as a new version would: some bytes inserted, some replaced.
func next(old []byte, seed uint64) []byte {
	fresh := image(seed, 600)
	b := append([]byte(nil), old[:len(old)/3]...)
	b = append(b, fresh...)
	b = append(b, old[len(old)/3:]...)
	copy(b[len(b)/2:], fresh[:200])
	return b
}

// file signs an image into a release file.
func (r *rig) file(key ed25519.PrivateKey, version string, order uint64, img []byte) []byte {
	r.Helper()
	area := r.model.Layout.Software()
	m, err := release.Describe(r.model.ID, version, order, 1, img, &area)
	if err != nil {
		r.Fatal(err)
	}
	signed, err := release.Sign(&m, key)
	if err != nil {
		r.Fatal(err)
	}
	return release.AppendFile(nil, &release.File{Signed: signed, Image: img})
}

func (r *rig) publish(version string, order uint64, img []byte) release.Manifest {
	r.Helper()
	return r.published(version, order, img, "")
}

// published publishes an image with what the query says besides.
func (r *rig) published(version string, order uint64, img []byte, query string) release.Manifest {
	r.Helper()
	f := r.file(r.key, version, order, img)
	r.must(http.StatusCreated, "POST", "/api/releases"+query, f, "Unbrick-Public-Key", r.pub(r.key))
	parts, err := release.SplitFile(f)
	if err != nil {
		r.Fatal(err)
	}
	m, _, err := release.Parse(parts.Signed)
	if err != nil {
		r.Fatal(err)
	}
	return m
}

// newPair is a rig with two releases, of which the second has the first one's image with some changes.
func newPair(t testing.TB, change ...func(*Config)) (r *rig, one, two release.Manifest) {
	t.Helper()
	r = newRig(t, change...)
	a := image(1, 20_000)
	one = r.publish("1", 1, a)
	return r, one, r.publish("2", 2, next(a, 2))
}

// hello is what a device says that runs a release. Who says it signs it with the device's key, unless Device is taken out.
func (r *rig) hello(serial string, runs release.Manifest) *protocol.Hello {
	return &protocol.Hello{Device: deviceKey(serial).Public().(ed25519.PublicKey), Threshold: 1, Model: r.model.ID, Serial: serial, Release: runs.Version, Order: runs.Order, Digest: runs.Digest, Keys: []release.KeyID{r.kid},
		Workspace: 400 << 10, Kinds: protocol.KindsOf(protocol.KindDelta, protocol.KindFull), Confirmed: true}
}

// unsigned takes the device key from a hello.
func unsigned(h *protocol.Hello) *protocol.Hello {
	h.Device = nil
	return h
}

// client is the scripted other end of a session.
type client struct {
	testing.TB
	conn  protocol.Conn
	nonce protocol.Nonce
}

func (r *rig) dial() *client {
	r.Helper()
	return r.dialled(r.web.URL, nil)
}

// dialled connects to a URL.
func (r *rig) dialled(url string, o *wsconn.Options) *client {
	r.Helper()
	conn, err := wsconn.Dial(context.Background(), url+"/link", o)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { conn.Close() })
	c := &client{TB: r.TB, conn: conn}
	c.nonce = hears[*protocol.Challenge](c).Nonce
	return c
}

func (c *client) say(m protocol.Message) {
	c.Helper()
	if h, ok := m.(*protocol.Hello); ok && h.Device != nil && h.Signature == nil {
		m = sign(c, h, deviceKey(h.Serial), &c.nonce, c.conn.Host())
	}
	if _, err := protocol.Send(c.conn, m, nil); err != nil {
		c.Fatalf("send %s: %v", m.Code(), err)
	}
}

// sign signs a copy of a hello with a device key, over a challenge and the name that was dialled.
func sign(t testing.TB, h *protocol.Hello, key ed25519.PrivateKey, nonce *protocol.Nonce, host string) *protocol.Hello {
	t.Helper()
	h = new(*h)
	h.Device = key.Public().(ed25519.PublicKey)
	signed, err := h.AppendSigned(nil, nonce, host)
	if err != nil {
		t.Fatal(err)
	}
	h.Signature = ed25519.Sign(key, signed)
	return h
}

func (c *client) hear() protocol.Message {
	c.Helper()
	b, err := c.conn.Recv()
	if err != nil {
		c.Fatalf("receive: %v", err)
	}
	m, err := protocol.Decode(append([]byte(nil), b...))
	if err != nil {
		c.Fatal(err)
	}
	c.waits(m)
	return m
}

// waits checks that what ends in waiting says for how long.
func (c *client) waits(m protocol.Message) {
	c.Helper()
	var told, ends = uint32(0), false
	switch m := m.(type) {
	case *protocol.Info:
		told, ends = m.Wait, m.Kind == protocol.KindNone
	case *protocol.Gone:
		told, ends = m.Info.Wait, m.Info.Kind == protocol.KindNone
	case *protocol.Error:
		told, ends = m.Wait, m.Fault == protocol.FaultBusy || m.Fault == protocol.FaultShutdown || m.Fault == protocol.FaultInternal
	}
	if ends != (told > 0) {
		c.Errorf("%s %+v says to wait for %d s", m.Code(), m, told)
	}
}

// heard is the next message, which must be a T.
func hears[T protocol.Message](c *client) T {
	c.Helper()
	m := c.hear()
	v, ok := m.(T)
	if !ok {
		c.Fatalf("heard %s %+v, want %T", m.Code(), m, v)
	}
	return v
}

// fault hears that the server ends the session with a fault, and that it closes.
func (c *client) fault(want protocol.Fault) {
	c.Helper()
	if e := hears[*protocol.Error](c); e.Fault != want {
		c.Fatalf("fault %s %q, want %s", e.Fault, e.Text, want)
	}
	hears[*protocol.Bye](c)
	if _, err := c.conn.Recv(); !errors.Is(err, protocol.ErrClosed) {
		c.Fatalf("after bye: %v, want %v", err, protocol.ErrClosed)
	}
}

// bye ends the session as a terminal does, and waits until the server has recorded it.
func (c *client) bye() {
	c.Helper()
	c.say(&protocol.Bye{})
	hears[*protocol.Bye](c)
	c.conn.Close()
}

// fetch requests a file from offset on and receives it to its end.
func (c *client) fetch(info *protocol.Info, have []byte, window uint32) []byte {
	c.Helper()
	in, err := protocol.NewReceiver(info.Size, uint32(len(have)), window)
	if err != nil {
		c.Fatal(err)
	}
	q := in.Request(info.Digest)
	c.say(&q)
	for !in.Finished() {
		d := hears[*protocol.Data](c)
		if err := in.Accept(d); err != nil {
			c.Fatal(err)
		}
		have = append(have, d.Bytes...)
		if n := in.Stored(uint32(len(d.Bytes))); n > 0 {
			c.say(&protocol.Credit{Bytes: n})
		}
	}
	end := hears[*protocol.End](c)
	if end.Size != info.Size || end.Digest != info.Digest || sha256.Sum256(have) != info.Digest {
		c.Fatalf("end %+v, file of %d bytes, want %+v", end, len(have), info)
	}
	return have
}

// session runs one session that says hello and ends; it returns the information.
func (r *rig) session(h *protocol.Hello) *protocol.Info {
	r.Helper()
	c := r.dial()
	c.say(h)
	info := hears[*protocol.Info](c)
	c.bye()
	return info
}

// update runs one session up to Done.
func (r *rig) update(h *protocol.Hello) (*protocol.Info, []byte) {
	r.Helper()
	c := r.dial()
	c.say(h)
	info := hears[*protocol.Info](c)
	if info.Kind == protocol.KindNone {
		r.Fatalf("nothing is offered: %s", info.Reason)
	}
	file := c.fetch(info, nil, 4096)
	c.say(&protocol.Done{Digest: info.Digest})
	c.bye()
	return info, file
}

// apply checks that a file makes image of base on the test's model.
func (r *rig) apply(file, base, img []byte, m release.Manifest) delta.Kind {
	r.Helper()
	if err := m.CheckImage(img); err != nil {
		r.Fatal(err)
	}
	h, err := delta.ParseHeader(file)
	if err != nil {
		r.Fatal(err)
	}
	area := r.model.Layout.Software()
	old := flash.Bytes(append(bytes.Clone(base), bytes.Repeat([]byte{area.Erased}, int(area.Size())-len(base))...))
	var d delta.Decoder
	if err := d.Open(file, &area, old, make([]byte, h.Memory())); err != nil {
		r.Fatal(err)
	}
	if err := delta.Prove(&d, &m, old, release.MakeLeaves(m.Leaves()), nil, false, make([]byte, (area.Sectors()+7)/8)); err != nil {
		r.Fatal(err)
	}
	return h.Kind
}

func (r *rig) device(serial string) storage.Device {
	r.Helper()
	d, err := r.store.Device(context.Background(), r.model.ID, serial)
	if err != nil {
		r.Fatal(err)
	}
	return d
}

// kinds is the device's history, oldest first, in words.
func (r *rig) kinds(serial string) string {
	r.Helper()
	h, err := r.store.History(context.Background(), r.model.ID, serial, 0, 500)
	if err != nil {
		r.Fatal(err)
	}
	words := make([]string, len(h))
	for i, e := range h {
		words[len(h)-1-i] = string(e.Kind)
	}
	return strings.Join(words, " ")
}

func (r *rig) history(serial, want string) {
	r.Helper()
	if got := r.kinds(serial); got != want {
		r.Fatalf("history of %s: %s\nwant: %s", serial, got, want)
	}
}

// until waits for what happens on another goroutine of the server; it polls a condition and gives up after a while.
func (r *rig) until(what string, ok func() bool) {
	r.Helper()
	deadline := time.After(time.Minute) // machines are slow now and then
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			r.Fatalf("waited in vain until %s", what)
		}
	}
}

func decode[T any](r *rig, b []byte) (v T) {
	r.Helper()
	if err := json.Unmarshal(b, &v); err != nil {
		r.Fatalf("%v in %s", err, b)
	}
	return v
}

func (r *rig) pub(key ed25519.PrivateKey) string {
	return fmt.Sprint(base64Of(key.Public().(ed25519.PublicKey)))
}

// counted is what a counter says.
func counted(c metrics.Counters, labels ...string) uint64 {
	var m dto.Metric
	if err := c.WithLabelValues(labels...).Write(&m); err != nil {
		panic(err)
	}
	return uint64(m.GetCounter().GetValue())
}
