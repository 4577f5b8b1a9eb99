//go:build !js

package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"unbrick/server/storage"
)

const deviceColumns = `SELECT id, model, serial, revision, demo, first_seen, last_seen, sessions, version, "order", image, confirmed, state, rest FROM devices `

// scanDevice reads a row. What no query looks at is kept as JSON in rest.
func scanDevice(r row, l *listed) error {
	d := &l.Device
	var first, last, order int64
	var image []byte
	var rest string
	var c storage.Claim
	err := r.Scan(&l.id, &d.Model, &d.Serial, &d.Revision, &d.Demo, &first, &last, &d.Sessions, &c.Version, &order, &image, &c.Confirmed,
		&d.State, &rest)
	if err != nil {
		return err
	}
	kept := *d
	if err := json.Unmarshal([]byte(rest), d); err != nil {
		return errors.Join(storage.ErrDamaged, err)
	}
	d.Model, d.Serial, d.Revision, d.Demo, d.Sessions, d.State = kept.Model, kept.Serial, kept.Revision, kept.Demo, kept.Sessions, kept.State
	d.FirstSeen, d.LastSeen = moment(first), moment(last)
	d.Claim.Version, d.Claim.Order, d.Claim.Image, d.Claim.Confirmed = c.Version, uint64(order), digestOf(image), c.Confirmed
	return nil
}

// Device implements storage.Store.
func (s *Store) Device(ctx context.Context, model, serial string) (storage.Device, error) {
	d, err := one(ctx, s.read, scanDevice, deviceColumns+`WHERE model = ? AND serial = ?`, model, serial)
	return d.Device, named(err, "device %q of model %q", serial, model)
}

// SaveDevice implements storage.Store.
func (s *Store) SaveDevice(ctx context.Context, d *storage.Device, events ...storage.Event) error {
	if len(d.Attempts) > storage.MaxAttempts || len(d.Refusals) > storage.MaxRefused {
		return fmt.Errorf("save device: %d attempts and %d refused files are too many", len(d.Attempts), len(d.Refusals))
	}
	for i := range events {
		if len(events[i].Detail) > storage.MaxDetail {
			return fmt.Errorf("save device: detail of %d bytes is longer than %d", len(events[i].Detail), storage.MaxDetail)
		}
	}
	rest, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("save device: %w", err)
	}
	if d.Revision == 0 {
		if _, err := s.Model(ctx, d.Model); err != nil {
			return fmt.Errorf("save device: %w", err)
		}
	}
	err = s.change(ctx, "save device", func(tx *sql.Tx) error {
		id, err := putDevice(ctx, tx, d, string(rest))
		if err != nil {
			return err
		}
		for i := range events {
			if err := putEvent(ctx, tx, id, &events[i]); err != nil {
				return err
			}
		}
		if len(events) == 0 {
			return nil
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM history WHERE device = ?1 AND id <= (SELECT id FROM history WHERE device = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`,
			id, storage.MaxHistory)
		if err != nil || !slices.ContainsFunc(events, unproven) {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM history WHERE id IN (SELECT id FROM history
			WHERE device = ? AND source = ? AND instr(detail, '"operator":true') = 0 ORDER BY id DESC LIMIT -1 OFFSET ?)`,
			id, storage.ByReporter, storage.MaxUnproven)
		return err
	})
	if err == nil {
		d.Revision++
	}
	return err
}

// unproven says whether an event is the word of a reporter: anybody.
func unproven(e storage.Event) bool { return e.Source == storage.ByReporter }

// DeleteDevice implements storage.Store.
func (s *Store) DeleteDevice(ctx context.Context, model, serial string) error {
	return s.change(ctx, "delete device", func(tx *sql.Tx) error {
		device := touched(tx.ExecContext(ctx, `DELETE FROM devices WHERE model = ? AND serial = ?`, model, serial))
		if device != nil && !errors.Is(device, storage.ErrNotFound) {
			return device
		}
		keys := touched(tx.ExecContext(ctx, `DELETE FROM identities WHERE model = ? AND serial = ?`, model, serial))
		if device == nil && errors.Is(keys, storage.ErrNotFound) {
			return nil
		}
		return keys
	})
}

func putDevice(ctx context.Context, tx *sql.Tx, d *storage.Device, rest string) (id int64, err error) {
	c := &d.Claim
	var awaited any
	if release := d.Awaited(); release != (storage.Digest{}) {
		awaited = release[:]
	}
	values := []any{d.Demo, stamp(d.FirstSeen), stamp(d.LastSeen), d.Sessions, c.Version, int64(c.Order), c.Image[:], c.Confirmed, d.State,
		awaited, rest, !d.Conflict.IsZero()}
	if d.Revision == 0 {
		id, err = one(ctx, tx, column[int64], `INSERT INTO devices (demo, first_seen, last_seen, sessions, version, "order", image, confirmed, state, awaited, rest, conflict, revision, model, serial)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT DO NOTHING RETURNING id`, append(values, d.Model, d.Serial)...)
	} else {
		id, err = one(ctx, tx, column[int64], `UPDATE devices SET demo = ?, first_seen = ?, last_seen = ?, sessions = ?, version = ?, "order" = ?, image = ?, confirmed = ?, state = ?, awaited = ?, rest = ?, conflict = ?,
			revision = revision + 1 WHERE model = ? AND serial = ? AND revision = ? RETURNING id`, append(values, d.Model, d.Serial, d.Revision)...)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return 0, storage.ErrStale
	}
	return id, err
}

func putEvent(ctx context.Context, tx *sql.Tx, device int64, e *storage.Event) error {
	var word any
	if e.Unique != "" {
		word = e.Unique
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO history (device, at, kind, source, "from", "to", file, bytes, detail, word) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		device, stamp(e.At), string(e.Kind), e.Source, e.From, e.To, e.File[:], int64(e.Bytes), e.Detail, word)
	return err
}

// History implements storage.Store.
func (s *Store) History(ctx context.Context, model, serial string, before int64, limit int) ([]storage.Event, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	return all(ctx, s.read, "history", scanEvent, `SELECT id, at, kind, source, "from", "to", file, bytes, detail, coalesce(word, '') FROM history
		WHERE device = (SELECT id FROM devices WHERE model = ? AND serial = ?) AND id < ? ORDER BY id DESC LIMIT ?`,
		model, serial, before, max(1, min(limit, storage.MaxPage)))
}

func scanEvent(r row, e *storage.Event) error {
	var at, n int64
	var file []byte
	err := r.Scan(&e.ID, &at, &e.Kind, &e.Source, &e.From, &e.To, &file, &n, &e.Detail, &e.Unique)
	e.At, e.File, e.Bytes = moment(at), digestOf(file), uint64(n)
	return err
}
