package server

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"unbrick/delta"
	"unbrick/delta/diff"
	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/offer"
	"unbrick/server/storage"
)

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func TestNothingNewer(t *testing.T) {
	r := newRig(t)
	img := image(1, 20_000)
	one := r.publish("1", 1, img)
	for _, test := range []struct {
		name   string
		change func(h *protocol.Hello)
		want   protocol.Reason
	}{
		{"newest", func(*protocol.Hello) {}, protocol.ReasonUpToDate},
		{"newer than ours", func(h *protocol.Hello) { h.Order, h.Digest = 9, release.Digest{9} }, protocol.ReasonUpToDate},
		{"another model", func(h *protocol.Hello) { h.Model = "0099" }, protocol.ReasonUnknownModel},
		{"key that signed nothing", func(h *protocol.Hello) { h.Order, h.Digest, h.Keys = 0, release.Digest{8}, []release.KeyID{{1}} }, protocol.ReasonUnknownKey},
		{"floor above all", func(h *protocol.Hello) { h.Order, h.Digest, h.Floor = 0, release.Digest{8}, release.Floor{Counter: 2} }, protocol.ReasonUpToDate},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := r.hello("A-1", one)
			test.change(h)
			info := r.session(h)
			if info.Kind != protocol.KindNone || info.Reason != test.want {
				t.Fatalf("info %s %s, want none %s", info.Kind, info.Reason, test.want)
			}
		})
	}
	if d := r.device("A-1"); d.State != storage.Running || d.Sessions != 4 {
		t.Fatalf("device %+v, want running after 4 sessions", d)
	}
	if _, err := r.store.Device(context.Background(), "0099", "A-1"); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("device of an unknown model: %v", err)
	}
}

func TestNoRelease(t *testing.T) {
	r := newRig(t)
	if info := r.session(r.hello("A-1", release.Manifest{Version: "1", Digest: release.Digest{1}})); info.Reason != protocol.ReasonNoRelease {
		t.Fatalf("reason %s, want %s", info.Reason, protocol.ReasonNoRelease)
	}
}

func TestDelta(t *testing.T) {
	r := newRig(t)
	a := image(1, 40_000)
	b := next(a, 2)
	one, two := r.publish("1", 1, a), r.publish("2", 2, b)
	info, file := r.update(r.hello("A-1", one))
	if info.Kind != protocol.KindDelta || info.Steps != 1 || info.Workspace > info.Has || info.Has != 400<<10 {
		t.Fatalf("info %+v, want a delta that fits", info)
	}
	if m, err := release.Verify(info.Manifest, []ed25519.PublicKey{r.key.Public().(ed25519.PublicKey)}, 1); err != nil || m.Digest != two.Digest {
		t.Fatalf("manifest %+v, %v", m, err)
	}
	if kind := r.apply(file, a, b, two); kind != delta.KindDelta || len(file) > len(b)/4 {
		t.Fatalf("%s of %d bytes for an image of %d", kind, len(file), len(b))
	}
	if d := r.device("A-1"); d.State != storage.Rewriting || d.Target != two.Digest {
		t.Fatalf("device %+v, want rewriting to 2", d)
	}
	h := r.hello("A-1", two)
	h.Confirmed = false
	h.Report = &protocol.Report{From: one.Digest, To: two.Digest, Verdict: protocol.VerdictGood, Erases: 9}
	r.session(h)
	h.Report, h.Confirmed = nil, true
	r.session(h)
	r.history("A-1", "first-seen offer transferred installed confirmed")
	sum := decode[struct {
		Releases []struct {
			Version              string
			Installed, Confirmed int
		}
	}](r, r.must(http.StatusOK, "GET", "/api/releases", nil))
	if v := sum.Releases[0]; v.Version != "2" || v.Installed != 1 || v.Confirmed != 1 {
		t.Fatalf("releases %+v, want 2 installed and confirmed once", sum.Releases)
	}
}

func TestInstalledIsNotConfirmed(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	r.publish("1", 1, a)
	two := r.publish("2", 2, next(a, 2))
	h := r.hello("A-1", two)
	h.Confirmed = false
	r.session(h)
	list := decode[struct {
		Releases []struct{ Installed, Confirmed int }
	}](r, r.must(http.StatusOK, "GET", "/api/releases?model=0001", nil))
	if v := list.Releases[0]; v.Installed != 1 || v.Confirmed != 0 {
		t.Fatalf("counts %+v, want installed 1, confirmed 0", v)
	}
}

func TestDeltaIsMadeOnce(t *testing.T) {
	r := newRig(t)
	a := image(1, 40_000)
	one := r.publish("1", 1, a)
	r.publish("2", 2, next(a, 2))
	first, file := r.update(r.hello("A-1", one))
	second, again := r.update(r.hello("A-2", one))
	if first.Digest != second.Digest || !bytes.Equal(file, again) {
		t.Fatal("two devices with the same base got different files")
	}
	if n := counted(r.s.metrics.Made, "ready"); n != 1 {
		t.Fatalf("%d files made, want 1", n)
	}
}

