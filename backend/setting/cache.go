package setting

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"latchkey/backend/keyring"
)

// Cache holds the current settings in memory, so that reading them costs nothing. The
// caller keeps it up to date with [Cache.Apply].
type Cache struct {
	env     map[string]string // the values that the environment sets
	current atomic.Pointer[Settings]
}

// NewCache returns a Cache with the settings of the environment. The other settings have
// their defaults until [Cache.Apply]. NewCache fails if the environment has an invalid
// value. The error does not contain the value.
func NewCache(getenv func(string) string) (*Cache, error) {
	c := &Cache{env: make(map[string]string)}
	var errs []error
	for _, spec := range registry {
		v := getenv(spec.Name)
		if v == "" {
			continue
		}
		value, err := spec.Parse(v)
		if err != nil {
			errs = append(errs, fmt.Errorf("the environment variable %s is invalid: %w", spec.Name, err))
			continue
		}
		c.env[spec.Name] = value
	}
	if _, err := c.Apply(nil, keyring.Keys{}); err != nil {
		return nil, err
	}
	return c, errors.Join(errs...)
}

// Now returns the current settings. The caller must not change them.
func (c *Cache) Now() *Settings { return c.current.Load() }

// ReadOnly reports whether the environment sets the setting with the name.
func (c *Cache) ReadOnly(name string) bool {
	_, ok := c.env[name]
	return ok
}

// Apply replaces the cached settings with those of the rows. Values of the environment take
// precedence. It returns the state of every setting, in the order of the settings page. If
// it fails, the cache does not change.
func (c *Cache) Apply(rows []Setting, keys keyring.Keys) ([]State, error) {
	now, states, err := resolve(registry, c.env, rows, keys)
	if err != nil {
		return nil, err
	}
	c.current.Store(now)
	return states, nil
}

// resolve computes the settings in two passes: it reads every value, and only then derives
// the values that depend on several settings. So the order of specs does not matter.
func resolve(specs []Spec, env map[string]string, rows []Setting, keys keyring.Keys) (*Settings, []State, error) {
	now, states := new(Settings), make([]State, 0, len(specs))
	// The version belongs to these rows. If a concurrent call has applied newer rows and
	// these replace them, the version differs from the store's, so the rows are read again.
	for _, row := range rows {
		now.Version += row.Revision
	}
	for _, spec := range specs {
		state, err := spec.state(env, rows, keys)
		if err != nil {
			return nil, nil, err
		}
		if state.Value, err = spec.set(now, state.Value); err != nil {
			// Does not wrap err, because this is a bug and not a caller's invalid value.
			return nil, nil, fmt.Errorf("the default of %s: %s", spec.Name, err.Error())
		}
		states = append(states, state)
	}
	derive(now, states, rows)
	return now, states, nil
}

// state returns the setting with its value from the environment, or else from the rows, or
// else its default.
func (s Spec) state(env map[string]string, rows []Setting, keys keyring.Keys) (State, error) {
	state, err := s.Stored(rows, keys)
	if err != nil {
		return State{}, err
	}
	// An older version of the program may have stored a value that is invalid now. In that
	// case, the setting counts as not set.
	if _, err := s.Parse(state.Value); err != nil {
		state.Value, state.Source = s.Default, FromDefault
	}
	if v, ok := env[s.Name]; ok {
		state.Value, state.Source = v, FromEnvironment
	}
	return state, nil
}

// derive sets the values that depend on several settings or on their rows.
func derive(now *Settings, states []State, rows []Setting) {
	for i := range states {
		switch state := &states[i]; state.Name {
		case verifyEmail:
			// A server that can send emails verifies addresses, unless VERIFY_EMAIL is set.
			if state.Source == FromDefault && now.SendsEmail() {
				state.Value, now.VerifyEmail = Required, Required
			}
		case requireTwoFactor:
			now.RequiredSince = requiredSince(*state, rows)
		}
	}
}

// ImpliesVerification reports whether a first value of the setting would make VERIFY_EMAIL
// required, because nothing else sets that. states are the states of all settings.
func ImpliesVerification(one State, states []State) bool {
	if !one.sendsEmail() || one.ReadOnly() || slices.ContainsFunc(states, func(s State) bool { return s.sendsEmail() && s.Value != "" }) {
		return false
	}
	return slices.ContainsFunc(states, func(s State) bool { return s.Name == verifyEmail && s.Source == FromDefault })
}

// sendsEmail reports whether a value of the setting makes the server send emails.
func (s State) sendsEmail() bool { return s.Name == mailAPIKey || s.Name == smtpServer }

// environmentKey is the key of a row that is not a setting. The row records the last value
// of REQUIRE_TWO_FACTOR in the environment, and since when it has been set.
const environmentKey = "the environment's " + requireTwoFactor

// requiredSince returns when REQUIRE_TWO_FACTOR was set to its value. It returns the zero
// time for the default, and for a value of the environment that is not recorded yet.
func requiredSince(state State, rows []Setting) time.Time {
	switch state.Source {
	case FromDatabase:
		return state.UpdatedAt
	case FromEnvironment:
		if recorded, _ := rowOf(rows, environmentKey); recorded.Value == state.Value {
			return recorded.UpdatedAt
		}
	}
	return time.Time{}
}

// EnvironmentRow returns a row that records that the environment sets REQUIRE_TWO_FACTOR to
// its value as of now. changed reports whether the caller must store the row: it is false
// if the rows have the value already.
func (c *Cache) EnvironmentRow(rows []Setting, now time.Time) (row Setting, changed bool) {
	row, _ = rowOf(rows, environmentKey)
	if row.Value == c.env[requireTwoFactor] {
		return row, false
	}
	row.Value, row.Revision, row.UpdatedAt = c.env[requireTwoFactor], row.Revision+1, now
	return row, true
}
