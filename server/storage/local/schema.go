//go:build !js

package local

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations lead from one schema to the next; PRAGMA user_version counts those that ran. A published
// migration is never changed: a change of the schema is a new entry.
//
// Times are milliseconds since 1970, digests 32-byte blobs, u64 values are stored as the signed integer of the
// same bits only where they are not compared (order and counter are limited to 63 bits at the API).
var migrations = []string{
	`CREATE TABLE models (
		id TEXT PRIMARY KEY,
		record BLOB NOT NULL,
		updated INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;

	CREATE TABLE keys (
		model TEXT NOT NULL REFERENCES models(id),
		kid BLOB NOT NULL,
		public BLOB NOT NULL,
		added INTEGER NOT NULL,
		PRIMARY KEY (model, kid)
	) STRICT, WITHOUT ROWID;

	CREATE TABLE releases (
		model TEXT NOT NULL REFERENCES models(id),
		"order" INTEGER NOT NULL,
		version TEXT NOT NULL,
		image BLOB NOT NULL,
		signed BLOB NOT NULL,
		state INTEGER NOT NULL,
		published INTEGER NOT NULL,
		PRIMARY KEY (model, "order"),
		UNIQUE (model, version),
		UNIQUE (model, image)
	) STRICT, WITHOUT ROWID;

	CREATE TABLE files (
		id INTEGER PRIMARY KEY,
		model TEXT NOT NULL,
		source BLOB NOT NULL,
		target BLOB NOT NULL,
		shape BLOB NOT NULL,
		step INTEGER NOT NULL,
		creator TEXT NOT NULL,
		state INTEGER NOT NULL,
		blob BLOB,
		size INTEGER NOT NULL DEFAULT 0,
		workspace INTEGER NOT NULL DEFAULT 0,
		attempts INTEGER NOT NULL DEFAULT 0,
		refusals INTEGER NOT NULL DEFAULT 0,
		next INTEGER NOT NULL DEFAULT 0,
		error TEXT NOT NULL DEFAULT '',
		made INTEGER NOT NULL DEFAULT 0,
		owner TEXT NOT NULL DEFAULT '',
		lease INTEGER NOT NULL DEFAULT 0,
		UNIQUE (source, target, model, shape, step, creator)
	) STRICT;
	CREATE INDEX files_work ON files (state, id) WHERE state IN (1, 2);
	CREATE INDEX files_blob ON files (blob) WHERE blob IS NOT NULL;

	CREATE TABLE devices (
		id INTEGER PRIMARY KEY,
		model TEXT NOT NULL REFERENCES models(id),
		serial TEXT NOT NULL,
		revision INTEGER NOT NULL,
		demo INTEGER NOT NULL,
		first_seen INTEGER NOT NULL,
		last_seen INTEGER NOT NULL,
		sessions INTEGER NOT NULL,
		version TEXT NOT NULL,
		"order" INTEGER NOT NULL,
		image BLOB NOT NULL,
		confirmed INTEGER NOT NULL,
		state INTEGER NOT NULL,
		rest TEXT NOT NULL,
		UNIQUE (model, serial)
	) STRICT;
	CREATE INDEX devices_state ON devices (state, last_seen, id);
	CREATE INDEX devices_image ON devices (model, image, version, confirmed);

	CREATE TABLE history (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		device INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
		at INTEGER NOT NULL,
		kind TEXT NOT NULL,
		source INTEGER NOT NULL,
		"from" TEXT NOT NULL,
		"to" TEXT NOT NULL,
		file BLOB NOT NULL,
		bytes INTEGER NOT NULL,
		detail TEXT NOT NULL,
		word TEXT
	) STRICT;
	CREATE INDEX history_device ON history (device, id);
	CREATE UNIQUE INDEX history_word ON history (device, word) WHERE word IS NOT NULL;

	CREATE TABLE settings (
		name TEXT PRIMARY KEY,
		value BLOB NOT NULL
	) STRICT, WITHOUT ROWID;`,

	`ALTER TABLE releases ADD COLUMN rollout TEXT NOT NULL DEFAULT '';`,
}

// migrate brings the database to the newest schema. Each step is one transaction, so a crash leaves a whole schema.
func migrate(ctx context.Context, db *sql.DB) error {
	var have int
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&have); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if have > len(migrations) {
		return fmt.Errorf("schema version %d is of a newer server, this one knows %d", have, len(migrations))
	}
	for i := have; i < len(migrations); i++ {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("migrate to schema %d: %w", i+1, err)
		}
		_, err = tx.ExecContext(ctx, migrations[i])
		if err == nil {
			_, err = tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, i+1))
		}
		if err == nil {
			err = tx.Commit()
		}
		if err != nil {
			tx.Rollback()
			return fmt.Errorf("migrate to schema %d: %w", i+1, err)
		}
	}
	return nil
}