func TestResume(t *testing.T) {
	r := newRig(t)
	a := image(1, 60_000)
	b := next(next(a, 2), 3)
	one, two := r.publish("1", 1, a), r.publish("2", 2, b)
	h := r.hello("A-1", one)
	c := r.dial()
	c.say(h)
	info := hears[*protocol.Info](c)
	c.say(&protocol.Request{Digest: info.Digest, Credit: 1000})
	part := append([]byte(nil), hears[*protocol.Data](c).Bytes...)
	if len(part) != 1000 {
		t.Fatalf("%d bytes against a credit of 1000", len(part))
	}
	if d := r.device("A-1"); d.State != storage.Receiving {
		t.Fatalf("state %s, want receiving", d.State)
	}
	c.conn.Close() // the line breaks
	r.until("the break is recorded", func() bool { return r.device("A-1").State == storage.Running })
	c = r.dial()
	c.say(h)
	if again := hears[*protocol.Info](c); again.Digest != info.Digest {
		t.Fatal("another file after the break")
	}
	file := c.fetch(info, part, 512)
	c.say(&protocol.Done{Digest: info.Digest})
	c.bye()
	r.apply(file, a, b, two)
	r.history("A-1", "first-seen offer broken transferred")
	if n := single(r.s.metrics.Sent.WithLabelValues("delta", "yes")); n != int(info.Size) {
		t.Fatalf("%d bytes sent for a file of %d: no byte twice", n, info.Size)
	}
}

func TestResumeAtTheEnd(t *testing.T) {
	r, one, _ := newPair(t)
	c := r.dial()
	c.say(r.hello("A-1", one))
	info := hears[*protocol.Info](c)
	c.say(&protocol.Request{Digest: info.Digest, Offset: info.Size})
	hears[*protocol.End](c)
	c.say(&protocol.Done{Digest: info.Digest})
	c.bye()
	r.history("A-1", "first-seen offer transferred")
}

func TestGone(t *testing.T) {
	r := newRig(t)
	a := image(1, 30_000)
	b := next(a, 2)
	one := r.publish("1", 1, a)
	r.publish("2", 2, b)
	old := r.session(r.hello("A-1", one))
	three := r.publish("3", 3, next(b, 3))
	c := r.dial()
	c.say(r.hello("A-1", one))
	info := hears[*protocol.Info](c)
	c.say(&protocol.Request{Digest: old.Digest, Offset: 10, Credit: 100}) // a half transfer from yesterday
	gone := hears[*protocol.Gone](c)
	if gone.Info.Digest != info.Digest || gone.Info.Kind != protocol.KindDelta {
		t.Fatalf("gone with %+v, want the new file", gone.Info)
	}
	file := c.fetch(&gone.Info, nil, 4096)
	c.say(&protocol.Done{Digest: gone.Info.Digest})
	c.bye()
	r.apply(file, a, next(b, 3), three)
}

func TestUnknownBaseGetsFullImage(t *testing.T) {
	r := newRig(t)
	b := image(3, 30_000)
	two := r.publish("2", 2, b)
	h := r.hello("A-1", release.Manifest{Version: "0", Order: 0, Digest: release.Digest{42}})
	info, file := r.update(h)
	if info.Kind != protocol.KindFull {
		t.Fatalf("kind %s, want full", info.Kind)
	}
	r.apply(file, nil, b, two)
	if n := counted(r.s.metrics.Made, "ready") + counted(r.s.metrics.Made, "failed"); n != 1 {
		t.Fatalf("%d files made, want the full image alone", n)
	}
}

func TestUnknownBaseThatDoesNotFit(t *testing.T) {
	r := newRig(t)
	r.publish("2", 2, image(3, 30_000))
	h := r.hello("A-1", release.Manifest{Version: "0", Digest: release.Digest{42}})
	h.Workspace = 12 << 10
	if info := r.session(h); info.Reason != protocol.ReasonUnknownBase || info.Workspace <= info.Has {
		t.Fatalf("info %+v, want unknown base", info)
	}
}

func TestNothingFits(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 30_000))
	r.publish("2", 2, image(2, 30_000)) // nothing in common
	h := r.hello("A-1", one)
	h.Workspace = 16 << 10
	info := r.session(h)
	if info.Kind != protocol.KindNone || info.Reason != protocol.ReasonNoFit || info.Workspace <= h.Workspace || info.Has != h.Workspace {
		t.Fatalf("info %+v, want no fit with needs above %d", info, h.Workspace)
	}
	r.session(h)
	d := r.device("A-1")
	if d.State != storage.NeedsCable || d.Needs != info.Workspace {
		t.Fatalf("device %+v, want needs-cable for %d", d, info.Workspace)
	}
	r.history("A-1", "first-seen needs-cable")
	h.Workspace = 400 << 10 // more RAM was freed
	if info := r.session(h); info.Kind == protocol.KindNone {
		t.Fatalf("info %+v with more workspace, want a file", info)
	}
}

