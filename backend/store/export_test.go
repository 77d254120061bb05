package store

import "context"

// Exec runs one statement.
func Exec(db DB, query string) error {
	_, err := db.bun.NewRaw(query).Exec(context.Background())
	return err
}

// SchemaVersion is how many migrations there are.
var SchemaVersion = schemaVersion
