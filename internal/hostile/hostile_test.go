package hostile

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"unbrick/release"
	"unbrick/server/form"
)

// most is the memory that the server may have, whatever strangers do.
const most = 256 << 20

// TestHostileFleet: while strangers at many addresses do all that can be done without a key, a fleet updates, release by release: every
// session of its devices is served, no release is halted, nothing that is known of a device is another's word, and the server keeps within
// its memory. UNBRICK_HOSTILE says for how long; without it a small fleet updates twice.
func TestHostileFleet(t *testing.T) {
	devices, addresses, hands, rounds, lasts := 12, 100, 1, 2, time.Duration(0)
	if text := os.Getenv("UNBRICK_HOSTILE"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		devices, addresses, hands = 200, 1000, 4
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := serve(t)
	v := newMaker(s)
	last := v.publish(1)
	p := newProxy(t, s)
	fleet := make([]*honest, devices)
	serials := make([]string, devices)
	for i := range fleet {
		serials[i] = fmt.Sprintf("H-%d.%d", i>>8, i&0xff)
		fleet[i] = v.device(serials[i], p)
	}
	s.ask(http.StatusOK, "POST", "/api/keys", "text/csv", list(fleet))
	var sessions atomic.Int64
	updateAll(t.Context(), t, fleet, last, &sessions)

	all := []release.Manifest{last}
	a := &adversary{proxy: p, addresses: addresses, serials: serials, releases: all, kid: release.IDOf(v.key.Public().(ed25519.PublicKey))}
	for _, h := range fleet {
		a.heard.Store(h.serial, h.said)
	}
	attacked, end := context.WithCancel(t.Context())
	work := a.attack(attacked, hands, seed)
	began := time.Now()
	order := 1
	for order <= rounds || time.Since(began) < lasts {
		order++
		last = v.publish(order)
		updateAll(t.Context(), t, fleet, last, &sessions)
		if t.Failed() {
			break
		}
	}
	end()
	work.Wait()

	names := slices.Sorted(maps.Keys(a.tried))
	total := int64(0)
	for _, name := range names {
		n := a.tried[name].Load()
		t.Logf("%9d times: %s", n, name)
		if total += n; n == 0 {
			t.Errorf("nobody tried: %s", name)
		}
	}
	t.Logf("%d tries from %d addresses in %.0f s; %d devices updated %d times each, in %d sessions", total, addresses, time.Since(began).Seconds(),
		devices, order-1, sessions.Load())
	peak := s.peak()
	t.Logf("the server had %d MiB at most, and logged %d KiB", peak>>20, s.log.all>>10)
	if peak > most {
		t.Errorf("the server had %d MiB, at most %d may be", peak>>20, most>>20)
	}
	v.judge(fleet, last)
}

// judge looks at what the server believes in the end.
func (v *maker) judge(fleet []*honest, last release.Manifest) {
	v.Helper()
	var sum form.Summary
	decode(v, v.ask(http.StatusOK, "GET", "/api/summary", "", nil), &sum)
	if sum.Devices != len(fleet) {
		v.Errorf("%d devices are recorded, want %d", sum.Devices, len(fleet))
	}
	strangers := 0
	for standing, n := range sum.Strangers {
		v.Logf("%6d strangers: %s", n, standing)
		if strangers += n; n == 0 || standing == "proven" {
			v.Errorf("%d strangers %s", n, standing)
		}
	}
	if strangers == 0 || strangers > 10_000 {
		v.Errorf("%d strangers are kept", strangers)
	}
	for _, h := range fleet {
		var d form.DeviceDetail
		decode(v, v.ask(http.StatusOK, "GET", "/api/devices/"+modelID+"/"+h.serial, "", nil), &d)
		if d.Conflict != nil || d.Release.Version != last.Version || len(d.Attempts)+len(d.Refusals)+len(d.Dead) > 0 || d.Group != "running" {
			v.Errorf("the server knows of %s: %+v", h.serial, d.Device)
		}
		for _, e := range d.History {
			if strings.Contains("failed refused conflict held changed", e.Kind) {
				v.Errorf("%s has a line %+v that no device said", h.serial, e)
			}
		}
	}
	var list form.Releases
	decode(v, v.ask(http.StatusOK, "GET", "/api/releases?model="+modelID+"&limit=500", "", nil), &list)
	for _, r := range list.Releases {
		if r.State != "offered" || r.Rollout == nil || r.Rollout.Halted != nil || r.Rollout.Alarm || r.Rollout.Failed != 0 {
			v.Errorf("release %s is %s, its rollout %+v", r.Version, r.State, r.Rollout)
		}
	}
	text := string(v.ask(http.StatusOK, "GET", "/metrics", "", nil))
	for _, want := range []string{"unbrick_update_files_withdrawn_total 0", "unbrick_serial_conflicts_total 0", "unbrick_update_files_refused_total 0",
		fmt.Sprintf("unbrick_devices_new_total %d", len(fleet))} {
		if !strings.Contains(text, want+"\n") {
			v.Errorf("the metrics do not say %q", want)
		}
	}
}

func decode(t testing.TB, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}
