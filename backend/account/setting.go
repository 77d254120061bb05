package account

import (
	"context"
	"slices"

	"latchkey/backend/mail"
	"latchkey/backend/setting"
	"latchkey/shared"
)

// LoadSettings reads the stored settings into the cache, and returns the states of all
// settings.
func (s *Service) LoadSettings(ctx context.Context) ([]setting.State, error) {
	rows, err := s.Store.Settings(ctx)
	if err != nil {
		return nil, err
	}
	return s.Settings.Apply(rows, s.Keys)
}

// RecordEnvironment records when the environment began to set REQUIRE_TWO_FACTOR to its
// value. The grace period of the accounts that exist then begins at that time.
func (s *Service) RecordEnvironment(ctx context.Context) error {
	rows, err := s.Store.Settings(ctx)
	if err != nil {
		return err
	}
	row, changed := s.Settings.EnvironmentRow(rows, s.Now())
	if !changed {
		return nil
	}
	if _, err := s.Store.PutSetting(ctx, row); err != nil { // if it was not written, another server came first
		return err
	}
	_, err = s.LoadSettings(ctx)
	return err
}

// RefreshSettings reloads the settings if a stored one has changed.
func (s *Service) RefreshSettings(ctx context.Context) error {
	version, err := s.Store.SettingsVersion(ctx)
	if err != nil || version == s.Settings.Now().Version {
		return err
	}
	_, err = s.LoadSettings(ctx)
	return err
}

// SettingChange describes a change of the value of a setting.
type SettingChange struct {
	Name, Value string
	Revision    *int64 // the revision to replace; nil for any
}

// StaleError is the [shared.ErrStaleRevision] for a change of a setting that another
// administrator has changed meanwhile.
type StaleError struct{ Current setting.State }

func (e *StaleError) Error() string { return shared.ErrStaleRevision.Error() }

// Unwrap makes errors.Is find the shared error.
func (e *StaleError) Unwrap() error { return shared.ErrStaleRevision }

// settingTries is how often PutSetting tries a change that may replace any revision, if
// concurrent changes come first.
const settingTries = 5

// PutSetting sets the value of a setting. Errors:
//   - [shared.ErrUnknownSetting]: there is no such setting
//   - [shared.ErrSettingReadOnly]: the environment sets the value
//   - [setting.ValueError]: the value is not valid
//   - [StaleError]: the setting has another revision than c.Revision
//   - [shared.ErrUnavailable]: concurrent changes came first each time
func (s *Service) PutSetting(ctx context.Context, actor Actor, c SettingChange) (setting.State, error) {
	spec, ok := setting.Find(c.Name)
	if !ok {
		return setting.State{}, shared.ErrUnknownSetting.In("key")
	}
	if s.Settings.ReadOnly(spec.Name) {
		return setting.State{}, shared.ErrSettingReadOnly.In("key")
	}
	value, err := spec.Parse(c.Value)
	if err != nil {
		return setting.State{}, err
	}
	for range settingTries {
		written, err := s.putSetting(ctx, actor, spec, value, c.Revision)
		if err != nil {
			return setting.State{}, err
		}
		states, err := s.LoadSettings(ctx)
		if err != nil {
			return setting.State{}, err
		}
		i := slices.IndexFunc(states, func(state setting.State) bool { return state.Name == spec.Name })
		switch current := states[i]; {
		case written:
			return current, nil
		case c.Revision != nil:
			return current, &StaleError{current}
		}
	}
	return setting.State{}, shared.ErrUnavailable
}

// putSetting sets a value in one transaction, and reports whether the setting now has it.
// It reports false if the stored revision is not the given one, or if a concurrent change
// came first.
func (s *Service) putSetting(
	ctx context.Context, actor Actor, spec setting.Spec, value string, revision *int64,
) (written bool, err error) {
	err = s.inSessionTx(ctx, actor, func(in userTx) error {
		rows, err := in.Settings(ctx)
		if err != nil {
			return err
		}
		old, err := spec.Stored(rows, s.Keys)
		if err != nil {
			return err
		}
		if revision != nil && *revision != old.Revision {
			return nil
		}
		if old.Value == value && old.Revision > 0 {
			written = true
			return nil
		}
		row := spec.Row(value, s.Keys)
		row.Revision, row.UpdatedAt, row.UpdatedBy = old.Revision+1, s.Now(), in.User.ID
		if written, err = in.PutSetting(ctx, row); err != nil || !written {
			return err
		}
		e := s.sessionEvent(shared.EventSettingChanged, actor)
		e.Subject = spec.Name
		if e.Detail = detail(map[string]string{DetailBefore: old.Value, DetailAfter: value}); spec.Secret() {
			e.Detail = detail(map[string]string{DetailAfter: "changed"})
			if err := s.notifyAdmins(ctx, in, actor.Client, spec.Name); err != nil {
				return err
			}
		}
		return in.AddEvent(ctx, s.Keys, e)
	})
	return written, err
}

// notifyAdmins notifies all users who can change settings of a change of a secret setting.
func (s *Service) notifyAdmins(ctx context.Context, in userTx, client Client, name string) error {
	admins, err := in.UsersWith(ctx, PermissionSettings)
	if err != nil {
		return err
	}
	for _, admin := range admins {
		n := mail.SecretSettingChanged{Setting: name, By: in.User.Email}
		if err := s.send(ctx, in, s.compose(admin, client, n)); err != nil {
			return err
		}
	}
	return nil
}

type settingStore interface {
	// Settings returns the rows of the settings.
	Settings(ctx context.Context) ([]setting.Setting, error)
	// SettingsVersion returns the sum of the revisions of all rows.
	SettingsVersion(ctx context.Context) (int64, error)
	// PutSetting writes a row. If there is a stored row, its revision must be the previous
	// one. It reports whether it wrote: of several concurrent calls, one does.
	PutSetting(ctx context.Context, row setting.Setting) (bool, error)
}
