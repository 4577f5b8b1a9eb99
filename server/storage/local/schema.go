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
const version = 11

// create brings the schema into a database that has none. It is one transaction, so a crash leaves none or all of it.
func create(ctx context.Context, db *sql.DB) error {
	have, err := one(ctx, db, column[int], `PRAGMA user_version`)
	if err != nil || have == version {
		return named(err, "read schema version")
	}
	return transact(ctx, db, nil, "create schema", func(tx *sql.Tx) error {
		mark := fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d`, applicationID, version)
		_, err := tx.ExecContext(ctx, schema+mark)
		return err
	})
}
