package server

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/form"
)

// with signs a release that says more than most.
func (r *rig) with(version string, order uint64, img []byte, change func(*release.Manifest, *release.File), keys ...ed25519.PrivateKey) []byte {
	r.Helper()
	area := r.model.Layout.Software()
	m, err := release.Describe(r.model.ID, version, order, 0, img, &area)
	if err != nil {
		r.Fatal(err)
	}
	f := release.File{Image: img}
	if change != nil {
		change(&m, &f)
	}
	m.LongNote = release.LongNoteDigest(f.LongNote)
	if f.Signed, err = release.Sign(&m, keys...); err != nil {
		r.Fatal(err)
	}
	return release.AppendFile(nil, &f)
}

func seedKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

// TestReleaseFileComesBackAsItWas: with all that can be in it, and what is for people is in the list.
func TestReleaseFileComesBackAsItWas(t *testing.T) {
	r := newRig(t)
	statement, err := release.SignStatement(&release.Statement{Version: 1, Threshold: 1, Keys: []release.ReleaseKey{{Uses: release.Install | release.Run}}, Name: "Example Works"}, r.key)
	if err != nil {
		t.Fatal(err)
	}
	file := r.with("1", 1, image(1, 20_000), func(m *release.Manifest, f *release.File) {
		m.Note, m.Day, f.LongNote, f.Statement = "What is new", 20785, []byte("Everything.\n"), statement
	}, r.key, seedKey(3))
	r.must(http.StatusCreated, "POST", "/api/releases", file, "Unbrick-Public-Key", r.pub(r.key))
	list := decode[struct{ Releases []form.Release }](r, r.must(http.StatusOK, "GET", "/api/releases", nil)).Releases
	if len(list) != 1 || list[0].Note != "What is new" || list[0].Day != "2026-11-28" || len(list[0].Keys) != 2 {
		t.Fatalf("list %+v", list)
	}
	if got := r.must(http.StatusOK, "GET", "/api/releases/"+list[0].Image+"/file", nil); !bytes.Equal(got, file) {
		t.Errorf("%d bytes came back, %d were sent", len(got), len(file))
	}
}

// TestKeysThatSignTogether: keys are registered that signed and were sent, all at once and up to four.
func TestKeysThatSignTogether(t *testing.T) {
	r := newRig(t)
	second, third := seedKey(3), seedKey(4)
	keys := func() int {
		return strings.Count(string(r.must(http.StatusOK, "GET", "/api/models/0001/keys", nil)), `"id"`)
	}
	publish := func(want int, code, query, version string, order uint64, signers []ed25519.PrivateKey, sent ...ed25519.PrivateKey) {
		t.Helper()
		var header []string
		for _, key := range sent {
			header = append(header, "Unbrick-Public-Key", r.pub(key))
		}
		a, b := r.do("POST", "/api/releases"+query, r.with(version, order, image(order, 20_000), nil, signers...), header...)
		if a.StatusCode != want || !strings.Contains(string(b), code) {
			t.Errorf("release %s: %s %s, want %d %s", version, a.Status, b, want, code)
		}
	}
	both := []ed25519.PrivateKey{r.key, second}
	publish(400, "no-key", "", "1", 1, both)
	publish(400, "no-key", "", "1", 1, both, r.key, third)
	publish(201, "", "", "1", 1, both, r.key, second)
	if n := keys(); n != 2 {
		t.Errorf("%d keys after the first release", n)
	}
	publish(201, "", "", "2", 2, []ed25519.PrivateKey{second}) // registered
	publish(403, "unknown-key", "", "3", 3, []ed25519.PrivateKey{third}, third)
	publish(201, "", "", "3", 3, []ed25519.PrivateKey{second, third}, third) // one of them is, and the other is not registered by that
	if n := keys(); n != 2 {
		t.Errorf("%d keys without being told to trust", n)
	}
	publish(201, "", "?trust=1", "4", 4, []ed25519.PrivateKey{second, third}, third)
	if n := keys(); n != 3 {
		t.Errorf("%d keys after trusting a third", n)
	}
	publish(409, "conflict", "?trust=1", "5", 5, []ed25519.PrivateKey{seedKey(7), seedKey(8)}, seedKey(7), seedKey(8))
	if n := keys(); n != 3 {
		t.Errorf("%d keys after too many", n)
	}
}

