package server

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/storage"
)

func (r *rig) withdraw(m release.Manifest) {
	r.Helper()
	r.must(200, "PUT", "/api/releases/"+release.Hex(m.Digest)+"/state", []byte(`{"model":"0001","state":"withdrawn"}`))
}

func (r *rig) remove(status int, m release.Manifest) []byte {
	r.Helper()
	return r.must(status, "DELETE", "/api/releases/"+release.Hex(m.Digest)+"?model=0001", nil)
}

// refused checks that something is refused with a code, and with some words.
func (r *rig) refused(status int, code, words, method, path string) {
	r.Helper()
	if p := decode[form.Problem](r, r.must(status, method, path, nil)); p.Code != code || !strings.Contains(p.Text, words) {
		r.Errorf("%s %s: %s %q, want %s with %q", method, path, p.Code, p.Text, code, words)
	}
}

func (r *rig) blobs() (names []string) {
	r.Helper()
	entries, err := os.ReadDir(filepath.Join(r.dir, "blobs"))
	if err != nil {
		r.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestRemoveRelease: one that is withdrawn goes with all that is kept for it alone; its devices stay, and are offered what there is.
func TestRemoveRelease(t *testing.T) {
	r, one, two := newPair(t)
	r.update(r.hello("A-1", one))
	r.session(r.hello("A-1", two))
	path := "/api/releases/" + release.Hex(two.Digest)
	r.refused(409, "in-use", `release "2" is offered: withdraw it first`, "DELETE", path+"?model=0001")
	r.refused(400, "malformed", "of which model", "DELETE", path)
	r.refused(400, "malformed", "SHA-256", "DELETE", "/api/releases/x?model=0001")
	r.refused(404, "not-found", "no release of image", "DELETE", path+"?model=0002")
	r.refused(404, "not-found", "no release of image", "DELETE", path+"?model=0001&order=1")
	r.refused(400, "malformed", "order", "DELETE", path+"?model=0001&order=0x")
	r.withdraw(two)
	r.remove(204, two)
	r.remove(404, two)
	r.must(404, "GET", path+"/file?model=0001", nil)
	if names := r.blobs(); !slices.Equal(names, []string{release.Hex(one.Digest)}) {
		t.Errorf("files left: %v", names)
	}
	if files := decode[form.Files](r, r.must(200, "GET", "/api/files", nil)).Files; len(files) != 0 {
		t.Errorf("update files left: %+v", files)
	}
	// Who was about to read the image finds no damage that publishing again would mend.
	if _, err := r.s.offers.OpenImage(t.Context(), "0001", two.Digest); !errors.Is(err, storage.ErrNotFound) || r.s.offers.Damaged(two.Digest) {
		t.Errorf("the image: %v, damaged %v", err, r.s.offers.Damaged(two.Digest))
	}
	d := decode[form.Device](r, r.must(200, "GET", "/api/devices/0001/A-1", nil))
	if d.Release.Known || d.Release.Version != "2" {
		t.Errorf("device: %+v", d.Release)
	}
	three := r.publish("3", 3, image(3, 20_000)) // order and version are free again, but devices only go up
	if info := r.session(r.hello("A-1", two)); info.Kind != protocol.KindFull || !bytesEqual(info.Manifest, three) {
		t.Errorf("from what was removed: %+v", info)
	}
	r.acted("environment release.remove 0001/" + release.Hex(two.Digest) + ": withdrawn 2, order 2, signed by " + r.kid.String() + " -> : done")
	r.acted("environment release.remove 0001/" + release.Hex(two.Digest) + ": offered 2, order 2, signed by " + r.kid.String() + " -> : in-use")

	// One that was superseded goes by its order, alone.
	r.publish("4", 4, image(3, 20_000))
	r.must(204, "DELETE", "/api/releases/"+release.Hex(three.Digest)+"?model=0001&order=3", nil)
	if list := decode[form.Releases](r, r.must(200, "GET", "/api/releases", nil)).Releases; len(list) != 2 || list[0].Version != "4" || list[0].State != "offered" {
		t.Errorf("releases: %+v", list)
	}
	r.must(200, "GET", "/api/releases/"+release.Hex(three.Digest)+"/file?model=0001", nil)
}

// acted checks that the audit log has a row.
func (r *rig) acted(want string) {
	r.Helper()
	var said []string
	for _, v := range decode[form.Acts](r, r.must(200, "GET", "/api/audit?limit=500", nil)).Acts {
		said = append(said, fmt.Sprintf("%s %s %s: %s -> %s: %s", v.Account, v.Name, v.Object, v.Before, v.After, v.Result))
	}
	if !slices.Contains(said, want) {
		r.Errorf("no row says %q in\n%s", want, strings.Join(said, "\n"))
	}
}

// TestRemovedDuringTransfer: what is transferred and removed ends with Gone, and the session goes on.
func TestRemovedDuringTransfer(t *testing.T) {
	for name, test := range map[string]struct {
		remove func(r *rig, two release.Manifest)
		kind   protocol.Kind // that is offered instead
		why    string
	}{
		"release": {func(r *rig, two release.Manifest) {
			r.withdraw(two)
			r.remove(204, two)
		}, protocol.KindNone, ""}, // which of the two it sees first is open
		"update file": {func(r *rig, _ release.Manifest) {
			f := decode[form.Files](r, r.must(200, "GET", "/api/files?model=0001", nil)).Files[0]
			r.must(204, "DELETE", fmt.Sprint("/api/files/", f.ID), nil)
		}, protocol.KindDelta, "update file"},
	} {
		for _, began := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " ", began), func(t *testing.T) {
				r := newRig(t)
				a := image(1, 60_000)
				one, two := r.publish("1", 1, a), r.publish("2", 2, next(next(a, 2), 3))
				c := r.dial()
				c.say(r.hello("A-1", one))
				info := hears[*protocol.Info](c)
				request := &protocol.Request{Digest: info.Digest, Credit: 1000}
				if began {
					c.say(request)
					for got := 0; got < int(request.Credit); got += len(hears[*protocol.Data](c).Bytes) {
					}
				}
				test.remove(r, two)
				if began {
					c.say(&protocol.Credit{Bytes: 10})
				} else {
					c.say(request)
				}
				m := c.hear()
				for ; m.Code() == protocol.CodeData; m = c.hear() {
				}
				gone, ok := m.(*protocol.Gone)
				if !ok || gone.Info.Kind != test.kind {
					t.Fatalf("heard %s %+v, want gone with %s", m.Code(), m, test.kind)
				}
				if test.kind != protocol.KindNone {
					c.fetch(&gone.Info, nil, 4096)
					c.say(&protocol.Done{Digest: gone.Info.Digest})
				}
				c.bye()
				if !began || test.why == "" {
					return
				}
				h, err := r.store.History(context.Background(), "0001", "A-1", 0, 10)
				if err != nil || !slices.ContainsFunc(h, func(e storage.Event) bool { return e.Kind == storage.Broken && strings.Contains(e.Detail, test.why) }) {
					t.Errorf("history %+v, %v", h, err)
				}
			})
		}
	}
}

