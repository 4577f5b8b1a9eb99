//go:build !js

package local

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"

	"unbrick/server/storage"
)

// group is a range of the index devices_state: one state, and a part of its last_seen.
type group struct {
	state    storage.DeviceState
	from, to int64 // from <= last_seen < to
}

// groups is storage.Device.Group as ranges; a running device that was restored from Receiving is never silent twice.
func groups(cut storage.Cutoffs) [storage.Groups]group {
	silent, overdue := stamp(cut.Silent), stamp(cut.Overdue)
	return [storage.Groups]group{
		storage.GroupRestoration: {storage.Restoration, math.MinInt64, math.MaxInt64},
		storage.GroupCable:       {storage.NeedsCable, math.MinInt64, math.MaxInt64},
		storage.GroupOverdue:     {storage.Rewriting, math.MinInt64, overdue},
		storage.GroupHeld:        {storage.HeldBack, math.MinInt64, math.MaxInt64},
		storage.GroupSilent:      {storage.Running, math.MinInt64, silent},
		storage.GroupReceiving:   {storage.Receiving, math.MinInt64, math.MaxInt64},
		storage.GroupRewriting:   {storage.Rewriting, overdue, math.MaxInt64},
		storage.GroupRunning:     {storage.Running, silent, math.MaxInt64},
	}
}

// filter is the part of a query that holds within every group.
func filter(q *storage.Query) (where string, args []any) {
	if q.Model != "" {
		where += ` AND model = ?`
		args = append(args, q.Model)
	}
	if q.Image != nil {
		where += ` AND image = ?`
		args = append(args, q.Image[:])
	}
	if q.Search != "" {
		low := strings.ToLower(q.Search)
		where += ` AND (instr(lower(serial), ?) > 0 OR instr(lower(model), ?) = 1 OR instr(lower(version), ?) = 1)`
		args = append(args, low, low, low)
	}
	return where, args
}

// place is where a page begins: behind this device, or at the start of its group.
type place struct {
	group    int
	last, id int64
}

// Devices implements storage.Store: one index range for each group, from the cursor's on, until the page is full.
func (s *Store) Devices(ctx context.Context, q storage.Query) (storage.Page, error) {
	var page storage.Page
	limit := max(1, min(q.Limit, storage.MaxPage))
	start := place{0, math.MaxInt64, math.MaxInt64}
	if q.Cursor != "" {
		_, err := fmt.Sscanf(q.Cursor, "%d.%d.%d", &start.group, &start.last, &start.id)
		if err != nil || start.group < 0 || start.group >= int(storage.Groups) {
			return page, fmt.Errorf("list devices: %w %q", storage.ErrCursor, q.Cursor)
		}
	}
	where, args := filter(&q)
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // one moment for page and total
	if err != nil {
		return page, fmt.Errorf("list devices: %w", full(err))
	}
	defer tx.Rollback()
	var end place // of the last device on the page
	for g, r := range groups(q.Cut) {
		if q.Group != nil && int(*q.Group) != g {
			continue
		}
		n, err := countRange(ctx, tx, r, where, args)
		if err != nil {
			return page, fmt.Errorf("list devices: %w", err)
		}
		page.Total += n
		if g < start.group || n == 0 || page.Next != "" {
			continue
		}
		from := place{g, math.MaxInt64, math.MaxInt64}
		if g == start.group {
			from = start
		}
		want := limit - len(page.Devices)
		more, err := listRange(ctx, tx, r, from, where, args, want+1)
		if err != nil {
			return page, err
		}
		for i, d := range more {
			if i == want {
				page.Next = fmt.Sprintf("%d.%d.%d", end.group, end.last, end.id)
				break
			}
			page.Devices = append(page.Devices, d.Device)
			end = place{g, stamp(d.LastSeen), d.id}
		}
	}
	return page, nil
}

func listRange(ctx context.Context, tx *sql.Tx, r group, from place, where string, args []any, limit int) ([]listed, error) {
	rows, err := tx.QueryContext(ctx, deviceColumns+`WHERE state = ? AND last_seen >= ? AND last_seen < ? AND (last_seen, id) < (?, ?)`+where+` ORDER BY last_seen DESC, id DESC LIMIT ?`,
		append(append([]any{r.state, r.from, r.to, from.last, from.id}, args...), limit)...)
	return collect(rows, err, "list devices", func(d *listed) (err error) {
		d.id, err = scanDevice(rows, &d.Device)
		return err
	})
}

type listed struct {
	storage.Device
	id int64
}

func countRange(ctx context.Context, tx *sql.Tx, r group, where string, args []any) (n int, err error) {
	err = tx.QueryRowContext(ctx, `SELECT count(*) FROM devices WHERE state = ? AND last_seen >= ? AND last_seen < ?`+where,
		append([]any{r.state, r.from, r.to}, args...)...).Scan(&n)
	return n, full(err)
}

// CountDevices implements storage.Store.
func (s *Store) CountDevices(ctx context.Context) (n int, err error) {
	if err = s.read.QueryRowContext(ctx, `SELECT count(*) FROM devices`).Scan(&n); err != nil {
		return 0, fmt.Errorf("count devices: %w", full(err))
	}
	return n, nil
}

// Summary implements storage.Store.
func (s *Store) Summary(ctx context.Context, cut storage.Cutoffs) (storage.Summary, error) {
	var sum storage.Summary
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return sum, fmt.Errorf("summary: %w", full(err))
	}
	defer tx.Rollback()
	for g, r := range groups(cut) {
		n, err := countRange(ctx, tx, r, "", nil)
		if err != nil {
			return sum, fmt.Errorf("summary: %w", err)
		}
		sum.Groups[g] = n
		sum.Devices += n
	}
	rows, err := tx.QueryContext(ctx, `SELECT model, image, max(version), count(*), sum(confirmed) FROM devices GROUP BY model, image ORDER BY model, image`)
	sum.Releases, err = collect(rows, err, "summary", func(c *storage.ReleaseCount) error {
		var image []byte
		err := rows.Scan(&c.Model, &image, &c.Version, &c.Installed, &c.Confirmed)
		c.Image = digestOf(image)
		return err
	})
	return sum, err
}