func TestSmallWorkspaceGetsItsOwnFile(t *testing.T) {
	r := newRig(t)
	a := image(1, 60_000)
	b := append([]byte(nil), a...)
	for i := range 30 { // blocks change places, so the stash matters
		x, y := i*1000, 59_000-i*1000
		for j := range 500 {
			b[x+j], b[y+j] = a[y+j], a[x+j]
		}
	}
	one, two := r.publish("1", 1, a), r.publish("2", 2, b)
	roomy := r.session(r.hello("A-1", one))
	if roomy.Kind != protocol.KindDelta {
		t.Fatalf("info %+v, want a delta", roomy)
	}
	h := r.hello("A-2", one)
	h.Workspace = roomy.Workspace - 1
	c := r.dial()
	c.say(h)
	info := hears[*protocol.Info](c)
	if info.Kind == protocol.KindNone {
		if info.Workspace <= h.Workspace {
			t.Fatalf("needs %d, has %d, and nothing is offered", info.Workspace, h.Workspace)
		}
		t.Skipf("no smaller profile for this pair: needs %d", info.Workspace)
	}
	file := c.fetch(info, nil, 4096)
	c.say(&protocol.Done{Digest: info.Digest})
	c.bye()
	if info.Workspace > h.Workspace {
		t.Fatalf("needs %d, has %d", info.Workspace, h.Workspace)
	}
	r.apply(file, a, b, two)
}

func TestChainOfTwo(t *testing.T) {
	r := newRig(t)
	a := image(1, 40_000)
	b := next(a, 2)
	one := r.publish("1", 1, a)
	two := r.publish("2", 2, b)
	three := r.publish("3", 3, next(b, 3))
	r.creates(func(_ context.Context, k *storage.FileKey) (*offer.Product, error) {
		if k.From == one.Digest && k.To == three.Digest || k.From == (storage.Digest{}) { // too far, and no full image
			return nil, &diff.ErrDoesNotFit{Needs: 1 << 30}
		}
		return &offer.Product{File: append([]byte("file to "), k.To[:]...), Needs: 1000}, nil
	})
	info := r.session(r.hello("A-1", one))
	if m, _, err := release.Parse(info.Manifest); err != nil || m.Digest != two.Digest || info.Steps != 2 || info.Kind != protocol.KindDelta {
		t.Fatalf("info %+v to %s, want the first of two steps, to 2", info, m.Version)
	}
	info = r.session(r.hello("A-1", two))
	if m, _, err := release.Parse(info.Manifest); err != nil || m.Digest != three.Digest || info.Steps != 1 {
		t.Fatalf("info %+v to %s, want the second step, to 3", info, m.Version)
	}
}

// rewriteInVain lets a device receive the update, lose power in the rewrite, and come back restored to its old release.
func (r *rig) rewriteInVain(h *protocol.Hello) {
	r.Helper()
	r.update(h)
	r.later(time.Minute)
	h.Report = &protocol.Report{To: h.Digest, Verdict: protocol.VerdictRestored}
}

func TestHeldBackAfterThreeFailures(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one := r.publish("1", 1, a)
	b := next(a, 2)
	two := r.publish("2", 2, b)
	h := r.hello("A-1", one)
	for range 2 {
		r.rewriteInVain(h)
		r.session(h)
	}
	if info := r.session(h); info.Kind == protocol.KindNone {
		t.Fatalf("after two failures, one told twice: %s", info.Reason)
	}
	h.Report = nil
	r.update(h)
	h.Report = &protocol.Report{From: one.Digest, To: two.Digest, Verdict: protocol.VerdictFailed, FailedErases: 1, Dead: []uint32{0x9000}}
	info := r.session(h)
	if info.Kind != protocol.KindNone || info.Reason != protocol.ReasonHeld {
		t.Fatalf("after three failures %s %s, want none held", info.Kind, info.Reason)
	}
	r.history("A-1", "first-seen offer transferred failed restored transferred failed restored transferred flash-problem failed held")
	if d := r.device("A-1"); d.State != storage.HeldBack {
		t.Fatalf("state %s, want held-back", d.State)
	}
	if info := r.session(r.hello("A-2", one)); info.Kind == protocol.KindNone {
		t.Fatal("another device is held back too")
	}
	r.must(http.StatusOK, "POST", "/api/devices/0001/A-1/free", []byte(`{}`))
	if info := r.session(h); info.Kind != protocol.KindDelta {
		t.Fatalf("after the operator freed it: %s", info.Kind)
	}
	for range 3 {
		r.rewriteInVain(h)
	}
	if info := r.session(h); info.Reason != protocol.ReasonHeld {
		t.Fatalf("reason %s, want held again", info.Reason)
	}
	three := r.publish("3", 3, next(b, 3))
	info = r.session(h)
	if m, _, err := release.Parse(info.Manifest); err != nil || m.Digest != three.Digest {
		t.Fatalf("a newer release does not end the hold: %+v", info)
	}
}