// TestRemovedWhileMade: what a maker has done when its release is gone is not kept, and who waits for it does not wait in vain.
func TestRemovedWhileMade(t *testing.T) {
	r, one, two := newPair(t)
	made := newCreations(r)
	c := r.dial()
	c.say(r.hello("A-1", one))
	key := <-made.begun
	f, err := r.store.FileOf(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	r.refused(409, "making", "come again", "DELETE", fmt.Sprint("/api/files/", f.ID))
	r.withdraw(two)
	r.remove(204, two)
	if info := hears[*protocol.Info](c); info.Kind != protocol.KindNone {
		t.Fatalf("offered: %+v", info)
	}
	c.bye()
	made.goOn <- nil
	r.until("the maker has found it out", func() bool { return counted(r.s.metrics.Made, "ready") == 1 && len(r.blobs()) == 1 })
	if files := decode[form.Files](r, r.must(200, "GET", "/api/files", nil)).Files; len(files) != 0 {
		t.Errorf("update files: %+v", files)
	}
	r.refused(404, "not-found", "no update file", "DELETE", "/api/files/999")
}

// TestRemoveModel: one that has anything is kept and says what; an empty one goes with its keys and what was set.
func TestRemoveModel(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	r.session(r.hello("A-1", one))
	if _, err := r.store.Enrol(t.Context(), []storage.Identity{{Model: "0001", Serial: "S-1", State: storage.Enrolled, Since: r.now()}}); err != nil {
		t.Fatal(err)
	}
	r.refused(404, "not-found", "0002", "DELETE", "/api/models/0002")
	r.refused(409, "in-use", "has 1 releases, 1 devices, 2 device keys: remove them first", "DELETE", "/api/models/0001")
	r.withdraw(one)
	r.remove(204, one)
	r.refused(409, "in-use", "has 1 devices, 2 device keys", "DELETE", "/api/models/0001")
	r.refused(400, "malformed", "of which model", "DELETE", "/api/devices")
	r.refused(404, "not-found", `"0002"`, "DELETE", "/api/devices?model=0002")
	got := decode[form.Forgotten](r, r.must(200, "DELETE", "/api/devices?model=0001", nil))
	if got != (form.Forgotten{Devices: 1, Keys: 2}) {
		t.Errorf("forgotten: %+v", got)
	}
	r.acted("environment device.remove-all 0001: 1 devices, 2 device keys -> : done")
	r.must(204, "DELETE", "/api/models/0001", nil)
	r.must(404, "GET", "/api/models/0001", nil)
	r.acted("environment model.remove 0001: record " + release.ShortHex(sha256.Sum256(r.model.Append(nil))) + " -> : done")
	if info := r.session(r.hello("A-1", one)); info.Reason != protocol.ReasonUnknownModel {
		t.Errorf("told: %+v", info)
	}
	r.describe()
	if m := decode[form.Model](r, r.must(200, "GET", "/api/models/0001", nil)); len(m.Keys) != 0 || m.Prefer != "delta" {
		t.Errorf("described anew: %+v", m)
	}
}

// TestRemoveKey: releases stay, as devices decide by their own slots; who publishes with the key is asked as for one never seen, and
// a model without keys takes the first that comes.
func TestRemoveKey(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	other := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	r.must(201, "POST", "/api/releases?trust=1", r.file(other, "2", 2, image(2, 20_000)), "Unbrick-Public-Key", r.pub(other))
	path := "/api/models/0001/keys/"
	r.refused(404, "not-found", "key list", "DELETE", path+"0000000000000000")
	r.refused(404, "not-found", "key list", "DELETE", "/api/models/0002/keys/"+r.kid.String())
	r.must(204, "DELETE", path+r.kid.String(), nil)
	r.must(404, "DELETE", path+r.kid.String(), nil)
	r.acted(fmt.Sprintf("environment key.remove 0001/%s: %x, registered %s -> : done", r.kid, []byte(r.key.Public().(ed25519.PublicKey)), r.now().Format("2006-01-02")))
	h := r.hello("A-1", release.Manifest{})
	h.Release = "0"
	if info := r.session(h); info.Kind != protocol.KindFull || !bytesEqual(info.Manifest, one) {
		t.Errorf("what it signed: %+v", info)
	}
	three := r.file(r.key, "3", 3, image(3, 20_000))
	refused := func(file []byte, query, code string) {
		t.Helper()
		_, b := r.do("POST", "/api/releases"+query, file, "Unbrick-Public-Key", r.pub(r.key))
		if p := decode[form.Problem](r, b); p.Code != code {
			t.Errorf("%s, want %s", b, code)
		}
	}
	refused(three, "", "unknown-key")
	r.must(http.StatusCreated, "POST", "/api/releases?trust=1", three, "Unbrick-Public-Key", r.pub(r.key))
	for _, id := range []string{r.kid.String(), release.IDOf(other.Public().(ed25519.PublicKey)).String()} {
		r.must(204, "DELETE", path+id, nil)
	}
	r.must(http.StatusCreated, "POST", "/api/releases", r.file(r.key, "4", 4, image(4, 20_000)), "Unbrick-Public-Key", r.pub(r.key))
}

// TestRemoveFile: an update file goes with its bytes, and is made again when a device needs it.
func TestRemoveFile(t *testing.T) {
	r, one, two := newPair(t)
	info, _ := r.update(r.hello("A-1", one))
	f := decode[form.Files](r, r.must(200, "GET", "/api/files", nil)).Files[0]
	r.must(204, "DELETE", fmt.Sprint("/api/files/", f.ID), nil)
	r.acted(fmt.Sprintf("environment file.remove %d: ready, of model 0001, from %s to %s -> : done", f.ID, release.ShortHex(one.Digest), release.ShortHex(two.Digest)))
	if names := r.blobs(); len(names) != 2 || slices.Contains(names, release.Hex(info.Digest)) {
		t.Errorf("files left: %v", names)
	}
	again := r.session(r.hello("A-2", one))
	if again.Digest != info.Digest || decode[form.Files](r, r.must(200, "GET", "/api/files", nil)).Files[0].ID == f.ID {
		t.Errorf("made again: %+v", again)
	}
	// One that is barred is barred no more once it is removed.
	f = decode[form.Files](r, r.must(200, "GET", "/api/files", nil)).Files[0]
	r.must(200, "PUT", fmt.Sprintf("/api/files/%d/state", f.ID), []byte(`{"state":"barred"}`))
	r.must(204, "DELETE", fmt.Sprint("/api/files/", f.ID), nil)
	if back := r.session(r.hello("A-3", one)); back.Digest != info.Digest {
		t.Errorf("after it was barred and removed: %+v", back)
	}
}

// TestRemovedWhileOneWaits: a session that was its device's before all devices of the model were removed brings none of them back.
func TestRemovedWhileOneWaits(t *testing.T) {
	r, one, _ := newPair(t)
	made := newCreations(r)
	c := r.dial()
	c.say(r.hello("A-1", one))
	<-made.begun
	if v := decode[form.Forgotten](r, r.must(200, "DELETE", "/api/devices?model=0001", nil)); v.Keys != 1 {
		t.Fatalf("removed %+v, want the key of the one who waits", v)
	}
	made.goOn <- nil
	if b, err := c.conn.Recv(); err == nil {
		t.Errorf("the session goes on: %d bytes came", len(b))
	}
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
	if d, err := r.store.Device(t.Context(), "0001", "A-1"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("device %q is there, without a key: %v", d.Serial, err)
	}
}
