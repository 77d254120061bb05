package setting

import (
	"slices"
	"time"

	"latchkey/backend/keyring"
)

// Setting is the stored row of a setting that an administrator has changed.
type Setting struct {
	Key       string `bun:",pk"` // the name of the setting
	Value     string // sealed if the setting is a secret
	Revision  int64
	UpdatedAt time.Time
	UpdatedBy string // a user's ID
}

// AAD is the additional authenticated data of a sealed value. It binds the value to
// its row.
func (r Setting) AAD() string { return "settings|value|" + r.Key }

// rowOf returns the row with that key, and reports whether there is one. If not, it
// returns an empty row with the key.
func rowOf(rows []Setting, key string) (row Setting, ok bool) {
	if i := slices.IndexFunc(rows, func(r Setting) bool { return r.Key == key }); i >= 0 {
		return rows[i], true
	}
	return Setting{Key: key}, false
}

// The sources of the value of a setting.
const (
	FromEnvironment = "env"
	FromDatabase    = "database"
	FromDefault     = "default"
)

// State is a setting with its present value.
type State struct {
	Spec
	Value     string // in clear, and it must not leave the server if it is a secret
	Source    string
	Revision  int64 // 0 if the database has no row
	UpdatedAt time.Time
	UpdatedBy string // a user's ID; empty if the database has no row
}

// ReadOnly reports whether the environment sets the value, so that administrators
// cannot change it.
func (s State) ReadOnly() bool { return s.Source == FromEnvironment }

// Stored returns the setting as the rows have it, or the default. It does not check
// the value, which a version of the program with other limits may have written. It
// fails if it cannot unseal a secret.
func (s Spec) Stored(rows []Setting, keys keyring.Keys) (State, error) {
	row, ok := rowOf(rows, s.Name)
	if !ok {
		return State{Spec: s, Value: s.Default, Source: FromDefault}, nil
	}
	state := State{
		Spec: s, Value: row.Value, Source: FromDatabase, Revision: row.Revision, UpdatedAt: row.UpdatedAt, UpdatedBy: row.UpdatedBy,
	}
	if !s.Secret() {
		return state, nil
	}
	var err error
	state.Value, err = keys.Unseal(row.Value, row.AAD())
	return state, err
}

// Row returns a row with a value, which is sealed if the setting is a secret. The
// caller fills in the revision and who has changed the setting when.
func (s Spec) Row(value string, keys keyring.Keys) Setting {
	row := Setting{Key: s.Name, Value: value}
	if s.Secret() {
		row.Value = keys.Seal(value, row.AAD())
	}
	return row
}