// A device that comes back with its old release and no report was cut before the first erase, or has older flash.
func TestOnlyReportsHoldBack(t *testing.T) {
	r, one, two := newPair(t)
	h := r.hello("A-1", one)
	for i := range 5 {
		if info, _ := r.update(h); info.Kind == protocol.KindNone {
			t.Fatalf("held back after %d transfers without a failed rewrite", i)
		}
		h.Report = &protocol.Report{From: one.Digest, To: two.Digest, Verdict: protocol.VerdictRefused}
	}
	if d := r.device("A-1"); d.Attempt(two.Digest) != nil && d.Attempt(two.Digest).Failures != 0 {
		t.Fatalf("%d failures counted, want none", d.Attempt(two.Digest).Failures)
	}
	r.history("A-1", "first-seen offer transferred failed transferred failed transferred failed transferred failed transferred")
}

func TestRunningEndsTheHold(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one, two := r.publish("1", 1, a), r.publish("2", 2, next(a, 2))
	h := r.hello("A-1", one)
	for range 3 {
		r.rewriteInVain(h)
	}
	if info := r.session(h); info.Reason != protocol.ReasonHeld {
		t.Fatalf("reason %s, want held", info.Reason)
	}
	r.session(r.hello("A-1", two)) // somebody restored it over the cable
	if d := r.device("A-1"); d.Attempt(two.Digest).Failures != 0 || d.Attempt(two.Digest).HeldAt(r.now()) {
		t.Fatalf("attempt %+v, want no failures and no hold", d.Attempt(two.Digest))
	}
	h.Report = nil
	if info := r.session(h); info.Kind != protocol.KindDelta {
		t.Fatalf("back at 1: %s %s, want the delta", info.Kind, info.Reason)
	}
	body := []byte(`{"image":"` + release.Hex(two.Digest) + `"}`)
	r.must(http.StatusOK, "POST", "/api/devices/0001/A-1/hold", body)
	r.session(r.hello("A-1", two))
	if info := r.session(h); info.Reason != protocol.ReasonHeld {
		t.Fatalf("reason %s, want the operator's hold to stay", info.Reason)
	}
}

func TestRestoredOverTheCable(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one, two := r.publish("1", 1, a), r.publish("2", 2, next(a, 2))
	r.update(r.hello("A-1", one)) // cut in the middle, then restored to 2, and nobody reported it
	h := r.hello("A-1", two)
	h.Report = &protocol.Report{From: one.Digest, To: two.Digest, Verdict: protocol.VerdictRestored}
	r.session(h)
	r.history("A-1", "first-seen offer transferred failed restored installed confirmed")
	if d := r.device("A-1"); d.Attempt(two.Digest) != nil || d.Restored.IsZero() {
		t.Fatalf("device %+v, want a restoration and nothing against 2, which runs", d)
	}
	h = r.hello("A-2", two) // restored without any update before: nothing failed
	h.Report = &protocol.Report{From: one.Digest, To: two.Digest, Verdict: protocol.VerdictRestored}
	r.session(h)
	r.history("A-2", "first-seen restored")
}

func TestRefusedFileIsNotOfferedAgain(t *testing.T) {
	r, one, _ := newPair(t)
	h := r.hello("A-1", one)
	bad, _ := r.update(h)
	h.Refused = []release.Digest{bad.Digest}
	info := r.session(h)
	if info.Digest == bad.Digest || info.Kind != protocol.KindFull {
		t.Fatalf("after the refusal %s, want the full image", info.Kind)
	}
	h.Refused = append(h.Refused, info.Digest)
	if last := r.session(h); last.Kind != protocol.KindNone || last.Reason != protocol.ReasonHeld {
		t.Fatalf("after all were refused: %s %s", last.Kind, last.Reason)
	}
	if d := r.device("A-1"); d.Attempt(d.Target) != nil && d.Attempt(d.Target).Failures != 0 {
		t.Fatal("a refusal before the first erase counted as a failed rewrite")
	}
	h.Refused = nil // the terminal's short memory has lost it, the server's has not
	if again := r.session(h); again.Kind != protocol.KindNone {
		t.Fatal("a refused file was offered again")
	}
	if other := r.session(r.hello("A-2", one)); other.Digest != bad.Digest {
		t.Fatal("one device's word took the proven file from all")
	}
}

