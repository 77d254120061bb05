package setting

import (
	"slices"
	"time"

	"latchkey/backend/keyring"
)

// Setting is a stored row: the value of a setting that an administrator has changed.
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

// rowOf returns the row with the key, and reports whether there is one. If not, it returns
// a row that has only the key.
func rowOf(rows []Setting, name string) (row Setting, ok bool) {
	if i := slices.IndexFunc(rows, func(r Setting) bool { return r.Key == name }); i >= 0 {
		return rows[i], true
	}
	return Setting{Key: name}, false
}

// The sources of values.
const (
	FromEnvironment = "env"
	FromDatabase    = "database"
	FromDefault     = "default"
)

// State is a setting with its current value.
type State struct {
	Spec
	Value     string // unsealed; it must not leave the server if the setting is a secret
	Source    string
	Revision  int64 // 0 if the database has no row
	UpdatedAt time.Time
	UpdatedBy string // a user's ID; empty if the database has no row
}

// ReadOnly reports whether the environment sets the value, so that administrators
// cannot change it.
func (s State) ReadOnly() bool { return s.Source == FromEnvironment }

// Stored returns the setting with its value in rows, or its default. It does not validate
// the value: another version of the program, with other limits, may have written it. It
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

// Row returns a row with the value, which it seals if the setting is a secret. The caller
// sets the revision, the time and the user.
func (s Spec) Row(value string, keys keyring.Keys) Setting {
	row := Setting{Key: s.Name, Value: value}
	if s.Secret() {
		row.Value = keys.Seal(value, row.AAD())
	}
	return row
}
