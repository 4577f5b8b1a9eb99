package server

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"unbrick/delta/bsdiff"
	"unbrick/flash"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

// large makes the rig's model one with 8 MiB of RAM, of which devices announce 7.
func (r *rig) large() {
	r.Helper()
	r.model.RAM = 8 << 20
	r.must(http.StatusOK, "PUT", "/api/models/0001", r.model.Append(nil), "Content-Type", cborType)
}

func (r *rig) helloLarge(serial string, runs release.Manifest) *protocol.Hello {
	h := r.hello(serial, runs)
	h.Workspace, h.Kinds = 7<<20, protocol.KindsOf(protocol.KindDelta, protocol.KindFull, protocol.KindBsdiff)
	return h
}

func (r *rig) prefer(kind string) {
	r.Helper()
	v := decode[struct{ Prefer string }](r, r.must(http.StatusOK, "PUT", "/api/models/0001/prefer", []byte(`{"kind":"`+kind+`"}`)))
	if v.Prefer != kind {
		r.Fatalf("prefers %q, want %q", v.Prefer, kind)
	}
}

func TestPreferAPI(t *testing.T) {
	r := newRig(t)
	set := func(status int, path, body string, header ...string) {
		t.Helper()
		r.must(status, "PUT", path, []byte(body), header...)
	}
	set(http.StatusUnauthorized, "/api/models/0001/prefer", `{"kind":"delta"}`, "Authorization", "")
	set(http.StatusNotFound, "/api/models/0007/prefer", `{"kind":"delta"}`)
	set(http.StatusBadRequest, "/api/models/0001/prefer", `{"kind":"full"}`)
	set(http.StatusBadRequest, "/api/models/0001/prefer", `{"kind":"delta","more":1}`)
	if offer.MakesBsdiff {
		r.prefer("bsdiff")
	} else {
		set(http.StatusConflict, "/api/models/0001/prefer", `{"kind":"bsdiff"}`)
	}
	r.prefer("delta")
}

// TestBsdiffWithoutCgo: what another build was told to prefer is not offered by one that cannot make it.
func TestBsdiffWithoutCgo(t *testing.T) {
	if offer.MakesBsdiff {
		t.Skip("this build makes patches")
	}
	r := newRig(t)
	r.large()
	a := image(1, 20_000)
	one := r.publish("1", 1, a)
	r.publish("2", 2, next(a, 2))
	if err := r.s.offers.Prefer(context.Background(), "0001", protocol.KindBsdiff); err != nil {
		t.Fatal(err)
	}
	if info := r.session(r.helloLarge("A-1", one)); info.Kind != protocol.KindDelta {
		t.Fatalf("info %+v, want a delta", info)
	}
}

func TestPreferredBsdiff(t *testing.T) {
	if !offer.MakesBsdiff {
		t.Skip("this build makes no patches")
	}
	r := newRig(t)
	r.large()
	a := image(1, 60_000)
	b := next(a, 2)
	one, two := r.publish("1", 1, a), r.publish("2", 2, b)
	kindFor := func(h *protocol.Hello) protocol.Kind {
		t.Helper()
		return r.session(h).Kind
	}
	if k := kindFor(r.helloLarge("A-1", one)); k != protocol.KindDelta {
		t.Fatalf("nobody prefers anything: %v", k)
	}
	r.prefer("bsdiff")
	info, patch := r.update(r.helloLarge("A-1", one))
	if info.Kind != protocol.KindBsdiff {
		t.Fatalf("info %+v, want a patch", info)
	}
	h, err := bsdiff.ParseHeader(patch)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, h.Size)
	var p bsdiff.Patch
	if err := p.Apply(patch, flash.Bytes(a), uint32(len(a)), got, make([]byte, h.Memory())); err != nil || !bytes.Equal(got, b) {
		t.Fatalf("the patch does not lead to release 2: %v", err)
	}
	// The workspace holds patch, whole new image and tables, and what every update needs.
	if least := info.Size + two.Size + h.Memory() + r.model.Resident; info.Workspace < least || info.Workspace > least+32<<10 {
		t.Errorf("needs %d, least is %d", info.Workspace, least)
	}
	if d := r.device("A-1"); len(d.Claim.Kinds) != 3 || d.Claim.Kinds[2] != "bsdiff" {
		t.Errorf("kinds %v", d.Claim.Kinds)
	}
	r.update(r.helloLarge("A-2", one))
	if n := counted(r.s.metrics.Made, "ready"); n != 2 {
		t.Errorf("%d files made, want one delta and one patch", n)
	}

	no := r.helloLarge("A-3", one)
	no.Kinds = protocol.KindsOf(protocol.KindDelta, protocol.KindFull)
	small := r.helloLarge("A-4", one)
	small.Workspace = info.Workspace - 1
	tiny := r.helloLarge("A-5", one)
	tiny.Workspace = 100 << 10
	refuses := r.helloLarge("A-6", one)
	refuses.Refused = []storage.Digest{info.Digest}
	for name, h := range map[string]*protocol.Hello{"does not take them": no, "has a byte too little": small, "never has room": tiny, "found it wrong": refuses} {
		if k := kindFor(h); k != protocol.KindDelta {
			t.Errorf("device that %s: %v", name, k)
		}
	}
	// One device's word does not take it from the others: the server's own proof finds it right.
	if k := kindFor(r.helloLarge("A-1", one)); k != protocol.KindBsdiff {
		t.Errorf("after one refusal: %v", k)
	}
	unknown := r.helloLarge("A-7", one)
	unknown.Digest, unknown.Order = storage.Digest{1}, 0
	if k := kindFor(unknown); k != protocol.KindFull {
		t.Errorf("unknown base: %v", k)
	}
}
