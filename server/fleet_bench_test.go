package server

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"unbrick/server/storage"
)

// BenchmarkLargeFleet asks what operators, their pages and their supervisors ask, of 130,000 devices, one rollout and all
// of them heard in the last two days.
func BenchmarkLargeFleet(b *testing.B) {
	const devices = 130_000
	r := newRig(b)
	a := image(1, 20_000)
	one := r.publish("1", 1, a)
	two := r.staged("2", 2, next(a, 2), "100%", "100")
	ctx := context.Background()
	for i, d := range []storage.Device{{State: storage.Running}, {State: storage.Rewriting, Target: two.Digest}, {State: storage.Restoration, Target: two.Digest}} {
		d.Model, d.Serial, d.FirstSeen, d.LastSeen = "0001", fmt.Sprintf("A17-%06d", i), r.now(), r.now()
		d.Claim = storage.Claim{Version: one.Version, Order: 1, Image: one.Digest, Confirmed: true, Workspace: 400 << 10, Kinds: []string{"delta", "full"}}
		if err := r.store.SaveDevice(ctx, &d); err != nil {
			b.Fatal(err)
		}
	}
	// The others are copies, in one transaction: saving one after the other takes minutes.
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.dir, "unbrick.db")+"?_pragma=busy_timeout(60000)")
	if err != nil {
		b.Fatal(err)
	}
	_, err = db.Exec(`WITH RECURSIVE c (i) AS (SELECT 3 UNION ALL SELECT i+1 FROM c WHERE i < ?1 - 1)
		INSERT INTO devices (model, serial, revision, demo, first_seen, last_seen, sessions, version, "order", image, confirmed, state, awaited, rest)
		SELECT model, printf('A17-%06d', i), 1, 0, first_seen, last_seen - i * 48 * 3600000 / ?1, 1, version, "order", image, confirmed, state, awaited, rest
		FROM c JOIN devices d ON d.serial = printf('A17-%06d', CASE WHEN i % 1000 < 3 THEN i % 1000 ELSE 0 END)`, devices)
	if err := errors.Join(err, db.Close()); err != nil {
		b.Fatal(err)
	}
	if n, err := r.store.CountDevices(ctx); n != devices || err != nil {
		b.Fatalf("%d devices, %v", n, err)
	}
	b.ResetTimer()
	for _, path := range []string{"/api/releases", "/api/summary", "/metrics", "/api/devices", "/api/devices?model=0001", "/api/devices?image=" + fmt.Sprintf("%x", one.Digest),
		"/api/devices?group=silent", "/api/devices?search=A17-012345", "/api/devices?search=A17", "/api/devices?search=zz"} {
		b.Run(path, func(b *testing.B) {
			for range b.N {
				q := httptest.NewRequest("GET", path, nil)
				q.Header.Set("Authorization", "Bearer "+testToken)
				w := httptest.NewRecorder()
				r.s.Handler().ServeHTTP(w, q)
				if w.Code != http.StatusOK {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
	b.Run("rollouts", func(b *testing.B) {
		for range b.N {
			if err := r.s.rollouts.LookForLost(ctx); err != nil {
				b.Fatal(err)
			}
		}
	})
}