// What the server has proven is not withdrawn on claims, however many: who refuses is kept from the file alone, for a day.
func TestStrangersWithdrawNothing(t *testing.T) {
	r, one, _ := newPair(t)
	delta := r.session(r.hello("A-0", one))
	full := r.hello("A-0", release.Manifest{Version: "0", Digest: release.Digest{42}})
	whole := r.session(full)
	for i := range 8 {
		h := r.hello(fmt.Sprint("STRANGER-", i), one)
		h.Refused = []release.Digest{delta.Digest, whole.Digest}
		if info := r.session(h); info.Kind != protocol.KindNone || info.Reason != protocol.ReasonHeld {
			t.Fatalf("who refused both is offered %s", info.Kind)
		}
	}
	if info := r.session(r.hello("A-0", one)); info.Digest != delta.Digest {
		t.Fatalf("after eight lies %s %s, want the delta", info.Kind, info.Reason)
	}
	if info := r.session(full); info.Digest != whole.Digest {
		t.Fatalf("after eight lies %s %s, want the full image", info.Kind, info.Reason)
	}
	if n := counted(r.s.metrics.Made, "ready"); n != 2 {
		t.Fatalf("%d files made, want the two", n)
	}
	if f, err := r.store.FileByBlob(context.Background(), delta.Digest); err != nil || f.Refusals != 8 || f.State != storage.FileReady {
		t.Fatalf("file %+v, %v: want eight claims, shown", f, err)
	}
	r.later(storage.RefusedFor) // and lies under an honest serial do not keep it from the file for ever
	if info := r.session(r.hello("STRANGER-0", one)); info.Digest != delta.Digest {
		t.Fatalf("a day later %s %s, want the delta", info.Kind, info.Reason)
	}
}

// A file is proven again at most once an hour, however many refuse it.
func TestOwnProofIsBounded(t *testing.T) {
	r, one, _ := newPair(t)
	info := r.session(r.hello("A-0", one))
	proofs := 0
	for i := range 12 {
		if i == 6 {
			r.later(time.Hour)
		}
		if done := r.s.offers.Doubt(context.Background(), info.Digest, true); done != nil {
			<-done
			proofs++
		}
	}
	if proofs != 2 {
		t.Fatalf("%d proofs in two hours, want 2", proofs)
	}
	if done := r.s.offers.Doubt(context.Background(), storage.Digest{1}, true); done != nil {
		t.Fatal("a file that is not the server's is proven")
	}
}

func TestFileThatFailsOurOwnProofIsWithdrawnAtOnce(t *testing.T) {
	r, one, _ := newPair(t)
	var good offer.Maker
	good = r.creates(func(ctx context.Context, k *storage.FileKey) (*offer.Product, error) {
		p, err := good(ctx, k)
		if err == nil && k.From != (storage.Digest{}) {
			p.File[len(p.File)-3] ^= 1 // a creator with a fault behind its proof
		}
		return p, err
	})
	bad := r.session(r.hello("A-1", one))
	h := r.hello("A-1", one)
	h.Refused = []release.Digest{bad.Digest}
	r.session(h)
	if info := r.session(r.hello("A-2", one)); info.Kind != protocol.KindFull {
		t.Fatalf("after the first refusal of a bad file: %s", info.Kind)
	}
}

func TestTerminalRefusesTheManifest(t *testing.T) {
	r, one, _ := newPair(t)
	for range 2 {
		c := r.dial()
		c.say(r.hello("A-1", one))
		hears[*protocol.Info](c)
		c.say(&protocol.Error{Fault: protocol.FaultSignature, Text: []byte("signature")})
		c.bye()
	}
	r.history("A-1", "first-seen offer refused")
	if d := r.device("A-1"); d.State != storage.Running {
		t.Fatalf("state %s, want running", d.State)
	}
}

func TestWithdrawnReleaseMayBeLeft(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one, two := r.publish("1", 1, a), r.publish("2", 2, next(a, 2))
	h := r.hello("A-1", two)
	r.must(http.StatusOK, "PUT", "/api/releases/"+release.Hex(two.Digest)+"/state", []byte(`{"model":"0001","state":"withdrawn"}`))
	if info := r.session(r.hello("A-2", one)); info.Reason != protocol.ReasonUpToDate {
		t.Fatalf("a withdrawn release is offered: %+v", info)
	}
	if info := r.session(h); info.Kind != protocol.KindNone {
		t.Fatal("a confirmed release is taken back")
	}
	h.Confirmed = false
	info := r.session(h)
	if m, _, err := release.Parse(info.Manifest); err != nil || m.Digest != one.Digest {
		t.Fatalf("info %+v, want the way back to 1", info)
	}
}

