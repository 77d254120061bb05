package account

import (
	"context"
	"slices"

	"latchkey/backend/audit"
	"latchkey/backend/mail"
	"latchkey/backend/setting"
	"latchkey/shared"
)

// LoadSettings reads the stored settings into the cache, and returns the state of all.
func (s *Service) LoadSettings(ctx context.Context) ([]setting.State, error) {
	rows, err := s.Store.Settings(ctx)
	if err != nil {
		return nil, err
	}
	return s.Settings.Apply(rows, s.Keys)
}

// RecordEnvironment records since when REQUIRE_TWO_FACTOR of the environment has its
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
	if _, err := s.Store.PutSetting(ctx, row); err != nil { // if it was not written, another server was first
		return err
	}
	_, err = s.LoadSettings(ctx)
	return err
}

// RefreshSettings loads the settings if one has changed.
func (s *Service) RefreshSettings(ctx context.Context) error {
	version, err := s.Store.SettingsVersion(ctx)
	if err != nil || version == s.Settings.Now().Version {
		return err
	}
	_, err = s.LoadSettings(ctx)
	return err
}

// SettingChange gives a setting a value.
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

// settingTries is how often PutSetting tries a change that replaces any revision, if
// concurrent changes get ahead of it.
const settingTries = 5

// PutSetting gives a setting a value. It fails with [shared.ErrUnknownSetting], with
// [setting.ValueError], with [shared.ErrSettingReadOnly] if the environment sets the
// value, and with [StaleError].
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

// putSetting reports whether the setting now has the value. It does not if the stored
// revision is another than the given one, or if a concurrent change came first.
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
		e := s.sessionEvent(audit.EventSettingChanged, actor)
		e.Subject = spec.Name
		if e.Detail = detail(map[string]string{"before": old.Value, "after": value}); spec.Secret() {
			e.Detail = detail(map[string]string{"after": "changed"})
			if err := s.notifyAdmins(ctx, in, actor.Client, spec.Name); err != nil {
				return err
			}
		}
		return in.AddEvent(ctx, s.Keys, e)
	})
	return written, err
}

// notifyAdmins emails all users who can change settings that a secret one has changed.
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
	// SettingsVersion returns the sum of their revisions.
	SettingsVersion(ctx context.Context) (int64, error)
	// PutSetting writes a row in place of the revision before its own, or as the first
	// one. It reports whether it did: of several concurrent calls, one does.
	PutSetting(ctx context.Context, row setting.Setting) (bool, error)
}
