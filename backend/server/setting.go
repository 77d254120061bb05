package server

import (
	"context"
	"errors"
	"time"

	"latchkey/backend/account"
	"latchkey/backend/mail"
	"latchkey/backend/setting"
	"latchkey/shared"
	"latchkey/shared/message"
)

func (s *Server) about(call, shared.None) (shared.AboutServer, error) {
	set := s.Accounts.Settings.Now()
	return shared.AboutServer{Name: set.AppName, SignUp: set.SignUpEnabled}, nil
}

// name returns the name of the service, the setting APP_NAME.
func (s *Server) name() string { return s.Accounts.Settings.Now().AppName }

func (s *Server) listSettings(c call, _ shared.None) (out shared.Settings, err error) {
	states, err := s.Accounts.LoadSettings(c.Context())
	if err != nil {
		return out, err
	}
	for _, state := range states {
		one, err := s.settingOf(c, state)
		if err != nil {
			return out, err
		}
		if setting.ImpliesVerification(state, states) {
			waiting, err := s.Accounts.Store.CountUnverified(c.Context())
			if err != nil {
				return out, err
			}
			one.Consequence = mailKeyText(c.language(), waiting)
		}
		out.Settings = append(out.Settings, one)
	}
	return out, nil
}

// mailKeyText returns the consequence of the first API key for emails. waiting is the
// number of users who have not verified their address.
func mailKeyText(l *message.Language, waiting int) string {
	switch waiting {
	case 0:
		return l.T(message.MailKeyConsequence)
	case 1:
		return l.T(message.MailKeyConsequenceOne)
	default:
		return l.T(message.MailKeyConsequenceMany, waiting)
	}
}

func (s *Server) putSetting(c call, in shared.SettingChange) (shared.Setting, error) {
	change := account.SettingChange{Name: in.Key, Value: in.Value, Revision: in.Revision}
	state, err := s.Accounts.PutSetting(c.Context(), c.Actor, change)
	if wrong, ok := errors.AsType[*setting.ValueError](err); ok {
		return shared.Setting{}, shared.ErrInvalidSetting.WithMessage(c.language().T(wrong.Message, wrong.Values...)).In("value")
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
	return s.settingOf(c, state)
}

// testMailTimeout limits the delivery of a test email. It is longer than the timeout of one
// step with an email server or provider, whose error says more, and shorter than the time in
// which a response must be written.
const testMailTimeout = 20 * time.Second

// sendTestMail sends a test email at once, and fails unless the email server or the provider
// accepts it.
func (s *Server) sendTestMail(c call, _ shared.None) (shared.Status, error) {
	deliver := func(ctx context.Context, m mail.Mail) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), testMailTimeout)
		defer cancel()
		return s.DeliverMail(ctx, m)
	}
	if err := s.Accounts.SendTestMail(c.Context(), c.Actor, deliver); err != nil {
		return shared.Status{}, err
	}
	return shared.Status{Status: true}, nil
}

// settingOf returns a setting in the form for administrators. It never contains the
// value of a secret.
func (s *Server) settingOf(c call, state setting.State) (shared.Setting, error) {
	out := shared.Setting{
		Key: state.Name, Type: state.Type,
		Title: c.language().T(state.Title), Description: c.language().T(state.Description), Group: c.language().T(state.Group),
		Default: state.Default, Options: state.Options, Min: state.Min, Max: state.Max,
		Secret: state.Secret(), IsSet: state.Source != setting.FromDefault && state.Value != "",
		Source: state.Source, ReadOnly: state.ReadOnly(), Revision: state.Revision,
	}
	if !state.Secret() {
		out.Value = &state.Value
	}
	if state.Revision > 0 {
		by, err := s.Accounts.Store.UserByID(c.Context(), state.UpdatedBy)
		if err != nil && !errors.Is(err, account.ErrNotFound) {
			return out, err
		}
		who := by.Email
		if who == "" {
			who = state.UpdatedBy
		}
		out.UpdatedAt, out.UpdatedBy = &shared.Time{Time: state.UpdatedAt}, &who
	}
	return out, nil
}
