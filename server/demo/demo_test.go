package demo

import (
	"context"
	"crypto/ed25519"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"unbrick/internal/cbor"
	"unbrick/model"
	"unbrick/protocol"
	"unbrick/protocol/wsconn"
	"unbrick/release"
	"unbrick/server"
	"unbrick/server/storage"
	"unbrick/server/storage/local"
)

// start runs a demo server on a data directory, and returns its address and how to end it.
func start(t *testing.T, dir string) (store storage.Store, url string, end func()) {
	t.Helper()
	ctx := context.Background()
	store, err := local.Open(ctx, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(ctx, store, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(&server.Config{Store: store, Demo: d, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	return store, web.URL, func() {
		web.Close()
		s.Close(ctx)
		store.Close()
	}
}

func TestDemo(t *testing.T) {
	dir := t.TempDir()
	_, _, end := start(t, dir)
	end()
	store, url, end := start(t, dir) // a second start of the same demo changes nothing
	defer end()
	ctx := context.Background()
	for _, id := range []string{"0001", "0002", "0003"} {
		releases, err := store.Releases(ctx, id)
		if err != nil || len(releases) != 2 || releases[0].Manifest.Version != "2" || releases[1].Manifest.Order != 1 {
			t.Fatalf("releases of %s: %+v, %v", id, releases, err)
		}
	}
	page, err := store.Devices(ctx, storage.Query{Limit: 100})
	if err != nil || page.Total == 0 {
		t.Fatalf("%d devices, %v", page.Total, err)
	}
	counts := map[string]int{}
	for _, d := range page.Devices {
		known, err := store.Identities(ctx, d.Model, d.Serial)
		if err != nil || len(known) > 1 || (len(known) == 1) != (d.Proof != storage.PublicKey{}) || len(known) == 1 && known[0].Public != d.Proof {
			t.Errorf("%s has keys %v, %v, and spoke with %v", d.Serial, known, err, d.Proof)
		}
		switch {
		case !d.Conflict.IsZero():
			counts["conflict"]++
		case len(known) > 0:
			counts["proven"]++
		default:
			counts["never"]++
		}
		if !d.Demo {
			t.Errorf("%s is not marked as demo", d.Serial)
		}
		h, err := store.History(ctx, d.Model, d.Serial, 0, 100)
		if err != nil || len(h) == 0 || h[len(h)-1].Kind != storage.FirstSeen {
			t.Errorf("%s has history %+v, %v", d.Serial, h, err)
		}
	}
	if counts["conflict"] != 1 || counts["never"] != 1 || counts["proven"] < 3 {
		t.Errorf("%v", counts)
	}
	others, err := store.Strangers(ctx, storage.StrangerQuery{}, 0, 100)
	if err != nil || len(others) != 2 || others[0].Standing != storage.Pending || others[1].Standing != storage.Unsigned {
		t.Errorf("strangers %+v, %v", others, err)
	}
	for _, s := range others {
		if s.Address != "example" || s.Sessions != 1 {
			t.Errorf("%s is not marked as an example, or spoke again at the second start: %+v", s.Serial, s)
		}
	}
	q, err := http.NewRequest("GET", url+"/api/demo", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Accept", "application/cbor")
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	b := make([]byte, 16<<10)
	n := 0
	for err == nil {
		var k int
		k, err = a.Body.Read(b[n:])
		n += k
	}
	r := cbor.NewReader(b[:n])
	models, parts := r.Array(), r.Array()
	if models != 3 || parts != 3 {
		t.Fatalf("demo: %v", r.Err())
	}
	m, err := model.Decode(r.Bytes())
	if err != nil || m.ID != "0001" {
		t.Fatalf("first model %+v, %v", m, err)
	}
	key := r.Bytes()
	if k := r.Array(); k != 2 || len(key) != 32 {
		t.Fatalf("%d releases, key of %d bytes", k, len(key))
	}
	first, _, err := release.Parse(r.Bytes())
	if err != nil || first.Order != 1 {
		t.Fatalf("first release %+v, %v", first, err)
	}
	session(t, url, &m, first, key)
}

// TestDecisionsStay: what an operator decided on the demonstration is not undone by the next start.
func TestDecisionsStay(t *testing.T) {
	dir := t.TempDir()
	store, _, end := start(t, dir)
	ctx := context.Background()
	others, err := store.Strangers(ctx, storage.StrangerQuery{Standing: storage.Pending}, 0, 1)
	if err != nil || len(others) != 1 {
		t.Fatalf("%+v, %v", others, err)
	}
	approved := storage.Identity{Model: "0001", Serial: others[0].Serial, Public: others[0].Key, State: storage.Enrolled, Since: time.Now()}
	if _, err := store.Enrol(ctx, []storage.Identity{approved}); err != nil {
		t.Fatal(err)
	}
	other := ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)
	changed := storage.Identity{Model: "0001", Serial: "DEMO-0001", Public: storage.PublicKey(other), State: storage.Enrolled, Since: time.Now()}
	if err := store.Rekey(ctx, changed); err != nil {
		t.Fatal(err)
	}
	end()
	store, _, end = start(t, dir)
	defer end()
	for _, want := range []storage.Identity{approved, changed} {
		known, err := store.Identities(ctx, want.Model, want.Serial)
		if err != nil || len(known) == 0 || known[0].Public != want.Public || known[0].State != storage.Enrolled {
			t.Errorf("%s has %+v, %v", want.Serial, known, err)
		}
	}
	if others, err = store.Strangers(ctx, storage.StrangerQuery{Standing: storage.Pending}, 0, 1); err != nil || len(others) != 0 {
		t.Errorf("%+v stands there again, %v", others, err)
	}
}

// session asks as the Lab's device does: release 1, and all the workspace that its model can give.
func session(t *testing.T, url string, m *model.Model, first release.Manifest, key []byte) {
	conn, err := wsconn.Dial(context.Background(), url+"/link", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	h := &protocol.Hello{Threshold: 1, Model: m.ID, Serial: "LAB-0001", Release: first.Version, Order: first.Order, Digest: first.Digest, Keys: []release.KeyID{release.IDOf(key)},
		Workspace: m.MaxWorkspace(), Kinds: protocol.KindsOf(protocol.KindDelta, protocol.KindFull), Confirmed: true}
	b, err := conn.Recv()
	if err != nil {
		t.Fatal(err)
	}
	challenge, err := protocol.Decode(b)
	if err != nil || challenge.Code() != protocol.CodeChallenge {
		t.Fatalf("heard %x, %v, want a challenge", b, err)
	}
	device := ed25519.NewKeyFromSeed(make([]byte, 32))
	h.Device = device.Public().(ed25519.PublicKey)
	signed, err := h.AppendSigned(nil, &challenge.(*protocol.Challenge).Nonce, conn.Host())
	if err != nil {
		t.Fatal(err)
	}
	h.Signature = ed25519.Sign(device, signed)
	if _, err := protocol.Send(conn, h, nil); err != nil {
		t.Fatal(err)
	}
	b, err = conn.Recv()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := protocol.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	info, ok := answer.(*protocol.Info)
	if !ok || info.Kind != protocol.KindDelta || info.Size > first.Size*2/5 {
		t.Fatalf("%s %+v, want a delta of less than two fifths of the image: it is a major release", answer.Code(), info)
	}
	t.Logf("delta of %d bytes, workspace %d of %d", info.Size, info.Workspace, info.Has)
}