// TestSignedLater: signatures are added to a release that is there, each by a registered key, and a transfer that runs goes on.
func TestSignedLater(t *testing.T) {
	r := newRig(t)
	second, third := seedKey(3), seedKey(4)
	one := r.publish("1", 1, image(1, 20_000))
	img := next(image(1, 20_000), 2)
	post := func(status int, words, query string, file []byte, sent ...ed25519.PrivateKey) {
		t.Helper()
		var header []string
		for _, key := range sent {
			header = append(header, "Unbrick-Public-Key", r.pub(key))
		}
		if a, b := r.do("POST", "/api/releases"+query, file, header...); a.StatusCode != status || !strings.Contains(string(b), words) {
			t.Errorf("%s %s, want %d %s", a.Status, b, status, words)
		}
	}
	counted := func(m *release.Manifest, _ *release.File) { m.Counter = 1 }
	signed := func(keys ...ed25519.PrivateKey) []byte {
		return r.with("2", 2, img, counted, keys...)
	}
	kept := func() []byte {
		t.Helper()
		v, err := r.store.Release(t.Context(), "0001", sha256.Sum256(img))
		if err != nil {
			t.Fatal(err)
		}
		return release.AppendFile(nil, &release.File{Signed: v.Signed, Image: img})
	}
	post(201, `"signatures_added":[]`, "", signed(r.key))
	c := r.dial()
	c.say(r.hello("S-1", one))
	info := hears[*protocol.Info](c)
	in, err := protocol.NewReceiver(info.Size, 0, 256)
	if err != nil {
		t.Fatal(err)
	}
	q := in.Request(info.Digest)
	c.say(&q)
	part := hears[*protocol.Data](c)
	id := func(key ed25519.PrivateKey) string { return release.IDOf(key.Public().(ed25519.PublicKey)).String() }

	post(403, "unknown-key", "", signed(second), second)
	post(403, "not all are registered", "", signed(r.key, second), second)
	damaged := signed(r.key, second)
	damaged[bytes.Index(damaged, []byte("\x58\x40"))+2] ^= 1 // the first signature: by whichever key
	post(403, "signature is wrong", "?trust=1", damaged, second)
	if !bytes.Equal(kept(), signed(r.key)) {
		t.Error("what was refused left something")
	}
	post(200, `"signatures_added":["`+id(second)+`"]`, "?trust=1", signed(r.key, second), second)
	post(200, `"signatures_added":[]`, "", signed(r.key, second))
	post(200, `"signatures_added":[]`, "", signed(second))
	post(200, `"signatures_added":["`+id(third)+`"]`, "?trust=1", signed(third), third)
	post(409, "conflict", "", r.with("2", 2, img, func(m *release.Manifest, _ *release.File) { m.Counter, m.Note = 1, "other" }, r.key, second))
	if !bytes.Equal(kept(), signed(r.key, second, third)) {
		t.Error("not all signatures are kept")
	}
	post(201, "", "", r.with("3", 3, img, counted, r.key, seedKey(7), seedKey(8), seedKey(9)))
	post(409, "4 are the most", "", r.with("3", 3, img, counted, second))
	var file []byte
	for d := part; ; d = hears[*protocol.Data](c) {
		if err := in.Accept(d); err != nil {
			t.Fatal(err)
		}
		file = append(file, d.Bytes...)
		if n := in.Stored(uint32(len(d.Bytes))); n > 0 {
			c.say(&protocol.Credit{Bytes: n})
		}
		if in.Finished() {
			break
		}
	}
	if end := hears[*protocol.End](c); end.Digest != info.Digest || sha256.Sum256(file) != info.Digest {
		t.Error("the transfer was disturbed")
	}
}

// TestReleasesThatNobodyTakes are refused when they are published.
func TestReleasesThatNobodyTakes(t *testing.T) {
	r := newRig(t)
	foreign, err := release.SignStatement(&release.Statement{Model: "0002", Version: 1, Threshold: 1, Keys: []release.ReleaseKey{{Uses: release.Install | release.Run}}, Name: "n"}, r.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func(*release.Manifest, *release.File)
		status int
		words  string
	}{
		{"a family and no parts", func(m *release.Manifest, _ *release.File) { m.Family = "hub" }, 422, "malformed parts file"},
		{"second era", func(m *release.Manifest, _ *release.File) { m.Era = 1 }, 422, "No device takes trust statements yet"},
		{"trust statement", func(m *release.Manifest, _ *release.File) { m.Least = 3 }, 422, "trust statement 3 or a newer one. No device"},
		{"no statement at all", func(_ *release.Manifest, f *release.File) { f.Statement = []byte("words") }, 400, "trust statement"},
		{"statement of another model", func(_ *release.Manifest, f *release.File) { f.Statement = foreign }, 400, `model \"0002\"`},
		{"hash tree of another image", func(m *release.Manifest, _ *release.File) { m.Root[0] ^= 1 }, 400, "wrong-image"},
	} {
		a, b := r.do("POST", "/api/releases", r.with("1", 1, image(1, 20_000), test.change, r.key), "Unbrick-Public-Key", r.pub(r.key))
		if a.StatusCode != test.status || !strings.Contains(string(b), test.words) {
			t.Errorf("%s: %s %s, want %d %s", test.name, a.Status, b, test.status, test.words)
		}
	}
}