func TestMalformed(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	for _, test := range []struct {
		name string
		say  func(c *client)
		want protocol.Fault
	}{
		{"no message", func(c *client) { c.conn.Send([]byte{0xff}) }, protocol.FaultMalformed},
		{"truncated", func(c *client) {
			b := encoded(unsigned(r.hello("A-1", one)))
			c.conn.Send(b[:len(b)-1])
		}, protocol.FaultMalformed},
		{"something behind it", func(c *client) {
			c.conn.Send(append(encoded(unsigned(r.hello("A-1", one))), 0))
		}, protocol.FaultMalformed},
		{"request first", func(c *client) { c.say(&protocol.Request{}) }, protocol.FaultUnexpected},
		{"hello of unbrick.1", func(c *client) {
			b := []byte{0x8e, 1, 1, 0x64, '0', '0', '0', '1', 0x64, 'S', '-', '1', '7', 0x65, '2', '.', '3', '.', '0', 7, 0x58, 32}
			b = append(b, make([]byte, 32)...)
			c.conn.Send(append(b, 3, 0x80, 0x1a, 0, 3, 0, 0, 6, 0xf5, 0xf6, 0x80))
		}, protocol.FaultMalformed},
		{"hello twice", func(c *client) {
			c.say(r.hello("A-1", one))
			hears[*protocol.Info](c)
			c.say(r.hello("A-1", one))
		}, protocol.FaultUnexpected},
		{"offset behind the end", func(c *client) {
			h := r.hello("A-1", release.Manifest{Version: "0", Digest: release.Digest{1}})
			c.say(h)
			info := hears[*protocol.Info](c)
			c.say(&protocol.Request{Digest: info.Digest, Offset: info.Size + 1, Credit: 1})
		}, protocol.FaultSize},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := r.dial()
			c.TB = t
			test.say(c)
			c.fault(test.want)
		})
	}
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
}

// A hello under a name that no device can have is answered with what is wrong, and leaves nothing behind.
func TestNoIdentifier(t *testing.T) {
	r := newRig(t)
	h := r.hello("SERIAL", r.publish("1", 1, image(1, 20_000)))
	h.Model, h.Release = "MODEL", "RELEASE"
	sound := encoded(unsigned(h))
	for _, test := range []struct{ field, value string }{
		{"SERIAL", ""}, {"SERIAL", "."}, {"SERIAL", ".."}, {"SERIAL", "A1 "}, {"SERIAL", " A1"}, {"SERIAL", "a/b"}, {"SERIAL", "A\t1"}, {"SERIAL", "\u00e4"}, {"SERIAL", "A\u200b1"},
		{"MODEL", ".."}, {"MODEL", "0001 "}, {"RELEASE", "1\n"}, {"RELEASE", "1 "}, {"RELEASE", "\u202e1"}, {"RELEASE", "\u05d0"},
	} {
		said := append([]byte{0x60 + byte(len(test.field))}, test.field...)
		b := bytes.Replace(sound, said, append([]byte{0x60 + byte(len(test.value))}, test.value...), 1)
		c := r.dial()
		if err := c.conn.Send(b); err != nil {
			t.Fatal(err)
		}
		e := hears[*protocol.Error](c)
		if e.Fault != protocol.FaultMalformed || !strings.Contains(string(e.Text), strings.ToLower(test.field)) {
			t.Errorf("%s %q: fault %s, %q", test.field, test.value, e.Fault, e.Text)
		}
	}
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
	if p, err := r.store.Devices(context.Background(), storage.Query{Limit: 10}); err != nil || p.Total != 0 {
		t.Errorf("%d devices were recorded, %v", p.Total, err)
	}
}

func TestOversizeMessage(t *testing.T) {
	r := newRig(t)
	ws, err := rawDial(r)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	ws.Write(context.Background(), binaryMessage, make([]byte, protocol.MaxMessage+1))
	r.until("the session is over", func() bool { return counted(r.s.metrics.Sessions, "oversize") == 1 })
}

func TestVanishedClient(t *testing.T) {
	r := newRig(t)
	one := r.publish("1", 1, image(1, 20_000))
	for _, when := range []string{"before hello", "after hello"} {
		c := r.dial()
		if when == "after hello" {
			c.say(r.hello("A-1", one))
			hears[*protocol.Info](c)
		}
		c.conn.Close()
	}
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
}

// TestSlowReader: without credit there is no further byte, and not for ever. In virtual time: a busy machine is patient.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHostileRig(t)
		p := h.dial(t)
		p.say(h.greet())
		info := hearsNow[*protocol.Info](p)
		p.say(&protocol.Request{Digest: info.Digest, Credit: 10})
		if d := hearsNow[*protocol.Data](p); len(d.Bytes) != 10 {
			t.Fatalf("%d bytes against a credit of 10", len(d.Bytes))
		}
		time.Sleep(h.s.cfg.Limits.Answer + time.Second)
		if e := hearsNow[*protocol.Error](p); e.Fault != protocol.FaultTimeout {
			t.Errorf("fault %s, want %s", e.Fault, protocol.FaultTimeout)
		}
		hearsNow[*protocol.Bye](p)
		p.end()
		synctest.Wait()
		serial := fmt.Sprint("H-", h.serial)
		if d := h.device(serial); d.State != storage.Running {
			t.Errorf("the break is not recorded: %v", d.State)
		}
		h.history(serial, "first-seen offer broken")
	})
}

