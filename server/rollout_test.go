package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/form"
	"unbrick/server/rollout"
	"unbrick/server/storage"
)

// staged publishes an image with a rollout.
func (r *rig) staged(version string, order uint64, img []byte, phases, limit string) release.Manifest {
	r.Helper()
	return r.published(version, order, img, "?phases="+strings.ReplaceAll(phases, "%", "%25")+"&limit="+limit)
}

// rollout is what operators are told of a release's rollout.
func (r *rig) rollout(m release.Manifest) *form.Rollout {
	r.Helper()
	list := decode[struct {
		Releases []struct {
			Image   string
			Rollout *form.Rollout
		}
	}](r, r.must(http.StatusOK, "GET", "/api/releases?model=0001", nil))
	for _, v := range list.Releases {
		if v.Image == release.Hex(m.Digest) {
			return v.Rollout
		}
	}
	r.Fatal("no such release")
	return nil
}

func (r *rig) setRollout(status int, m release.Manifest, body string) {
	r.Helper()
	r.must(status, "PUT", "/api/releases/"+release.Hex(m.Digest)+"/rollout", []byte(body))
}

func failure(h *protocol.Hello, from, to release.Manifest) *protocol.Hello {
	h.Report = &protocol.Report{From: from.Digest, To: to.Digest, Verdict: protocol.VerdictFailed, Erases: 1}
	return h
}

func TestRolloutReachesShares(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	b := next(a, 2)
	one, two := r.publish("1", 1, a), r.publish("2", 2, b)
	three := r.staged("3", 3, next(b, 3), "25%,100%@24h", "")
	old := func(i int) string { return fmt.Sprintf("A-%03d", i) }
	early := 0
	for i := range 40 {
		info := r.session(r.hello(old(i), two))
		reached := storage.Rollout{Begun: r.now().Add(-time.Minute), Phases: []storage.Phase{{Share: 2500}}}
		want := reached.Reaches("0001", old(i), three.Digest, r.now())
		if (info.Kind == protocol.KindDelta) != want || !want && info.Reason != protocol.ReasonNotYet {
			t.Fatalf("%s: %s, %s, reached %v", old(i), info.Kind, info.Reason, want)
		}
		if want {
			early++
			continue
		}
		// Who is not reached yet is still led to what is for all.
		if info := r.session(r.hello(old(i), one)); info.Kind != protocol.KindDelta || !bytesEqual(info.Manifest, two) {
			t.Fatalf("%s on release 1: %s %s", old(i), info.Kind, info.Reason)
		}
	}
	if early == 0 || early == 40 {
		t.Fatalf("%d of 40 are early", early)
	}
	if v := r.rollout(three); v == nil || v.Share != "25%" || v.Next == nil || v.Limit != rollout.DefaultLimit || v.Phases != "25%,100%@24h0m0s" {
		t.Errorf("rollout %+v", v)
	}
	r.later(24 * time.Hour)
	for i := range 40 {
		if info := r.session(r.hello(old(i), two)); info.Kind != protocol.KindDelta || !bytesEqual(info.Manifest, three) {
			t.Fatalf("%s, a day later: %s %s", old(i), info.Kind, info.Reason)
		}
	}
	if v := r.rollout(three); v.Share != "100%" || v.Next != nil {
		t.Errorf("rollout %+v", v)
	}
	if r.rollout(two) != nil {
		t.Error("release 2 has a rollout")
	}
}

// bytesEqual says whether a signed manifest is of m.
func bytesEqual(signed []byte, m release.Manifest) bool {
	got, _, err := release.Parse(signed)
	return err == nil && got.Digest == m.Digest
}

