package server

import (
	"errors"

	"latchkey/backend/account"
	"latchkey/shared"
)

func (s *Server) about(call, shared.None) (shared.AboutServer, error) {
	set := s.Accounts.Settings.Now()
	return shared.AboutServer{Name: set.AppName, SignUp: set.SignUpEnabled}, nil
}

// name is what the server is called.
func (s *Server) name() string { return s.Accounts.Settings.Now().AppName }

func (s *Server) listSettings(c call, _ shared.None) (out shared.Settings, err error) {
	all, err := s.Accounts.LoadSettings(c.Context())
	if err != nil {
		return out, err
	}
	for _, k := range all {
		one, err := s.settingOf(c, k)
		if err != nil {
			return out, err
		}
		out.Settings = append(out.Settings, one)
	}
	return out, nil
}

func (s *Server) putSetting(c call, in shared.SettingChange) (shared.Setting, error) {
	k, err := s.Accounts.PutSetting(c.Context(), c.Actor, account.SettingChange{Key: in.Key, Value: in.Value, Revision: in.Revision})
	if wrong, ok := errors.AsType[*account.ValueError](err); ok {
		return shared.Setting{}, shared.ErrInvalidSetting.Saying(c.language().T(wrong.Sentence, wrong.Values...)).In("value")
	} else if stale, ok := errors.AsType[*account.StaleError](err); ok {
		current, err := s.settingOf(c, stale.Current)
		if err != nil {
			return shared.Setting{}, err
		}
		told := *shared.ErrStaleRevision
		told.Current = &current
		return shared.Setting{}, &told
	} else if err != nil {
		return shared.Setting{}, err
	}
	return s.settingOf(c, k)
}

// sendTestMail answers whether whoever carries mails has taken one.
func (s *Server) sendTestMail(c call, _ shared.None) (shared.Status, error) {
	if err := s.Accounts.SendTestMail(c.Context(), c.Actor, s.DeliverMail); err != nil {
		return shared.Status{}, err
	}
	return shared.Status{Status: true}, nil
}

// settingOf is a system key as administrators see it: of a secret, never the
// value.
func (s *Server) settingOf(c call, k account.SystemKey) (shared.Setting, error) {
	out := shared.Setting{
		Key: k.Name, Type: k.Type, Description: c.language().T(k.Description), Default: k.Default, Secret: k.Secret(), IsSet: k.Source != account.FromDefault && k.Value != "",
		Source: k.Source, Locked: k.Locked(), Revision: k.Revision, Group: c.language().T(k.Group), Options: k.Options, Min: k.Min, Max: k.Max,
	}
	if !k.Secret() {
		out.Value = &k.Value
	}
	if k.Revision > 0 {
		by, err := s.Accounts.Store.UserByID(c.Context(), k.UpdatedBy)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			return out, err
		}
		who := by.Email
		if who == "" {
			who = k.UpdatedBy
		}
		out.UpdatedAt, out.UpdatedBy = &shared.Time{Time: k.UpdatedAt}, &who
	}
	return out, nil
}