func TestTooMuchCredit(t *testing.T) {
	r := newRig(t)
	a := image(1, 60_000)
	one := r.publish("1", 1, a)
	r.publish("2", 2, next(a, 2))
	c := r.dial()
	c.say(r.hello("A-1", one))
	info := hears[*protocol.Info](c)
	c.say(&protocol.Request{Digest: info.Digest, Credit: 1})
	hears[*protocol.Data](c)
	c.say(&protocol.Credit{Bytes: protocol.MaxCredit}) // more than the file, but kept
	c.say(&protocol.Credit{Bytes: protocol.MaxCredit})
	for {
		e, ok := c.hear().(*protocol.Error)
		if !ok {
			continue // data, sent before the second grant was read
		}
		if e.Fault != protocol.FaultCredit {
			t.Fatalf("fault %s, want %s", e.Fault, protocol.FaultCredit)
		}
		return
	}
}

// Two peers under one serial: neither is cut off, and that they met is in the history and on the device.
func TestTwoPeersOfOneSerial(t *testing.T) {
	r := newRig(t)
	a := image(1, 60_000)
	one := r.publish("1", 1, a)
	r.publish("2", 2, next(a, 2))
	first := r.dial()
	first.say(r.hello("A-1", one))
	info := hears[*protocol.Info](first)
	first.say(&protocol.Request{Digest: info.Digest, Credit: 5})
	have := append([]byte(nil), hears[*protocol.Data](first).Bytes...)
	second := r.dial()
	stranger := r.hello("A-1", one)
	stranger.Workspace = 1 << 10
	second.say(stranger)
	hears[*protocol.Info](second)
	if d := r.device("A-1"); d.State != storage.Receiving || d.File != info.Digest || !d.Conflict.IsZero() {
		t.Fatalf("device %+v: the younger session changed what the older brings about", d)
	}
	second.bye()
	for len(have) < int(info.Size) {
		first.say(&protocol.Credit{Bytes: min(4096, info.Size-uint32(len(have)))})
		have = append(have, hears[*protocol.Data](first).Bytes...)
	}
	hears[*protocol.End](first)
	first.say(&protocol.Done{Digest: info.Digest})
	first.bye()
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
	if d := r.device("A-1"); d.State != storage.Rewriting || d.Conflict.IsZero() {
		t.Fatalf("state %s, conflict %v: want rewriting, and the mark", d.State, d.Conflict)
	}
	if got := r.kinds("A-1"); !strings.Contains(got, "conflict") || !strings.HasSuffix(got, "transferred") {
		t.Fatalf("history: %s", got)
	}
	v := decode[struct{ Conflict *time.Time }](r, r.must(http.StatusOK, "GET", "/api/devices/0001/A-1", nil))
	if v.Conflict == nil {
		t.Fatal("Fleet is not told")
	}
	r.must(http.StatusOK, "POST", "/api/devices/0001/A-1/free", []byte(`{}`))
	if d := r.device("A-1"); !d.Conflict.IsZero() || d.State != storage.Running {
		t.Fatalf("after the operator saw to it: %+v", d)
	}
}

// A device whose line dropped comes back at once, while its old session still looks alive, and nothing is held against it.
func TestDroppedLineLocksNobodyOut(t *testing.T) {
	r := newRig(t)
	a := image(1, 60_000)
	one := r.publish("1", 1, a)
	r.publish("2", 2, next(a, 2))
	h := r.hello("A-1", one)
	old := r.dial() // its last word was the credit; nobody closes it
	old.say(h)
	info := hears[*protocol.Info](old)
	old.say(&protocol.Request{Digest: info.Digest, Credit: 1000})
	part := append([]byte(nil), hears[*protocol.Data](old).Bytes...)
	c := r.dial()
	c.say(h)
	if again := hears[*protocol.Info](c); again.Digest != info.Digest {
		t.Fatalf("offered %s %s", again.Kind, again.Reason)
	}
	c.fetch(info, part, 4096)
	c.say(&protocol.Done{Digest: info.Digest})
	c.bye()
	old.conn.Close() // the heartbeat's end of it
	r.until("no session is left", func() bool { return r.s.live.Number() == 0 })
	if d := r.device("A-1"); d.State != storage.Rewriting || !d.Conflict.IsZero() {
		t.Fatalf("state %s, conflict %v: want rewriting, no mark", d.State, d.Conflict)
	}
}

func TestTooManySessions(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.Sessions = 1 })
	one := r.publish("1", 1, image(1, 20_000))
	c := r.dial()
	c.say(r.hello("A-1", one))
	hears[*protocol.Info](c)
	if _, err := rawDial(r); err == nil || !strings.Contains(err.Error(), "503") {
		t.Fatalf("second session: %v, want 503", err)
	}
	c.bye()
	r.until("there is room", func() bool { return r.s.live.Number() == 0 })
	r.session(r.hello("A-2", one))
}