func TestRolloutHaltsWhenTooManyFail(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one := r.publish("1", 1, a)
	two := r.staged("2", 2, next(a, 2), "100%", "1")
	r.setRollout(http.StatusOK, two, `{"model":"0001","halts":true}`)
	offered := func(serial string) *protocol.Info { t.Helper(); return r.session(r.hello(serial, one)) }
	r.session(failure(r.hello("A-1", one), one, two))
	r.session(failure(r.hello("A-1", one), one, two)) // told again
	again := failure(r.hello("A-1", one), one, two)
	again.Report.Erases = 7 // the same device failing once more is one device
	r.session(again)
	if v := r.rollout(two); v.Failed != 1 || v.Halted != nil {
		t.Fatalf("rollout %+v, want one failed device", v)
	}
	if info := offered("A-2"); info.Kind != protocol.KindDelta {
		t.Fatalf("before the limit: %s", info.Reason)
	}
	r.session(failure(r.hello("A-3", one), one, two))
	v := r.rollout(two)
	if v.Failed != 2 || v.Halted == nil || v.Share != "0%" || v.Why == "" {
		t.Fatalf("rollout %+v, want it halted", v)
	}
	if info := offered("A-2"); info.Kind != protocol.KindNone || info.Reason != protocol.ReasonNotYet {
		t.Fatalf("after the limit: %s %s", info.Kind, info.Reason)
	}
	metrics := string(r.must(http.StatusOK, "GET", "/metrics", nil))
	for _, want := range []string{"unbrick_rollouts_halted_total 1", `unbrick_rollouts{state="halted"} 1`, `unbrick_rollouts{state="running"} 0`} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
	r.setRollout(http.StatusConflict, two, `{"model":"0001","halt":false}`)
	r.setRollout(http.StatusOK, two, `{"model":"0001","halt":false,"limit":5}`)
	if info := offered("A-2"); info.Kind != protocol.KindDelta {
		t.Fatalf("with a higher limit: %s", info.Reason)
	}
	r.setRollout(http.StatusOK, two, `{"model":"0001","halt":true}`)
	if info := offered("A-2"); info.Reason != protocol.ReasonNotYet {
		t.Fatalf("halted by the operator: %s", info.Reason)
	}
	// A new rollout forgets what failed. A device that fails again, which is among the first again, counts again, once.
	r.later(time.Minute)
	r.setRollout(http.StatusOK, two, `{"model":"0001","phases":"100%"}`)
	if v := r.rollout(two); v.Failed != 0 || v.Halted != nil {
		t.Fatalf("begun anew: %+v", v)
	}
	r.later(time.Minute)
	for erases := uint32(20); erases < 22; erases++ {
		again := failure(r.hello("A-3", one), one, two)
		again.Report.Erases = erases
		r.session(again)
	}
	if v := r.rollout(two); v.Failed != 1 {
		t.Fatalf("begun anew, one device failed twice: %+v", v)
	}
	r.setRollout(http.StatusOK, two, `{"model":"0001","phases":""}`)
	if info := offered("A-2"); info.Kind != protocol.KindDelta || r.rollout(two) != nil {
		t.Fatalf("ended: %s", info.Reason)
	}
}

// Serials can be invented, so what they claim raises an alarm and halts nothing, unless the operator wants it.
func TestAlarmMovesNothing(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one := r.publish("1", 1, a)
	two := r.staged("2", 2, next(a, 2), "100%", "1")
	for i := range 4 {
		r.session(failure(r.hello(fmt.Sprint("INVENTED-", i), one), one, two))
	}
	for i := range 4 {
		r.update(r.hello(fmt.Sprint("GONE-", i), one))
	}
	r.later(time.Hour + time.Minute)
	if err := r.s.rollouts.LookForLost(context.Background()); err != nil {
		t.Fatal(err)
	}
	if v := r.rollout(two); v.Failed != 4 || v.Lost != 4 || !v.Alarm || v.Halted != nil {
		t.Fatalf("rollout %+v, want an alarm and nothing halted", v)
	}
	if info := r.session(r.hello("HONEST", one)); info.Kind != protocol.KindDelta {
		t.Fatalf("honest device: %s %s", info.Kind, info.Reason)
	}
	metrics := string(r.must(http.StatusOK, "GET", "/metrics", nil))
	for _, want := range []string{"unbrick_rollout_alarms_total 1", `unbrick_rollouts{state="alarm"} 1`, "unbrick_rollouts_halted_total 0"} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
	r.setRollout(http.StatusOK, two, `{"model":"0001","halt":true}`)
	r.setRollout(http.StatusOK, two, `{"model":"0001","halt":false}`) // what nobody proves does not forbid it either
	r.setRollout(http.StatusOK, two, `{"model":"0001","limit":99}`)
	if v := r.rollout(two); v.Alarm {
		t.Fatalf("rollout %+v, want the alarm ended by a higher limit", v)
	}
}

