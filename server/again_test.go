package server

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/release/sequence"
	"unbrick/server/storage"
)

// numbered signs a release with any numbers.
func (r *rig) numbered(version string, order, counter uint64, img []byte) []byte {
	r.Helper()
	area := r.model.Layout.Software()
	m, err := release.Describe(r.model.ID, version, order, counter, img, &area)
	if err != nil {
		r.Fatal(err)
	}
	signed, err := release.Sign(&m, r.key)
	if err != nil {
		r.Fatal(err)
	}
	return release.AppendFile(nil, &release.File{Signed: signed, Image: img})
}

// TestPublishAsks: what cannot be taken back or is more often a slip than meant is refused with the reason.
func TestPublishAsks(t *testing.T) {
	r := newRig(t)
	img := image(1, 20_000)
	r.must(http.StatusCreated, "POST", "/api/releases", r.numbered("3.0", 7, 2, img), "Unbrick-Public-Key", r.pub(r.key))
	for i, c := range []struct {
		query   string
		version string
		order   uint64
		counter uint64
		status  int
		code    string
		words   string
	}{
		{"", "4", 8 + sequence.MaxStep, 2, 409, "order", `"3.0" (7)`},
		{"?jump=1", "4", sequence.MaxNumber, 2, 409, "order", "too little"},
		{"", "4", 8, 3 + sequence.MaxStep, 409, "counter", "--jump"},
		{"", "4", 8, 1, 409, "counter", `release "3.0"`},
		{"", "1.0.1", 8, 2, 409, "older-version", `"3.0"`},
		{"", "3.0-rc1", 8, 2, 409, "older-version", `"3.0"`},
		{"?older-version=1", "2 b", 8, 2, 409, "version", `"2 b"`},
		{"?older-version=1", "1.0.1", 8, 2, 201, "", ""},
		{"?jump=1", "4", 1 << 40, 2, 201, "", ""},
		{"", "5", 1<<40 + 1, 2, 201, "", ""},
		{"", "5", 1<<40 + 2, 2, 409, "conflict", `has this version: "5", order 1099511627777`},
		{"", "6", 1<<40 + 1, 2, 409, "conflict", `has this order: "5"`},
		{"", "5", 1<<40 + 1, 2, 409, "conflict", `has this version and order: "5"`},
	} {
		a, b := r.do("POST", "/api/releases"+c.query, r.numbered(c.version, c.order, c.counter, image(uint64(10+i), 20_000)))
		if a.StatusCode != c.status || !strings.Contains(string(b), c.code) {
			t.Errorf("%s order %d counter %d%s: %s %s, want %d %s", c.version, c.order, c.counter, c.query, a.Status, b, c.status, c.code)
		}
		if c.code != "" {
			if text := decode[struct{ Error, Code string }](r, b); text.Code != c.code || !strings.Contains(text.Error, c.words) {
				t.Errorf("%s: %+v, want %s with %s", c.version, text, c.code, c.words)
			}
		}
	}
}

