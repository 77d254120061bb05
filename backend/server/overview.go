package server

import (
	"latchkey/backend/audit"
	"latchkey/shared"
)

// newestSessions is how many sessions an overview has, with the current one.
const newestSessions = 3

func (s *Server) overview(c call, _ shared.None) (out shared.Overview, err error) {
	o, err := s.Accounts.Overview(c.Context(), c.Actor)
	if err != nil {
		return out, err
	}
	out = shared.Overview{
		User:     userOf(c.User),
		Password: shared.PasswordState{Set: o.PasswordChangedAt != nil, ChangedAt: timeOf(o.PasswordChangedAt)},
		TwoFactor: shared.TwoFactor{
			Enabled: c.User.TwoFactorEnabled, Since: timeOf(o.TwoFactorSince), Pending: o.TwoFactorPending,
		},
		Passkeys: shared.PasskeySummary{
			Count: o.Passkeys, Synced: o.SyncedPasskeys, LastUsedAt: timeOf(o.PasskeyUsedAt), LastUsed: o.PasskeyUsed,
		},
		Delivers: s.Accounts.Settings.Now().DeliversEmail(),
		Trusted:  o.TrustedDevices,
		Admin:    len(c.Session.Permissions) > 0,
		Last:     o.LastHolder,
	}
	if out.TwoFactor.Enabled { // backup codes of an unfinished enrollment do not work
		out.TwoFactor.BackupCodesLeft = o.BackupCodes
	}
	out.Sessions, out.Question = summarize(sessionsOf(o.Sessions, c.Session.ID))
	if o.Change != nil {
		out.Email = shared.PendingEmail{Address: o.Change.New, SentTo: o.Change.SentTo, ExpiresAt: &shared.Time{Time: o.Change.ExpiresAt}}
	}
	if o.Newest != nil {
		out.Newest = &s.ownEvents(c, []audit.Event{*o.Newest})[0]
	}
	return out, nil
}

// summarize returns the summary of the sessions of a user, as [sessionsOf] orders them. It
// also returns the newest of those that the user is asked about, or nil.
func summarize(all []shared.Session) (sum shared.SessionSummary, question *shared.Session) {
	sum = shared.SessionSummary{Count: len(all), Newest: all[:min(len(all), newestSessions)]}
	for _, session := range all {
		if !session.IsNew || session.IsCurrent {
			continue
		}
		sum.New++
		if question == nil || session.CreatedAt.After(question.CreatedAt.Time) {
			question = &session
		}
	}
	return sum, question
}

func (s *Server) confirmSignIn(c call, in shared.SessionHandle) (shared.Status, error) {
	err := s.Accounts.ConfirmSignIn(c.Context(), c.Actor, in.Token)
	return shared.Status{Status: err == nil}, err
}

// reportSignIn reports the sign-in of another session. Like a sign-out, it ends the caller's
// session.
func (s *Server) reportSignIn(c call, in shared.SessionHandle) (shared.NotMeReport, error) {
	reset, err := s.Accounts.ReportSignIn(c.Context(), c.Actor, in.Token)
	if err != nil {
		return shared.NotMeReport{}, err
	}
	s.cookies.clearSession(c.w, c.Request)
	s.clearSiteData(c.w)
	return shared.NotMeReport{Status: true, Token: string(reset)}, nil
}
