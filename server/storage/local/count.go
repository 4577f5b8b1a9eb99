//go:build !js

package local

import (
	"context"
	"database/sql"
	"math"

	"unbrick/server/storage"
)

// What the fleet's numbers come from: the tables tally and runs, which triggers keep in step with the devices. Nothing
// here looks at more devices than spoke within one fine bucket (33 s), however many there are.

// Levels of the tally: exponents of a bucket's length in milliseconds.
const (
	fine   = 15
	coarse = 25
)

// scope names a set of devices that the tally counts, and the same set as a condition on devices.
type scope struct {
	kind  int
	model string
	image []byte
	where string
	args  []any
}

func everyone() scope { return scope{image: []byte{}} }

func ofModel(model string) scope {
	return scope{1, model, []byte{}, ` AND model = ?`, []any{model}}
}

func ofImage(model string, image storage.Digest) scope {
	return scope{2, model, image[:], ` AND model = ? AND image = ?`, []any{model, image[:]}}
}

func awaiting(model string, image storage.Digest) scope {
	return scope{3, model, image[:], ` AND model = ? AND awaited = ?`, []any{model, image[:]}}
}

const (
	tallyKey   = `SELECT coalesce(sum(n), 0) FROM tally WHERE scope = ? AND model = ? AND image = ? AND state = ? AND level = ?`
	tallyRange = tallyKey + ` AND bucket >= ? AND bucket < ?`
	edgeCount  = `SELECT count(*) FROM devices WHERE state = ? AND last_seen >= ? AND last_seen < ?`
)

// countRange counts the devices of a scope in a group.
func countRange(ctx context.Context, tx *sql.Tx, r group, in scope) (int, error) {
	upper, err := before(ctx, tx, r.state, r.to, in)
	if err != nil || r.from == math.MinInt64 {
		return upper, err
	}
	lower, err := before(ctx, tx, r.state, r.from, in)
	return upper - lower, err
}

// before counts the devices of a state whose last word was before t: whole coarse buckets, whole fine ones in the coarse
// bucket that t divides, and the devices themselves in the fine bucket that t divides.
func before(ctx context.Context, tx *sql.Tx, state storage.DeviceState, t int64, in scope) (n int, err error) {
	key := []any{in.kind, in.model, in.image, state}
	part := func(query string, args ...any) {
		var some int
		if err == nil {
			some, err = one(ctx, tx, column[int], query, args...)
			n += some
		}
	}
	if t == math.MaxInt64 {
		part(tallyKey, append(key, coarse)...)
		return n, err
	}
	part(tallyRange, append(key, coarse, math.MinInt64, t>>coarse)...)
	part(tallyRange, append(key, fine, t>>coarse<<(coarse-fine), t>>fine)...)
	if start := t >> fine << fine; start < t {
		part(edgeCount+in.where, append([]any{state, start, t}, in.args...)...)
	}
	return n, err
}

// CountDevices implements storage.Store.
func (s *Store) CountDevices(ctx context.Context) (int, error) {
	n, err := one(ctx, s.read, column[int], `SELECT coalesce(sum(n), 0) FROM tally WHERE scope = 0 AND level = ?`, coarse)
	return n, named(err, "count devices")
}

// Lost implements storage.Store.
func (s *Store) Lost(ctx context.Context, model string, image storage.Digest, cut storage.Cutoffs) (n int, err error) {
	err = s.view(ctx, "count lost devices", func(tx *sql.Tx) error {
		ranges := groups(cut)
		for _, g := range []storage.Group{storage.GroupOverdue, storage.GroupRestoration} {
			some, err := countRange(ctx, tx, ranges[g], awaiting(model, image))
			if err != nil {
				return err
			}
			n += some
		}
		return nil
	})
	return n, err
}

const (
	runsOfReleases = `SELECT model, image, "order", max(version), sum(installed), sum(confirmed) FROM runs
		WHERE (model, image) IN (SELECT model, image FROM releases WHERE ?1 = '' OR model = ?1) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`
	runsOfOthers = `SELECT model, image, "order", version, installed, confirmed FROM runs
		WHERE NOT EXISTS (SELECT 1 FROM releases r WHERE r.model = runs.model AND r.image = runs.image) ORDER BY installed DESC LIMIT ?`
)

func scanCount(r row, c *storage.ReleaseCount) error {
	var image []byte
	var order int64
	err := r.Scan(&c.Model, &image, &order, &c.Version, &c.Installed, &c.Confirmed)
	c.Image, c.Order = digestOf(image), uint64(order)
	return err
}

// Installed implements storage.Store.
func (s *Store) Installed(ctx context.Context, model string) ([]storage.ReleaseCount, error) {
	return all(ctx, s.read, "count installed", scanCount, runsOfReleases, model)
}

// Summary implements storage.Store.
func (s *Store) Summary(ctx context.Context, cut storage.Cutoffs) (storage.Summary, error) {
	var sum storage.Summary
	err := s.view(ctx, "summary", func(tx *sql.Tx) error {
		for g, r := range groups(cut) {
			n, err := countRange(ctx, tx, r, everyone())
			if err != nil {
				return err
			}
			sum.Groups[g] = n
			sum.Devices += n
		}
		runs, err := all(ctx, tx, "count installed", scanCount, runsOfReleases, "")
		if err != nil {
			return err
		}
		others, err := all(ctx, tx, "count installed", scanCount, runsOfOthers, storage.MaxUnknown)
		sum.Releases = append(runs, others...)
		return err
	})
	return sum, err
}