// TestKnownGoodAgain: after a confirmed bad release the bytes of the one before are published again, and all devices are
// led there, those that have the bytes without a transfer.
func TestKnownGoodAgain(t *testing.T) {
	r := newRig(t)
	good := image(1, 20_000)
	bad := next(good, 2)
	one, two := r.publish("1.0", 1, good), r.publish("2.0", 2, bad)
	r.session(r.hello("STAYED", one))
	r.update(r.hello("WENT", one))
	r.session(r.hello("WENT", two)) // and confirmed it
	before := r.must(http.StatusOK, "GET", "/api/releases/"+release.Hex(one.Digest)+"/file?model=0001", nil)
	a, _ := r.do("GET", "/api/releases/"+release.Hex(one.Digest)+"/file?model=0001", nil)
	three := r.publish("3.0", 3, good)
	if three.Digest != one.Digest {
		t.Fatal("another image")
	}
	info, file := r.update(r.hello("WENT", two))
	if info.Kind != protocol.KindDelta || !bytesEqual(info.Manifest, three) {
		t.Fatalf("from the bad one: %s %s", info.Kind, info.Reason)
	}
	if m, _, err := release.Parse(info.Manifest); err != nil || m != three {
		t.Fatalf("the manifest is %+v, %v; want that of 3.0", m, err)
	}
	r.apply(file, bad, good, three)
	// Who has the bytes is up to date, under either name, and is not led to what came between.
	for serial, runs := range map[string]release.Manifest{"STAYED": one, "WENT": three} {
		if info := r.session(r.hello(serial, runs)); info.Kind != protocol.KindNone || info.Reason != protocol.ReasonUpToDate {
			t.Errorf("%s: %s %s, want up to date", serial, info.Kind, info.Reason)
		}
	}
	r.history("WENT", "first-seen offer transferred installed confirmed offer transferred installed confirmed")
	// The image names the newest release, whose file is another one.
	b, after := r.do("GET", "/api/releases/"+release.Hex(one.Digest)+"/file?model=0001", nil, "If-None-Match", a.Header.Get("ETag"))
	if b.StatusCode != http.StatusOK || bytes.Equal(before, after) || !bytes.Equal(after, r.file(r.key, "3.0", 3, good)) {
		t.Errorf("file of the image: %s, %d bytes", b.Status, len(after))
	}
	type row struct {
		Version, State       string
		Installed, Confirmed int
	}
	list := decode[struct{ Releases []row }](r, r.must(http.StatusOK, "GET", "/api/releases?model=0001", nil))
	want := []row{{"3.0", "offered", 1, 1}, {"2.0", "offered", 0, 0}, {"1.0", "superseded", 1, 1}}
	if fmt.Sprint(list.Releases) != fmt.Sprint(want) {
		t.Errorf("releases %+v, want %+v", list.Releases, want)
	}
	sum := decode[struct{ Releases []row }](r, r.must(http.StatusOK, "GET", "/api/summary", nil))
	if fmt.Sprint(sum.Releases) != fmt.Sprint([]row{{"1.0", "", 1, 1}, {"3.0", "", 1, 1}}) {
		t.Errorf("summary %+v", sum.Releases)
	}
	// Withdrawn, the bytes count as what they were before; a device that did not confirm them goes back to 2.0.
	r.must(http.StatusOK, "PUT", "/api/releases/"+release.Hex(one.Digest)+"/state", []byte(`{"model":"0001","state":"withdrawn"}`))
	if info := r.session(r.hello("STAYED", one)); info.Kind != protocol.KindDelta || !bytesEqual(info.Manifest, two) {
		t.Errorf("after withdrawal: %s %s, want 2.0", info.Kind, info.Reason)
	}
	if info := r.session(r.hello("WENT", three)); info.Kind != protocol.KindNone {
		t.Errorf("a device on which 3.0 confirmed itself is led to %s", info.Kind)
	}
}

// TestAgainInPhases: a rollout of bytes that were published again counts and reaches by those bytes.
func TestAgainInPhases(t *testing.T) {
	r := newRig(t)
	good := image(1, 20_000)
	one, two := r.publish("1.0", 1, good), r.publish("2.0", 2, next(good, 2))
	three := r.staged("3.0", 3, good, "0.01%,100%@24h", "1")
	reached := storage.Rollout{Phases: []storage.Phase{{Share: 1}}, Begun: r.now().Add(-1)}
	serial := "A-1"
	if reached.Reaches("0001", serial, three.Digest, r.now()) {
		t.Fatal("choose another serial")
	}
	if info := r.session(r.hello(serial, two)); info.Reason != protocol.ReasonNotYet {
		t.Errorf("not reached: %s", info.Reason)
	}
	if info := r.session(r.hello("A-2", one)); info.Reason != protocol.ReasonUpToDate {
		t.Errorf("who has the bytes is led to %s, %s", info.Kind, info.Reason)
	}
	r.session(failure(r.hello("A-3", two), two, three))
	if v := r.rollout(three); v == nil || v.Failed != 1 {
		t.Errorf("rollout %+v, want one failure", v)
	}
}
