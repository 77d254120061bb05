package store

import (
	"context"
	"errors"

	"latchkey/backend/account"
)

// keyCheck is a row that only the holder of a key could have written.
type keyCheck struct {
	N     int `bun:",pk"`
	ID    string
	Value []byte
}

// ErrKeys says that the database was made with keys that the server lacks.
var ErrKeys = errors.New("the database was made with another key")

// CheckKeys fails with [ErrKeys] unless the keys are those of the database. A
// database without any takes them.
func (db DB) CheckKeys(ctx context.Context, keys account.Keys) error {
	id, value := keys.Check()
	if _, err := db.bun.NewInsert().Model(&keyCheck{1, id, value}).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
		return failed(err)
	}
	var checks []keyCheck
	if err := db.bun.NewSelect().Model(&checks).Scan(ctx); err != nil {
		return failed(err)
	}
	for _, c := range checks {
		if !keys.Knows(c.ID, c.Value) {
			return ErrKeys
		}
	}
	return nil
}