// TestRolloutHaltsWhenDevicesAreLost: one that never comes back says nothing, and one in restoration mode cannot.
func TestRolloutHaltsWhenDevicesAreLost(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one := r.publish("1", 1, a)
	two := r.staged("2", 2, next(a, 2), "100%", "1")
	r.setRollout(http.StatusOK, two, `{"model":"0001","halts":true}`)
	look := func() *form.Rollout {
		t.Helper()
		if err := r.s.rollouts.LookForLost(context.Background()); err != nil {
			t.Fatal(err)
		}
		return r.rollout(two)
	}
	r.update(r.hello("A-1", one))
	r.update(r.hello("A-2", one))
	if v := look(); v.Lost != 0 || v.Halted != nil {
		t.Fatalf("at once: %+v", v)
	}
	d := r.device("A-2")
	d.State = storage.Restoration // as somebody with a cable said
	if err := r.store.SaveDevice(context.Background(), &d); err != nil {
		t.Fatal(err)
	}
	if v := look(); v.Lost != 1 || v.Halted != nil {
		t.Fatalf("one in restoration mode: %+v", v)
	}
	r.later(time.Hour + time.Minute)
	if v := look(); v.Lost != 2 || v.Halted == nil {
		t.Fatalf("and one that did not come back: %+v", v)
	}
	r.setRollout(http.StatusConflict, two, `{"model":"0001","halt":false}`)
	back := r.hello("A-1", two)
	back.Report = &protocol.Report{From: one.Digest, To: two.Digest, Verdict: protocol.VerdictGood}
	r.session(back)
	if v := look(); v.Lost != 1 || v.Failed != 0 || v.Halted == nil {
		t.Fatalf("it came back: %+v", v)
	}
	r.setRollout(http.StatusOK, two, `{"model":"0001","halt":false}`)
	if v := look(); v.Halted != nil {
		t.Fatalf("goes on: %+v", v)
	}
}

func TestRolloutAPI(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	one := r.publish("1", 1, a)
	path := "/api/releases/" + release.Hex(one.Digest) + "/rollout"
	r.must(http.StatusUnauthorized, "PUT", path, []byte(`{"model":"0001","halt":true}`), "Authorization", "")
	r.must(http.StatusNotFound, "PUT", "/api/releases/"+strings.Repeat("0", 64)+"/rollout", []byte(`{"model":"0001","halt":true}`))
	for _, bad := range []string{`{"model":"0001"}`, `{"model":"0001","phases":"7"}`, `{"model":"0001","phases":"50%,20%"}`, `{"model":"0001","speed":1}`} {
		r.setRollout(http.StatusBadRequest, one, bad)
	}
	r.setRollout(http.StatusConflict, one, `{"model":"0001","halt":true}`)
	r.setRollout(http.StatusConflict, one, `{"model":"0001","limit":4}`)
	f := r.file(r.key, "2", 2, next(a, 2))
	r.must(http.StatusBadRequest, "POST", "/api/releases?phases=9", f)
	r.must(http.StatusBadRequest, "POST", "/api/releases?limit=9", f)
	r.must(http.StatusBadRequest, "POST", "/api/releases?phases=9%25&limit=many", f)
	r.setRollout(http.StatusOK, one, `{"model":"0001","phases":"0.5%,3%@1h","limit":0}`)
	if v := r.rollout(one); v.Share != "0.5%" || v.Limit != 0 || v.Phases != "0.5%,3%@1h0m0s" {
		t.Errorf("rollout %+v", v)
	}
	// Strangers see releases without their rollouts.
	if b := r.must(http.StatusOK, "GET", "/api/releases", nil, "Authorization", ""); strings.Contains(string(b), "rollout") {
		t.Errorf("%s", b)
	}
}

// TestStateKeepsRollout: who withholds a release in phases is not told that it is for all.
func TestStateKeepsRollout(t *testing.T) {
	r := newRig(t)
	a := image(1, 20_000)
	r.publish("1", 1, a)
	two := r.staged("2", 2, next(a, 2), "25%,100%@24h", "")
	path := "/api/releases/" + release.Hex(two.Digest) + "/state"
	told := decode[form.Release](r, r.must(http.StatusOK, "PUT", path, []byte(`{"model":"0001","state":"withheld"}`)))
	if told.State != "withheld" || told.Rollout == nil || told.Rollout.Share != "25%" {
		t.Errorf("state %s, rollout %+v", told.State, told.Rollout)
	}
}
