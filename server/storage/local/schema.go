//go:build !js

package local

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
)

// schema makes the tables of a new database.
//
//go:embed schema.sql
var schema string

// version is the schema's (PRAGMA user_version). Older ones hold releases of a form that nothing reads any more. From 1.0 on a
// change of the schema is a migration from this one; until then it is a higher version.
const version = 7

// create brings the schema into a database that has none. It is one transaction, so a crash leaves none or all of it.
func create(ctx context.Context, db *sql.DB) error {
	var have int
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&have); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if have == version {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("create schema: %w", err)
	}
	defer tx.Rollback()
	mark := fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d`, applicationID, version)
	if _, err := tx.ExecContext(ctx, schema+mark); err != nil {
		return fmt.Errorf("create schema: %w", err)
	}
	return tx.Commit()
}