func TestTooManyDevices(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.Devices = 1 })
	one := r.publish("1", 1, image(1, 20_000))
	r.session(r.hello("A-1", one))
	if info := r.session(r.hello("A-2", one)); info.Reason != protocol.ReasonUpToDate { // served, as a stranger is
		t.Errorf("%+v", info)
	}
	r.session(r.hello("A-1", one))
	if n, err := r.store.CountDevices(t.Context()); n != 1 || err != nil {
		t.Errorf("%d devices, %v", n, err)
	}
	if v := r.strangers("A-2"); len(v) != 1 || v[0].Standing != storage.Pending {
		t.Errorf("strangers %+v", v)
	}
}

func TestShutdown(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.Drain = 10 * time.Second })
	a := image(1, 60_000)
	one := r.publish("1", 1, a)
	r.publish("2", 2, next(a, 2))
	idle, busy := r.dial(), r.dial()
	idle.say(r.hello("A-1", one))
	hears[*protocol.Info](idle)
	busy.say(r.hello("A-2", one))
	info := hears[*protocol.Info](busy)
	busy.say(&protocol.Request{Digest: info.Digest, Credit: 10})
	part := append([]byte(nil), hears[*protocol.Data](busy).Bytes...)
	closed := make(chan error, 1)
	go func() { closed <- r.s.Close(context.Background()) }()
	idle.fault(protocol.FaultShutdown)
	if a, _ := r.do("GET", "/readyz", nil); a.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("readyz %d while closing", a.StatusCode)
	}
	for len(part) < int(info.Size) { // the transfer goes on
		busy.say(&protocol.Credit{Bytes: protocol.MaxData})
		part = append(part, hears[*protocol.Data](busy).Bytes...)
	}
	hears[*protocol.End](busy)
	busy.say(&protocol.Done{Digest: info.Digest})
	busy.fault(protocol.FaultShutdown)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if d := r.device("A-2"); d.State != storage.Rewriting {
		t.Fatalf("state %s, want rewriting", d.State)
	}
}

func TestCrashedTransferIsNotForEver(t *testing.T) {
	r := newRig(t)
	d := storage.Device{Model: "0001", Serial: "A-1", State: storage.Receiving}
	if err := r.store.SaveDevice(context.Background(), &d); err != nil {
		t.Fatal(err)
	}
	if err := r.s.fleet.Recover(context.Background()); err != nil {
		t.Fatal(err)
	}
	if d := r.device("A-1"); d.State != storage.Running {
		t.Fatalf("state %s after a restart, want running", d.State)
	}
}

// A device that says that a sector takes no data is offered nothing that needs it, which of a record sector everything does, until it
// says so no longer or the operator wants it tried. The history says why, once.
func TestDeadSectorHoldsBack(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one := r.publish("1", 1, a)
	base := r.model.Layout.SoftwareBase()
	record, _ := r.model.Layout.Geometry.Sector(r.model.Layout.Records()[1])
	two := r.publish("2", 2, next(a, 2))
	for i, test := range []struct {
		name string
		dead []uint32
		held bool
	}{{"record sector", []uint32{record}, true}, {"sector of the image", []uint32{base + 0x4000}, true}, {"sector behind the image", []uint32{base + 0x8000}, false}, {"both", []uint32{base + 0x8000, record}, true}} {
		t.Run(test.name, func(t *testing.T) {
			serial := fmt.Sprintf("D-%d", i)
			h := r.hello(serial, one)
			h.Report = &protocol.Report{From: one.Digest, To: one.Digest, Verdict: protocol.VerdictRefused, Fault: protocol.FaultSector, Dead: test.dead}
			for range 2 {
				info := r.session(h)
				if held := info.Kind == protocol.KindNone && info.Reason == protocol.ReasonHeld; held != test.held {
					t.Fatalf("%s %s, held back: want %v", info.Kind, info.Reason, test.held)
				}
			}
			if !test.held {
				return
			}
			if d := r.device(serial); d.State != storage.HeldBack || d.Target != two.Digest || len(d.Dead) != len(test.dead) {
				t.Errorf("device %+v", d)
			}
			r.history(serial, "first-seen flash-problem refused")
			h.Report = nil
			if info := r.session(h); info.Kind != protocol.KindDelta {
				t.Errorf("mended: %s %s", info.Kind, info.Reason)
			}
			h.Report = &protocol.Report{From: one.Digest, To: one.Digest, Verdict: protocol.VerdictRefused, Fault: protocol.FaultSector, Dead: test.dead}
			if info := r.session(h); info.Reason != protocol.ReasonHeld {
				t.Errorf("dead again: %s %s", info.Kind, info.Reason)
			}
			r.must(http.StatusOK, "POST", "/api/devices/0001/"+serial+"/free", []byte(`{}`))
			for range 2 {
				if info := r.session(h); info.Kind != protocol.KindDelta {
					t.Errorf("freed: %s %s", info.Kind, info.Reason)
				}
			}
			if info := r.session(r.hello("other-"+serial, one)); info.Kind != protocol.KindDelta {
				t.Errorf("another device: %s %s", info.Kind, info.Reason)
			}
		})
	}
}
